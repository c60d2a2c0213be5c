//! What functions tell each other, and how it is counted.

use super::plan::{PARTITIONS, ROUTES, Who};

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
pub(super) const LANES_OF_FUNCTIONS_FROM: u32 = 10_000;

/// The lane of a source's partition, route and id.
#[must_use]
pub fn lane_of_events(reader: usize, partition: usize, route: usize, id: usize) -> u32 {
    (((reader * PARTITIONS + partition) * ROUTES.len() + route) * 100 + id) as u32
}

/// Which target of its route `me` is, when the message came from a source; otherwise what the message says.
pub(super) fn branch_of(me: Who, message: Message) -> u32 {
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
    /// The counter of a lane, made if there is none yet.
    pub(super) fn entry(&mut self, lane: u32) -> &mut u32 {
        let index = match self.0.binary_search_by_key(&lane, |(known, _)| *known) {
            Ok(index) => index,
            Err(index) => {
                self.0.insert(index, (lane, 0));
                index
            }
        };
        &mut self.0[index].1
    }

    /// Counts one more.
    pub(super) fn next(&mut self, lane: u32) -> u32 {
        let entry = self.entry(lane);
        *entry += 1;
        *entry
    }

    /// Adds their bytes.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
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
