//! Where reading of a partition begins: the decision, without the questions that lead to it.

use std::fmt;

use super::OffsetReset;

/// What is known about where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The oldest record.
    Earliest,
    /// What arrives from now on.
    Latest,
    /// An offset somebody configured or committed.
    Offset(i64),
    /// Nothing: the group has committed none.
    Unknown,
    /// The position up to which the state knows the partition.
    Restored(i64),
}

/// What the broker has: the oldest offset, and the one behind the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Extent {
    fn holds(self, offset: i64) -> bool {
        (self.low..=self.high).contains(&offset)
    }

    pub(super) fn reset(self, reset: OffsetReset) -> i64 {
        match reset {
            OffsetReset::Earliest => self.low,
            OffsetReset::Latest => self.high,
        }
    }
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At this offset.
    At(i64),
    /// The position that the state knows is gone.
    Lost,
}

/// Decides where to begin.
pub(super) fn begin(wanted: Wanted, extent: Extent, reset: OffsetReset) -> Begin {
    match wanted {
        Wanted::Earliest => Begin::At(extent.low),
        Wanted::Latest => Begin::At(extent.high),
        Wanted::Offset(offset) | Wanted::Restored(offset) if extent.holds(offset) => Begin::At(offset),
        Wanted::Offset(_) | Wanted::Unknown => Begin::At(extent.reset(reset)),
        Wanted::Restored(_) => Begin::Lost,
    }
}

/// A position that is gone, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) position: i64,
    pub(super) extent: Extent,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, position, extent: Extent { low, high } } = self;
        write!(f, "{topic}/{partition} was read up to offset {position}, ")?;
        if position < low {
            write!(f, "the broker now begins at {low}: retention removed {} offsets nobody had read", low - position)
        } else {
            write!(f, "the broker now ends at {high}: the topic was probably deleted and made again")
        }
    }
}

/// What can be done about positions that are gone.
pub(super) fn choices(lost: &[Lost]) -> String {
    let lost: Vec<String> = lost.iter().map(Lost::to_string).collect();
    format!(
        "the state's position is gone: {}. Choose: start from a savepoint whose positions still exist; or accept the gap by \
         allowing lost positions to be reset, which goes on at autoOffsetResetPosition; or start with fresh state",
        lost.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { low: 100, high: 250 };

    #[test]
    fn an_offset_that_exists_is_where_reading_begins() {
        for offset in [100, 175, 250] {
            for wanted in [Wanted::Offset(offset), Wanted::Restored(offset)] {
                assert_eq!(begin(wanted, EXTENT, OffsetReset::Latest), Begin::At(offset));
            }
        }
        assert_eq!(begin(Wanted::Earliest, EXTENT, OffsetReset::Latest), Begin::At(100));
        assert_eq!(begin(Wanted::Latest, EXTENT, OffsetReset::Earliest), Begin::At(250));
    }

    #[test]
    fn an_offset_that_does_not_exist_is_reset_as_configured() {
        for wanted in [Wanted::Offset(99), Wanted::Offset(251), Wanted::Unknown] {
            assert_eq!(begin(wanted, EXTENT, OffsetReset::Earliest), Begin::At(100));
            assert_eq!(begin(wanted, EXTENT, OffsetReset::Latest), Begin::At(250));
        }
    }

    #[test]
    fn a_position_of_the_state_is_never_moved_silently() {
        for offset in [99, 251] {
            assert_eq!(begin(Wanted::Restored(offset), EXTENT, OffsetReset::Earliest), Begin::Lost);
        }
    }

    #[test]
    fn the_message_says_what_is_lost_and_what_can_be_done() {
        let lost = |position| Lost { topic: "orders".to_owned(), partition: 3, position, extent: EXTENT };
        let message = choices(&[lost(42), lost(300)]);
        for part in [
            "orders/3 was read up to offset 42, the broker now begins at 100: retention removed 58 offsets",
            "orders/3 was read up to offset 300, the broker now ends at 250",
            "savepoint",
            "autoOffsetResetPosition",
        ] {
            assert!(message.contains(part), "{part:?} is missing in: {message}");
        }
    }
}
