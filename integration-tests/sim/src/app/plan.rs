//! What happens in one run, drawn from the seed.

use crate::rng::Rng;

/// How many functions each id has; see [`TYPES`].
pub const TYPE_COUNT: usize = 6;

/// Function types by number.
pub const TYPES: [&str; TYPE_COUNT] =
    ["sim/ember-one", "sim/ember-two", "sim/remote-stubborn", "sim/remote-parking", "sim/ghost", "sim/door"];

/// Embedded.
pub const EMBER_ONE: usize = 0;
/// Embedded.
pub const EMBER_TWO: usize = 1;
/// Remote; failing calls are made again for ever.
pub const STUBBORN: usize = 2;
/// Remote; a message that always fails is parked.
pub const PARKING: usize = 3;
/// Nobody serves it.
pub const GHOST: usize = 4;
/// Embedded; gets what people send by hand.
pub const DOOR: usize = 5;

/// Which types the records of a route go to.
pub const ROUTES: [&[usize]; 4] = [&[EMBER_ONE], &[STUBBORN], &[EMBER_TWO, PARKING], &[PARKING]];

/// How many sources read partitions; one more is the door.
pub const READERS: usize = 2;
/// How many partitions each of them reads.
pub const PARTITIONS: usize = 2;
/// Egress written per epoch.
pub const LEDGER: usize = 0;
/// Egress written at least once.
pub const FEED: usize = 1;

/// A function instance, by type and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    /// Its type, an index into [`TYPES`].
    pub kind: usize,
    /// Its id.
    pub id: usize,
}

/// What a message tells its receiver to do.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// In this order.
    pub commands: Vec<Command>,
    /// Nobody can handle it.
    pub poison: bool,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add to the count.
    Add(i64),
    /// Keep or forget a note. Only events have it: nothing else has an order that decides which note is last.
    Note(Option<u32>),
    /// Send a subtree.
    Send {
        /// To whom.
        to: Who,
        /// The subtree.
        node: usize,
    },
    /// Send a subtree later.
    SendLater {
        /// How much later, in milliseconds.
        delay_ms: u64,
        /// To whom.
        to: Who,
        /// The subtree.
        node: usize,
    },
    /// Send a subtree after the end of time, unless cancelled; it always is.
    SendAtTheEnd {
        /// What it can be cancelled by.
        token: usize,
        /// To whom.
        to: Who,
        /// The subtree.
        node: usize,
    },
    /// Send soon, while a cancellation may be on its way. Either may win, but nobody may see it twice.
    SendSoon {
        /// What it can be cancelled by.
        token: usize,
        /// How much later, in milliseconds.
        delay_ms: u64,
        /// To whom.
        to: Who,
        /// A node that has only [`Command::Once`].
        node: usize,
    },
    /// Note that a message which may be cancelled came through.
    Once(u32),
    /// Cancel what was sent with a token.
    Cancel {
        /// What it was sent with.
        token: usize,
    },
    /// Write to an egress.
    Write {
        /// Which.
        egress: usize,
        /// What.
        uid: u32,
    },
}

/// A record of a partition.
#[derive(Clone, Debug)]
pub enum Event {
    /// A tree for the functions of a route.
    Tree {
        /// An index into [`ROUTES`].
        route: usize,
        /// The id of all its functions.
        id: usize,
        /// The tree.
        node: usize,
        /// Its number among the trees of this route and id.
        seq: u32,
    },
    /// No key.
    NoKey {
        /// Which it was.
        uid: u32,
    },
    /// No value.
    NoValue {
        /// Which it was.
        uid: u32,
    },
    /// A key that is no text.
    BadKey {
        /// Which it was.
        uid: u32,
    },
    /// Not decodable.
    Malformed {
        /// Which it was.
        uid: u32,
    },
}

