//! Whether two outputs are the same, as the case asks for it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::case::Compare;

/// How far two numbers may be apart, relative to the greater one: only averages and other doubles ever are.
const TOLERANCE: f64 = 1e-9;

/// The first difference found, and how many lines agree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The line of the script.
    pub at: u64,
    /// What was expected there and did not come.
    pub missing: Vec<Value>,
    /// What came there and was not expected.
    pub surplus: Vec<Value>,
    /// What is out of order there.
    pub disorder: Option<String>,
    /// How many lines agree in the whole output.
    pub equal: usize,
    /// How many lines were expected.
    pub expected: usize,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {} of {} lines agree", self.at, self.equal, self.expected)?;
        for line in self.missing.iter().take(5) {
            write!(f, "\n    missing {line}")?;
        }
        for line in self.surplus.iter().take(5) {
            write!(f, "\n    surplus {line}")?;
        }
        if let Some(disorder) = &self.disorder {
            write!(f, "\n    {disorder}")?;
        }
        Ok(())
    }
}

/// Compares the `actual` output with the `expected` one; `None` means equal.
#[must_use]
pub fn compare(rule: Compare, expected: &[Value], actual: &[Value]) -> Option<Difference> {
    let (expected_at, actual_at) = (by_line(expected), by_line(actual));
    let mut first: Option<Difference> = None;
    let mut equal = 0;
    let mut lines: Vec<u64> = expected_at.keys().chain(actual_at.keys()).copied().collect();
    lines.sort_unstable();
    lines.dedup();
    for at in lines {
        let (wanted, got) = (group(&expected_at, at), group(&actual_at, at));
        let (missing, surplus) = unmatched(wanted, got);
        equal += wanted.len() - missing.len();
        let disorder = (rule == Compare::AtMultisetTimersSorted).then(|| disorder(got)).flatten();
        if first.is_none() && (!missing.is_empty() || !surplus.is_empty() || disorder.is_some()) {
            first = Some(Difference { at, missing, surplus, disorder, equal: 0, expected: expected.len() });
        }
    }
    first.map(|difference| Difference { equal, ..difference })
}

fn by_line(lines: &[Value]) -> BTreeMap<u64, Vec<&Value>> {
    let mut groups: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for line in lines {
        groups.entry(line["at"].as_u64().unwrap_or(u64::MAX)).or_default().push(line);
    }
    groups
}

fn group<'a, 'b>(groups: &'b BTreeMap<u64, Vec<&'a Value>>, at: u64) -> &'b [&'a Value] {
    groups.get(&at).map_or(&[], Vec::as_slice)
}

fn unmatched(wanted: &[&Value], got: &[&Value]) -> (Vec<Value>, Vec<Value>) {
    let mut surplus: Vec<&Value> = got.to_vec();
    let mut missing = Vec::new();
    for line in wanted {
        match surplus.iter().position(|candidate| same(line, candidate)) {
            Some(index) => drop(surplus.swap_remove(index)),
            None => missing.push((*line).clone()),
        }
    }
    (missing, surplus.into_iter().cloned().collect())
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
            _ => false,
        },
        _ => a == b,
    }
}

/// The event line precedes, and the times of timers ascend (per key strictly).
fn disorder(lines: &[&Value]) -> Option<String> {
    let mut latest: Option<i64> = None;
    let mut fired: BTreeMap<String, i64> = BTreeMap::new();
    for line in lines {
        match line["t"].as_i64() {
            None if latest.is_some() => return Some(format!("an event after a timer: {line}")),
            None => {}
            Some(t) if latest.is_some_and(|latest| t < latest) => return Some(format!("a timer out of order: {line}")),
            Some(t) => {
                latest = Some(t);
                if fired.insert(line["key"].to_string(), t) == Some(t) {
                    return Some(format!("a timer fired twice: {line}"));
                }
            }
        }
    }
    None
}
