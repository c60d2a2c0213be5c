//! Shard 1 of two, where `ann` and `bob` live, driven by hand; `42` lives with its neighbour, shard 0. What it does is
//! shown as lines of text:
//!
//! ```text
//! call 2 shop/cart/ann: add:ink          a remote call and the messages it carries
//! shard 0 <- shop/cart/42: hello         a message for the other shard
//! sink 0 <- receipt                      a record
//! shard 0 <- marker 3                    the end of an epoch
//! part 3: +waiting#7 shop/cart/ann: x    rows of a part; `-` is a tombstone
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use statefun::function::{
    Context, DelayedCommand, Effects, EgressMessage, Expiration, Function, FunctionError, Mutation, OutgoingMessage,
    StateSpec,
};
use statefun::request::fingerprint;
use statefun::{
    Address, Ask, CallId, EgressId, EgressRecord, Envelope, Epoch, EventTime, FunctionType, KeyGroups, ProcessingTime,
    RequestId, ShardId, SinkId, SourceId, Symbol, TypedValue, ValueType,
};
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome};
use statefun_ports::rows::{Change, RequestProgress, RowKey, RowValue};

use super::super::{Input, Options, Output, Shard};
use super::state::{MapState, Parts};
use crate::channel::{Item, Marker, Participant, SinkItem, Topology};
use crate::directory::{Directory, EgressError, FailurePolicy, FunctionBinding, RemotePolicy};

pub(super) const TOPOLOGY: Topology = Topology { sources: 1, shards: 2, sinks: 2 };
pub(super) const SOURCE: Participant = Participant::Source(SourceId(0));
pub(super) const NEIGHBOUR: Participant = Participant::Shard(ShardId(0));

pub(super) fn text(value: &str) -> TypedValue {
    TypedValue::new(ValueType::named("test/text").unwrap(), value.as_bytes())
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn show(value: &TypedValue) -> String {
    String::from_utf8(value.bytes.to_vec()).unwrap()
}

fn groups() -> KeyGroups {
    KeyGroups::new(128, TOPOLOGY.shards)
}

pub(super) fn spec(name: &str) -> StateSpec {
    StateSpec {
        name: Symbol::intern(name).unwrap(),
        value_type: ValueType::named("test/text").unwrap(),
        expiration: Expiration::Never,
    }
}

pub(super) fn expiring(name: &str, expiration: Expiration) -> StateSpec {
    StateSpec { expiration, ..spec(name) }
}

pub(super) fn nothing() -> Effects {
    Effects::default()
}

pub(super) fn set(name: &str, value: &str) -> Effects {
    let name = Symbol::intern(name).unwrap();
    Effects { mutations: vec![Mutation { name, value: Some(text(value)) }], ..Effects::default() }
}

pub(super) fn sends(target: &str, argument: &str) -> Effects {
    let message = OutgoingMessage { target: address(target), argument: text(argument), event_time: EventTime::NONE };
    Effects { messages: vec![message], ..Effects::default() }
}

pub(super) fn writes(egress: &str, record: &str) -> Effects {
    let egress = EgressId(Symbol::intern(egress).unwrap());
    Effects { egress: vec![EgressMessage { egress, argument: text(record) }], ..Effects::default() }
}

pub(super) fn sends_later(delay_ms: u64, target: &str, argument: &str, token: Option<&str>) -> Effects {
    let command = DelayedCommand::Send {
        delay: Duration::from_millis(delay_ms),
        target: address(target),
        argument: text(argument),
        token: token.map(Into::into),
    };
    Effects { delayed: vec![command], ..Effects::default() }
}

pub(super) fn cancels(token: &str) -> Effects {
    Effects { delayed: vec![DelayedCommand::Cancel { token: token.into() }], ..Effects::default() }
}

/// An embedded function that counts its messages in `count`, and does what they say:
/// `to ADDRESS TEXT`, `after MS ADDRESS TEXT`, `write TEXT`, `fail`, `fail before MS` or `reject`.
struct Obedient([StateSpec; 2]);

impl Function for Obedient {
    fn states(&self) -> &[StateSpec] {
        &self.0
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let argument = show(argument);
        let count = context.get(0).map_or(0, |value| show(value).parse::<u32>().unwrap()) + 1;
        context.set(0, Some(text(&count.to_string())));
        match argument.split(' ').collect::<Vec<_>>()[..] {
            ["to", target, argument] => context.send(address(target), text(argument)),
            ["after", ms, target, argument] => {
                context.send_after(Duration::from_millis(ms.parse().unwrap()), address(target), text(argument), None);
            }
            ["write", record] => {
                context.egress(EgressId(Symbol::intern("shop/receipts").unwrap()), text(record));
            }
            ["fail"] => return Err(FunctionError::Retry("told to".to_owned())),
            ["fail", "before", ms] if context.now() < ProcessingTime(ms.parse().unwrap()) => {
                return Err(FunctionError::Retry("too early".to_owned()));
            }
            ["reject"] => return Err(FunctionError::Reject("told to".to_owned())),
            _ => {}
        }
        Ok(())
    }
}

/// `shop/counter` and `shop/parking` are embedded, `shop/cart` and `shop/impatient` remote; nobody serves anything else.
pub(super) struct Shop {
    pub(super) remote: RemotePolicy,
    /// Whether `shop/cart` was undeployed.
    pub(super) cart_is_gone: AtomicBool,
}

impl Directory for Shop {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        let parking = FailurePolicy { park_after: Some(2), ..FailurePolicy::default() };
        match function.as_str() {
            "shop/counter" => Some(FunctionBinding::Embedded(obedient(), FailurePolicy::default())),
            "shop/parking" => Some(FunctionBinding::Embedded(obedient(), parking)),
            "shop/cart" if self.cart_is_gone.load(Relaxed) => None,
            "shop/cart" => Some(FunctionBinding::Remote(self.remote)),
            "shop/impatient" => Some(FunctionBinding::Remote(RemotePolicy { failure: parking, ..self.remote })),
            _ => None,
        }
    }

    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
        records: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError> {
        if egress.0.as_str() != "shop/receipts" {
            return Err(EgressError { egress, why: "there is no such egress".to_owned() });
        }
        records.push((SinkId(0), EgressRecord::Value { source: source.clone(), value }));
        Ok(())
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        Some((FunctionType::parse("http/reply").unwrap(), SinkId(0)))
    }
}

