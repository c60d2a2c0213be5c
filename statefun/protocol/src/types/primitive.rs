//! Booleans and numbers, without allocation.

use std::ops::Deref;

use prost::Message;

use super::{BOOL, DOUBLE, FLOAT, INT, LONG, TypeError};
use super::{BooleanWrapper, DoubleWrapper, FloatWrapper, IntWrapper, LongWrapper};

const VARINT: u8 = 0x08;
const FOUR_BYTES: u8 = 0x0d;
const EIGHT_BYTES: u8 = 0x09;

/// An encoded boolean or number: at most nine bytes, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive {
    words: [[u8; 8]; 2],
    len: u8,
}

impl Primitive {
    const DEFAULT: Self = Self { words: [[0; 8]; 2], len: 0 };

    /// A tag and the `len` lowest bytes of a number, of which the others are zero.
    #[inline]
    fn new(tag: u8, number: u64, len: u8) -> Self {
        let words = [(number << 8 | u64::from(tag)).to_le_bytes(), (number >> 56).to_le_bytes()];
        Self { words, len: len + 1 }
    }

    /// The bytes in two words, and how many there are.
    #[inline]
    #[must_use]
    pub fn into_words(self) -> ([[u8; 8]; 2], usize) {
        (self.words, usize::from(self.len))
    }
}

impl Deref for Primitive {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.words.as_flattened()[..usize::from(self.len)]
    }
}

/// The bytes of a [`BOOL`].
#[inline]
#[must_use]
pub fn encode_bool(value: bool) -> Primitive {
    if value { Primitive::new(VARINT, 1, 1) } else { Primitive::DEFAULT }
}

/// The bytes of an [`INT`].
#[inline]
#[must_use]
pub fn encode_int(value: i32) -> Primitive {
    if value == 0 { Primitive::DEFAULT } else { Primitive::new(FOUR_BYTES, u64::from(value.cast_unsigned()), 4) }
}

/// The bytes of a [`LONG`].
#[inline]
#[must_use]
pub fn encode_long(value: i64) -> Primitive {
    if value == 0 { Primitive::DEFAULT } else { Primitive::new(EIGHT_BYTES, value.cast_unsigned(), 8) }
}

/// The bytes of a [`FLOAT`]. Negative zero is not the default: it keeps its sign.
#[inline]
#[must_use]
pub fn encode_float(value: f32) -> Primitive {
    if value.to_bits() == 0 { Primitive::DEFAULT } else { Primitive::new(FOUR_BYTES, u64::from(value.to_bits()), 4) }
}

/// The bytes of a [`DOUBLE`]. Negative zero is not the default: it keeps its sign.
#[inline]
#[must_use]
pub fn encode_double(value: f64) -> Primitive {
    if value.to_bits() == 0 { Primitive::DEFAULT } else { Primitive::new(EIGHT_BYTES, value.to_bits(), 8) }
}

/// Reads a [`BOOL`].
///
/// # Errors
/// When `bytes` is no such value.
#[inline]
pub fn decode_bool(bytes: &[u8]) -> Result<bool, TypeError> {
    match bytes {
        [] => Ok(false),
        [VARINT, value @ (0 | 1)] => Ok(*value == 1),
        _ => decode_slowly(BOOL, bytes, |wrapper: BooleanWrapper| wrapper.value),
    }
}

/// Reads an [`INT`].
///
/// # Errors
/// When `bytes` is no such value.
#[inline]
pub fn decode_int(bytes: &[u8]) -> Result<i32, TypeError> {
    match bytes {
        [] => Ok(0),
        [FOUR_BYTES, number @ ..] if number.len() == size_of::<i32>() => Ok(i32::from_le_bytes(array(number))),
        _ => decode_slowly(INT, bytes, |wrapper: IntWrapper| wrapper.value),
    }
}

/// Reads a [`LONG`].
///
/// # Errors
/// When `bytes` is no such value.
#[inline]
pub fn decode_long(bytes: &[u8]) -> Result<i64, TypeError> {
    match bytes {
        [] => Ok(0),
        [EIGHT_BYTES, number @ ..] if number.len() == size_of::<i64>() => Ok(i64::from_le_bytes(array(number))),
        _ => decode_slowly(LONG, bytes, |wrapper: LongWrapper| wrapper.value),
    }
}

/// Reads a [`FLOAT`].
///
/// # Errors
/// When `bytes` is no such value.
#[inline]
pub fn decode_float(bytes: &[u8]) -> Result<f32, TypeError> {
    match bytes {
        [] => Ok(0.0),
        [FOUR_BYTES, number @ ..] if number.len() == size_of::<f32>() => Ok(f32::from_le_bytes(array(number))),
        _ => decode_slowly(FLOAT, bytes, |wrapper: FloatWrapper| wrapper.value),
    }
}

