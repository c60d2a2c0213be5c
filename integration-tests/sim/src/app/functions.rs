//! How functions obey. The same code serves embedded functions and, through the interpreter of remote calls, remote
//! ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use statefun::function::{
    Context, DelayedCommand, Effects, EgressMessage, Expiration, Function, FunctionError, Mutation, OutgoingMessage,
    StateSpec,
};
use statefun::{Address, EgressId, EgressRecord, EventTime, FunctionType, SinkId, Symbol, TypedValue, ValueType};
use statefun_engine::{Directory, EgressError, FailurePolicy, FunctionBinding, RemotePolicy};

use super::plan::{
    Command, DOOR, EMBER_ONE, EMBER_TWO, END_OF_TIME_MS, FEED, LEDGER, PARKING, PARTITIONS, Plan, ROUTES, STUBBORN,
    TYPE_COUNT, TYPES, Who,
};

/// Names that the run needs again and again.
#[derive(Debug)]
pub struct Names {
    /// Function types by number.
    pub types: [FunctionType; TYPE_COUNT],
    /// The type of every value.
    pub value: ValueType,
    /// States by number; see [`STATES`].
    pub states: [Symbol; STATE_COUNT],
    /// Egresses by number, the dead letters last.
    pub egresses: [EgressId; 3],
    /// Sources by number, the door last.
    pub sources: [Symbol; 3],
}

/// How many states there are.
pub const STATE_COUNT: usize = 7;
/// States by number. `spare` is declared by newer deployments only and never written.
pub const STATES: [&str; STATE_COUNT] = ["count", "inbox", "outbox", "note", "fault", "once", "spare"];

impl Names {
    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        let symbol = |text: &str| Symbol::intern(text).expect("a handful of names fit");
        Self {
            types: TYPES.map(|name| FunctionType::parse(name).expect("a typename")),
            value: ValueType(symbol("sim/bytes")),
            states: STATES.map(symbol),
            egresses: ["sim/ledger", "sim/feed", "sim/dead-letters"].map(|name| EgressId(symbol(name))),
            sources: ["sim/reader-one", "sim/reader-two", "sim/door-in"].map(symbol),
        }
    }

    /// The address of a function instance.
    #[must_use]
    pub fn address(&self, who: Who) -> Address {
        let mut id = [0; 2];
        Address::new(self.types[who.kind], id_text(who.id, &mut id))
    }

    /// Who has this address.
    #[must_use]
    pub fn who(&self, address: &Address) -> Who {
        let kind = self.types.iter().position(|known| *known == address.function).expect("a type of the plan");
        Who { kind, id: id_of(&address.id) }
    }

    fn bytes(&self, bytes: &[u8]) -> TypedValue {
        TypedValue::new(self.value, bytes)
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of an id.
pub fn id_text(id: usize, buffer: &mut [u8; 2]) -> &str {
    *buffer = [b'a' + (id / 10) as u8, b'0' + (id % 10) as u8];
    std::str::from_utf8(buffer).expect("a letter and a digit")
}

fn id_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    usize::from(bytes[0] - b'a') * 10 + usize::from(bytes[1] - b'0')
}

/// A message: what to do, and its number among the messages of its lane. Zero: it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Index of the tree.
    pub node: u32,
    /// Who counts: the sender, or a lane of a source.
    pub lane: u32,
    /// The number.
    pub seq: u32,
    /// Which target of its route an event went to: trees are run once for each.
    pub branch: u32,
}

impl Message {
    /// Its bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (at, word) in [self.node, self.lane, self.seq, self.branch].into_iter().enumerate() {
            bytes[4 * at..4 * at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// A message of its bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        Self { node: word(0), lane: word(4), seq: word(8), branch: word(12) }
    }
}

/// The lane of a sending function.
#[must_use]
pub fn lane_of(who: Who) -> u32 {
    (LANES_OF_FUNCTIONS_FROM as usize + who.kind * 100 + who.id) as u32
}

/// Lanes of sources are below this.
const LANES_OF_FUNCTIONS_FROM: u32 = 10_000;

/// The lane of a source's partition, route and id.
#[must_use]
pub fn lane_of_events(reader: usize, partition: usize, route: usize, id: usize) -> u32 {
    (((reader * PARTITIONS + partition) * ROUTES.len() + route) * 100 + id) as u32
}