fn obedient() -> Box<dyn Function> {
    Box::new(Obedient([spec("count"), expiring("session", Expiration::AfterInvoke(Duration::from_millis(100)))]))
}

/// What the shard did.
#[must_use]
pub(super) struct Seen(pub(super) Vec<String>);

impl Seen {
    #[track_caller]
    pub(super) fn expect<const N: usize>(self, lines: [&str; N]) {
        assert_eq!(self.0, lines);
    }

    #[track_caller]
    pub(super) fn expect_nothing(self) {
        self.expect([]);
    }

    /// For steps that only lead to the scenario.
    pub(super) fn whatever(self) {}
}

pub(super) struct ShardFixture {
    pub(super) shard: Shard<MapState>,
    pub(super) now: u64,
    out: Output,
    parts: Parts,
    directory: Arc<Shop>,
}

impl ShardFixture {
    pub(super) fn new() -> Self {
        Self::with(Options::default(), RemotePolicy::default())
    }

    pub(super) fn with(options: Options, remote: RemotePolicy) -> Self {
        Self::restored(options, remote, Epoch(0), Vec::new())
    }

    /// A shard that begins with the rows of a snapshot. It was not driven yet.
    pub(super) fn restored(
        options: Options,
        remote: RemotePolicy,
        epoch: Epoch,
        rows: impl IntoIterator<Item = (RowKey, RowValue)>,
    ) -> Self {
        let parts = Parts::default();
        let state = MapState::new(groups(), Parts::clone(&parts));
        let directory = Arc::new(Shop { remote, cart_is_gone: AtomicBool::new(false) });
        let bound = Arc::clone(&directory) as Arc<dyn Directory>;
        let mut shard = Shard::new(ShardId(1), groups(), TOPOLOGY, bound, state, epoch, options);
        for (key, value) in rows {
            shard.restore(key, value);
        }
        Self { shard, now: 1000, out: Output::new(TOPOLOGY), parts, directory }
    }

