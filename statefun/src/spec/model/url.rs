//! The URL of an endpoint, with a place for the function's name.

use std::fmt;

use serde::{Serialize, Serializer};

/// The one placeholder there is.
const PLACEHOLDER: &str = "{function.name}";

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum UrlScheme {
    /// `http`.
    #[serde(rename = "http")]
    Http,
    /// `https`.
    #[serde(rename = "https")]
    Https,
    /// `http+unix`: HTTP over a Unix domain socket.
    #[serde(rename = "http+unix")]
    HttpUnix,
    /// `https+unix`: HTTPS over a Unix domain socket.
    #[serde(rename = "https+unix")]
    HttpsUnix,
}

impl UrlScheme {
    /// The schemes as written.
    pub const NAMES: [&'static str; 4] = ["http", "https", "http+unix", "https+unix"];

    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "http+unix" => Some(Self::HttpUnix),
            "https+unix" => Some(Self::HttpsUnix),
            _ => None,
        }
    }

    /// Whether a Unix domain socket is meant.
    #[must_use]
    pub fn is_unix(self) -> bool {
        matches!(self, Self::HttpUnix | Self::HttpsUnix)
    }

    /// Whether the exchange is encrypted.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::HttpsUnix)
    }
}

/// A checked `urlPathTemplate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    text: String,
    scheme: UrlScheme,
}

/// What is wrong with a URL. Offsets count bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `scheme://`.
    #[error("a URL begins with a scheme such as http://")]
    NoScheme,
    /// The scheme is not one of ours.
    #[error("unknown scheme `{scheme}`; there are http, https, http+unix and https+unix")]
    Scheme {
        /// The scheme found.
        scheme: String,
    },
    /// A character that no URL may hold.
    #[error("a URL cannot contain {character:?}")]
    Character {
        /// Where it stands.
        at: usize,
        /// Which it is.
        character: char,
    },
    /// `%` without two hexadecimal digits.
    #[error("'%' must be followed by two hexadecimal digits")]
    Percent {
        /// Where it stands.
        at: usize,
    },
    /// A placeholder other than `{function.name}`, or a lone brace.
    #[error("unknown placeholder `{found}`; only `{{function.name}}` is replaced")]
    Placeholder {
        /// Where it stands.
        at: usize,
        /// The placeholder found.
        found: String,
    },
    /// Nothing stands where the host belongs.
    #[error("the host is missing")]
    NoHost,
    /// What stands there cannot be a host.
    #[error("`{host}` is not a host")]
    Host {
        /// The host found.
        host: String,
    },
    /// Not a number from 1 to 65535.
    #[error("`{port}` is not a port; ports are 1 to 65535")]
    Port {
        /// The port found.
        port: String,
    },
    /// A Unix URL names no socket file.
    #[error("a unix URL names its socket by a path part that ends in .sock, as in http+unix:///run/f.sock/path")]
    NoSocket,
    /// A Unix URL has a host.
    #[error("a unix URL has no host: write three slashes, {scheme}:///")]
    UnixHost {
        /// The scheme found.
        scheme: String,
    },
}

impl UrlTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// If the text with a name in place of the placeholder would not be a URL we can call.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        check_placeholders(text)?;
        // Checked with a name that is harmless anywhere, the host included.
        let scheme = check_url(&text.replace(PLACEHOLDER, "x"))?;
        Ok(Self { text: text.to_owned(), scheme })
    }

    /// The template as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the endpoint is reached.
    #[must_use]
    pub fn scheme(&self) -> UrlScheme {
        self.scheme
    }

    /// Whether every function type has a URL of its own.
    #[must_use]
    pub fn has_placeholder(&self) -> bool {
        self.text.contains(PLACEHOLDER)
    }

    /// The URL for the function type with this name (the part after the slash).
    #[must_use]
    pub fn render(&self, function_name: &str) -> String {
        self.text.replace(PLACEHOLDER, function_name)
    }

    /// For the unix schemes: the socket's path and the path (with query) of the request, for the given function.
    #[must_use]
    pub fn render_unix(&self, function_name: &str) -> Option<(String, String)> {
        if !self.scheme.is_unix() {
            return None;
        }
        let url = self.render(function_name);
        let (_, rest) = url.split_once("://")?;
        split_socket(rest).map(|(socket, path)| {
            (socket.to_owned(), if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
        })
    }
}

impl fmt::Display for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for UrlTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Checks a URL without placeholders whose scheme must be http or https.
///
/// # Errors
/// If it is not such a URL.
pub fn check_http_url(text: &str) -> Result<(), UrlError> {
    let scheme = check_url(text)?;
    if scheme.is_unix() {
        let (found, _) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        return Err(UrlError::Scheme { scheme: found.to_owned() });
    }
    Ok(())
}

fn check_placeholders(text: &str) -> Result<(), UrlError> {
    let mut from = 0;
    while let Some(found) = text[from..].find(['{', '}']) {
        let at = from + found;
        if text[at..].starts_with(PLACEHOLDER) {
            from = at + PLACEHOLDER.len();
            continue;
        }
        let end = text[at..].find('}').map_or(text.len(), |end| at + end + 1);
        return Err(UrlError::Placeholder { at, found: text[at..end].to_owned() });
    }
    Ok(())
}

