//! The built-in types of the wire protocol.

use statefun::{SmallBytes, ValueType};
use statefun_protocol::types;

use super::{Decode, DecodeError, Encode, EncodeError};
use crate::value_type;

macro_rules! primitive {
    ($type:ty, $typename:expr, $encode:path, $decode:path) => {
        impl Encode for $type {
            #[inline]
            fn value_type() -> ValueType {
                value_type!($typename)
            }

            #[inline]
            fn encode(&self) -> Result<SmallBytes, EncodeError> {
                let (words, len) = $encode(*self).into_words();
                Ok(SmallBytes::of_words(words, len))
            }
        }

        impl Decode for $type {
            #[inline]
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                $decode(bytes).map_err(DecodeError::new::<Self>)
            }
        }
    };
}

primitive!(bool, types::BOOL, types::encode_bool, types::decode_bool);
primitive!(i32, types::INT, types::encode_int, types::decode_int);
primitive!(i64, types::LONG, types::encode_long, types::decode_long);
primitive!(f32, types::FLOAT, types::encode_float, types::decode_float);
primitive!(f64, types::DOUBLE, types::encode_double, types::decode_double);

impl Encode for str {
    #[inline]
    fn value_type() -> ValueType {
        value_type!(types::STRING)
    }

    #[inline]
    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        // One byte of tag and one of length: texts that fit in place are written there.
        const TEXT_MAX: usize = SmallBytes::INLINE_MAX - 2;
        const TAG: u8 = 0x0a;
        match self.len() {
            0 => Ok(SmallBytes::new()),
            len @ 1..=TEXT_MAX => {
                let mut bytes = [0; SmallBytes::INLINE_MAX];
                bytes[0] = TAG;
                bytes[1] = len as u8;
                bytes[2..2 + len].copy_from_slice(self.as_bytes());
                Ok(SmallBytes::copy_from(&bytes[..2 + len]))
            }
            _ => Ok(types::encode_string(self).into()),
        }
    }
}

impl Encode for String {
    #[inline]
    fn value_type() -> ValueType {
        str::value_type()
    }

    #[inline]
    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        self.as_str().encode()
    }
}

impl Decode for String {
    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        types::decode_string(bytes).map(Into::into).map_err(DecodeError::new::<Self>)
    }
}

// So that `&values` of every kind can be passed where a value is asked for.
impl<T: Encode + ?Sized> Encode for &T {
    #[inline]
    fn value_type() -> ValueType {
        T::value_type()
    }

    #[inline]
    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        T::encode(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_written_like_the_wire_protocol_does() {
        for len in [0, 1, 20, 21, 22, 127, 128, 1000] {
            let text = "x".repeat(len);
            let bytes = text.encode().unwrap();
            assert_eq!(bytes.as_slice(), types::encode_string(&text), "{len}");
            assert_eq!(String::decode(&bytes).unwrap(), text);
        }
    }

    #[test]
    fn numbers_survive() {
        assert_eq!(i32::decode(&(-2i32).encode().unwrap()).unwrap(), -2);
        assert_eq!(i64::decode(&i64::MIN.encode().unwrap()).unwrap(), i64::MIN);
        assert_eq!(f64::decode(&1.5f64.encode().unwrap()).unwrap(), 1.5);
        assert!(bool::decode(&true.encode().unwrap()).unwrap());
    }

    #[test]
    fn an_error_names_the_type() {
        let error = i32::decode(b"what").unwrap_err();
        assert!(error.to_string().starts_with("cannot decode a io.statefun.types/int: "), "{error}");
    }
}
