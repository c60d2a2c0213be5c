//! The application: walkers, windows of windows, and what must come of them.

use std::collections::BTreeMap;

use statefun::function::{Context, Effects, Expiration, Function, FunctionError, OutgoingMessage, StateSpec, TimeRole};
use statefun::{Address, EgressId, EgressRecord, EventTime, FunctionType, SinkId, Symbol, TypedValue, ValueType};
use statefun_engine::{Directory, EgressError, FailurePolicy, FunctionBinding, RemotePolicy};

use crate::rng::Rng;

/// Milliseconds of event time of the smaller windows; the larger ones hold five of them.
pub(super) const SIZE: i64 = 100;
/// Ids of walkers and keys of windows.
const IDS: u64 = 6;

/// An event: when, and which walk it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: i64,
    /// What decides its walk.
    pub walk: u64,
}

/// A message: the walk and how far it has come.
fn encode(walk: u64, step: u8) -> TypedValue {
    let mut bytes = [0; 9];
    bytes[..8].copy_from_slice(&walk.to_le_bytes());
    bytes[8] = step;
    TypedValue::new(value_type(), bytes.as_slice())
}

fn decode(argument: &TypedValue) -> (u64, u8) {
    (u64::from_le_bytes(argument.bytes[..8].try_into().expect("eight bytes")), argument.bytes[8])
}

pub(super) fn first_message(walk: u64) -> (String, TypedValue) {
    (place(walk, 0).to_string(), encode(walk, 0))
}

fn value_type() -> ValueType {
    ValueType::named("time/bytes").expect("a handful of names fit")
}

pub(super) fn function(name: &str) -> FunctionType {
    FunctionType::parse(name).expect("a typename")
}

/// How many steps a walk has before it ends in a window.
fn steps(walk: u64) -> u8 {
    (Rng::new(walk, 1).below(6) + 1) as u8
}

/// Where a walk stands after some steps.
fn place(walk: u64, step: u8) -> u64 {
    Rng::new(walk, 100 + u64::from(step)).below(IDS)
}

/// Whether it is a remote function that stands there.
fn is_remote(walk: u64, step: u8) -> bool {
    Rng::new(walk, 200 + u64::from(step)).below(4) == 0
}

/// Whether a copy goes another way from there.
fn copy(walk: u64, step: u8) -> Option<u64> {
    let mut rng = Rng::new(walk, 300 + u64::from(step));
    // Copies of copies end: only the upper half of all walks makes any.
    (walk >> 63 == 1 && rng.below(5) == 0).then(|| rng.next() >> 1)
}

/// Where walks go on from a step: the messages that a walker sends.
fn moves(walk: u64, step: u8) -> Vec<(Address, TypedValue)> {
    let onwards = |walk: u64, step: u8| {
        let id = place(walk, step).to_string();
        let name = match () {
            () if step > steps(walk) => "time/window",
            () if is_remote(walk, step) => "time/remote",
            () => "time/walker",
        };
        (Address::new(function(name), id), encode(walk, step))
    };
    let mut moves = vec![onwards(walk, step + 1)];
    moves.extend(copy(walk, step).map(|copy| onwards(copy, 1)));
    moves
}

/// What a remote function answers.
pub(super) fn remote(messages: &[TypedValue]) -> Effects {
    let mut effects = Effects::default();
    for argument in messages {
        let (walk, step) = decode(argument);
        for (target, argument) in moves(walk, step) {
            effects.messages.push(OutgoingMessage { target, argument, event_time: EventTime::NONE });
        }
    }
    effects
}

/// Counts, by key and beginning of the window: of the smaller windows and of the larger ones.
pub(super) type Windows = BTreeMap<(String, i64), u32>;

/// What must come of events, worked out one after the other.
pub(super) fn oracle<'a>(events: impl Iterator<Item = &'a Event>) -> [Windows; 2] {
    let mut windows = [Windows::new(), Windows::new()];
    for event in events {
        let mut open = vec![(event.walk, 0)];
        while let Some((walk, step)) = open.pop() {
            for (target, argument) in moves(walk, step) {
                if target.function == function("time/window") {
                    let start = event.at.div_euclid(SIZE) * SIZE;
                    *windows[0].entry((target.id.to_string(), start)).or_default() += 1;
                } else {
                    open.push(decode(&argument));
                }
            }
        }
    }
    for ((key, start), count) in windows[0].clone() {
        let larger = start.div_euclid(SIZE * 5) * SIZE * 5;
        *windows[1].entry((second_key(&key), larger)).or_default() += count;
    }
    windows
}

fn second_key(key: &str) -> String {
    format!("s{}", key.parse::<u64>().unwrap_or(0) / 2)
}