/// Which target of its route `me` is, when the message came from a source; otherwise what the message says.
fn branch_of(me: Who, message: Message) -> u32 {
    if message.lane >= LANES_OF_FUNCTIONS_FROM {
        return message.branch;
    }
    let route = ROUTES[(message.lane / 100) as usize % ROUTES.len()];
    route.iter().position(|kind| *kind == me.kind).unwrap_or_default() as u32
}

/// What a record says: each branch writes its own.
#[must_use]
pub fn written(uid: u32, branch: u32) -> u32 {
    uid * 2 + branch
}

/// The counter of what a function wrote to an egress.
#[must_use]
pub fn egress_lane(egress: usize) -> u32 {
    (50_000 + egress) as u32
}

/// Counters by lane, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(pub Vec<(u32, u32)>);

impl Counters {
    fn entry(&mut self, lane: u32) -> &mut u32 {
        let index = match self.0.binary_search_by_key(&lane, |(known, _)| *known) {
            Ok(index) => index,
            Err(index) => {
                self.0.insert(index, (lane, 0));
                index
            }
        };
        &mut self.0[index].1
    }

    fn next(&mut self, lane: u32) -> u32 {
        let entry = self.entry(lane);
        *entry += 1;
        *entry
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        for (lane, count) in &self.0 {
            bytes.extend_from_slice(&lane.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
    }

    /// Counters of their bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Self(bytes.chunks_exact(8).map(|pair| (word(&pair[..4]), word(&pair[4..]))).collect())
    }
}

/// What a function instance remembers.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    count: i64,
    inbox: Counters,
    outbox: Counters,
    note: Option<u32>,
    fault: Option<String>,
    /// Tokens of messages that might have been cancelled; a counter each, so that it can be stored like one.
    once: Counters,
    /// Which states changed.
    changed: [bool; STATE_COUNT],
}

