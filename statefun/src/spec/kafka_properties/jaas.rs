//! `sasl.jaas.config`: a login module with options, as Java's authentication service writes them.

use super::{Outcome, refused};

/// User name and password of a PLAIN or SCRAM login; anything else has no counterpart.
pub(super) fn translate(config: &str, mechanism: &str) -> Outcome {
    let Some((module, options)) = parse(config) else {
        return refused(
            "it is not of the form `module required name=\"value\";`",
            "use sasl.username and sasl.password instead",
        );
    };
    let class = module.rsplit('.').next().unwrap_or_default();
    match class {
        "PlainLoginModule" | "ScramLoginModule" => {
            let option =
                |name: &str| options.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.clone());
            match (option("username"), option("password")) {
                (Some(user), Some(password)) => {
                    Outcome::Set(vec![("sasl.username".to_owned(), user), ("sasl.password".to_owned(), password)])
                }
                _ => refused("it gives no username and password", "use sasl.username and sasl.password"),
            }
        }
        "OAuthBearerLoginModule" => refused(
            "bearer tokens are obtained by other means here",
            "use sasl.oauthbearer.method: oidc with sasl.oauthbearer.client.id, .client.secret and .token.endpoint.url",
        ),
        "Krb5LoginModule" => refused("Kerberos is not built in", "use SCRAM, PLAIN over TLS, or client certificates"),
        other => refused(
            &format!("the login module {other} (mechanism {mechanism}) is a Java class"),
            "use sasl.username and sasl.password, or sasl.oauthbearer.* properties",
        ),
    }
}

/// The class and its options.
fn parse(config: &str) -> Option<(String, Vec<(String, String)>)> {
    let mut words = words(config)?.into_iter();
    let module = words.next()?;
    let flag = words.next()?.to_lowercase();
    if !["required", "requisite", "sufficient", "optional"].contains(&flag.as_str()) {
        return None;
    }
    let options = words.map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Some((module, options.collect::<Option<_>>()?))
}

/// Blank-separated words up to the semicolon; quotes keep blanks and semicolons, a backslash keeps the next character.
fn words(config: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut started) = (Vec::new(), String::new(), false);
    let mut quote = None;
    let mut chars = config.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some(_)) => word.push(chars.next()?),
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            ('"' | '\'', None) => (quote, started) = (Some(c), true),
            (';', None) => {
                if started {
                    words.push(word);
                }
                // One module per configuration is all Kafka allows.
                return chars.all(char::is_whitespace).then_some(words);
            }
            (c, None) if c.is_whitespace() => {
                if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
            }
            (c, None) => {
                word.push(c);
                started = true;
            }
        }
    }
    // Java insists on the semicolon; without it the last option may have been cut off.
    None
}
