//! Timers of an operator as those of a function.

use std::time::Duration;

use compact_str::{CompactString, format_compact};
use statefun::function::Context;
use statefun::{EventTime, TypedValue};
use statefun_sdk::value_type;

use crate::time::{Millis, ProcessingTime};
use crate::timers::Timers;

/// A function's context as the operators' clocks and timers.
pub(super) struct Host<'h, 'c>(pub(super) &'h mut Context<'c>);

impl Timers for Host<'_, '_> {
    fn watermark(&self) -> Millis {
        self.0.watermark().0
    }

    fn processing_time(&self) -> ProcessingTime {
        now(self.0)
    }

    fn set_timer(&mut self, at: Millis) {
        self.0.set_timer(EventTime(at));
    }

    fn delete_timer(&mut self, at: Millis) {
        self.0.delete_timer(EventTime(at));
    }

    /// A message to itself; setting it twice is setting it once.
    fn set_processing_timer(&mut self, at: ProcessingTime) {
        let delay = Duration::from_millis(u64::try_from(at.0.saturating_sub(self.processing_time().0)).unwrap_or(0));
        let target = self.0.address().clone();
        let wake = TypedValue::new(value_type!("io.statefun.flow/wake"), at.0.to_be_bytes().as_slice());
        self.0.cancel(token(at));
        self.0.send_after(delay, target, wake, Some(token(at)));
    }

    fn delete_processing_timer(&mut self, at: ProcessingTime) {
        self.0.cancel(token(at));
    }
}

pub(super) fn now(context: &Context<'_>) -> ProcessingTime {
    ProcessingTime(Millis::try_from(context.now().0).unwrap_or(Millis::MAX))
}

fn token(at: ProcessingTime) -> CompactString {
    format_compact!("flow-{}", at.0)
}

/// The time of the timer on the clock of the node that a message is, if it is one.
pub(super) fn woken(argument: &TypedValue) -> Option<ProcessingTime> {
    if argument.value_type != value_type!("io.statefun.flow/wake") {
        return None;
    }
    argument.bytes.as_slice().try_into().ok().map(|bytes| ProcessingTime(Millis::from_be_bytes(bytes)))
}