struct Walker;

impl Function for Walker {
    fn states(&self) -> &[StateSpec] {
        &[]
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let (walk, step) = decode(argument);
        for (target, argument) in moves(walk, step) {
            context.send(target, argument);
        }
        Ok(())
    }
}

/// Counts in windows of event time, written with nothing but the trait.
struct Window {
    size: i64,
    level: u8,
    states: [StateSpec; 3],
}

/// What a window remembers: open windows, results, and what must not happen (late, time going back, fired twice).
pub(super) const STATES: [&str; 3] = ["open", "done", "faults"];

impl Window {
    fn new(size: i64, level: u8) -> Self {
        let spec = |name: &str| StateSpec {
            name: Symbol::intern(name).expect("a handful of names fit"),
            value_type: value_type(),
            expiration: Expiration::Never,
        };
        Self { size, level, states: STATES.map(spec) }
    }

    /// Faults, and the furthest watermark seen.
    fn judge_time(context: &mut Context<'_>) -> Vec<i64> {
        let mut faults = read(context, 2);
        faults.resize(4, 0);
        let seen = faults[0];
        let watermark = context.watermark();
        // Zero is no time of any event here.
        if seen != 0 && watermark.0 < seen {
            faults[1] += 1;
        }
        if watermark.is_some() {
            faults[0] = seen.max(watermark.0);
        }
        faults
    }
}

fn read(context: &Context<'_>, index: usize) -> Vec<i64> {
    context.get(index).map_or_else(Vec::new, |value| numbers(&value.bytes))
}

fn write(context: &mut Context<'_>, index: usize, numbers: &[i64]) {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    context.set(index, Some(TypedValue::new(value_type(), bytes)));
}

pub(super) fn numbers(bytes: &[u8]) -> Vec<i64> {
    bytes.chunks_exact(8).map(|chunk| i64::from_le_bytes(chunk.try_into().expect("eight bytes"))).collect()
}

impl Function for Window {
    fn states(&self) -> &[StateSpec] {
        &self.states
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let mut faults = Self::judge_time(context);
        let at = context.event_time();
        let start = at.0.div_euclid(self.size) * self.size;
        let amount = if self.level == 1 { 1 } else { numbers(&argument.bytes)[0] };
        if at <= context.watermark() {
            faults[2] += 1;
        } else {
            let mut open = read(context, 0);
            match open.chunks_exact_mut(2).find(|window| window[0] == start) {
                Some(window) => window[1] += amount,
                None => {
                    open.extend([start, amount]);
                    context.set_timer(EventTime(start + self.size - 1));
                }
            }
            write(context, 0, &open);
        }
        write(context, 2, &faults);
        Ok(())
    }

    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        let mut faults = Self::judge_time(context);
        let start = at.0 + 1 - self.size;
        let mut open = read(context, 0);
        let found = open.chunks_exact(2).position(|window| window[0] == start);
        match found {
            None => faults[3] += 1,
            Some(index) => {
                let amount = open[index * 2 + 1];
                open.drain(index * 2..index * 2 + 2);
                let mut done = read(context, 1);
                done.extend([start, amount]);
                write(context, 1, &done);
                write(context, 0, &open);
                if self.level == 1 {
                    let target = Address::new(function("time/larger"), second_key(&context.address().id));
                    context.send(target, TypedValue::new(value_type(), amount.to_le_bytes().as_slice()));
                }
            }
        }
        write(context, 2, &faults);
        Ok(())
    }

    fn time_role(&self) -> TimeRole {
        TimeRole::component(self.level)
    }
}

/// Who serves what.
pub(super) struct Application {
    pub(super) sources: Vec<Symbol>,
    pub(super) batch_max: usize,
}

impl Directory for Application {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        let embedded = |function: Box<dyn Function>| FunctionBinding::Embedded(function, FailurePolicy::default());
        Some(match function.as_str() {
            "time/walker" => embedded(Box::new(Walker)),
            "time/window" => embedded(Box::new(Window::new(SIZE, 1))),
            "time/larger" => embedded(Box::new(Window::new(SIZE * 5, 2))),
            "time/remote" => {
                FunctionBinding::Remote(RemotePolicy { batch_max: self.batch_max, ..RemotePolicy::default() })
            }
            _ => return None,
        })
    }

    fn egress(
        &self,
        egress: EgressId,
        _: &Address,
        _: TypedValue,
        _: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError> {
        Err(EgressError { egress, why: "nothing is written here".to_owned() })
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        None
    }

    fn timed(&self) -> Vec<Symbol> {
        self.sources.clone()
    }
}