fn check_url(text: &str) -> Result<UrlScheme, UrlError> {
    check_characters(text)?;
    let (scheme_text, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
    let scheme = UrlScheme::parse(scheme_text).ok_or_else(|| UrlError::Scheme { scheme: scheme_text.to_owned() })?;
    if scheme.is_unix() {
        if !rest.starts_with('/') {
            return Err(UrlError::UnixHost { scheme: scheme_text.to_owned() });
        }
        split_socket(rest).ok_or(UrlError::NoSocket)?;
    } else {
        check_authority(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])?;
    }
    Ok(scheme)
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    for (at, character) in text.char_indices() {
        if character.is_control()
            || character.is_whitespace()
            || !character.is_ascii()
            || "\"<>\\^`{|}".contains(character)
        {
            return Err(UrlError::Character { at, character });
        }
        if character == '%' {
            let digits = text.as_bytes().get(at + 1..at + 3);
            if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                return Err(UrlError::Percent { at });
            }
        }
    }
    Ok(())
}

fn check_authority(authority: &str) -> Result<(), UrlError> {
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    let (host, port) = if let Some(inside) = host_and_port.strip_prefix('[') {
        let (address, after) =
            inside.split_once(']').ok_or_else(|| UrlError::Host { host: host_and_port.to_owned() })?;
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(UrlError::Host { host: format!("[{address}]") });
        }
        match after.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None if after.is_empty() => (address, None),
            None => return Err(UrlError::Host { host: host_and_port.to_owned() }),
        }
    } else {
        match host_and_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_and_port, None),
        }
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~%:".contains(c);
    if !host.chars().all(fine) {
        return Err(UrlError::Host { host: host.to_owned() });
    }
    match port {
        Some(port) if !is_port(port) => Err(UrlError::Port { port: port.to_owned() }),
        _ => Ok(()),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Divides `/run/f.sock/path` into socket and path: the socket ends with the first part that ends in `.sock`.
fn split_socket(path: &str) -> Option<(&str, &str)> {
    let path_end = path.find(['?', '#']).unwrap_or(path.len());
    let end = path[..path_end].match_indices(".sock").map(|(at, found)| at + found.len());
    end.filter(|end| *end == path_end || path[*end..].starts_with('/')).map(|end| path.split_at(end)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_stands_for_the_function_name() {
        let url = UrlTemplate::parse("https://host:8000/f/{function.name}").unwrap();
        assert_eq!(url.render("greeter"), "https://host:8000/f/greeter");
        assert_eq!(url.scheme(), UrlScheme::Https);
        assert!(url.has_placeholder());
        assert_eq!(UrlTemplate::parse("http://{function.name}.fns:80").unwrap().render("a"), "http://a.fns:80");
    }

    #[test]
    fn a_unix_url_is_a_socket_and_a_path() {
        let url = UrlTemplate::parse("http+unix:///run/a.sock/f/{function.name}?q=1").unwrap();
        assert_eq!(url.render_unix("g"), Some(("/run/a.sock".to_owned(), "/f/g?q=1".to_owned())));
        let bare = UrlTemplate::parse("http+unix:///run/a.sock").unwrap();
        assert_eq!(bare.render_unix("g"), Some(("/run/a.sock".to_owned(), "/".to_owned())));
        assert_eq!(UrlTemplate::parse("http://h/").unwrap().render_unix("g"), None);
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for (text, expected) in [
            ("localhost:8000/x", UrlError::NoScheme),
            ("ftp://h/x", UrlError::Scheme { scheme: "ftp".to_owned() }),
            ("http:///x", UrlError::NoHost),
            ("http://h:0/", UrlError::Port { port: "0".to_owned() }),
            ("http://h:+80/", UrlError::Port { port: "+80".to_owned() }),
            ("http://h:65536/", UrlError::Port { port: "65536".to_owned() }),
            ("http://h_x!/", UrlError::Host { host: "h_x!".to_owned() }),
            ("http://[::g]/", UrlError::Host { host: "[::g]".to_owned() }),
            ("http://h/a b", UrlError::Character { at: 10, character: ' ' }),
            ("http://h/\u{7}", UrlError::Character { at: 9, character: '\u{7}' }),
            ("http://h/%4", UrlError::Percent { at: 9 }),
            ("http://h/{name}", UrlError::Placeholder { at: 9, found: "{name}".to_owned() }),
            ("http://h/{function.name", UrlError::Placeholder { at: 9, found: "{function.name".to_owned() }),
            ("http+unix:///run/x", UrlError::NoSocket),
            ("http+unix://run/x.sock", UrlError::UnixHost { scheme: "http+unix".to_owned() }),
        ] {
            assert_eq!(UrlTemplate::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn hosts_as_docker_and_kubernetes_name_them_are_fine() {
        for text in [
            "http://functions:8000/statefun",
            "http://functions.statefun.svc.cluster.local:8000/statefun",
            "http://my_service:1108/",
            "http://[::1]:8000/",
            "http://user:pass@host/x?y=z#frag",
            "HTTP://HOST",
        ] {
            assert!(UrlTemplate::parse(text).is_ok(), "{text}");
        }
    }
}
