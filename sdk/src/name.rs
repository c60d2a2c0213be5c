//! Names that a function mentions: of functions, of egresses, of types.
//!
//! A name is text in the source and an interned symbol at work. A `static` of one of these types is checked when it is
//! compiled and interned the first time it is used, so that naming a target costs nothing per message.

use std::sync::OnceLock;

use statefun::{FunctionType, Symbol, ValueType};

/// The name of a function, to send messages to.
///
/// ```
/// use statefun_sdk::FunctionName;
///
/// static GREETER: FunctionName = FunctionName::new("example/greeter");
/// assert_eq!(GREETER.get().name(), "greeter");
/// ```
///
/// A text that is no typename does not compile:
///
/// ```compile_fail
/// static GREETER: statefun_sdk::FunctionName = statefun_sdk::FunctionName::new("greeter");
/// ```
#[derive(Debug)]
pub struct FunctionName(Name<FunctionType>);

/// The name of an egress, to write records to.
///
/// ```
/// use statefun_sdk::EgressName;
///
/// static GREETINGS: EgressName = EgressName::new("example/greetings");
/// assert_eq!(GREETINGS.get().to_string(), "example/greetings");
/// ```
#[derive(Debug)]
pub struct EgressName(Name<statefun::EgressId>);

/// The name of a value type. [`value_type!`](crate::value_type) makes one and looks it up.
#[derive(Debug)]
pub struct ValueTypeName(Name<ValueType>);

#[derive(Debug)]
struct Name<T> {
    text: &'static str,
    interned: OnceLock<T>,
}

const MANY_NAMES: &str = "an application has fewer names than a process can remember";

impl<T: Copy> Name<T> {
    const fn new(text: &'static str) -> Self {
        assert!(is_typename(text), "not a typename: write \"<namespace>/<name>\", with exactly one slash");
        Self { text, interned: OnceLock::new() }
    }

    #[inline]
    fn get(&self, intern: impl FnOnce(&'static str) -> T) -> T {
        *self.interned.get_or_init(|| intern(self.text))
    }
}

impl FunctionName {
    /// The function of that name.
    ///
    /// # Panics
    /// When `text` is not of the form `namespace/name`. In a `static` that is an error of compilation.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(Name::new(text))
    }

    /// The interned name.
    #[inline]
    #[must_use]
    pub fn get(&self) -> FunctionType {
        self.0.get(|text| FunctionType::parse(text).expect(MANY_NAMES))
    }
}

impl From<&FunctionName> for FunctionType {
    fn from(name: &FunctionName) -> Self {
        name.get()
    }
}

impl EgressName {
    /// The egress of that name.
    ///
    /// # Panics
    /// When `text` is not of the form `namespace/name`. In a `static` that is an error of compilation.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(Name::new(text))
    }

    /// The interned name.
    #[inline]
    #[must_use]
    pub fn get(&self) -> statefun::EgressId {
        self.0.get(|text| statefun::EgressId(Symbol::intern(text).expect(MANY_NAMES)))
    }
}

impl From<&EgressName> for statefun::EgressId {
    fn from(name: &EgressName) -> Self {
        name.get()
    }
}

impl ValueTypeName {
    /// The type of that name.
    ///
    /// # Panics
    /// When `text` is not of the form `namespace/name`. In a `static` that is an error of compilation.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(Name::new(text))
    }

    /// The interned name.
    #[inline]
    #[must_use]
    pub fn get(&self) -> ValueType {
        self.0.get(|text| ValueType::named(text).expect(MANY_NAMES))
    }
}

/// The [`ValueType`] of a typename, interned once and remembered where this stands.
///
/// ```
/// assert_eq!(statefun_sdk::value_type!("example/Point").as_str(), "example/Point");
/// ```
#[macro_export]
macro_rules! value_type {
    ($typename:expr) => {{
        static NAME: $crate::ValueTypeName = $crate::ValueTypeName::new($typename);
        NAME.get()
    }};
}

/// Whether `text` is `namespace/name`, in a `const` context.
pub(crate) const fn is_typename(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut slashes = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'/' {
            slashes += 1;
        }
        at += 1;
    }
    slashes == 1 && bytes[0] != b'/' && bytes[bytes.len() - 1] != b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typename_is_what_the_nouns_say_it_is() {
        for text in ["", "/", "a", "a/", "/b", "a/b", "a/b/c", "//", "é/ü"] {
            assert_eq!(is_typename(text), statefun::address::is_typename(text), "{text:?}");
        }
    }
}
