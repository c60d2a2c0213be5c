//! Texts.

use std::borrow::Cow;

use prost::Message;

use super::{STRING, StringWrapper, TypeError};
use crate::varint;

const TEXT: u8 = 0x0a;

/// The bytes of a [`STRING`].
#[must_use]
pub fn encode_string(value: &str) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(if value.is_empty() { 0 } else { 1 + varint::len(value.len() as u64) + value.len() });
    encode_string_into(value, &mut out);
    out
}

/// Appends the bytes of a [`STRING`].
pub fn encode_string_into(value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() {
        out.push(TEXT);
        varint::put_slice(out, value.as_bytes());
    }
}

/// Reads a [`STRING`]; borrowed when in canonical form, as all SDKs write it.
///
/// # Errors
/// When `bytes` is no such value.
pub fn decode_string(bytes: &[u8]) -> Result<Cow<'_, str>, TypeError> {
    match canonical(bytes) {
        Some(value) => Ok(Cow::Borrowed(value)),
        None => StringWrapper::decode(bytes).map(|wrapper| Cow::Owned(wrapper.value)).map_err(|source| TypeError {
            typename: STRING,
            len: bytes.len(),
            source,
        }),
    }
}

fn canonical(bytes: &[u8]) -> Option<&str> {
    let Some((tag, mut rest)) = bytes.split_first() else { return Some("") };
    let value = varint::take_slice(&mut rest)?;
    if *tag == TEXT && rest.is_empty() { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_released_sdks() {
        assert_eq!(encode_string("héllo"), [0x0a, 6, 0x68, 0xc3, 0xa9, 0x6c, 0x6c, 0x6f]);
        assert_eq!(encode_string(""), []);
    }

    #[test]
    fn a_repeated_field_is_read_and_the_last_one_wins() {
        assert_eq!(decode_string(b"\x0a\x01a\x0a\x01b").unwrap(), "b");
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_that_names_the_type() {
        let error = decode_string(b"\x0a\x01\xff").unwrap_err();
        assert!(error.to_string().starts_with("3 bytes are no io.statefun.types/string: "), "{error}");
    }

    proptest! {
        #[test]
        fn every_text_survives_borrowed_and_looks_like_the_wrapper(value in "\\PC{0,200}") {
            let bytes = encode_string(&value);
            prop_assert_eq!(&bytes, &StringWrapper { value: value.clone() }.encode_to_vec());
            prop_assert!(matches!(decode_string(&bytes).unwrap(), Cow::Borrowed(text) if text == value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode_string(&bytes);
            let _ = decode_string(&[&[TEXT], bytes.as_slice()].concat());
        }
    }
}
