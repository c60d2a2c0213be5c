//! Types that travel as protobuf messages.

use prost::{Message, Name};
use statefun::{SmallBytes, ValueType};

use super::{Decode, DecodeError, Encode, EncodeError};

/// The message's bytes.
///
/// # Errors
/// Never; the signature is that of all encodings.
pub fn encode<T: Encode + Message>(value: &T) -> Result<SmallBytes, EncodeError> {
    Ok(value.encode_to_vec().into())
}

/// The message that `bytes` hold.
///
/// # Errors
/// When they hold none.
pub fn decode<T: Decode + Message + Default>(bytes: &[u8]) -> Result<T, DecodeError> {
    <T as Message>::decode(bytes).map_err(DecodeError::new::<T>)
}

/// A generated message under the name that other SDKs give it by default, `type.googleapis.com/<package>.<Name>`.
///
/// For messages that a build script generates (with `enable_type_names`), where a derive has no place. The name is
/// looked up for each value, which costs some tens of nanoseconds; a message with `#[derive(Typed)]` remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protobuf<M>(
    /// The message.
    pub M,
);

impl<M: Message + Name> Encode for Protobuf<M> {
    fn value_type() -> ValueType {
        ValueType::named(&format!("type.googleapis.com/{}", M::full_name()))
            .expect("an application has fewer types than a process can name")
    }

    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        Ok(self.0.encode_to_vec().into())
    }
}

impl<M: Message + Name + Default> Decode for Protobuf<M> {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        M::decode(bytes).map(Self).map_err(DecodeError::new::<Self>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a build script generates it with `enable_type_names`.
    #[derive(Clone, PartialEq, Message)]
    struct Greet {
        #[prost(string, tag = "1")]
        name: String,
    }

    impl Name for Greet {
        const NAME: &'static str = "Greet";
        const PACKAGE: &'static str = "example.v1";
    }

    #[test]
    fn a_generated_message_has_the_name_that_other_sdks_give_it() {
        let greet = Protobuf(Greet { name: "Bob".to_owned() });
        let value = greet.to_value().unwrap();
        assert_eq!(value.value_type.as_str(), "type.googleapis.com/example.v1.Greet");
        assert_eq!(value.bytes.as_slice(), b"\x0a\x03Bob");
        assert_eq!(<Protobuf<Greet> as Decode>::decode(&value.bytes).unwrap(), greet);
    }
}
