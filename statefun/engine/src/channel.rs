//! FIFO channels between participants, and the markers that ride in them.
//!
//! A channel is ordered; two channels have no mutual order. A marker therefore travels the very channels that carry
//! envelopes (Chandy and Lamport, 1985): what was sent ahead of it belongs to its epoch, what comes behind does not.

use statefun::{Ask, EgressRecord, Envelope, Epoch, ShardId, SinkId, SourceId};

use crate::time::Point;

/// One end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Participant {
    /// An ingress.
    Source(SourceId),
    /// A range of key groups.
    Shard(ShardId),
    /// An egress.
    Sink(SinkId),
}

impl std::fmt::Display for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(id) => id.fmt(f),
            Self::Shard(id) => id.fmt(f),
            Self::Sink(id) => id.fmt(f),
        }
    }
}

/// Carries an epoch through channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The epoch that closes here.
    pub epoch: Epoch,
    /// The newest epoch that had completed when this one began. Two channels have no mutual order, so a marker may
    /// overtake the news about the epoch before it; this is how the receiver learns what became of that.
    pub completed: Epoch,
}

/// What travels to a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Envelope(Envelope),
    /// A message whose caller may come back.
    Ask(Box<Ask>),
    /// The end of an epoch on this channel.
    Marker(Marker),
    /// What its sender counted of the messages ahead of it; see [`time`](crate::time).
    Release(Box<[Point]>),
}

/// What travels to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkItem {
    /// A record.
    Record(EgressRecord),
    /// The end of an epoch on this channel.
    Marker(Marker),
}

/// Who takes part: fixes which channels exist, and so whose markers a participant waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Sources 0..n.
    pub sources: u16,
    /// Shards 0..n.
    pub shards: u16,
    /// Sinks 0..n; the last one keeps the dead letters.
    pub sinks: u16,
}

impl Topology {
    /// Everybody.
    pub fn participants(self) -> impl Iterator<Item = Participant> {
        (0..self.sources)
            .map(|id| Participant::Source(SourceId(id)))
            .chain((0..self.shards).map(|id| Participant::Shard(ShardId(id))))
            .chain((0..self.sinks).map(|id| Participant::Sink(SinkId(id))))
    }

    /// Who sends to a shard: every source and every other shard. What a shard sends to itself never leaves it.
    pub fn inbound_of_shard(self, shard: ShardId) -> impl Iterator<Item = Participant> {
        self.participants().filter(move |from| match from {
            Participant::Source(_) => true,
            Participant::Shard(id) => *id != shard,
            Participant::Sink(_) => false,
        })
    }

    /// Who sends to a sink: every source (unroutable records), every shard and, to the dead letters, every other sink.
    pub fn inbound_of_sink(self, sink: SinkId) -> impl Iterator<Item = Participant> {
        let dead_letters = self.dead_letters();
        self.participants().filter(move |from| match from {
            Participant::Source(_) | Participant::Shard(_) => true,
            Participant::Sink(id) => sink == dead_letters && *id != sink,
        })
    }

    /// The sink that keeps what could not be delivered.
    #[must_use]
    pub fn dead_letters(self) -> SinkId {
        SinkId(self.sinks - 1)
    }
}