/// See the [module documentation](self).
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many ids there are.
    pub ids: usize,
    /// All trees.
    pub nodes: Vec<Node>,
    /// Events by reader and partition.
    pub events: [[Vec<Event>; PARTITIONS]; READERS],
    /// What comes through the door: the ids, in order.
    pub door: Vec<usize>,
    /// Records that the ledger's broker refuses for good.
    pub refused: Vec<u32>,
    /// The node that all door messages carry.
    pub door_node: usize,
}

/// Long after everything else.
pub const END_OF_TIME_MS: u64 = 1 << 40;

struct Builder {
    rng: Rng,
    plan: Plan,
    uids: u32,
    tokens: usize,
    depth_max: u64,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let ids = rng.between(4, 12) as usize;
        let plan = Self {
            ids,
            nodes: vec![Node { commands: vec![Command::Add(1)], poison: false }],
            events: Default::default(),
            door: (0..rng.between(4, 24)).map(|_| rng.index(ids)).collect(),
            refused: Vec::new(),
            door_node: 0,
        };
        let depth_max = rng.between(2, 4);
        let mut builder = Builder { rng, plan, uids: 0, tokens: 0, depth_max };
        builder.events();
        builder.plan
    }

    /// How many records there are.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.events.iter().flatten().map(Vec::len).sum::<usize>() + self.door.len()
    }

    /// Which reader and partition hold the events of an id: one, so that they have an order.
    #[must_use]
    pub fn partition_of(id: usize) -> (usize, usize) {
        (id % READERS, (id / READERS) % PARTITIONS)
    }
}

impl Builder {
    fn events(&mut self) {
        let count = self.rng.between(200, 320);
        let mut seqs = std::collections::BTreeMap::new();
        let mut open_tokens: Vec<(usize, usize, usize)> = Vec::new();
        let mut racing: Vec<(usize, usize)> = Vec::new();
        for number in 0..count {
            let id = self.rng.index(self.plan.ids);
            let (reader, partition) = Plan::partition_of(id);
            let event = match self.rng.below(100) {
                0 => Event::NoKey { uid: self.uid() },
                1 => Event::NoValue { uid: self.uid() },
                2 => Event::BadKey { uid: self.uid() },
                3 => Event::Malformed { uid: self.uid() },
                _ => {
                    let mut route = self.rng.index(ROUTES.len());
                    let mut commands = if number == 0 { self.ring(id) } else { self.commands(0) };
                    if self.rng.chance(150_000) {
                        let note = self.rng.chance(600_000).then(|| self.uid());
                        commands.push(Command::Note(note));
                    }
                    if ROUTES[route].len() == 1 && self.rng.chance(60_000) {
                        commands.push(self.send_soon());
                        if self.rng.chance(100_000) {
                            commands.push(Command::Cancel { token: self.tokens - 1 });
                        } else {
                            racing.push((id, self.tokens - 1));
                        }
                    }
                    if let Some(index) = racing.iter().position(|(owner, _)| *owner == id)
                        && self.rng.chance(300_000)
                    {
                        // By whichever function of the id: it may come before, between or after.
                        commands.push(Command::Cancel { token: racing.swap_remove(index).1 });
                    }
                    // Tokens are shared by all functions of an id, so only one function may get such an event.
                    if ROUTES[route].len() == 1 && self.rng.chance(100_000) {
                        commands.push(self.send_at_the_end());
                        if self.rng.chance(300_000) {
                            commands.push(Command::Cancel { token: self.tokens - 1 });
                        } else {
                            open_tokens.push((id, route, self.tokens - 1));
                        }
                    } else if let Some(index) = open_tokens.iter().position(|(owner, ..)| *owner == id)
                        && self.rng.chance(400_000)
                    {
                        let (_, of, token) = open_tokens.swap_remove(index);
                        route = of;
                        commands.push(Command::Cancel { token });
                    }
                    self.tree(route, id, commands, &mut seqs)
                }
            };
            self.plan.events[reader][partition].push(event);
        }
        for (id, route, token) in open_tokens {
            let (reader, partition) = Plan::partition_of(id);
            let event = self.tree(route, id, vec![Command::Cancel { token }], &mut seqs);
            self.plan.events[reader][partition].push(event);
        }
    }

