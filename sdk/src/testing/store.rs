//! State that expires, and messages that wait.

use std::time::Duration;

use compact_str::CompactString;
use statefun::function::{DelayedCommand, Mutation, StateSpec, StateView};
use statefun::{Address, Envelope, ProcessingTime, TypedValue};

/// The state of one address.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) specs: Vec<StateSpec>,
    values: Vec<Option<Stored>>,
    pub(super) now: ProcessingTime,
}

#[derive(Clone, Debug)]
struct Stored {
    value: TypedValue,
    touched: ProcessingTime,
}

impl Store {
    pub(super) fn new(specs: Vec<StateSpec>) -> Self {
        let values = specs.iter().map(|_| None).collect();
        Self { specs, values, now: ProcessingTime::default() }
    }

    /// Whether the `index`-th value is gone at `now`.
    pub(super) fn expires(&self, index: usize, now: ProcessingTime) -> bool {
        self.values[index].as_ref().is_some_and(|stored| self.specs[index].expiration.is_expired(stored.touched, now))
    }

    /// Forgets what has expired, and restarts the clocks that an invocation restarts.
    pub(super) fn touch(&mut self) {
        for (spec, slot) in self.specs.iter().zip(&mut self.values) {
            slot.take_if(|stored| spec.expiration.is_expired(stored.touched, self.now));
            if let Some(stored) = slot.as_mut().filter(|_| spec.expiration.touches_on_invoke()) {
                stored.touched = self.now;
            }
        }
    }

    pub(super) fn apply(&mut self, mutations: Vec<Mutation>) {
        for Mutation { name, value } in mutations {
            let index = self.specs.iter().position(|spec| spec.name == name).expect("handles write declared states");
            self.values[index] = value.map(|value| Stored { value, touched: self.now });
        }
    }
}

impl StateView for Store {
    fn value(&self, index: usize) -> Option<&TypedValue> {
        let stored = self.values[index].as_ref()?;
        let expired = self.specs[index].expiration.is_expired(stored.touched, self.now);
        if expired { None } else { Some(&stored.value) }
    }
}

/// Messages that wait for their time.
#[derive(Clone, Debug, Default)]
pub(super) struct Delayed {
    waiting: Vec<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    due: ProcessingTime,
    token: Option<CompactString>,
    envelope: Envelope,
}

impl Delayed {
    pub(super) fn apply(&mut self, sender: &Address, now: ProcessingTime, commands: &[DelayedCommand]) {
        for command in commands {
            match command {
                DelayedCommand::Send { delay, target, argument, token } => {
                    let in_use = token.is_some() && self.waiting.iter().any(|waiting| waiting.token == *token);
                    assert!(!in_use, "the cancellation token {token:?} is in use by a message that waits");
                    self.waiting.push(Waiting {
                        due: now.after(whole_millis(*delay)),
                        token: token.clone(),
                        envelope: Envelope::new(target.clone(), argument.clone()).from(sender.clone()),
                    });
                }
                DelayedCommand::Cancel { token } => {
                    self.waiting.retain(|waiting| waiting.token.as_ref() != Some(token));
                }
            }
        }
    }

    /// What is due by now, in the order of its time and then of its sending.
    pub(super) fn due(&mut self, now: ProcessingTime) -> Vec<Envelope> {
        let mut due: Vec<_> = self.waiting.extract_if(.., |waiting| waiting.due <= now).collect();
        due.sort_by_key(|waiting| waiting.due);
        due.into_iter().map(|waiting| waiting.envelope).collect()
    }
}

/// The wire protocol counts delays in whole milliseconds, in both homes.
fn whole_millis(delay: Duration) -> Duration {
    Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
}
