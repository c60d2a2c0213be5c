//! What must come of a plan, worked out one message after the other.
//!
//! This file knows nothing of the engine: a queue of messages, a table of instances, and lists of what left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::app::plan::{Command, Event, GHOST, LEDGER, Plan, ROUTES, Who};
use crate::app::{egress_lane, lane_of, lane_of_events, written};

/// What an instance must remember.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Sum of all additions.
    pub count: i64,
    /// The last note.
    pub note: Option<u32>,
    /// The number of messages got, by lane.
    pub inbox: BTreeMap<u32, u32>,
    /// The number of messages sent and records written, by lane.
    pub outbox: BTreeMap<u32, u32>,
    /// Tokens of messages that came although they might have been cancelled. The model leaves it empty.
    pub perhaps: BTreeSet<u32>,
}

/// What must come of a plan.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Every instance that remembers anything.
    pub instances: BTreeMap<Who, Instance>,
    /// Messages that may come once or, when their cancellation is faster, not at all: their tokens, by receiver.
    pub perhaps: BTreeMap<Who, BTreeSet<u32>>,
    /// Records of the ledger, each once.
    pub ledger: BTreeSet<u32>,
    /// Records of the feed, each at least once.
    pub feed: BTreeSet<u32>,
    /// Dead letters, by cause, each at least once.
    pub letters: BTreeSet<(&'static str, u32)>,
}

/// A message on its way.
struct Message {
    to: Who,
    node: usize,
    lane: Option<u32>,
    branch: u32,
}

impl World {
    /// What must come of `plan`. Messages through the door are not in it: they count when they were acknowledged.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut world = Self::default();
        let mut messages = VecDeque::new();
        for (reader, partitions) in plan.events.iter().enumerate() {
            for (partition, events) in partitions.iter().enumerate() {
                for event in events {
                    match event {
                        Event::NoKey { uid } => drop(world.letters.insert(("missing-key", *uid))),
                        Event::NoValue { uid } => drop(world.letters.insert(("missing-value", *uid))),
                        Event::BadKey { uid } => drop(world.letters.insert(("invalid-key", *uid))),
                        Event::Malformed { uid } => drop(world.letters.insert(("malformed", *uid))),
                        Event::Tree { route, id, node, .. } => {
                            let lane = Some(lane_of_events(reader, partition, *route, *id));
                            for (branch, kind) in ROUTES[*route].iter().enumerate() {
                                let (to, branch) = (Who { kind: *kind, id: *id }, branch as u32);
                                messages.push_back(Message { to, node: *node, lane, branch });
                            }
                            while let Some(message) = messages.pop_front() {
                                world.handle(plan, &message, &mut messages);
                            }
                        }
                    }
                }
            }
        }
        world.instances.retain(|_, instance| *instance != Instance::default());
        world
    }

    fn handle(&mut self, plan: &Plan, message: &Message, messages: &mut VecDeque<Message>) {
        let (me, node, branch) = (message.to, &plan.nodes[message.node], message.branch);
        if me.kind == GHOST {
            self.letters.insert(("unknown-function", message.node as u32));
            return;
        }
        if node.poison {
            self.letters.insert(("poison", message.node as u32));
            return;
        }
        let instance = self.instances.entry(me).or_default();
        if let Some(lane) = message.lane {
            *instance.inbox.entry(lane).or_default() += 1;
        }
        for command in &node.commands {
            match command {
                Command::Add(amount) => instance.count += amount,
                Command::Note(note) => instance.note = *note,
                Command::Send { to, node } => {
                    let is_numbered = to.kind != GHOST && !plan.nodes[*node].poison;
                    if is_numbered {
                        *instance.outbox.entry(lane_of(*to)).or_default() += 1;
                    }
                    let lane = is_numbered.then(|| lane_of(me));
                    messages.push_back(Message { to: *to, node: *node, lane, branch });
                }
                Command::SendLater { to, node, .. } => {
                    messages.push_back(Message { to: *to, node: *node, lane: None, branch });
                }
                // Always cancelled before its time.
                Command::SendAtTheEnd { .. } | Command::Cancel { .. } => {}
                Command::SendSoon { token, to, .. } => {
                    self.perhaps.entry(*to).or_default().insert(*token as u32);
                }
                // Not reached from here: whether it happens, nobody can say.
                Command::Once(_) => {}
                Command::Write { egress, uid } => {
                    *instance.outbox.entry(egress_lane(*egress)).or_default() += 1;
                    let record = written(*uid, branch);
                    if *egress != LEDGER {
                        self.feed.insert(record);
                    } else if plan.refused.contains(uid) {
                        self.letters.insert(("rejected", record));
                    } else {
                        self.ledger.insert(record);
                    }
                }
            }
        }
    }
}
