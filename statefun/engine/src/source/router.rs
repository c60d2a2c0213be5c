//! From a keyed record to envelopes.

use bytes::Bytes;
use statefun::{
    Address, DeadLetter, DeadLetterCause, Envelope, EventTime, FunctionType, Hold, Id, IdHash, TypedValue, ValueType,
};

/// Where the records of one topic (or file, or generator) go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The type of the values; the bytes are passed on as they are.
    pub value_type: ValueType,
    /// Every record becomes one message to each of these, the key being the id.
    pub targets: Vec<FunctionType>,
}

/// A record that cannot become a message.
pub(super) struct Unroutable(pub(super) Box<DeadLetter>);

impl Route {
    pub(super) fn route<'a>(
        &'a self,
        key: Option<Bytes>,
        value: Option<Bytes>,
        event_time: EventTime,
        origin: &dyn Fn() -> String,
    ) -> Result<impl Iterator<Item = Envelope> + use<'a>, Unroutable> {
        let refuse = |cause, detail: &str, raw| {
            Err(Unroutable(Box::new(DeadLetter {
                cause,
                detail: detail.to_owned(),
                origin: origin(),
                envelope: None,
                raw,
            })))
        };
        let Some(key) = key else {
            return refuse(DeadLetterCause::MissingKey, "the record has no key, which would be the target's id", value);
        };
        let Some(value) = value else {
            return refuse(DeadLetterCause::MissingValue, "the record has no value", Some(key));
        };
        let Ok(id) = std::str::from_utf8(&key) else {
            return refuse(DeadLetterCause::InvalidKey, "the record's key is not UTF-8", Some(value));
        };
        let id = Id::from(id);
        let hash = IdHash::of(&id);
        let argument = TypedValue::new(self.value_type, value);
        Ok(self.targets.iter().map(move |function| Envelope {
            target: Address::new(*function, id.clone()),
            hash,
            caller: None,
            argument: argument.clone(),
            event_time,
            hold: Hold::NONE,
        }))
    }
}
