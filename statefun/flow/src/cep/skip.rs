//! What a match takes away from the matches that overlap it.

use serde::{Deserialize, Serialize};

/// What happens, once a match is emitted, to the other matches and partial matches.
///
/// With any strategy but [`SkipStrategy::NoSkip`] matches leave in the order of their first events: a complete match
/// waits while a partial match that started earlier is alive, because that one might complete and take it away. Give
/// such a pattern a time limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SkipStrategy {
    /// Nothing: every match is emitted, at once.
    #[default]
    NoSkip,
    /// Those that started with the same event or earlier are dropped.
    SkipToNext,
    /// Those that started with an event of the match or earlier are dropped.
    SkipPastLast,
    /// Those that started before the first event of a stage are dropped; none if the match lacks the stage.
    SkipToFirst {
        /// The stage.
        name: String,
    },
    /// Those that started before the last event of a stage are dropped; none if the match lacks the stage.
    SkipToLast {
        /// The stage.
        name: String,
    },
}

impl SkipStrategy {
    /// The stage that is skipped to.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        match self {
            Self::NoSkip | Self::SkipToNext | Self::SkipPastLast => None,
            Self::SkipToFirst { name } | Self::SkipToLast { name } => Some(name),
        }
    }
}
