//! URL templates: filling in the function's name, and finding the socket in Unix URLs.

use std::path::PathBuf;

use reqwest::Url;
use statefun::FunctionType;

use crate::TransportError;

const PLACEHOLDER: &str = "{function.name}";

/// A checked `urlPathTemplate`.
#[derive(Clone, Debug)]
pub(crate) struct UrlTemplate(String);

/// Where requests for one function go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// For HTTP. Over a Unix socket the host is `localhost`.
    pub(crate) url: Url,
    /// The Unix socket to connect to instead of the URL's host.
    pub(crate) socket: Option<PathBuf>,
    /// The target in error messages: without user, password and query, which are nobody's business there.
    pub(crate) label: String,
}

impl UrlTemplate {
    /// Checks that the template is a URL with any name filled in.
    pub(crate) fn parse(template: &str) -> Result<Self, TransportError> {
        let parsed = Self(template.to_owned());
        parsed.target_named("name")?;
        Ok(parsed)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether requests go to a Unix socket.
    pub(crate) fn is_unix(&self) -> bool {
        self.0.split_once(':').is_some_and(|(scheme, _)| scheme.to_ascii_lowercase().ends_with("+unix"))
    }

    /// The template with the name part of the function's typename filled in.
    pub(crate) fn url_for(&self, function: FunctionType) -> String {
        self.0.replace(PLACEHOLDER, function.name())
    }

    /// Where requests for `function` go. Fails only when its name makes a broken URL of a sound template.
    pub(crate) fn target_for(&self, function: FunctionType) -> Result<Target, TransportError> {
        self.target_named(function.name())
    }

    fn target_named(&self, name: &str) -> Result<Target, TransportError> {
        let filled = self.0.replace(PLACEHOLDER, name);
        let bad_url = |reason: String| TransportError::Url { template: self.0.clone(), reason };
        let scheme = filled.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        let (url, socket) = match scheme.as_str() {
            "http" | "https" => (filled, None),
            "http+unix" | "https+unix" => {
                let (file, path) = split_socket(&filled[scheme.len()..])
                    .ok_or_else(|| TransportError::Socket { template: self.0.clone() })?;
                (format!("{}://localhost{path}", scheme.trim_end_matches("+unix")), Some(PathBuf::from(file)))
            }
            "" => return Err(bad_url("it does not start with a scheme such as http".to_owned())),
            _ => return Err(TransportError::Scheme { template: self.0.clone(), scheme }),
        };
        let mut url = Url::parse(&url).map_err(|error| bad_url(error.to_string()))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad_url("it names no host".to_owned()));
        }
        url.set_fragment(None);
        let label = match &socket {
            None => format!("{}{}", url.origin().ascii_serialization(), url.path()),
            Some(file) => format!("{scheme}://{}{}", file.display(), url.path()),
        };
        Ok(Target { url, socket, label })
    }
}

/// Splits what follows the scheme of a Unix URL: the first path element that ends in `.sock` ends the file part.
fn split_socket(rest: &str) -> Option<(&str, &str)> {
    let full = rest.strip_prefix("://")?;
    let path_end = full.find(['?', '#']).unwrap_or(full.len());
    if !full.starts_with('/') {
        return None;
    }
    let mut element_start = 1;
    for element in full[1..path_end].split('/') {
        let element_end = element_start + element.len();
        if element.ends_with(".sock") && element.len() > ".sock".len() {
            let (file, path) = full.split_at(element_end);
            return Some((file, if path.is_empty() { "/" } else { path }));
        }
        element_start = element_end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(template: &str) -> Target {
        UrlTemplate::parse(template).unwrap().target_for(FunctionType::parse("shop/cart").unwrap()).unwrap()
    }

    fn problem(template: &str) -> String {
        UrlTemplate::parse(template).unwrap_err().to_string()
    }

    #[test]
    fn the_name_is_filled_in_wherever_the_placeholder_stands() {
        assert_eq!(
            target("http://f:8000/{function.name}?of={function.name}").url.as_str(),
            "http://f:8000/cart?of=cart"
        );
        assert_eq!(target("http://{function.name}.svc/x").url.as_str(), "http://cart.svc/x");
        assert_eq!(target("http://f:8000/statefun").url.as_str(), "http://f:8000/statefun");
    }

    #[test]
    fn a_socket_ends_the_file_part_of_a_unix_url() {
        let target_of = |template| {
            let target = target(template);
            (target.socket.unwrap().to_str().unwrap().to_owned(), target.url.to_string())
        };
        assert_eq!(
            target_of("http+unix:///run/my.sock/serve/{function.name}?a=b"),
            ("/run/my.sock".to_owned(), "http://localhost/serve/cart?a=b".to_owned())
        );
        assert_eq!(
            target_of("https+unix:///run/a.sock.d/b.sock/c.sock"),
            ("/run/a.sock.d/b.sock".to_owned(), "https://localhost/c.sock".to_owned())
        );
        assert_eq!(target_of("http+unix:///my.sock"), ("/my.sock".to_owned(), "http://localhost/".to_owned()));
        assert_eq!(target_of("http+unix:///run/{function.name}.sock/x").0, "/run/cart.sock");
    }

    #[test]
    fn errors_name_the_template_and_what_to_do() {
        assert!(problem("ftp://f/x").contains("\"ftp\"; use http, https, http+unix or https+unix"));
        assert!(problem("http+unix:///run/my.socket/x").contains("write http+unix:///path/to/file.sock/serve/path"));
        assert!(problem("http+unix://run/my.sock/x").contains("names no socket"));
        assert!(problem("http+unix:///run?x=/my.sock").contains("names no socket"));
        assert!(problem("functions:8000/statefun").contains("scheme"));
        assert!(problem("/statefun").contains("does not start with a scheme"));
        assert!(problem("http://f:port/").contains("is no URL: invalid port number"));
    }

    #[test]
    fn the_label_keeps_secrets() {
        assert_eq!(target("https://me:secret@f:8000/x?token=1#y").label, "https://f:8000/x");
        assert_eq!(target("http+unix:///run/my.sock/x?token=1").label, "http+unix:///run/my.sock/x");
    }
}
