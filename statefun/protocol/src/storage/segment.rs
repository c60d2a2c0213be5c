//! Text inside an ordered key, ended by a zero byte.
//!
//! ```text
//!   byte of the text   00       01       02 … ff    end
//!   bytes of the key   01 01    01 02    itself     00
//! ```
//!
//! The end sorts before everything, so `"a"` comes before `"ab"` whatever follows in the key; an escape keeps its
//! place between the end and `02`. Ending with two bytes and escaping only zero would do as well, but texts almost
//! never hold control characters, and every key would be longer.

use std::borrow::Cow;

const END: u8 = 0x00;
const ESCAPE: u8 = 0x01;

/// Appends `text` and its end.
pub(super) fn put(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|&byte| byte > ESCAPE) {
        out.extend_from_slice(text);
    } else {
        for &byte in text {
            if byte <= ESCAPE {
                out.extend_from_slice(&[ESCAPE, byte + 1]);
            } else {
                out.push(byte);
            }
        }
    }
    out.push(END);
}

/// Takes a text and its end off the front of `bytes`; `None` if it has no end or an unknown escape.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let end = bytes.iter().position(|&byte| byte == END)?;
    let (raw, rest) = (&bytes[..end], &bytes[end + 1..]);
    *bytes = rest;
    if !raw.contains(&ESCAPE) {
        return Some(Cow::Borrowed(raw));
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut raw = raw.iter();
    while let Some(&byte) = raw.next() {
        text.push(match byte {
            ESCAPE => match raw.next() {
                Some(&escaped @ (1 | 2)) => escaped - 1,
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, text);
        out.extend_from_slice(tail);
        out
    }

    /// Few distinct bytes, so that prefixes and escapes meet often.
    fn tricky() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(2), Just(0x61), Just(0xff)], 0..6)
    }

    proptest! {
        #[test]
        fn every_text_survives_and_the_rest_is_left(text in tricky(), tail in tricky()) {
            let bytes = encoded(&text, &tail);
            let mut rest = bytes.as_slice();
            let taken = take(&mut rest).unwrap();
            prop_assert_eq!(taken.as_ref(), text.as_slice());
            prop_assert_eq!(rest, tail.as_slice());
        }

        #[test]
        fn bytes_compare_as_texts_do_whatever_follows(a in tricky(), b in tricky(), x in tricky(), y in tricky()) {
            let (left, right) = (encoded(&a, &x), encoded(&b, &y));
            prop_assert_eq!(left.cmp(&right), (a, x).cmp(&(b, y)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in tricky()) {
            take(&mut bytes.as_slice());
        }
    }
}
