//! From messages to events.

use std::sync::Arc;

use statefun::function::{Context, FunctionError};
use statefun::{Address, EventTime, TypedValue, ValueType};
use statefun_sdk::{Decode, value_type};

use crate::join::Sided;
use crate::json::Json;
use crate::time::Millis;

/// A message as an [`Input`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Who sent it; `None` for what came from an ingress.
    pub caller: Option<&'a Address>,
    /// What it says.
    pub argument: &'a TypedValue,
}

type Read<E> = Arc<dyn Fn(Incoming<'_>) -> Result<Option<E>, String> + Send + Sync>;
type Time<E> = Arc<dyn Fn(&E) -> Result<Millis, String> + Send + Sync>;

/// How messages become events: what they say, whether it matters, and when it happened.
pub struct Input<E> {
    read: Read<E>,
    time: Option<Time<E>>,
}

impl<E> Clone for Input<E> {
    fn clone(&self) -> Self {
        Self { read: Arc::clone(&self.read), time: self.time.clone() }
    }
}

impl<E: 'static> Input<E> {
    /// Events as `read` makes them of messages. Its error is the reason in the dead letter.
    pub fn new(read: impl Fn(Incoming<'_>) -> Result<E, String> + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(move |incoming| read(incoming).map(Some)), time: None }
    }

    /// With an event time of their own instead of that of the message, in milliseconds.
    #[must_use]
    pub fn timed_by(mut self, time: impl Fn(&E) -> Result<Millis, String> + Send + Sync + 'static) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// Only those for which this holds; the others are passed over.
    #[must_use]
    pub fn only(self, filter: impl Fn(&E) -> Result<bool, String> + Send + Sync + 'static) -> Self {
        let read = self.read;
        let read = move |incoming: Incoming<'_>| match read(incoming)? {
            Some(event) if filter(&event)? => Ok(Some(event)),
            _ => Ok(None),
        };
        Self { read: Arc::new(read), time: self.time }
    }

    /// Other events, as `map` makes them of these before anything is done with them; `back` gives what they were made of,
    /// which the time is taken from.
    pub fn map<T: 'static>(
        self,
        map: impl Fn(E) -> Result<T, String> + Send + Sync + 'static,
        back: fn(&T) -> &E,
    ) -> Input<T> {
        let Self { read, time } = self;
        Input {
            read: Arc::new(move |incoming| read(incoming)?.map(&map).transpose()),
            time: time.map(|time| -> Time<T> { Arc::new(move |event| time(back(event))) }),
        }
    }
}

impl<E> Input<E> {
    /// The event in a message; `None` for one that is passed over.
    pub(super) fn event_without_time(
        &self,
        context: &Context<'_>,
        argument: &TypedValue,
    ) -> Result<Option<E>, FunctionError> {
        (self.read)(Incoming { caller: context.caller(), argument }).map_err(FunctionError::Reject)
    }

    /// The event in a message and its time; `None` for one that is passed over.
    pub(super) fn event(
        &self,
        context: &Context<'_>,
        argument: &TypedValue,
    ) -> Result<Option<(Millis, E)>, FunctionError> {
        let Some(event) = self.event_without_time(context, argument)? else { return Ok(None) };
        let at = match &self.time {
            Some(time) => time(&event).map_err(FunctionError::Reject)?,
            None => EventTime::NONE.0,
        };
        let at = if at == EventTime::NONE.0 { context.event_time().0 } else { at };
        if at == EventTime::NONE.0 {
            return Err(FunctionError::Reject(
                "the event has no time: give its ingress an event time, or say how to find it in the event".to_owned(),
            ));
        }
        Ok(Some((at, event)))
    }
}

impl<E: Decode + 'static> Input<E> {
    /// Messages of the type that `E` has.
    #[must_use]
    pub fn typed() -> Self {
        Self::new(|incoming| decode(incoming.argument))
    }
}

impl Input<Json> {
    /// Messages that are JSON, of whatever type.
    #[must_use]
    pub fn json() -> Self {
        Self::new(|incoming| Json::of_message(incoming.argument).map_err(|error| error.to_string()))
    }
}

fn decode<E: Decode>(argument: &TypedValue) -> Result<E, String> {
    let expected = E::value_type();
    if argument.value_type != expected {
        return Err(format!("the message is a {}, the event should be a {expected}", argument.value_type));
    }
    E::decode(&argument.bytes).map_err(|error| error.to_string())
}

/// One of the two inputs of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first one.
    Left,
    /// The second one.
    Right,
}

impl Side {
    fn value_type(self) -> ValueType {
        match self {
            Self::Left => value_type!("io.statefun.flow/left"),
            Self::Right => value_type!("io.statefun.flow/right"),
        }
    }
}

/// A message for one side of a join: it says which.
#[must_use]
pub fn one_sided(side: Side, argument: &TypedValue) -> TypedValue {
    let name = argument.value_type.as_str().as_bytes();
    let mut bytes = Vec::with_capacity(2 + name.len() + argument.bytes.len());
    bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&argument.bytes);
    TypedValue::new(side.value_type(), bytes)
}

/// The side that a message is for and what it says, if it tells.
fn side_of(argument: &TypedValue) -> Option<(Side, TypedValue)> {
    let side = [Side::Left, Side::Right].into_iter().find(|side| side.value_type() == argument.value_type)?;
    let (len, rest) = argument.bytes.as_slice().split_first_chunk::<2>()?;
    let (name, bytes) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let value_type = ValueType::named(std::str::from_utf8(name).ok()?).ok()?;
    Some((side, TypedValue::new(value_type, bytes)))
}

impl<L: 'static, R: 'static> Input<Sided<L, R>> {
    /// Both sides of a join. A message tells its side by [`one_sided`]; of others `tell` knows it, by whoever sent them or by
    /// their type.
    pub fn sides(
        left: Input<L>,
        right: Input<R>,
        tell: impl Fn(Incoming<'_>) -> Option<Side> + Send + Sync + 'static,
    ) -> Self {
        let (read_left, read_right) = (left.read, right.read);
        let read = move |incoming: Incoming<'_>| {
            let marked = side_of(incoming.argument);
            let side = marked.as_ref().map(|(side, _)| *side).or_else(|| tell(incoming));
            let argument = marked.as_ref().map_or(incoming.argument, |(_, argument)| argument);
            let incoming = Incoming { caller: incoming.caller, argument };
            match side {
                Some(Side::Left) => Ok(read_left(incoming)?.map(Sided::Left)),
                Some(Side::Right) => Ok(read_right(incoming)?.map(Sided::Right)),
                None => Err("nothing tells whether the message is for the left or the right side".to_owned()),
            }
        };
        let sides = Self { read: Arc::new(read), time: None };
        if left.time.is_none() && right.time.is_none() {
            return sides;
        }
        // A side without a time of its own takes that of the message.
        let (left, right) = (left.time, right.time);
        sides.timed_by(move |event| match event {
            Sided::Left(event) => left.as_ref().map_or(Ok(EventTime::NONE.0), |time| time(event)),
            Sided::Right(event) => right.as_ref().map_or(Ok(EventTime::NONE.0), |time| time(event)),
        })
    }
}
