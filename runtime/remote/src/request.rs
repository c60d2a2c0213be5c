//! From nouns to the body of a request.

use bytes::Bytes;
use statefun::Address;
use statefun_ports::remote::InvocationBatch;
use statefun_protocol::request_reply::{AddressParts, InvocationParts, encode_to_function};

/// The body that asks for `batch`.
pub(crate) fn encode(batch: &InvocationBatch) -> Bytes {
    encode_to_function(
        parts(&batch.target),
        batch.state.iter().map(|(name, value)| {
            (name.as_str(), value.as_ref().map(|value| (value.value_type.as_str(), value.bytes.as_slice())))
        }),
        batch.invocations.iter().map(|invocation| InvocationParts {
            caller: invocation.caller.as_ref().map(parts),
            typename: invocation.argument.value_type.as_str(),
            value: invocation.argument.bytes.as_slice(),
            event_time: invocation.event_time.get(),
        }),
    )
}

fn parts(address: &Address) -> AddressParts<'_> {
    (address.function.namespace(), address.function.name(), &address.id)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use statefun::{EventTime, Symbol, TypedValue, ValueType};
    use statefun_ports::remote::Invocation;
    use statefun_protocol::request_reply::ToFunction;
    use statefun_protocol::request_reply::to_function::Request;

    use super::*;

    fn value(typename: &str, bytes: &[u8]) -> TypedValue {
        TypedValue::new(ValueType::named(typename).unwrap(), bytes)
    }

    #[test]
    fn a_batch_becomes_a_request_with_everything_in_order() {
        let batch = InvocationBatch {
            target: Address::parse("shop/cart/ann").unwrap(),
            state: vec![
                (Symbol::intern("seen").unwrap(), Some(value("io.statefun.types/int", b""))),
                (Symbol::intern("last").unwrap(), None),
            ],
            invocations: vec![
                Invocation { caller: None, argument: value("shop/Add", b"pen"), event_time: EventTime::NONE },
                Invocation {
                    caller: Some(Address::parse("shop/user/7").unwrap()),
                    argument: value("shop/Add", b""),
                    event_time: EventTime(-5),
                },
            ],
        };
        let request = ToFunction::decode(encode(&batch)).unwrap().request.unwrap();
        let Request::Invocation(request) = request;
        let target = request.target.unwrap();
        assert_eq!((&*target.namespace, &*target.r#type, &*target.id), ("shop", "cart", "ann"));
        assert!(request.state[0].state_value.as_ref().unwrap().has_value, "an empty value exists");
        assert!(request.state[1].state_value.is_none(), "a known state without value has a name only");
        assert_eq!(request.invocations[0].caller, None);
        assert_eq!(request.invocations[0].event_time, None);
        assert_eq!(&request.invocations[0].argument.as_ref().unwrap().value[..], b"pen");
        assert_eq!(request.invocations[1].caller.as_ref().unwrap().id, "7");
        assert!(request.invocations[1].argument.as_ref().unwrap().has_value);
        assert_eq!(request.invocations[1].event_time, Some(-5));
    }
}
