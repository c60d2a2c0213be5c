//! Secrets do not leave the process, whatever a view says.

use serde_json::Value;

const MASK: &str = "***";

/// Words that, in a setting's name, say that its value is a secret.
const SECRET_WORDS: [&str; 9] =
    ["password", "passwd", "secret", "token", "credential", "jaas", "apikey", "accesskey", "privatekey"];

/// Masks a setting: everything below a secret name, and what is secret in URLs.
pub(crate) fn setting(key: &str, value: Value) -> Value {
    if is_secret(key) {
        return if value.is_null() { value } else { Value::from(MASK) };
    }
    match value {
        Value::String(text) => Value::String(url(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| setting("", item)).collect()),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let masked = setting(&name, value);
                (name, masked)
            })
            .collect(),
        plain => plain,
    }
}

fn is_secret(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_WORDS.iter().any(|word| letters.contains(word))
}

/// A URL without its password and without the values of secret query parameters; other texts stay as they are.
pub(crate) fn url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:{MASK}@{host}"),
            None => format!("{MASK}@{host}"),
        },
        None => authority.to_owned(),
    };
    let tail = match tail.split_once('?') {
        Some((path, query)) => format!("{path}?{}", masked_query(query)),
        None => tail.to_owned(),
    };
    format!("{scheme}://{authority}{tail}")
}

fn masked_query(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        // Cloud providers' function keys travel as `code` and `sig`.
        Some((name, _)) if is_secret(name) || matches!(name, "code" | "sig" | "key" | "signature") => {
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_like_a_secret_is_masked_at_any_depth() {
        assert_eq!(setting("kafka.sasl.password", json!("hunter2")), json!("***"));
        assert_eq!(setting("aws.secret-access-key", json!("x")), json!("***"));
        assert_eq!(setting("SASL_JAAS_CONFIG", json!("x")), json!("***"));
        assert_eq!(
            setting("kafka", json!({"acks": "all", "ssl": [{"keyPassword": "x", "sasl.token": {"a": 1}}]})),
            json!({"acks": "all", "ssl": [{"keyPassword": "***", "sasl.token": "***"}]})
        );
    }

    #[test]
    fn what_is_not_set_is_shown_as_such_and_plain_settings_are_plain() {
        assert_eq!(setting("kafka.sasl.password", Value::Null), Value::Null);
        assert_eq!(setting("state.key-groups", json!(128)), json!(128));
        assert_eq!(setting("data-dir", json!("./statefun-data")), json!("./statefun-data"));
    }

    #[test]
    fn urls_lose_their_passwords_and_keys() {
        assert_eq!(url("https://ann:pw@host:1/a?x=1&code=abc"), "https://ann:***@host:1/a?x=1&code=***");
        assert_eq!(url("https://tokenvalue@host/a"), "https://***@host/a");
        assert_eq!(url("http://host/a@b?accessToken=abc#f"), "http://host/a@b?accessToken=***");
        assert_eq!(url("http+unix:///run/f.sock/{function.name}"), "http+unix:///run/f.sock/{function.name}");
        assert_eq!(setting("endpoint", json!("http://a:b@c/")), json!("http://a:***@c/"));
    }
}
