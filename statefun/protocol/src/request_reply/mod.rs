//! One call of a remote function: the request-reply protocol of Stateful Functions 3.
//!
//! ```text
//!   ToFunction                                      FromFunction
//!   └─ invocation (100)                             ├─ invocation_result (100)
//!      ├─ target                                    │  ├─ state_mutations*
//!      ├─ state*        name, perhaps a value       │  ├─ outgoing_messages*
//!      └─ invocations*  caller?, argument           │  ├─ delayed_invocations*    sends and cancellations
//!                                                   │  └─ outgoing_egresses*
//!                                                   └─ incomplete_invocation_context (101)
//!                                                      └─ missing_values*         "send me these states too"
//! ```
//!
//! The messages are written by hand with prost's derive: they are few and frozen, and so nobody needs a protobuf
//! compiler to build this. Field numbers and semantics are those of package `io.statefun.sdk.reqreply`; golden bytes of
//! the released SDKs are in `tests/wire-vectors.json`. Byte fields are [`bytes::Bytes`], so decoding copies no values.
//!
//! The hot path does not build [`ToFunction`]s: [`encode_to_function`] writes the same bytes from borrowed parts, and
//! [`Reply::decode`] reads an answer, including the empty one.
//!
//! # Our own fields
//! Numbers from [`EXTENSIONS_FROM`] on are ours. All are optional and say more, never something else, because the
//! released SDKs skip them:
//!
//! | Message | Field | No. | Type | Meaning |
//! |---|---|---|---|---|
//! | ToFunction.Invocation | event_time | 1000 | sint64 | event time of the message, Unix milliseconds |
//! | FromFunction.Invocation | event_time | 1000 | sint64 | event time of the outgoing message, if later than its cause's |
//! | FromFunction.Invocation, DelayedInvocation, EgressMessage | cause | 1001 | uint32 | index, in the request's batch, of the invocation that caused this |

mod address;
mod encode;
pub mod from_function;
mod reply;
pub mod to_function;

pub use address::{Address, TypedValue};
pub use encode::{AddressParts, InvocationParts, StateParts, encode_to_function};
pub use from_function::FromFunction;
pub use reply::{Reply, ReplyError};
pub use to_function::ToFunction;

/// Field numbers below this one belong to Stateful Functions; from here on they are extensions of this platform.
///
/// A number, once used, is never used again for something else.
pub const EXTENSIONS_FROM: u32 = 1000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn the_numbers_of_extensions_never_change() {
        // Tag (number times eight, plus zero for a varint), then the value; sint64 counts 0, -1, 1, -2, …
        const EVENT_TIME: [u8; 3] = [0xc0, 0x3e, 0x03];
        const CAUSE: [u8; 3] = [0xc8, 0x3e, 0x05];
        let asked = to_function::Invocation { event_time: Some(-2), ..Default::default() };
        assert_eq!(asked.encode_to_vec(), EVENT_TIME);
        let sent = from_function::Invocation { event_time: Some(-2), cause: Some(5), ..Default::default() };
        assert_eq!(sent.encode_to_vec(), [EVENT_TIME, CAUSE].concat());
        let delayed = from_function::DelayedInvocation { cause: Some(5), ..Default::default() };
        assert_eq!(delayed.encode_to_vec(), CAUSE);
        let record = from_function::EgressMessage { cause: Some(5), ..Default::default() };
        assert_eq!(record.encode_to_vec(), CAUSE);
        assert_eq!(EXTENSIONS_FROM, 0x1f40 / 8);
    }

    #[test]
    fn the_first_invocation_as_a_cause_differs_from_no_cause() {
        let first = from_function::Invocation { cause: Some(0), ..Default::default() };
        let decoded = from_function::Invocation::decode(Bytes::from(first.encode_to_vec())).unwrap();
        assert_eq!(decoded.cause, Some(0));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_request_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = ToFunction::decode(bytes.as_slice());
            let framed = [&[0xa2, 0x06, bytes.len() as u8], bytes.as_slice()].concat();
            let _ = ToFunction::decode(Bytes::from(framed));
        }
    }
}
