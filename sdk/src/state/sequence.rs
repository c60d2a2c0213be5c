//! How lists and buffers look in storage.
//!
//! ```text
//!   message Sequence {
//!     string element_type = 1;     typename of the elements
//!     repeated bytes elements = 2; each in its type's own encoding
//!   }
//! ```
//!
//! A protobuf message, so that other languages can read it, and one whose repeated field comes last: appending an
//! element is appending its bytes. The format is stored for years: change it only by adding.

use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};
use statefun::ValueType;

const ELEMENT_TYPE: u8 = 0x0a;
const ELEMENT: u8 = 0x12;

/// The typename of lists and buffers.
pub(super) fn value_type() -> ValueType {
    crate::value_type!("io.statefun.state/list")
}

/// The bytes of an empty sequence.
pub(super) fn empty(element_type: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(element_type.len() + 64);
    put(&mut out, ELEMENT_TYPE, element_type.as_bytes());
    out
}

/// Appends an element.
pub(super) fn push(out: &mut Vec<u8>, element: &[u8]) {
    put(out, ELEMENT, element);
}

/// Splits a sequence into the type of its elements and what holds the elements; `None` when it is none.
pub(super) fn split(mut bytes: &[u8]) -> Option<(&str, Elements<'_>)> {
    let element_type = take(&mut bytes, ELEMENT_TYPE)?;
    Some((std::str::from_utf8(element_type).ok()?, Elements { rest: bytes }))
}

/// The elements of a sequence, in order. After a malformed one nothing follows.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    /// `None` for a malformed element.
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let element = take(&mut self.rest, ELEMENT);
        if element.is_none() {
            self.rest = &[];
        }
        Some(element)
    }
}

/// Appends a field with a length.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.reserve(1 + encoded_len_varint(bytes.len() as u64) + bytes.len());
    out.push(tag);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Reads a field with a length off the front; `None` when another one stands there or it is cut short.
pub(super) fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, mut rest) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let len = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
    let (field, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_bytes_never_change() {
        let mut bytes = empty("a/b");
        push(&mut bytes, b"x");
        push(&mut bytes, b"");
        assert_eq!(bytes, b"\x0a\x03a/b\x12\x01x\x12\x00");
        let (element_type, elements) = split(&bytes).unwrap();
        assert_eq!(element_type, "a/b");
        assert_eq!(elements.collect::<Vec<_>>(), [Some(&b"x"[..]), Some(&b""[..])]);
    }

    #[test]
    fn every_prefix_is_read_or_refused_without_panic() {
        let mut bytes = empty("a/b");
        (0..3).for_each(|_| push(&mut bytes, &[7; 200]));
        for end in 0..bytes.len() {
            if let Some((_, elements)) = split(&bytes[..end]) {
                assert!(elements.count() <= 3);
            }
        }
    }
}
