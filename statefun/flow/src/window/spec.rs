//! The description of a window operator, as data.

use serde::{Deserialize, Serialize};

use super::{Assigner, Evictor, Trigger, Window};
use crate::time::{MAX, Millis};

/// What a window operator does, apart from what it computes.
///
/// ```
/// use statefun_flow::window::WindowSpec;
///
/// let spec: WindowSpec = serde_json::from_str(
///     r#"{"assigner": {"type": "sliding", "size": 10000, "slide": 1000}, "allowed_lateness": 500}"#,
/// )?;
/// spec.validate().expect("a slide within its size");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Which windows an event belongs to.
    pub assigner: Assigner,
    /// When a window fires, if not as its assigner has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Which events leave a window when it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evictor: Option<Evictor>,
    /// How long a window stays for late events behind its end.
    #[serde(default)]
    pub allowed_lateness: Millis,
    /// Whether late events are handed out; they are dropped otherwise.
    #[serde(default)]
    pub late_output: bool,
}

/// A description that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A length, a distance or a number that must be positive is not.
    #[error("{what} of a window must be positive, it is {value}")]
    NotPositive {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: i64,
    },
    /// An offset that does not lie within the grid that it shifts.
    #[error("offset {offset} must be less than {step} in either direction")]
    OffsetTooLarge {
        /// The offset.
        offset: Millis,
        /// The distance between windows.
        step: Millis,
    },
    /// Cumulating windows that do not reach their size.
    #[error("a cumulating window of size {size} cannot grow by steps of {step}: the step must divide the size")]
    UnevenSteps {
        /// The size.
        size: Millis,
        /// The step.
        step: Millis,
    },
    /// Sessions merge, and this trigger cannot.
    #[error("a delta trigger cannot be used with sessions: what it remembers of two sessions has no union")]
    TriggerCannotMerge,
    /// The description needs a function that was not given.
    #[error("{what} needs a function from the event to {to}")]
    FunctionMissing {
        /// The part that needs it.
        what: &'static str,
        /// What it must give.
        to: &'static str,
    },
}

impl WindowSpec {
    /// The windows of `assigner`, with its own trigger and no lateness.
    #[must_use]
    pub fn new(assigner: Assigner) -> Self {
        Self { assigner, trigger: None, evictor: None, allowed_lateness: 0, late_output: false }
    }

    /// The trigger in effect.
    #[must_use]
    pub fn effective_trigger(&self) -> Trigger {
        if let Some(trigger) = &self.trigger {
            return trigger.clone();
        }
        match &self.assigner {
            Assigner::Global => Trigger::Never,
            Assigner::GlobalEndOfStream => Trigger::EndOfStream,
            Assigner::Count { slide: Some(n), .. } => Trigger::Count { n: *n },
            Assigner::Count { size, slide: None } => Trigger::Purging { inner: Box::new(Trigger::Count { n: *size }) },
            _ => Trigger::EventTime,
        }
    }

    /// The evictor in effect.
    #[must_use]
    pub fn effective_evictor(&self) -> Option<Evictor> {
        match (&self.evictor, &self.assigner) {
            (Some(evictor), _) => Some(evictor.clone()),
            (None, Assigner::Count { size, slide: Some(_) }) => Some(Evictor::Count { n: *size, after: false }),
            (None, _) => None,
        }
    }

    /// When the content of a window is dropped; [`MAX`] means never.
    #[must_use]
    pub fn cleanup(&self, window: Window) -> Millis {
        if self.assigner.is_timed() { window.last().saturating_add(self.allowed_lateness) } else { MAX }
    }

    /// Whether an event that found all its windows closed is late, and not just in a gap between windows.
    #[must_use]
    pub fn is_late(&self, at: Millis, watermark: Millis) -> bool {
        self.assigner.is_timed() && at.saturating_add(self.allowed_lateness) <= watermark
    }