    /// Takes `shop/cart` away, or brings it back.
    pub(super) fn deploy_cart(&mut self, is_there: bool) -> Seen {
        self.directory.cart_is_gone.store(!is_there, Relaxed);
        self.shard.rebind();
        self.tick()
    }

    pub(super) fn receive(&mut self, target: &str, argument: &str) -> Seen {
        self.receive_from(SOURCE, target, argument)
    }

    pub(super) fn receive_from(&mut self, from: Participant, target: &str, argument: &str) -> Seen {
        let mut envelope = Envelope::new(address(target), text(argument));
        if matches!(from, Participant::Shard(_)) {
            envelope.caller = Some(address("shop/counter/42"));
        }
        self.drive(Input::Batch { from, items: vec![Item::Envelope(envelope)] })
    }

    /// Request `unique` for an address, with a key perhaps, from a caller who waits for the reply perhaps.
    pub(super) fn ask(
        &mut self,
        unique: u128,
        target: &str,
        argument: &str,
        key: Option<&str>,
        awaits_reply: bool,
    ) -> Seen {
        let mut envelope = Envelope::new(address(target), text(argument));
        let request = RequestId::new(unique, envelope.hash);
        if awaits_reply {
            envelope.caller = Some(Address::new(FunctionType::parse("http/reply").unwrap(), request.to_id()));
        }
        let ask = Ask {
            request,
            key: key.map(Into::into),
            fingerprint: fingerprint(&envelope.argument),
            keep: Duration::from_millis(5_000),
            envelope,
        };
        self.drive(Input::Batch { from: SOURCE, items: vec![Item::Ask(Box::new(ask))] })
    }

    pub(super) fn marker(&mut self, from: Participant, epoch: u64) -> Seen {
        self.marker_after(from, epoch, 0)
    }

    pub(super) fn marker_after(&mut self, from: Participant, epoch: u64, completed: u64) -> Seen {
        let marker = Marker { epoch: Epoch(epoch), completed: Epoch(completed) };
        self.drive(Input::Batch { from, items: vec![Item::Marker(marker)] })
    }

    pub(super) fn reply(&mut self, call: u64, effects: Effects) -> Seen {
        self.drive(Input::Reply { call: CallId(call), outcome: CallOutcome::Done(effects) })
    }

    pub(super) fn incomplete(&mut self, call: u64, specs: &[StateSpec]) -> Seen {
        self.drive(Input::Reply { call: CallId(call), outcome: CallOutcome::Incomplete(specs.to_vec()) })
    }

    pub(super) fn call_fails(&mut self, call: u64, kind: CallFailureKind) -> Seen {
        let failure = CallFailure { kind, message: "it did not work".to_owned() };
        self.drive(Input::Reply { call: CallId(call), outcome: CallOutcome::Failed(failure) })
    }

    pub(super) fn completed(&mut self, epoch: u64) -> Seen {
        self.drive(Input::Completed(Epoch(epoch)))
    }

    pub(super) fn abandoned(&mut self, epoch: u64) -> Seen {
        self.drive(Input::Abandoned(Epoch(epoch)))
    }

    pub(super) fn tick(&mut self) -> Seen {
        self.drive(Input::Tick)
    }

    pub(super) fn after_ms(&mut self, ms: u64) -> Seen {
        self.now += ms;
        self.tick()
    }

    /// Goes to the next deadline.
    pub(super) fn at_deadline(&mut self) -> Seen {
        self.now = self.now.max(self.shard.deadline().expect("something waits").0);
        self.tick()
    }

    /// The rows of a part, without tombstones.
    pub(super) fn rows(&self, epoch: u64) -> Vec<(RowKey, RowValue)> {
        let parts = self.parts.borrow();
        parts[&Epoch(epoch)].iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
    }

    pub(super) fn value(&self, of: &str, name: &str) -> Option<String> {
        let of = address(of);
        let entries = self.shard.inspect(of.function, Some(&of.id), usize::MAX);
        entries.into_iter().find(|entry| entry.name.as_str() == name).map(|entry| show(&entry.stored.value))
    }

