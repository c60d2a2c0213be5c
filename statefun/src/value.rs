//! Values with a typename, as they stand on the wire.
//!
//! Values stay in their wire encoding everywhere, embedded functions included, so that the same function can run in
//! the process or behind HTTP. What makes that cheap is [`SmallBytes`]: up to [`SmallBytes::INLINE_MAX`] bytes live in
//! place, so a number or a short text costs neither an allocation nor an atomic.

use std::fmt;

use bytes::Bytes;

use crate::{Symbol, SymbolError};

/// Bytes that live in place while they are few.
#[derive(Clone)]
pub struct SmallBytes(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Words),
    Shared(Bytes),
}

/// The bytes, and how many there are in the last one. Aligned words are copied as such: a value that was written in odd
/// parts and is read in others right after makes the processor wait until everything before it is done.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Words([[u8; 8]; 3]);

impl Words {
    #[inline]
    fn len(self) -> usize {
        usize::from(self.0[2][7])
    }
}

impl SmallBytes {
    /// The most bytes that are stored in place.
    pub const INLINE_MAX: usize = 23;

    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Inline(Words([[0; 8]; 3])))
    }

    /// The first `len` bytes of `words`: for encoders of numbers, which have them in registers.
    ///
    /// # Panics
    /// When there are not so many.
    #[inline]
    #[must_use]
    pub fn of_words(words: [[u8; 8]; 2], len: usize) -> Self {
        assert!(len <= 16, "{len} bytes of two words");
        let [first, second] = words;
        Self(Repr::Inline(Words([first, second, [0, 0, 0, 0, 0, 0, 0, len as u8]])))
    }

    /// A copy of `bytes`, in place if they fit.
    #[inline]
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        if bytes.len() <= Self::INLINE_MAX {
            let mut words = Words([[0; 8]; 3]);
            words.0.as_flattened_mut()[..bytes.len()].copy_from_slice(bytes);
            words.0[2][7] = bytes.len() as u8;
            Self(Repr::Inline(words))
        } else {
            Self(Repr::Shared(Bytes::copy_from_slice(bytes)))
        }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(words) => &words.0.as_flattened()[..words.len()],
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The same as shared [`Bytes`]; copies when they are stored in place.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Repr::Inline(_) => Bytes::copy_from_slice(self.as_slice()),
            Repr::Shared(bytes) => bytes.clone(),
        }
    }
}

impl std::ops::Deref for SmallBytes {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Default for SmallBytes {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Bytes> for SmallBytes {
    fn from(bytes: Bytes) -> Self {
        // A slice of a request's body would keep the whole body alive for a few bytes.
        if bytes.len() <= Self::INLINE_MAX { Self::copy_from(&bytes) } else { Self(Repr::Shared(bytes)) }
    }
}

impl From<Vec<u8>> for SmallBytes {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() <= Self::INLINE_MAX { Self::copy_from(&bytes) } else { Self(Repr::Shared(bytes.into())) }
    }
}

impl From<&[u8]> for SmallBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SmallBytes {}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_slice().escape_ascii())
    }
}

/// The typename of a value. Opaque text for messages; `namespace/name` for state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ValueType(pub Symbol);

impl ValueType {
    /// The type of that name.
    ///
    /// # Errors
    /// When the process knows too many names already.
    pub fn named(text: &str) -> Result<Self, SymbolError> {
        Symbol::intern(text).map(Self)
    }

    /// The typename.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.as_str()
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedValue {
    /// What it is.
    pub value_type: ValueType,
    /// Its encoding.
    pub bytes: SmallBytes,
}

impl TypedValue {
    /// A value of its two parts.
    #[inline]
    pub fn new(value_type: ValueType, bytes: impl Into<SmallBytes>) -> Self {
        Self { value_type, bytes: bytes.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_no_larger_than_five_words() {
        assert_eq!(size_of::<SmallBytes>(), 32);
        assert_eq!(size_of::<TypedValue>(), 40);
    }

    #[test]
    fn bytes_are_the_same_in_place_and_shared() {
        for len in [0, 1, SmallBytes::INLINE_MAX, SmallBytes::INLINE_MAX + 1, 1000] {
            let raw: Vec<u8> = (0..len).map(|i| i as u8).collect();
            assert_eq!(SmallBytes::copy_from(&raw), SmallBytes::from(raw.clone()));
            assert_eq!(SmallBytes::from(Bytes::from(raw.clone())).as_slice(), &raw[..]);
        }
    }
}
