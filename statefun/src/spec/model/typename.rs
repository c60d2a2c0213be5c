//! Names as a module writes them: `namespace/name`, and `namespace/*` for every name of a namespace.

use std::fmt;

use serde::{Serialize, Serializer};

/// A validated `namespace/name`: exactly one slash, both sides present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeNameText {
    namespace: String,
    name: String,
}

/// Why a text is not a typename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeNameError {
    /// The text holds no slash or several.
    #[error("a typename has exactly one '/', this one has {slashes}")]
    Slashes {
        /// How many slashes there are.
        slashes: usize,
    },
    /// Nothing stands before the slash.
    #[error("the namespace before '/' is empty")]
    EmptyNamespace,
    /// Nothing stands after the slash.
    #[error("the name after '/' is empty")]
    EmptyName,
    /// A space at an end, or a control character: almost certainly a slip, and unreadable in every later message.
    #[error("a typename has no blanks at its ends and no control characters")]
    Blank,
}

impl TypeNameText {
    /// Reads `namespace/name`.
    ///
    /// # Errors
    /// If the text does not hold exactly one slash with something on both sides.
    pub fn parse(text: &str) -> Result<Self, TypeNameError> {
        if text.chars().any(char::is_control) {
            return Err(TypeNameError::Blank);
        }
        let slashes = text.matches('/').count();
        let Some((namespace, name)) = text.split_once('/').filter(|_| slashes == 1) else {
            return Err(TypeNameError::Slashes { slashes });
        };
        if namespace.is_empty() {
            return Err(TypeNameError::EmptyNamespace);
        }
        if name.is_empty() {
            return Err(TypeNameError::EmptyName);
        }
        if [namespace, name].iter().any(|part| part.trim() != *part) {
            return Err(TypeNameError::Blank);
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// What stands before the slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What stands after the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for TypeNameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Serialize for TypeNameText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which function types a binding serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FunctionSelector {
    /// One type: `namespace/name`.
    Exact(TypeNameText),
    /// Every type whose namespace equals this one: `namespace/*`. Not a prefix.
    Namespace(String),
}

impl FunctionSelector {
    /// Whether the type `namespace/name` is served.
    #[must_use]
    pub fn matches(&self, namespace: &str, name: &str) -> bool {
        match self {
            Self::Exact(typename) => typename.namespace() == namespace && typename.name() == name,
            Self::Namespace(served) => served == namespace,
        }
    }
}

impl fmt::Display for FunctionSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(typename) => typename.fmt(f),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
        }
    }
}

impl Serialize for FunctionSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