    /// Whether the description makes sense.
    ///
    /// # Errors
    /// Says what does not.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.allowed_lateness < 0 {
            return Err(SpecError::NotPositive { what: "the allowed lateness", value: self.allowed_lateness });
        }
        match self.assigner {
            Assigner::Tumbling { size, offset } => {
                positive("the size", size)?;
                within(offset, size)?;
            }
            Assigner::Sliding { size, slide, offset } => {
                positive("the size", size)?;
                positive("the slide", slide)?;
                within(offset, slide)?;
            }
            Assigner::Cumulate { size, step, offset } => {
                positive("the size", size)?;
                positive("the step", step)?;
                within(offset, size)?;
                if size % step != 0 {
                    return Err(SpecError::UnevenSteps { size, step });
                }
            }
            Assigner::Session { gap } => positive("the gap", gap)?,
            Assigner::Count { size, slide } => {
                positive("the count", i64::try_from(size).unwrap_or(i64::MAX))?;
                positive("the slide", slide.map_or(1, |slide| i64::try_from(slide).unwrap_or(i64::MAX)))?;
            }
            Assigner::SessionDynamic | Assigner::Global | Assigner::GlobalEndOfStream => {}
        }
        let trigger = self.effective_trigger();
        validate_trigger(&trigger)?;
        if self.assigner.merges() && !trigger.can_merge() {
            return Err(SpecError::TriggerCannotMerge);
        }
        Ok(())
    }
}

fn validate_trigger(trigger: &Trigger) -> Result<(), SpecError> {
    match trigger {
        Trigger::Count { n } => positive("the count of the trigger", i64::try_from(*n).unwrap_or(i64::MAX)),
        Trigger::ContinuousEventTime { interval } => positive("the interval of the trigger", *interval),
        Trigger::Purging { inner } => validate_trigger(inner),
        Trigger::EventTime
        | Trigger::ProcessingTime
        | Trigger::Delta { .. }
        | Trigger::EndOfStream
        | Trigger::Never => Ok(()),
    }
}

fn positive(what: &'static str, value: i64) -> Result<(), SpecError> {
    if value > 0 { Ok(()) } else { Err(SpecError::NotPositive { what, value }) }
}

fn within(offset: Millis, step: Millis) -> Result<(), SpecError> {
    if offset.unsigned_abs() < step.unsigned_abs() { Ok(()) } else { Err(SpecError::OffsetTooLarge { offset, step }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> SpecError {
        serde_json::from_str::<WindowSpec>(json).unwrap().validate().unwrap_err()
    }

    #[test]
    fn sizes_and_distances_must_be_positive() {
        let error = refused(r#"{"assigner": {"type": "tumbling", "size": 0}}"#);
        assert_eq!(error.to_string(), "the size of a window must be positive, it is 0");
        refused(r#"{"assigner": {"type": "sliding", "size": 5, "slide": -1}}"#);
        refused(r#"{"assigner": {"type": "session", "gap": 0}}"#);
        refused(r#"{"assigner": {"type": "count", "size": 3, "slide": 0}}"#);
        refused(r#"{"assigner": {"type": "tumbling", "size": 5}, "allowed_lateness": -1}"#);
        refused(
            r#"{"assigner": {"type": "global"}, "trigger": {"type": "purging", "inner": {"type": "count", "n": 0}}}"#,
        );
    }

    #[test]
    fn an_offset_must_lie_within_its_grid() {
        let error = refused(r#"{"assigner": {"type": "sliding", "size": 9, "slide": 3, "offset": -3}}"#);
        assert_eq!(error, SpecError::OffsetTooLarge { offset: -3, step: 3 });
    }

    #[test]
    fn the_steps_of_cumulating_windows_must_divide_the_size() {
        let error = refused(r#"{"assigner": {"type": "cumulate", "size": 10, "step": 3}}"#);
        assert_eq!(error, SpecError::UnevenSteps { size: 10, step: 3 });
    }

    #[test]
    fn sessions_refuse_a_trigger_that_cannot_merge() {
        let error = refused(
            r#"{"assigner": {"type": "session", "gap": 1}, "trigger": {"type": "purging", "inner": {"type": "delta", "threshold": 1.0}}}"#,
        );
        assert_eq!(error, SpecError::TriggerCannotMerge);
    }
}