    pub(super) fn drive(&mut self, input: Input) -> Seen {
        self.shard.handle(ProcessingTime(self.now), input, &mut self.out);
        let mut seen = Vec::new();
        for (call, batch) in self.out.calls.drain(..) {
            let mut line = format!("{call} {}", batch.target);
            for (name, value) in &batch.state {
                line += &format!(" {name}={}", value.as_ref().map_or_else(|| "-".to_owned(), show));
            }
            let messages: Vec<_> = batch.invocations.iter().map(|message| show(&message.argument)).collect();
            seen.push(format!("{line}: {}", messages.join(", ")));
        }
        for (shard, items) in self.out.shards.iter_mut().enumerate() {
            for item in items.drain(..) {
                seen.push(match item {
                    Item::Envelope(envelope) => {
                        format!("shard {shard} <- {}: {}", envelope.target, show(&envelope.argument))
                    }
                    Item::Ask(_) => panic!("shards ask nothing"),
                    Item::Marker(marker) => format!("shard {shard} <- marker {}", marker.epoch.0),
                    Item::Release(points) => {
                        let points: Vec<_> =
                            points.iter().map(|point| format!("{}@{}", point.level, point.at.0)).collect();
                        format!("shard {shard} <- release {}", points.join(" "))
                    }
                });
            }
        }
        for (sink, items) in self.out.sinks.iter_mut().enumerate() {
            for item in items.drain(..) {
                seen.push(match item {
                    SinkItem::Record(record) => format!("sink {sink} <- {}", show_record(&record)),
                    SinkItem::Marker(marker) => format!("sink {sink} <- marker {}", marker.epoch.0),
                });
            }
        }
        for part in self.out.parts.drain(..) {
            let rows = self.parts.borrow();
            let rows = rows[&part.epoch].iter().filter(|(key, _)| !matches!(key, RowKey::Specs { .. }));
            let rows: Vec<_> = rows.map(show_row).collect();
            seen.push(format!("part {}: {}", part.epoch.0, rows.join(", ")));
        }
        Seen(seen)
    }
}

fn show_record(record: &EgressRecord) -> String {
    match record {
        EgressRecord::Value { value, .. } => show(value),
        EgressRecord::Reply { request, value } => format!("reply {request}: {}", show(value)),
        EgressRecord::Verdict { request, verdict } => format!("verdict {}: {verdict:?}", request.unique()),
        EgressRecord::DeadLetter(letter) => {
            let what = letter.envelope.as_ref().map_or_else(String::new, |envelope| show(&envelope.argument));
            format!("dead letter {}: {what}", letter.cause.as_str())
        }
        EgressRecord::Kafka(_) | EgressRecord::Playground { .. } => panic!("the shop has no such egress"),
    }
}

pub(super) fn show_row((key, value): &Change) -> String {
    let sign = if value.is_some() { '+' } else { '-' };
    let envelope = |envelope: &Envelope| format!("{}: {}", envelope.target, show(&envelope.argument));
    let value = match value {
        None => String::new(),
        Some(RowValue::Value(stored)) => format!("={}", show(&stored.value)),
        Some(RowValue::Waiting(waiting)) => format!(" {}", envelope(waiting)),
        Some(RowValue::Delayed(delayed)) => format!(" {}", envelope(&delayed.envelope)),
        Some(RowValue::Idempotency(kept)) => match &kept.progress {
            RequestProgress::Replied(value) => format!(" replied {}", show(value)),
            other => format!(" {other:?}"),
        },
        Some(other) => format!(" {other:?}"),
    };
    match key {
        RowKey::Value { address, name, .. } => format!("{sign}{address} {name}{value}"),
        RowKey::Waiting { seq, .. } => format!("{sign}waiting#{seq}{value}"),
        RowKey::Delayed { due, seq, .. } => format!("{sign}delayed@{}#{seq}{value}", due.0),
        RowKey::Idempotency { address, key, .. } => format!("{sign}request {address} {key:?}{value}"),
        other => format!("{sign}{other:?}{value}"),
    }
}
