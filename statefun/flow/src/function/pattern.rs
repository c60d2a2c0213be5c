//! Patterns as a function.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use statefun::function::{Context, Function, FunctionError, Live, StateSpec, TimeRole};
use statefun::{EventTime, SmallBytes, TypedValue};
use statefun_sdk::value_type;

use super::message::Input;
use super::out::{Emit, LateEvent, Out};
use super::state::{Keyed, put, states, take};
use super::timers::{Host, now, woken};
use crate::cep::{Emission, Event, KeyState, Match, Matcher};
use crate::component::OtherPattern;
use crate::time::{Millis, ProcessingTime};
use crate::timers::{Timers, Wake};

/// What is done with a match, borrowed from the state of its key.
pub type EmitMatch<E> = Arc<dyn Fn(&mut Out<'_, '_>, &Match<'_, E>) + Send + Sync>;

/// Where matches and the rest go.
pub struct PatternOutputs<E> {
    /// What is done with matches.
    pub matches: EmitMatch<E>,
    /// What is done with partial matches that ran out of time; called if the pattern reports them.
    pub timeouts: Option<EmitMatch<E>>,
    /// What is done with events behind the watermark; called if the pattern reports them.
    pub late: Option<Emit<LateEvent<E>>>,
    /// What is done with partial matches that are more than a key may hold; a dead letter each if absent.
    pub overflow: Option<EmitMatch<E>>,
}

impl<E> Clone for PatternOutputs<E> {
    fn clone(&self) -> Self {
        Self {
            matches: Arc::clone(&self.matches),
            timeouts: self.timeouts.clone(),
            late: self.late.clone(),
            overflow: self.overflow.clone(),
        }
    }
}

/// What a pattern's function remembers about one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "E: Serialize", deserialize = "E: Deserialize<'de>"))]
pub(crate) struct PatternState<E> {
    pub(crate) key: KeyState<E>,
    wake: Wake,
    processing_wake: Wake<ProcessingTime>,
}

impl<E> Default for PatternState<E> {
    fn default() -> Self {
        Self { key: KeyState::default(), wake: Wake::default(), processing_wake: Wake::default() }
    }
}

/// A [`Matcher`] as a function; the id of its address is the key.
pub struct PatternFunction<E> {
    states: [StateSpec; 1],
    matcher: Arc<Matcher<E>>,
    input: Input<E>,
    outputs: PatternOutputs<E>,
    other_pattern: OtherPattern,
    by_clock: bool,
    role: TimeRole,
}

impl<E> PatternFunction<E> {
    /// The function of its parts.
    pub fn new(
        matcher: Arc<Matcher<E>>,
        input: Input<E>,
        outputs: PatternOutputs<E>,
        other_pattern: OtherPattern,
        role: TimeRole,
    ) -> Self {
        Self { states: states(), matcher, input, outputs, other_pattern, by_clock: false, role }
    }

    /// Events are looked at as they come, and time limits are on the clock of the node.
    #[must_use]
    pub fn by_clock(mut self) -> Self {
        self.by_clock = true;
        self
    }
}

impl<E: Event + Serialize + DeserializeOwned + Send + 'static> PatternFunction<E> {
    /// The state of the key, which is this pattern's. Of another pattern's it keeps at least the events that wait.
    fn take(&self, context: &mut Context<'_>) -> Result<Box<Keyed<PatternState<E>>>, FunctionError> {
        let mut state = take::<PatternState<E>>(context, |_| Ok(()))?;
        let Err(error) = self.matcher.owns(&state.0.key) else { return Ok(state) };
        match self.other_pattern {
            OtherPattern::Keep => {
                context.give_back(0, Live::Decoded(state));
                Err(FunctionError::Retry(error.to_string()))
            }
            OtherPattern::Discard => {
                let (partial, complete) = state.0.key.discard_matches();
                if partial + complete > 0 {
                    let nothing =
                        TypedValue { value_type: value_type!("io.statefun.flow/state"), bytes: SmallBytes::new() };
                    let count = partial + complete;
                    context
                        .refuse(nothing, format!("{count} partial matches were discarded with their pattern: {error}"));
                }
                Ok(state)
            }
        }
    }

    fn emit(&self, context: &mut Context<'_>, at: Millis, emission: Emission<'_, E>) {
        let mut told = |target: Option<&EmitMatch<E>>, found: &Match<'_, E>| {
            if let Some(target) = target {
                target(&mut Out::new(context, found.at), found);
            }
        };
        match emission {
            Emission::Match(found) => told(Some(&self.outputs.matches), &found),
            Emission::Timeout(found) => told(self.outputs.timeouts.as_ref(), &found),
            Emission::Overflow(found) => match &self.outputs.overflow {
                Some(overflow) => told(Some(overflow), &found),
                None => {
                    let events: Vec<_> = found.events().map(|(_, event)| event).collect();
                    let bytes = serde_json::to_vec(&events).unwrap_or_default();
                    let why = "a partial match was dropped: its key holds as many as it may";
                    context.refuse(TypedValue::new(value_type!("io.statefun.flow/json"), bytes), why.to_owned());
                }
            },
            Emission::Late(event) => {
                if let Some(late) = &self.outputs.late {
                    late(&mut Out::new(context, at), LateEvent { at, event });
                }
            }
            Emission::Refused(event) => {
                let bytes = serde_json::to_vec(&event).unwrap_or_default();
                let why = "an event was refused: as many of its key wait for the watermark as may";
                context.refuse(TypedValue::new(value_type!("io.statefun.flow/json"), bytes), why.to_owned());
            }
        }
    }

    fn settle(&self, context: &mut Context<'_>, mut state: Box<Keyed<PatternState<E>>>) {
        let next = self.matcher.next_timer(&state.0.key);
        let mut host = Host(context);
        if self.by_clock {
            let next = next.map(ProcessingTime);
            let set = |host: &mut Host<'_, '_>, at| host.set_processing_timer(at);
            state.0.processing_wake.no_later_than(next, &mut host, set, |host, at| host.delete_processing_timer(at));
        } else {
            let set = |host: &mut Host<'_, '_>, at| host.set_timer(at);
            state.0.wake.no_later_than(next, &mut host, set, |host, at| host.delete_timer(at));
        }
        let is_empty = state.0.key.is_empty();
        put(context, state, is_empty);
    }

    fn advance(
        &self,
        context: &mut Context<'_>,
        to: Millis,
        fired: impl FnOnce(&mut PatternState<E>),
    ) -> Result<(), FunctionError> {
        let mut state = self.take(context)?;
        fired(&mut state.0);
        let mut out = |emission: Emission<'_, E>| self.emit(context, to, emission);
        self.matcher.advance(&mut state.0.key, to, &mut out).expect("`take` has looked whose state it is");
        self.settle(context, state);
        Ok(())
    }
}

