//! Names with values, some of which nobody may see.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;

use serde::{Serialize, Serializer};

/// Client properties or HTTP headers. Values that look like secrets are hidden in debug output and in serialized
/// form, because a module is printed by `check`, logged, and shown by the admin API; [`Properties::get`] and iteration
/// give the true values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

const HIDDEN: &str = "********";
const SECRET_WORDS: [&str; 9] =
    ["password", "secret", "jaas", "token", "authorization", "cookie", "key.pem", "keystore.key", "api-key"];

impl Properties {
    /// The true value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names with true values, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without some names.
    pub(in crate::spec) fn without(self, names: &[&str]) -> Self {
        Self(self.0.into_iter().filter(|(name, _)| !names.contains(&name.as_str())).collect())
    }

    fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(name, value)| (name, if is_secret(name) { HIDDEN } else { value }))
    }
}

/// Whether the value of a property of this name should not be shown.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

impl FromIterator<(String, String)> for Properties {
    /// Later values replace earlier ones of the same name.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl IntoIterator for Properties {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_usable_but_not_shown() {
        let properties: Properties = [("sasl.password", "hunter2"), ("group.id", "g")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(properties.get("sasl.password"), Some("hunter2"));
        assert_eq!(format!("{properties:?}"), r#"{"group.id": "g", "sasl.password": "********"}"#);
        assert_eq!(serde_json::to_string(&properties).unwrap(), r#"{"group.id":"g","sasl.password":"********"}"#);
    }
}