    fn tree(
        &mut self,
        route: usize,
        id: usize,
        commands: Vec<Command>,
        seqs: &mut std::collections::BTreeMap<(usize, usize), u32>,
    ) -> Event {
        let seq = seqs.entry((route, id)).or_default();
        *seq += 1;
        Event::Tree { route, id, node: self.node(commands), seq: *seqs.entry((route, id)).or_default() }
    }

    /// Everybody of an id, round and round: a cycle of messages through embedded and remote functions.
    fn ring(&mut self, id: usize) -> Vec<Command> {
        let mut commands = vec![Command::Add(1)];
        for round in 0..3 {
            for kind in [STUBBORN, EMBER_ONE, PARKING, EMBER_TWO] {
                let node = self.node(commands);
                commands = vec![Command::Send { to: Who { kind, id: (id + round) % self.plan.ids }, node }];
            }
        }
        commands
    }

    fn commands(&mut self, depth: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        for _ in 0..self.rng.between(1, 3) {
            let choice = self.rng.below(100);
            commands.push(match choice {
                0..30 => Command::Add(self.rng.between(1, 9) as i64),
                30..45 => self.write(LEDGER),
                45..52 => self.write(FEED),
                52..82 if depth < self.depth_max => {
                    let (to, node) = self.subtree(depth);
                    Command::Send { to, node }
                }
                82..90 if depth < self.depth_max => {
                    let (to, node) = self.subtree(depth);
                    Command::SendLater { delay_ms: self.rng.between(0, 120), to, node }
                }
                90..92 => {
                    let node = self.node(Vec::new());
                    Command::Send { to: Who { kind: GHOST, id: self.rng.index(self.plan.ids) }, node }
                }
                92..94 => {
                    let commands = vec![Command::Add(1_000_000)];
                    let node = self.node(commands);
                    self.plan.nodes[node].poison = true;
                    let kind = self.rng.one_of(&[EMBER_ONE, EMBER_TWO, PARKING]);
                    Command::Send { to: Who { kind, id: self.rng.index(self.plan.ids) }, node }
                }
                _ => Command::Add(1),
            });
        }
        commands
    }

    fn subtree(&mut self, depth: u64) -> (Who, usize) {
        let commands = self.commands(depth + 1);
        let node = self.node(commands);
        let kind = self.rng.one_of(&[EMBER_ONE, EMBER_TWO, STUBBORN, PARKING]);
        (Who { kind, id: self.rng.index(self.plan.ids) }, node)
    }

    fn send_at_the_end(&mut self) -> Command {
        let node = self.node(vec![Command::Add(1_000_000_000)]);
        self.tokens += 1;
        let to = Who { kind: EMBER_ONE, id: self.rng.index(self.plan.ids) };
        Command::SendAtTheEnd { token: self.tokens - 1, to, node }
    }

    fn send_soon(&mut self) -> Command {
        let token = self.tokens;
        self.tokens += 1;
        let node = self.node(vec![Command::Once(token as u32)]);
        let kind = self.rng.one_of(&[EMBER_ONE, EMBER_TWO, STUBBORN, PARKING]);
        let to = Who { kind, id: self.rng.index(self.plan.ids) };
        Command::SendSoon { token, delay_ms: self.rng.between(0, 80), to, node }
    }

    fn write(&mut self, egress: usize) -> Command {
        let uid = self.uid();
        if egress == LEDGER && self.rng.chance(30_000) {
            self.plan.refused.push(uid);
        }
        Command::Write { egress, uid }
    }

    fn node(&mut self, commands: Vec<Command>) -> usize {
        self.plan.nodes.push(Node { commands, poison: false });
        self.plan.nodes.len() - 1
    }

    fn uid(&mut self) -> u32 {
        self.uids += 1;
        self.uids
    }
}
