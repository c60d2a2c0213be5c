//! Who receives a message: `namespace/type/id`.

use std::fmt;

use compact_str::CompactString;

use crate::{IdHash, Symbol, SymbolError};

/// The type of a function, `namespace/name`, with exactly one slash and nothing empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FunctionType(Symbol);

/// Text that is no typename or no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not of the form `namespace/name`.
    #[error("{0:?} is not a typename: write <namespace>/<name>, with exactly one slash")]
    Typename(String),
    /// Not of the form `namespace/name/id`.
    #[error("{0:?} is not an address: write <namespace>/<name>/<id>")]
    Address(String),
    /// The process knows too many names.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
}

impl FunctionType {
    /// Parses `namespace/name`.
    ///
    /// # Errors
    /// When there is not exactly one slash, or a part is empty.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if !is_typename(text) {
            return Err(AddressError::Typename(text.to_owned()));
        }
        Ok(Self(Symbol::intern(text)?))
    }

    /// Joins the two parts as they stand in a wire address.
    ///
    /// # Errors
    /// When a part is empty or holds a slash.
    pub fn of(namespace: &str, name: &str) -> Result<Self, AddressError> {
        let mut text = CompactString::with_capacity(namespace.len() + 1 + name.len());
        text.push_str(namespace);
        text.push('/');
        text.push_str(name);
        Self::parse(&text)
    }

    /// `namespace/name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.as_str()
    }

    /// The part before the slash.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        self.0.namespace()
    }

    /// The part behind the slash.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// A small dense number for tables; stable within this process only.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self.0.index()
    }
}

impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `text` is `namespace/name`.
#[must_use]
pub fn is_typename(text: &str) -> bool {
    let mut parts = text.split('/');
    matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if !a.is_empty() && !b.is_empty())
}

/// The instance of a function. Up to 24 bytes are stored in place.
pub type Id = CompactString;

/// A function instance: the unit of state, of ordering and of single writing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// What kind of function.
    pub function: FunctionType,
    /// Which instance of it. Empty is legal.
    pub id: Id,
}

impl Address {
    /// An address of its two parts.
    #[inline]
    pub fn new(function: FunctionType, id: impl Into<Id>) -> Self {
        Self { function, id: id.into() }
    }

    /// Parses `namespace/name/id`; the id may hold further slashes.
    ///
    /// # Errors
    /// When there are fewer than two slashes or a part of the typename is empty.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(namespace), Some(name), Some(id)) => Ok(Self::new(FunctionType::of(namespace, name)?, id)),
            _ => Err(AddressError::Address(text.to_owned())),
        }
    }

    /// The hash that decides key group and table position. Of the id alone: every function of one id lives
    /// on one shard, as in StateFun.
    #[inline]
    #[must_use]
    pub fn hash(&self) -> IdHash {
        IdHash::of(&self.id)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.function, self.id)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_namespace_type_and_id() {
        let address = Address::parse("shop/cart/ann/2").unwrap();
        assert_eq!(address.function.as_str(), "shop/cart");
        assert_eq!(address.id, "ann/2");
        assert_eq!(address.to_string(), "shop/cart/ann/2");
    }

    #[test]
    fn a_typename_has_exactly_one_slash() {
        for bad in ["", "/", "a", "a/", "/b", "a/b/c"] {
            assert!(FunctionType::parse(bad).is_err(), "{bad:?}");
        }
        assert!(FunctionType::parse("a/b").is_ok());
    }
}
