//! The key state of a flow's function: its one state value.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;
use statefun::function::{Context, Expiration, FunctionError, Live, LiveValue, StateSpec};
use statefun::{SmallBytes, Symbol, TypedValue};
use statefun_sdk::value_type;

/// The first byte of a stored key state: which format the rest has. MessagePack with names of fields, so that states
/// written before a field was added stay readable.
const FORMAT: u8 = 1;

/// The state that every function of a flow declares.
pub(super) fn states() -> [StateSpec; 1] {
    let name = Symbol::intern("flow").expect("a process has fewer names than it can remember");
    [StateSpec { name, value_type: value_type!("io.statefun.flow/state"), expiration: Expiration::Never }]
}

/// A key state, decoded.
#[derive(Debug, Default)]
pub(super) struct Keyed<S>(pub(super) S);

impl<S: Serialize + Send + 'static> LiveValue for Keyed<S> {
    fn encode(&self) -> TypedValue {
        let mut bytes = vec![FORMAT];
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        self.0.serialize(&mut serializer).expect("a key state holds nothing that MessagePack cannot");
        TypedValue { value_type: value_type!("io.statefun.flow/state"), bytes: SmallBytes::from(bytes) }
    }
}

/// Takes the key state out. One that was stored must be `own`.
pub(super) fn take<S>(
    context: &mut Context<'_>,
    own: impl FnOnce(&S) -> Result<(), String>,
) -> Result<Box<Keyed<S>>, FunctionError>
where
    S: Default + Serialize + DeserializeOwned + Send + 'static,
{
    match context.take_live(0) {
        Live::Absent => Ok(Box::default()),
        Live::Decoded(value) => {
            let value: Box<dyn Any> = value;
            Ok(value.downcast().expect("a function leaves only its own kind of key state"))
        }
        Live::Encoded(value) => match decode(&value).and_then(|state| own(&state).map(|()| state)) {
            Ok(state) => Ok(Box::new(Keyed(state))),
            Err(why) => {
                context.give_back(0, Live::Encoded(value));
                Err(FunctionError::Retry(why))
            }
        },
    }
}

/// Puts it back, or forgets a key that remembers nothing.
pub(super) fn put<S>(context: &mut Context<'_>, state: Box<Keyed<S>>, is_empty: bool)
where
    S: Serialize + Send + 'static,
{
    context.put_live(0, if is_empty { None } else { Some(state) });
}

/// A stored key state.
pub(crate) fn decode<S: DeserializeOwned>(value: &TypedValue) -> Result<S, String> {
    match value.bytes.split_first() {
        Some((&FORMAT, bytes)) => {
            rmp_serde::from_slice(bytes).map_err(|error| format!("the key state is not one of this function: {error}"))
        }
        Some((format, _)) => Err(format!("the key state has format {format}, which only a newer version can read")),
        None => Err("the key state is empty".to_owned()),
    }
}
