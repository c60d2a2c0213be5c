//! The numbers that conditions compare.

use std::fmt;

use super::super::accepted::Accepted;
use super::super::event::Event;

/// A number found in the event, in the events accepted before it, or in the pattern itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// A constant.
    Constant(f64),
    /// A field of the event at hand.
    Field(String),
    /// The sum; no value if a part has none.
    Sum(Vec<Number>),
    /// An aggregate over the events accepted for a stage.
    Of {
        /// What is computed.
        aggregate: Aggregate,
        /// The stage whose events are read, in the order of their acceptance; the event at hand is not among them.
        stage: String,
        /// The field of those events.
        field: String,
    },
}

/// What is computed over the events of a stage. Events without the field are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The sum, 0 of nothing.
    Sum,
    /// How many events, whatever their fields, 0 of nothing.
    Count,
    /// The least; nothing of nothing.
    Min,
    /// The greatest; nothing of nothing.
    Max,
    /// The arithmetic mean; nothing of nothing.
    Avg,
    /// The value of the first event; nothing of nothing.
    First,
    /// The value of the last event; nothing of nothing.
    Last,
}

impl Number {
    /// A field of the event at hand.
    pub fn field(field: impl Into<String>) -> Self {
        Self::Field(field.into())
    }

    /// An aggregate over a field of the events accepted for `stage`.
    pub fn of(aggregate: Aggregate, stage: impl Into<String>, field: impl Into<String>) -> Self {
        Self::Of { aggregate, stage: stage.into(), field: field.into() }
    }

    pub(super) fn is_iterative(&self) -> bool {
        match self {
            Self::Constant(_) | Self::Field(_) => false,
            Self::Sum(parts) => parts.iter().any(Self::is_iterative),
            Self::Of { .. } => true,
        }
    }

    pub(super) fn stages_read(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) | Self::Field(_) => Vec::new(),
            Self::Sum(parts) => parts.iter().flat_map(Self::stages_read).collect(),
            Self::Of { stage, .. } => vec![stage],
        }
    }

    pub(super) fn value<E: Event>(&self, event: &E, accepted: &Accepted<'_, E>) -> Option<f64> {
        match self {
            Self::Constant(constant) => Some(*constant),
            Self::Field(field) => event.number(field),
            Self::Sum(parts) => {
                parts.iter().try_fold(0.0, |sum, part| part.value(event, accepted).map(|value| sum + value))
            }
            Self::Of { aggregate: Aggregate::Count, stage, .. } => Some(count(accepted.newest_first(stage).count())),
            Self::Of { aggregate, stage, field } => {
                let mut values: Vec<f64> =
                    accepted.newest_first(stage).filter_map(|accepted| accepted.number(field)).collect();
                values.reverse();
                aggregate.over(&values)
            }
        }
    }
}

/// Counts stay far below 2^53, where a double is exact.
#[allow(clippy::cast_precision_loss, reason = "a partial match never holds 2^53 events")]
fn count(events: usize) -> f64 {
    events as f64
}

impl Aggregate {
    fn over(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Count => Some(count(values.len())),
            Self::Sum => Some(values.iter().sum::<f64>() + 0.0),
            Self::Min => values.iter().copied().reduce(f64::min),
            Self::Max => values.iter().copied().reduce(f64::max),
            Self::Avg if values.is_empty() => None,
            Self::Avg => Some(values.iter().sum::<f64>() / count(values.len())),
            Self::First => values.first().copied(),
            Self::Last => values.last().copied(),
        }
    }

    /// The name as written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(constant) => write!(f, "{constant}"),
            Self::Field(field) => f.write_str(field),
            Self::Sum(parts) => {
                for (n, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if n == 0 { "" } else { " + " })?;
                }
                Ok(())
            }
            Self::Of { aggregate, stage, field } if field.is_empty() => write!(f, "{}({stage})", aggregate.name()),
            Self::Of { aggregate, stage, field } => write!(f, "{}({stage}.{field})", aggregate.name()),
        }
    }
}
