//! Reading an answer.

use bytes::Bytes;
use prost::Message;

use super::FromFunction;
use super::from_function::{InvocationResponse, PersistedValueSpec, Response};

/// An answer, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The function ran; these are its effects.
    Done(InvocationResponse),
    /// The function did not run: these states were missing from the request.
    Incomplete(Vec<PersistedValueSpec>),
}

/// The body of an answer is not one.
#[derive(Debug, thiserror::Error)]
#[error("{len} bytes of body are no FromFunction message: {source}")]
pub struct ReplyError {
    /// How long the body is.
    pub len: usize,
    /// What is wrong with it.
    #[source]
    pub source: prost::DecodeError,
}

impl Reply {
    /// Decodes a body without copying the values in it.
    ///
    /// An empty body, or one without a response, is an answer: no effects. Whether an empty body may be taken for an
    /// answer at all depends on its content type and is the transport's business.
    ///
    /// # Errors
    /// When `body` is no protobuf message, or one with other types in our fields.
    pub fn decode(body: Bytes) -> Result<Self, ReplyError> {
        let len = body.len();
        let decoded = FromFunction::decode(body).map_err(|source| ReplyError { len, source })?;
        Ok(match decoded.response {
            None => Self::Done(InvocationResponse::default()),
            Some(Response::InvocationResult(result)) => Self::Done(result),
            Some(Response::IncompleteInvocationContext(context)) => Self::Incomplete(context.missing_values),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_body_says_no_effects() {
        assert_eq!(Reply::decode(Bytes::new()).unwrap(), Reply::Done(InvocationResponse::default()));
    }

    #[test]
    fn a_field_from_the_future_is_skipped() {
        // Field 4 of TypedValue and field 900 of FromFunction, as a fork or a newer SDK may add them.
        let body = [0xa2, 0x06, 0x07, 0x12, 0x05, 0x12, 0x03, 0x22, 0x01, b'm', 0xa0, 0x38, 0x01];
        let Reply::Done(result) = Reply::decode(Bytes::copy_from_slice(&body)).unwrap() else { panic!("not done") };
        assert_eq!(result.outgoing_messages.len(), 1);
    }

    #[test]
    fn garbage_is_an_error_that_tells_its_size() {
        let error = Reply::decode(Bytes::from_static(b"<html>")).unwrap_err();
        assert!(error.to_string().starts_with("6 bytes of body are no FromFunction"), "{error}");
    }

    #[test]
    fn values_are_not_copied() {
        let value = vec![7u8; 1000];
        let message = FromFunction {
            response: Some(Response::InvocationResult(InvocationResponse {
                outgoing_messages: vec![crate::request_reply::from_function::Invocation {
                    argument: Some(crate::request_reply::TypedValue {
                        typename: "a/b".into(),
                        has_value: true,
                        value: value.into(),
                    }),
                    ..Default::default()
                }],
                ..Default::default()
            })),
        };
        let body = Bytes::from(message.encode_to_vec());
        let Reply::Done(result) = Reply::decode(body.clone()).unwrap() else { panic!("not done") };
        let argument = result.outgoing_messages[0].argument.as_ref().unwrap();
        assert!(body.as_ptr_range().contains(&argument.value.as_ptr()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Reply::decode(bytes.into());
        }

        #[test]
        fn no_bytes_inside_a_response_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), member in 0u8..2) {
            let mut body = vec![0xa2 + 8 * member, 0x06, bytes.len() as u8];
            body.extend_from_slice(&bytes);
            let _ = Reply::decode(body.into());
        }
    }
}