impl<E: Event + Serialize + DeserializeOwned + Send + Sync + 'static> Function for PatternFunction<E> {
    fn states(&self) -> &[StateSpec] {
        &self.states
    }

    fn live_state(&self) -> Option<usize> {
        Some(0)
    }

    fn time_role(&self) -> TimeRole {
        if self.by_clock { TimeRole::PLAIN } else { self.role.clone() }
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        if let Some(at) = woken(argument) {
            let to = now(context).max(at);
            return self.advance(context, to.0, |state| state.processing_wake.fired(at));
        }
        let (at, event) = if self.by_clock {
            let Some(event) = self.input.event_without_time(context, argument)? else { return Ok(()) };
            (now(context).0, event)
        } else {
            let Some(event) = self.input.event(context, argument)? else { return Ok(()) };
            event
        };
        let mut state = self.take(context)?;
        let watermark = context.watermark().0;
        let mut out = |emission: Emission<'_, E>| self.emit(context, at, emission);
        let handled = if self.by_clock {
            self.matcher.feed(&mut state.0.key, event, at, &mut out)
        } else {
            self.matcher.on_event(&mut state.0.key, event, at, watermark, &mut out).map(|_| ())
        };
        handled.expect("`take` has looked whose state it is");
        self.settle(context, state);
        Ok(())
    }

    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        let to = context.watermark().0.max(at.0);
        self.advance(context, to, |state| state.wake.fired(at.0))
    }
}
