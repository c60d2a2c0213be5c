//! Event-time timers against golden results.

use std::collections::BTreeMap;

use integration_tests::golden::{BuildError, Case, Event, Operator, Output, check_family};
use serde::{Deserialize, Serialize};
use serde_json::json;
use statefun_flow::time::Millis;
use statefun_flow::timers::TimerService;

#[test]
fn golden_timers() {
    check_family::<Alarm>("timers", None);
}

#[test]
fn golden_timers_survive_a_crash_at_every_tenth_event() {
    check_family::<Alarm>("timers", Some(10));
}

#[test]
fn golden_timers_survive_a_crash_at_every_event() {
    check_family::<Alarm>("timers", Some(1));
}

/// A keyed function that sets and deletes timers as its events tell it.
#[derive(Serialize, Deserialize)]
struct Alarm {
    rearm: Option<Millis>,
    budget: u64,
    timers: TimerService<String>,
    budgets: BTreeMap<String, u64>,
}

impl Operator for Alarm {
    fn build(case: &Case) -> Result<Self, BuildError> {
        let rearm = case.op["rearm"].as_i64();
        let budget = case.op["rearm_max"].as_u64().unwrap_or(0);
        Ok(Self { rearm, budget, timers: TimerService::default(), budgets: BTreeMap::new() })
    }

    fn on_event(&mut self, _: usize, event: &Event, watermark: Millis, out: &mut Output) {
        let Event { key, id, ts, .. } = event;
        out.push(json!({"out": "main", "ts": ts, "kind": "event", "key": key, "id": id, "wm": watermark}));
        match event.cmd.as_str() {
            "set" => {
                self.timers.set(event.t, key.clone());
                self.budgets.insert(key.clone(), self.budget);
            }
            "del" => self.timers.delete(event.t, key.clone()),
            _ => {}
        }
    }

    fn on_watermark(&mut self, watermark: Millis, out: &mut Output) {
        while let Some((t, key)) = self.timers.pop_due(watermark) {
            out.push(json!({"out": "main", "ts": t, "kind": "timer", "key": key, "t": t, "wm": watermark}));
            let budget = self.budgets.entry(key.clone()).or_default();
            if let (Some(rearm), Some(rest)) = (self.rearm, budget.checked_sub(1)) {
                *budget = rest;
                self.timers.set(t + rearm, key);
            }
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("times, names and numbers are JSON")
    }

    fn restore(_: &Case, snapshot: &[u8]) -> Result<Self, BuildError> {
        serde_json::from_slice(snapshot).map_err(BuildError::new)
    }
}
