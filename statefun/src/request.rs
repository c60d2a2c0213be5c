//! Requests of callers outside, who may ask for the answer again.

use std::fmt;
use std::time::Duration;

use compact_str::CompactString;

use crate::{Envelope, Id, IdHash, TypedValue};

/// Names a request: `<32 hex digits>-<16 hex digits>`. The second part is the hash of the id that was asked, so that
/// whoever holds nothing but the name finds the shard that knows about it, however key groups are dealt by then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestId {
    unique: u128,
    home: IdHash,
}

impl RequestId {
    /// A name. `unique` is drawn by the caller and never again.
    #[must_use]
    pub fn new(unique: u128, home: IdHash) -> Self {
        Self { unique, home }
    }

    /// Reads a name; `None` when the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (unique, home) = text.split_once('-')?;
        let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        if unique.len() != 32 || home.len() != 16 || !unique.bytes().chain(home.bytes()).all(is_hex) {
            return None;
        }
        let home = u64::from_str_radix(home, 16).ok()?;
        Some(Self { unique: u128::from_str_radix(unique, 16).ok()?, home: IdHash(home) })
    }

    /// The part that was drawn.
    #[must_use]
    pub fn unique(self) -> u128 {
        self.unique
    }

    /// The hash of the id that was asked; decides the shard that keeps what is known about the request.
    #[must_use]
    pub fn home(self) -> IdHash {
        self.home
    }

    /// The name as the id of an address, under which functions answer.
    #[must_use]
    pub fn to_id(self) -> Id {
        compact_str::format_compact!("{self}")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.unique, self.home.0)
    }
}

/// A message whose caller may come back: for a late answer, or with the same message again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Names the request.
    pub request: RequestId,
    /// The caller's own name for it. Under one key the same message is handled once.
    pub key: Option<CompactString>,
    /// Tells messages apart that come under the same key.
    pub fingerprint: u64,
    /// How long the request is remembered.
    pub keep: Duration,
    /// The message. It has a caller exactly if somebody waits for the function's reply.
    pub envelope: Envelope,
}

/// What a caller with a key is told about its message, other than a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken in, now or before, and there is no reply to wait for.
    Accepted,
    /// It is taken in, now or before, and the reply comes under this name.
    Awaited {
        /// The name of the request that was first.
        request: RequestId,
    },
    /// Another message came under the same key before.
    Conflict,
    /// There is no room to remember one more key; the message was not taken in.
    Full,
}

/// Tells values apart: xxh3-64 of typename and bytes.
#[must_use]
pub fn fingerprint(value: &TypedValue) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(value.value_type.as_str().as_bytes());
    // No typename holds a zero byte, so the two parts cannot run into each other.
    hash.update(&[0]);
    hash.update(&value.bytes);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    #[test]
    fn a_name_says_where_it_is_at_home() {
        let request = RequestId::new(0x0123, IdHash(0xabc));
        assert_eq!(request.to_string(), "00000000000000000000000000000123-0000000000000abc");
        assert_eq!(RequestId::parse(&request.to_id()), Some(request));
        assert_eq!(RequestId::parse(&request.to_id()).unwrap().home(), IdHash(0xabc));
    }

    #[test]
    fn other_text_is_no_name() {
        let name = RequestId::new(7, IdHash(7)).to_string();
        for bad in ["", "-", "0123", &name[1..], &name.to_uppercase().replace('0', "A"), &name.replace('7', "+")] {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_of_other_types_or_bytes_have_other_fingerprints() {
        let value = |name, bytes: &[u8]| TypedValue::new(ValueType::named(name).unwrap(), bytes);
        assert_eq!(fingerprint(&value("a/b", b"c")), fingerprint(&value("a/b", b"c")));
        assert_ne!(fingerprint(&value("a/b", b"c")), fingerprint(&value("a/b", b"d")));
        assert_ne!(fingerprint(&value("a/b", b"c")), fingerprint(&value("a/bc", b"")));
    }
}