impl Memory {
    /// Reads a state; states it does not know are empty.
    fn load(&mut self, state: usize, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return };
        match state {
            0 => self.count = i64::from_le_bytes(bytes.try_into().expect("a count has eight bytes")),
            1 => self.inbox = Counters::decode(bytes),
            2 => self.outbox = Counters::decode(bytes),
            3 => self.note = Some(u32::from_le_bytes(bytes.try_into().expect("a note has four bytes"))),
            4 => self.fault = Some(String::from_utf8_lossy(bytes).into_owned()),
            5 => self.once = Counters::decode(bytes),
            _ => self.fault = Some(format!("state {} was never written", STATES[state])),
        }
    }

    fn save(&self, names: &Names, effects: &mut Effects) {
        let mut bytes = Vec::new();
        for state in (0..STATE_COUNT).filter(|state| self.changed[*state]) {
            bytes.clear();
            let value = match state {
                0 => Some(names.bytes(&self.count.to_le_bytes())),
                1 | 2 => {
                    if state == 1 {
                        self.inbox.encode(&mut bytes)
                    } else {
                        self.outbox.encode(&mut bytes)
                    }
                    Some(names.bytes(&bytes))
                }
                5 => {
                    self.once.encode(&mut bytes);
                    Some(names.bytes(&bytes))
                }
                3 => self.note.map(|note| names.bytes(&note.to_le_bytes())),
                4 => self.fault.as_ref().map(|fault| names.bytes(fault.as_bytes())),
                _ => None,
            };
            effects.mutations.push(Mutation { name: names.states[state], value });
        }
    }

    /// Obeys a message. What it wants is added to `effects`.
    fn obey(&mut self, names: &Names, plan: &Plan, me: Who, message: Message, effects: &mut Effects) {
        if message.seq != 0 {
            let last = self.inbox.entry(message.lane);
            if message.seq == *last + 1 {
                *last = message.seq;
            } else if self.fault.is_none() {
                let last = *last;
                self.fault = Some(format!("number {} of lane {} came behind {last}", message.seq, message.lane));
                self.changed[4] = true;
            }
            self.changed[1] = true;
        }
        let branch = branch_of(me, message);
        for command in &plan.nodes[message.node as usize].commands {
            match command {
                Command::Add(amount) => {
                    self.count += amount;
                    self.changed[0] = true;
                }
                Command::Note(note) => {
                    self.note = *note;
                    self.changed[3] = true;
                }
                Command::Send { to, node } => {
                    let argument = self.message(plan, me, *to, *node, branch);
                    let argument = names.bytes(&argument.encode());
                    let target = names.address(*to);
                    effects.messages.push(OutgoingMessage { target, argument, event_time: EventTime::NONE });
                }
                Command::SendLater { delay_ms, to, node } => {
                    effects.delayed.push(later(names, message_later(me, *node, branch), *delay_ms, *to, None));
                }
                Command::SendSoon { token, delay_ms, to, node } => {
                    let message = message_later(me, *node, branch);
                    effects.delayed.push(later(names, message, *delay_ms, *to, Some(*token)));
                }
                Command::Once(token) => {
                    self.changed[5] = true;
                    if self.once.next(*token) > 1 {
                        self.fault = Some(format!("what was sent with token {token} came twice"));
                        self.changed[4] = true;
                    }
                }
                Command::SendAtTheEnd { token, to, node } => {
                    effects.delayed.push(later(
                        names,
                        message_later(me, *node, branch),
                        END_OF_TIME_MS,
                        *to,
                        Some(*token),
                    ));
                }
                Command::Cancel { token } => {
                    effects.delayed.push(DelayedCommand::Cancel { token: token.to_string().into() });
                }
                Command::Write { egress, uid } => {
                    let seq = self.outbox.next(egress_lane(*egress));
                    self.changed[2] = true;
                    let mut bytes = [0; 8];
                    bytes[..4].copy_from_slice(&written(*uid, branch).to_le_bytes());
                    bytes[4..].copy_from_slice(&seq.to_le_bytes());
                    effects
                        .egress
                        .push(EgressMessage { egress: names.egresses[*egress], argument: names.bytes(&bytes) });
                }
            }
        }
    }

    /// Whoever says it sent the message must be in its envelope.
    fn judge_caller(&mut self, names: &Names, caller: Option<&Address>, message: Message) {
        let lane = caller.map(|caller| lane_of(names.who(caller)));
        if lane != (message.lane >= LANES_OF_FUNCTIONS_FROM).then_some(message.lane) {
            self.fault = Some(format!("a message of lane {} came from {caller:?}", message.lane));
            self.changed[4] = true;
        }
    }

    /// A numbered message, unless it will never be handled: then its number would be missed.
    fn message(&mut self, plan: &Plan, me: Who, to: Who, node: usize, branch: u32) -> Message {
        let is_handled = to.kind != super::plan::GHOST && !plan.nodes[node].poison;
        let seq = if is_handled {
            self.changed[2] = true;
            self.outbox.next(lane_of(to))
        } else {
            0
        };
        Message { node: node as u32, lane: lane_of(me), seq, branch }
    }
}

fn message_later(me: Who, node: usize, branch: u32) -> Message {
    Message { node: node as u32, lane: lane_of(me), seq: 0, branch }
}

fn later(names: &Names, message: Message, delay_ms: u64, to: Who, token: Option<usize>) -> DelayedCommand {
    DelayedCommand::Send {
        delay: Duration::from_millis(delay_ms),
        target: names.address(to),
        argument: names.bytes(&message.encode()),
        token: token.map(|token| token.to_string().into()),
    }
}

/// A batch holds a message that no attempt can handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poisoned;

/// Runs a batch: what the remote side does with a request that holds all its states.
///
/// # Errors
/// When a message of the batch cannot be handled.
pub fn run_batch<'a>(
    names: &Names,
    plan: &Plan,
    target: &Address,
    state: &[(Symbol, Option<TypedValue>)],
    messages: impl Iterator<Item = (Option<&'a Address>, &'a TypedValue)>,
) -> Result<Effects, Poisoned> {
    let me = names.who(target);
    let mut memory = Memory::default();
    for (name, value) in state {
        let index = names.states.iter().position(|known| known == name).expect("a state of the plan");
        memory.load(index, value.as_ref().map(|value| value.bytes.as_slice()));
    }
    let mut effects = Effects::default();
    for (caller, argument) in messages {
        let message = Message::decode(&argument.bytes);
        memory.judge_caller(names, caller, message);
        if plan.nodes[message.node as usize].poison {
            return Err(Poisoned);
        }
        memory.obey(names, plan, me, message, &mut effects);
    }
    memory.save(names, &mut effects);
    Ok(effects)
}

