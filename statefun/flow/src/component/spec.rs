//! The description of a component, as data.

use serde::{Deserialize, Serialize};

use crate::cep::Pattern;
use crate::join::IntervalSpec;
use crate::json::Json;
use crate::window::WindowSpec;

/// A window, a join or a pattern over JSON events: a function without code.
///
/// ```
/// use statefun_flow::component::ComponentSpec;
///
/// let spec: ComponentSpec = serde_json::from_value(serde_json::json!({
///     "name": "shop/sales-per-minute",
///     "inputs": [{"from": "shop/orders", "key": "event.product"}],
///     "operator": {"window": {
///         "spec": {"assigner": {"type": "tumbling", "size": 60000}},
///         "aggregates": [{"name": "total", "kind": "sum", "of": "event.price"}],
///     }},
///     "to": [{"egress": {"egress": "shop/reports", "topic": "sales"}}],
/// }))?;
/// assert_eq!(spec.inputs.len(), 1);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentSpec {
    /// The function type under which it runs: `namespace/name`.
    pub name: String,
    /// Where events come from: one input or more; exactly two, left and right, for joins.
    pub inputs: Vec<InputSpec>,
    /// What it does.
    pub operator: OperatorSpec,
    /// Where results go.
    #[serde(default)]
    pub to: Vec<TargetSpec>,
    /// Where late events go; they are counted and dropped if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_to: Option<TargetSpec>,
    /// Where partial matches go that ran out of time; patterns only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_to: Option<TargetSpec>,
    /// Where partial matches and events go that are more than a key may hold; to the dead letters if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow_to: Option<TargetSpec>,
    /// 1 + the highest level of the components that events come from, directly or through plain functions.
    #[serde(default = "first_level")]
    pub level: u8,
    /// The ingresses whose time it follows; all that have one if empty.
    #[serde(default)]
    pub ingresses: Vec<String>,
}

fn first_level() -> u8 {
    1
}

/// Where events come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The ingress, component or function that sends them.
    pub from: String,
    /// An expression of `event`: its key, a text, a number or a boolean. The id that a message is addressed to if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// An expression of `event`: its time in milliseconds. The event time of the message if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// An expression of `event`: whether it is looked at. All are if absent.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// What a component does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OperatorSpec {
    /// Aggregates of windows: results have `key`, `start`, `end` and one field for each aggregate.
    Window(WindowComponent),
    /// Pairs of the two inputs in the same window: results have `key`, `start`, `end`, `left`, `right`.
    WindowJoin {
        /// The windows.
        spec: WindowSpec,
        /// An expression of `event`: how long it keeps a session open, for dynamic sessions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<String>,
    },
    /// What each input has in a window: results have `key`, `start`, `end`, and lists `left`, `right`.
    Cogroup {
        /// The windows.
        spec: WindowSpec,
        /// An expression of `event`: how long it keeps a session open, for dynamic sessions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<String>,
    },
    /// Pairs of the two inputs whose times are close: results have `key`, `left`, `right`, `left_at`, `right_at`.
    IntervalJoin(IntervalSpec),
    /// Matches of a pattern: results have `key`, `at` and `match`, an object from stages to lists of events.
    Pattern {
        /// The pattern. Conditions may be expressions of `event` and `matched`.
        pattern: Pattern<Json>,
        /// What becomes of keys whose partial matches were made by another pattern.
        #[serde(default)]
        on_change: OtherPattern,
    },
}

/// Windows and what is computed of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowComponent {
    /// The windows.
    pub spec: WindowSpec,
    /// What is computed, each under a name of its own.
    pub aggregates: Vec<AggregateSpec>,
    /// An expression of `event`: how long it keeps a session open, for dynamic sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// An expression of `event`: its measure, for delta triggers and delta evictors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregateSpec {
    /// The field of the result.
    pub name: String,
    /// What is computed.
    #[serde(flatten)]
    pub kind: AggregateKind,
    /// An expression of `event`: of what. The event itself if absent. Events for which it is null are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AggregateKind {
    /// How many.
    Count,
    /// The sum of numbers; an integer as long as all of them are.
    Sum,
    /// The least, of numbers or of texts.
    Min,
    /// The greatest, of numbers or of texts.
    Max,
    /// The arithmetic mean of numbers; null if there are none.
    Avg,
    /// That of the earliest event.
    First,
    /// That of the latest event.
    Last,
    /// How many different ones; exact, so all of them are kept.
    Distinct,
    /// About how many different ones, in a few KiB however many there are.
    DistinctApprox,
    /// Quantiles of numbers, by a t-digest: a list, one for each of `q`.
    Quantiles {
        /// Which ones, from 0 to 1.
        q: Vec<f64>,
    },
    /// The `k` greatest, the greatest first.
    TopK {
        /// How many.
        k: usize,
    },
    /// All of them, as a list in order of arrival.
    Collect,
}

/// What becomes of a key whose partial matches were made by another pattern than the one that runs now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherPattern {
    /// They stay, and its events fail, until the pattern that made them is back.
    #[default]
    Keep,
    /// They are dropped, visibly, and the key begins anew; events that wait for the watermark stay.
    Discard,
}

/// Where something goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetSpec {
    /// A function or a component.
    Function {
        /// Its type: `namespace/name`.
        function: String,
        /// An expression of `result`: the id. The key of the result if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// An expression of `result`: what is sent. The result itself if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        select: Option<String>,
        /// The typename of the message: JSON text, `io.statefun.flow/json` if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value_type: Option<String>,
        /// Which input of a join it is for: 0 is left, 1 is right.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<u8>,
    },
    /// An egress.
    Egress {
        /// Its id: `namespace/name`.
        egress: String,
        /// The topic, for a Kafka egress.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// An expression of `result`: the record's key, for a Kafka egress. The key of the result if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// An expression of `result`: what is written. The result itself if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        select: Option<String>,
    },
}
