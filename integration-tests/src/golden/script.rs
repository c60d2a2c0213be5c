//! The lines of an input script.

use serde::{Deserialize, Serialize};

/// One line, applied only when everything caused by the line before it has been processed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A watermark stated by an input.
    Watermark {
        /// The input it belongs to.
        #[serde(default, rename = "in")]
        input: usize,
        /// The watermark.
        wm: i64,
    },
    /// An input goes idle or becomes active.
    Status {
        /// The input it belongs to.
        #[serde(default, rename = "in")]
        input: usize,
        /// Which of the two.
        status: Status,
    },
    /// Something that happened.
    Event(Event),
}

/// Whether an input takes part in the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It has nothing to say for now.
    Idle,
    /// It speaks again.
    Active,
}

/// An event of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The input it belongs to.
    #[serde(default, rename = "in")]
    pub input: usize,
    /// Unique in the script.
    pub id: i64,
    /// Event time in milliseconds.
    pub ts: i64,
    /// What it is keyed by.
    #[serde(default)]
    pub key: String,
    /// Its type (patterns).
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Its value.
    #[serde(default)]
    pub v: i64,
    /// Its own session gap.
    #[serde(default)]
    pub g: i64,
    /// What a timer function shall do: `set`, `del` or `none`.
    #[serde(default)]
    pub cmd: String,
    /// The time of the timer.
    #[serde(default)]
    pub t: i64,
}
