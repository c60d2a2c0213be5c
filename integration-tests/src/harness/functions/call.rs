//! What a remote function is asked.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use statefun_protocol::request_reply::ToFunction;
use statefun_protocol::request_reply::to_function::Request;
use statefun_protocol::types;

use super::{Answer, Effects};

/// One request: messages for one instance, with its states.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path that was asked.
    pub path: String,
    /// The function type, `namespace/name`.
    pub function: String,
    /// The instance.
    pub id: String,
    /// States that came along; `None` where there is no value.
    pub states: BTreeMap<String, Option<Bytes>>,
    /// The batch.
    pub messages: Vec<Message>,
    /// Headers of the request, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A message of a batch.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sent it: typename and id.
    pub caller: Option<(String, String)>,
    /// The type of its value.
    pub typename: String,
    /// Its value.
    pub value: Bytes,
}

impl Message {
    /// The value as text, wrapped or not.
    #[must_use]
    pub fn text(&self) -> String {
        match types::decode_string(&self.value) {
            Ok(text) if self.typename == types::STRING => text.into_owned(),
            _ => String::from_utf8_lossy(&self.value).into_owned(),
        }
    }
}

impl Call {
    /// Reads a request's body.
    ///
    /// # Panics
    /// When it is no request: a defect of the platform.
    #[must_use]
    pub fn decode(path: String, headers: Vec<(String, String)>, body: &[u8]) -> Self {
        let decoded = ToFunction::decode(body).expect("a request is a ToFunction message");
        let Some(Request::Invocation(batch)) = decoded.request else { panic!("a request without invocations") };
        let target = batch.target.expect("a batch names its target");
        let states =
            batch.state.into_iter().map(|state| (state.state_name, state.state_value.map(|value| value.value)));
        let messages = batch.invocations.into_iter().map(|invocation| {
            let argument = invocation.argument.unwrap_or_default();
            let caller = invocation.caller.map(|caller| (format!("{}/{}", caller.namespace, caller.r#type), caller.id));
            Message { caller, typename: argument.typename, value: argument.value }
        });
        Self {
            path,
            function: format!("{}/{}", target.namespace, target.r#type),
            id: target.id,
            states: states.collect(),
            messages: messages.collect(),
            headers,
        }
    }

    /// The answer that asks for states, if some of those declared did not come along.
    #[must_use]
    pub fn missing(&self, declared: &[(&str, &str)]) -> Option<Answer> {
        let missing: Vec<_> = declared.iter().filter(|(name, _)| !self.states.contains_key(*name)).copied().collect();
        (!missing.is_empty()).then(|| Answer::incomplete(&missing))
    }

    /// An int state; 0 without a value.
    ///
    /// # Panics
    /// When it is no int.
    #[must_use]
    pub fn int(&self, name: &str) -> i32 {
        let stored = self.states.get(name).and_then(Option::as_ref);
        stored.map_or(0, |bytes| types::decode_int(bytes).expect("the state is an int"))
    }
}

/// A function that counts its messages in int state `seen` and tells whoever asked the count, as text.
#[must_use]
pub fn counter(call: &Call) -> Answer {
    if let Some(incomplete) = call.missing(&[("seen", types::INT)]) {
        return incomplete;
    }
    let mut seen = call.int("seen");
    let mut effects = Effects::new();
    for message in &call.messages {
        seen += 1;
        if let Some((function, id)) = &message.caller {
            effects = effects.send_text(function, id, &seen.to_string());
        }
    }
    effects.set_int("seen", seen).into()
}
