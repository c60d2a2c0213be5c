//! What a pattern component looks for.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;

use super::Expression;

/// Stages of events, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatternSpec {
    /// The stages; not empty.
    pub stages: Vec<Stage>,
    /// Less than this lies between the first event and the last.
    pub within: Option<Duration>,
    /// What a match takes away from others.
    pub skip: Skip,
    /// The most partial matches one key may hold; `None`: the default.
    pub partial_matches_max: Option<NonZeroU32>,
    /// The most events that may wait for the watermark at one key; `None`: the default.
    pub waiting_events_max: Option<NonZeroU32>,
    /// Which partial matches give way when a key is full.
    pub on_overflow: OnOverflow,
    /// What becomes of partial matches when the pattern has changed since they began.
    pub on_change: OnChange,
}

/// One stage, or a group of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// The name; `None` for a group.
    pub name: Option<String>,
    /// The stages of a group; empty for a named stage.
    pub group: Vec<Stage>,
    /// How it follows the stage before; the first of a pattern or group follows nothing.
    pub link: Option<Link>,
    /// Which events fit; `None`: all.
    pub condition: Option<Expression>,
    /// How often.
    pub times: StageTimes,
    /// What may lie between repetitions.
    pub between: Between,
    /// Takes what it can before the next stage may take anything.
    pub greedy: bool,
    /// May be left out.
    pub optional: bool,
    /// The repetition ends for good at an event for which this holds.
    pub until: Option<Expression>,
    /// Its event comes less than this after the event accepted before it.
    pub within_previous: Option<Duration>,
}

/// How a stage follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Link {
    /// At once.
    Next,
    /// With the first event that fits.
    FollowedBy,
    /// With any event that fits.
    FollowedByAny,
    /// Not at once.
    NotNext,
    /// Not before the stage that comes then.
    NotFollowedBy,
}

impl Link {
    /// The words of the language.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("next", Self::Next),
        ("followedBy", Self::FollowedBy),
        ("followedByAny", Self::FollowedByAny),
        ("notNext", Self::NotNext),
        ("notFollowedBy", Self::NotFollowedBy),
    ];

    /// As written.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, link)| *link == self).map_or("", |(word, _)| word)
    }
}

/// How often a stage occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StageTimes {
    /// Once.
    Once,
    /// So often.
    Exactly(NonZeroU32),
    /// At least and at most so often.
    Between(u32, NonZeroU32),
    /// So often or more.
    AtLeast(NonZeroU32),
}

/// What may lie between repetitions of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Between {
    /// Events that do not fit.
    Unfitting,
    /// Nothing.
    Nothing,
    /// Anything.
    Anything,
}

/// What a match takes away from others that overlap it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "stage", rename_all = "camelCase")]
pub enum Skip {
    /// Nothing.
    None,
    /// Those that began with the same event.
    Next,
    /// Those that began with an event of it.
    PastLast,
    /// Those that began before the first event of a stage.
    ToFirst(String),
    /// Those that began before the last event of a stage.
    ToLast(String),
}

/// Which partial matches give way when a key is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnOverflow {
    /// Those that began last.
    DropNewest,
    /// Those that began first.
    DropOldest,
}

/// What becomes of partial matches when the pattern has changed since they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnChange {
    /// They stay, and events of their keys fail, until the pattern that made them is back.
    Keep,
    /// They are dropped.
    Discard,
}

impl Stage {
    /// A stage that any single event fits.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::group(Vec::new()) }
    }

    /// A group of stages.
    #[must_use]
    pub fn group(stages: Vec<Self>) -> Self {
        Self {
            name: None,
            group: stages,
            link: None,
            condition: None,
            times: StageTimes::Once,
            between: Between::Unfitting,
            greedy: false,
            optional: false,
            until: None,
            within_previous: None,
        }
    }

    /// The names of this stage and of those in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names = Vec::new();
        self.collect_names(&mut names);
        names.into_iter()
    }

    fn collect_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        names.extend(self.name.as_deref());
        for stage in &self.group {
            stage.collect_names(names);
        }
    }
}