/// Reads a [`DOUBLE`].
///
/// # Errors
/// When `bytes` is no such value.
#[inline]
pub fn decode_double(bytes: &[u8]) -> Result<f64, TypeError> {
    match bytes {
        [] => Ok(0.0),
        [EIGHT_BYTES, number @ ..] if number.len() == size_of::<f64>() => Ok(f64::from_le_bytes(array(number))),
        _ => decode_slowly(DOUBLE, bytes, |wrapper: DoubleWrapper| wrapper.value),
    }
}

#[inline]
fn array<const N: usize>(number: &[u8]) -> [u8; N] {
    number.try_into().expect("its length was looked at")
}

/// Reads what is not in canonical form: repeated fields, long varints, fields from the future.
#[cold]
fn decode_slowly<W: Message + Default, T>(
    typename: &'static str,
    bytes: &[u8],
    value: impl FnOnce(W) -> T,
) -> Result<T, TypeError> {
    W::decode(bytes).map(value).map_err(|source| TypeError { typename, len: bytes.len(), source })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_released_sdks() {
        assert_eq!(&*encode_bool(true), [0x08, 1]);
        assert_eq!(&*encode_int(-2), [0x0d, 0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(&*encode_float(1.5), [0x0d, 0, 0, 0xc0, 0x3f]);
        assert_eq!(&*encode_long(-3), [0x09, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(&*encode_double(-2.5), [0x09, 0, 0, 0, 0, 0, 0, 0x04, 0xc0]);
    }

    #[test]
    fn defaults_take_no_bytes_and_none_say_the_default() {
        for bytes in [encode_bool(false), encode_int(0), encode_long(0), encode_float(0.0), encode_double(0.0)] {
            assert!(bytes.is_empty());
        }
        assert!(!decode_bool(&[]).unwrap());
        assert_eq!((decode_int(&[]).unwrap(), decode_long(&[]).unwrap()), (0, 0));
        assert_eq!((decode_float(&[]).unwrap(), decode_double(&[]).unwrap()), (0.0, 0.0));
    }

    #[test]
    fn negative_zero_keeps_its_sign() {
        assert!(decode_float(&encode_float(-0.0)).unwrap().is_sign_negative());
        assert!(decode_double(&encode_double(-0.0)).unwrap().is_sign_negative());
    }

    #[test]
    fn other_forms_of_the_same_value_are_read() {
        assert!(!decode_bool(&[0x08, 0x00]).unwrap(), "an explicit default");
        assert!(decode_bool(&[0x08, 0x80, 0x01]).unwrap(), "any number but zero is true");
        assert_eq!(decode_int(&[0x0d, 1, 0, 0, 0, 0x0d, 2, 0, 0, 0]).unwrap(), 2, "the last one wins");
        assert_eq!(decode_long(&[0x10, 7, 0x09, 5, 0, 0, 0, 0, 0, 0, 0]).unwrap(), 5, "field 2 is skipped");
    }

    #[test]
    fn a_value_of_another_type_is_an_error_that_names_the_type() {
        let error = decode_int(&encode_long(1)).unwrap_err();
        assert!(error.to_string().starts_with("9 bytes are no io.statefun.types/int: "), "{error}");
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_wrappers(b: bool, i: i32, l: i64, f: f32, d: f64) {
            prop_assert_eq!(&*encode_bool(b), BooleanWrapper { value: b }.encode_to_vec());
            prop_assert_eq!(&*encode_int(i), IntWrapper { value: i }.encode_to_vec());
            prop_assert_eq!(&*encode_long(l), LongWrapper { value: l }.encode_to_vec());
            if f != 0.0 {
                prop_assert_eq!(&*encode_float(f), FloatWrapper { value: f }.encode_to_vec());
            }
            if d != 0.0 {
                prop_assert_eq!(&*encode_double(d), DoubleWrapper { value: d }.encode_to_vec());
            }
        }

        #[test]
        fn every_value_survives(b: bool, i: i32, l: i64, f: u32, d: u64) {
            prop_assert_eq!(decode_bool(&encode_bool(b)).unwrap(), b);
            prop_assert_eq!(decode_int(&encode_int(i)).unwrap(), i);
            prop_assert_eq!(decode_long(&encode_long(l)).unwrap(), l);
            prop_assert_eq!(decode_float(&encode_float(f32::from_bits(f))).unwrap().to_bits(), f);
            prop_assert_eq!(decode_double(&encode_double(f64::from_bits(d))).unwrap().to_bits(), d);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..12), tag in prop::sample::select(&[8u8, 9, 13][..])) {
            for bytes in [bytes.clone(), [&[tag], bytes.as_slice()].concat()] {
                let _ = (decode_bool(&bytes), decode_int(&bytes), decode_long(&bytes));
                let _ = (decode_float(&bytes), decode_double(&bytes));
            }
        }
    }
}
