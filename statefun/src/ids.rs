//! Ordinals of participants, calls and cuts.

use std::fmt;

macro_rules! ordinal {
    ($(#[$doc:meta])* $name:ident($inner:ty), $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($label, " {}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

ordinal!(
    /// A contiguous range of key groups, run by exactly one actor on one thread.
    ShardId(u16), "shard"
);
ordinal!(
    /// A source: an ingress as a participant in snapshots.
    SourceId(u16), "source"
);
ordinal!(
    /// A sink: an egress as a participant in snapshots.
    SinkId(u16), "sink"
);
ordinal!(
    /// Ordinal of a consistent snapshot. Never used twice, not even after it was abandoned.
    Epoch(u64), "epoch"
);
ordinal!(
    /// Ordinal of an incarnation of the whole system; everything from an older one is void.
    Generation(u64), "generation"
);
ordinal!(
    /// One request to a remote function, unique within a shard and generation.
    CallId(u64), "call"
);

impl Epoch {
    /// The one behind this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Identifies one history of state: minted when state begins and by every restore from a savepoint, so that what
/// one history published is never taken for another's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lineage(pub u128);
