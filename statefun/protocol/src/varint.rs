//! Variable-length integers: seven bits per byte, least significant first, the high bit says that more follow.
//!
//! Protobuf's encoding, used for storage as well so that there is one of it. Kept here, and not borrowed from the
//! protobuf library, because that library reads from cursors and our storage formats read from slices.

/// The longest encoding of a `u64`.
const BYTES_MAX: usize = 10;

/// How many bytes [`put`] writes for `value`.
pub(crate) const fn len(value: u64) -> usize {
    // Seven bits per byte; `| 1` because zero takes a byte too.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends `value`.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a value off the front of `bytes`; `None` if it is cut off or does not fit a `u64`.
#[inline]
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        if index == BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

/// Takes a length and as many bytes off the front of `bytes`; `None` if either is cut off.
#[inline]
pub(crate) fn take_slice<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take(bytes)?).ok()?;
    let (head, tail) = bytes.split_at_checked(len)?;
    *bytes = tail;
    Some(head)
}

/// Appends the length of `slice` and `slice`.
#[inline]
pub(crate) fn put_slice(out: &mut Vec<u8>, slice: &[u8]) {
    put(out, slice.len() as u64);
    out.extend_from_slice(slice);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_greatest_value_takes_ten_bytes_and_an_eleventh_bit_is_refused() {
        let mut out = Vec::new();
        put(&mut out, u64::MAX);
        assert_eq!(out.len(), BYTES_MAX);
        assert_eq!(take(&mut out.as_slice()), Some(u64::MAX));
        *out.last_mut().unwrap() = 2;
        assert_eq!(take(&mut out.as_slice()), None);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        assert_eq!(take(&mut [].as_slice()), None);
        assert_eq!(take(&mut [0x80, 0x80].as_slice()), None);
        assert_eq!(take_slice(&mut [3, 1, 2].as_slice()), None);
    }

    proptest! {
        #[test]
        fn every_value_survives_and_its_length_is_foretold(value: u64, shift in 0u32..64, tail: Vec<u8>) {
            let value = value >> shift;
            let mut out = Vec::new();
            put(&mut out, value);
            prop_assert_eq!(out.len(), len(value));
            out.extend_from_slice(&tail);
            let mut rest = out.as_slice();
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert_eq!(rest, tail.as_slice());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            take(&mut bytes.as_slice());
            take_slice(&mut bytes.as_slice());
        }
    }
}
