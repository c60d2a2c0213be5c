//! What a function instance remembers, and how it obeys a message.

use std::time::Duration;

use statefun::function::{DelayedCommand, Effects, EgressMessage, Mutation, OutgoingMessage};
use statefun::{Address, EventTime, Symbol, TypedValue};

use super::message::{Counters, LANES_OF_FUNCTIONS_FROM, Message, branch_of, egress_lane, lane_of, written};
use super::names::{Names, STATE_COUNT, STATES};
use super::plan::{Command, END_OF_TIME_MS, GHOST, Plan, Who};

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
    pub(super) fn load(&mut self, state: usize, bytes: Option<&[u8]>) {
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

    /// Adds what changed to `effects`.
    pub(super) fn save(&self, names: &Names, effects: &mut Effects) {
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
    pub(super) fn obey(&mut self, names: &Names, plan: &Plan, me: Who, message: Message, effects: &mut Effects) {
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
    pub(super) fn judge_caller(&mut self, names: &Names, caller: Option<&Address>, message: Message) {
        let lane = caller.map(|caller| lane_of(names.who(caller)));
        if lane != (message.lane >= LANES_OF_FUNCTIONS_FROM).then_some(message.lane) {
            self.fault = Some(format!("a message of lane {} came from {caller:?}", message.lane));
            self.changed[4] = true;
        }
    }

    /// A numbered message, unless it will never be handled: then its number would be missed.
    fn message(&mut self, plan: &Plan, me: Who, to: Who, node: usize, branch: u32) -> Message {
        let is_handled = to.kind != GHOST && !plan.nodes[node].poison;
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
