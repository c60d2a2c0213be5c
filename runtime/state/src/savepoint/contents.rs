//! Counting what a savepoint holds while it is written.

use std::collections::BTreeMap;

use super::about::About;
use super::manifest::{EgressContents, FunctionContents, IngressContents};

/// Counts of rows that come in the order of their keys.
#[derive(Debug, Default)]
pub(super) struct Contents {
    functions: BTreeMap<String, FunctionContents>,
    ingresses: BTreeMap<String, u64>,
    egresses: BTreeMap<String, u64>,
    /// The address of the row before: values of an address lie together.
    address: (String, String),
}

impl Contents {
    pub(super) fn add(&mut self, about: &About<'_>) {
        match about {
            About::Value { function, id } => {
                let is_new = self.address.0 != *function || self.address.1 != *id;
                let counts = self.function(function);
                counts.values += 1;
                if is_new {
                    counts.addresses += 1;
                    self.address = (function.to_string(), id.to_string());
                }
            }
            About::Waiting { function } => self.function(function).waiting += 1,
            About::Delayed { function } => self.function(function).delayed += 1,
            About::Timer { function } => self.function(function).timers += 1,
            About::Idempotency { function } => self.function(function).idempotency += 1,
            About::Position { ingress } => *count(&mut self.ingresses, ingress) += 1,
            About::Outbox { egress, .. } => *count(&mut self.egresses, egress) += 1,
            About::Specs { .. } | About::Other => {}
        }
    }

    fn function(&mut self, function: &str) -> &mut FunctionContents {
        // Most rows are of a type that was met: no key is made for looking it up.
        if !self.functions.contains_key(function) {
            let counts = FunctionContents { function: function.to_owned(), ..FunctionContents::default() };
            self.functions.insert(function.to_owned(), counts);
        }
        self.functions.get_mut(function).expect("it was put there just now")
    }

    pub(super) fn into_parts(self) -> (Vec<FunctionContents>, Vec<IngressContents>, Vec<EgressContents>) {
        let ingresses = self.ingresses.into_iter().map(|(ingress, partitions)| IngressContents { ingress, partitions });
        let egresses = self.egresses.into_iter().map(|(egress, records)| EgressContents { egress, records });
        (self.functions.into_values().collect(), ingresses.collect(), egresses.collect())
    }
}

fn count<'a>(counts: &'a mut BTreeMap<String, u64>, name: &str) -> &'a mut u64 {
    counts.entry(name.to_owned()).or_default()
}
