//! What the cycles showed, by kind of fault.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Cycle;
use crate::harness::Percentiles;

/// What the cycles showed, by kind of fault.
#[derive(Default)]
pub struct Table(BTreeMap<String, Vec<Cycle>>);

impl Table {
    /// Adds a cycle.
    pub fn add(&mut self, kind: String, cycle: Cycle) {
        self.0.entry(kind).or_default().push(cycle);
    }

    /// The table as Markdown: a row for each kind and one for all.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| Fault | Cycles | Records | Duplicates | Missing | Misplaced | Back, median / longest | Caught up, median / longest |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for (kind, cycles) in &self.0 {
            text += &row(kind, &cycles.iter().collect::<Vec<_>>());
        }
        text + &row("all", &self.0.values().flatten().collect::<Vec<_>>())
    }
}

fn row(kind: &str, cycles: &[&Cycle]) -> String {
    let sum = |of: fn(&Cycle) -> usize| cycles.iter().map(|cycle| of(cycle)).sum::<usize>();
    let spread = |of: fn(&Cycle) -> Duration| {
        let measured = Percentiles::of(cycles.iter().map(|cycle| of(cycle)).collect());
        format!("{:.2} s / {:.2} s", measured.at(0.5).as_secs_f64(), measured.at(1.0).as_secs_f64())
    };
    format!(
        "| {kind} | {} | {} | {} | {} | {} | {} | {} |\n",
        cycles.len(),
        sum(|cycle| cycle.findings.records),
        sum(|cycle| cycle.findings.duplicates),
        sum(|cycle| cycle.findings.missing),
        sum(|cycle| cycle.findings.misplaced),
        spread(|cycle| cycle.back),
        spread(|cycle| cycle.caught_up)
    )
}
