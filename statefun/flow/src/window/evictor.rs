//! Which events leave a window when it fires.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Removes events from the content of a window at each firing, before its function runs or (`after`) behind it. What is
/// evicted is gone for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Evictor {
    /// Keeps the `n` events that were added last.
    Count {
        /// How many stay.
        n: u64,
        /// Whether it works after the function.
        #[serde(default)]
        after: bool,
    },
    /// Keeps the events less than `ms` older than the latest one in the window.
    Time {
        /// The span that stays.
        ms: Millis,
        /// Whether it works after the function.
        #[serde(default)]
        after: bool,
    },
    /// Drops the events whose measure is less than that of the last one added by `threshold` or more.
    Delta {
        /// The difference that drops an event.
        threshold: f64,
        /// Whether it works after the function.
        #[serde(default)]
        after: bool,
    },
}

/// An event in the content of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Element<E> {
    pub(crate) at: Millis,
    /// Its ordinal among the events of the key: contents of merged windows keep the order of arrival.
    pub(crate) arrival: u64,
    pub(crate) event: E,
}

impl Evictor {
    /// Whether it works after the function of the window.
    #[must_use]
    pub fn is_after(&self) -> bool {
        match self {
            Self::Count { after, .. } | Self::Time { after, .. } | Self::Delta { after, .. } => *after,
        }
    }

    /// Whether it looks at measures of events.
    pub(crate) fn measures(&self) -> bool {
        matches!(self, Self::Delta { .. })
    }

    /// Evicts from `elements`, which are in order of arrival.
    pub(crate) fn evict<E>(&self, elements: &mut Vec<Element<E>>, measure: impl Fn(&E) -> f64) {
        match self {
            Self::Count { n, .. } => {
                let surplus = elements.len().saturating_sub(usize::try_from(*n).unwrap_or(usize::MAX));
                elements.drain(..surplus);
            }
            Self::Time { ms, .. } => {
                if let Some(latest) = elements.iter().map(|element| element.at).max() {
                    let cut = latest.saturating_sub(*ms);
                    elements.retain(|element| element.at > cut);
                }
            }
            Self::Delta { threshold, .. } => {
                if let Some(last) = elements.last().map(|element| measure(&element.event)) {
                    elements.retain(|element| last - measure(&element.event) < *threshold);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(evictor: &Evictor, events: &[(Millis, i32)]) -> Vec<i32> {
        let numbered = events.iter().zip(0..);
        let mut elements: Vec<_> = numbered.map(|(&(at, event), arrival)| Element { at, arrival, event }).collect();
        evictor.evict(&mut elements, |event| f64::from(*event));
        elements.into_iter().map(|element| element.event).collect()
    }

    #[test]
    fn the_last_n_stay() {
        assert_eq!(left(&Evictor::Count { n: 2, after: false }, &[(3, 1), (2, 2), (1, 3)]), [2, 3]);
    }

    #[test]
    fn the_latest_span_stays_without_its_edge() {
        assert_eq!(left(&Evictor::Time { ms: 2, after: false }, &[(3, 1), (1, 2), (2, 3)]), [1, 3]);
    }

    #[test]
    fn what_is_below_the_last_one_by_the_threshold_leaves() {
        assert_eq!(
            left(&Evictor::Delta { threshold: 5.0, after: false }, &[(0, 1), (0, 0), (0, 9), (0, 5)]),
            [1, 9, 5]
        );
        assert_eq!(left(&Evictor::Delta { threshold: 0.0, after: false }, &[(0, 1), (0, 5)]), [] as [i32; 0]);
    }
}