/// The states that a deployment declares.
#[must_use]
pub fn specs(names: &Names, deployment: u32) -> Vec<StateSpec> {
    // Redeployments change durations, none of which ever passes, and later ones declare one state more.
    let ages = Duration::from_secs(1 << 40);
    let expiration = match deployment % 3 {
        0 => Expiration::Never,
        1 => Expiration::AfterWrite(ages),
        _ => Expiration::AfterInvoke(ages),
    };
    let count = if deployment == 0 { STATE_COUNT - 1 } else { STATE_COUNT };
    names.states[..count].iter().map(|name| StateSpec { name: *name, value_type: names.value, expiration }).collect()
}

/// How often embedded functions fail for no reason, and the numbers that decide it.
#[derive(Debug, Default)]
pub struct Moods {
    fail_per_million: u64,
    draws: AtomicU64,
    seed: u64,
}

impl Moods {
    /// So many failures in a million, drawn from a seed.
    #[must_use]
    pub fn new(fail_per_million: u64, seed: u64) -> Self {
        Self { fail_per_million, seed, draws: AtomicU64::new(0) }
    }

    fn is_bad(&self) -> bool {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        self.fail_per_million > 0 && crate::rng::Rng::new(self.seed ^ draw, 77).chance(self.fail_per_million)
    }
}

/// Who serves what.
pub struct Application {
    /// What happens.
    pub plan: Arc<Plan>,
    /// Names.
    pub names: Arc<Names>,
    /// Embedded functions' moods.
    pub moods: Arc<Moods>,
    /// The most messages in a request.
    pub batch_max: usize,
}

struct Ember {
    plan: Arc<Plan>,
    names: Arc<Names>,
    moods: Arc<Moods>,
    specs: Vec<StateSpec>,
}

impl Function for Ember {
    fn states(&self) -> &[StateSpec] {
        &self.specs
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let message = Message::decode(&argument.bytes);
        let me = self.names.who(context.address());
        let mut memory = Memory::default();
        for state in 0..STATE_COUNT - 1 {
            memory.load(state, context.get(state).map(|value| value.bytes.as_slice()));
        }
        memory.judge_caller(&self.names, context.caller(), message);
        memory.obey(&self.names, &self.plan, me, message, context.effects());
        memory.save(&self.names, context.effects());
        // Judged last, so that a failure has effects to leave behind.
        if self.plan.nodes[message.node as usize].poison {
            return Err(FunctionError::Reject("poison".to_owned()));
        }
        if self.moods.is_bad() {
            return Err(FunctionError::Retry("in a bad mood".to_owned()));
        }
        Ok(())
    }
}

impl Directory for Application {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        let failure = FailurePolicy {
            backoff_first: Duration::from_millis(4),
            backoff_max: Duration::from_millis(100),
            park_after: None,
        };
        let remote = RemotePolicy { batch_max: self.batch_max, batch_bytes_max: 1 << 20, failure };
        match self.names.types.iter().position(|known| *known == function)? {
            EMBER_ONE | EMBER_TWO | DOOR => {
                let specs = specs(&self.names, 0);
                let (plan, names, moods) = (Arc::clone(&self.plan), Arc::clone(&self.names), Arc::clone(&self.moods));
                Some(FunctionBinding::Embedded(Box::new(Ember { plan, names, moods, specs }), failure))
            }
            STUBBORN => Some(FunctionBinding::Remote(remote)),
            PARKING => {
                let failure = FailurePolicy { park_after: Some(3), ..failure };
                Some(FunctionBinding::Remote(RemotePolicy { failure, ..remote }))
            }
            _ => None,
        }
    }

    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
    ) -> Result<(SinkId, EgressRecord), EgressError> {
        let sinks = [LEDGER, FEED];
        let sink = sinks.into_iter().find(|sink| self.names.egresses[*sink] == egress);
        let sink = sink.ok_or_else(|| EgressError { egress, why: "there is no such egress".to_owned() })?;
        Ok((SinkId(sink as u16), EgressRecord::Value { source: source.clone(), value }))
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        None
    }
}
