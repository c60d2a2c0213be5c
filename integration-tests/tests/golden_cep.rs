//! Patterns, held against the exact output of Apache Flink on the same scripts.
//!
//! `GOLDEN_DIR` names another set of vectors of the same form.

use std::collections::BTreeMap;

use integration_tests::golden::{BuildError, Case, Event, Operator, Output, check_family, check_family_tolerating};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use statefun_flow::cep::{self, Emission, KeyState, Match, Matcher, Pattern};
use statefun_flow::time::Millis;

#[test]
fn golden_cep() {
    check_family_tolerating::<Cep>("cep", None, |case| case.tie_sensitive);
}

#[test]
fn golden_cep_survives_a_crash_at_every_tenth_event() {
    check_family_tolerating::<Cep>("cep", Some(10), |case| case.tie_sensitive);
}

/// The order among equal first events is specified on our side (a plain binary heap), so even the cases that depend on
/// it agree. Only asked of the repository's own vectors: of others it would be luck.
#[test]
fn the_cases_that_depend_on_ties_agree_as_well() {
    if std::env::var_os("GOLDEN_DIR").is_none() {
        check_family::<Cep>("cep", None);
    }
}

/// Patterns drawn at random, many with groups, and Flink's output on them; only in the repository.
#[test]
fn random_patterns_give_what_flink_gives() {
    if std::env::var_os("GOLDEN_DIR").is_none() {
        check_family::<Cep>("cep-random", None);
        check_family::<Cep>("cep-random", Some(3));
    }
}

/// An event of a script, as a pattern sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scripted(Event);

impl cep::Event for Scripted {
    fn kind(&self) -> &str {
        &self.0.kind
    }

    #[allow(clippy::cast_precision_loss, reason = "scripts use small numbers")]
    fn number(&self, field: &str) -> Option<f64> {
        match field {
            "v" => Some(self.0.v as f64),
            "id" => Some(self.0.id as f64),
            "ts" => Some(self.0.ts as f64),
            _ => None,
        }
    }

    fn text(&self, field: &str) -> Option<&str> {
        match field {
            "key" => Some(&self.0.key),
            "type" => Some(&self.0.kind),
            _ => None,
        }
    }
}

/// A pattern over all keys of a script.
struct Cep {
    matcher: Matcher<Scripted>,
    keyed: bool,
    keys: Keys,
}

/// The state of each key; one entry without a key if the pattern is not keyed.
type Keys = BTreeMap<Option<String>, KeyState<Scripted>>;

impl Operator for Cep {
    fn build(case: &Case) -> Result<Self, BuildError> {
        let pattern: Pattern<Scripted> = serde_json::from_value(case.op.clone()).map_err(BuildError::new)?;
        let matcher = pattern.build().map_err(BuildError::new)?;
        Ok(Self { matcher, keyed: pattern.key_by.is_some(), keys: Keys::new() })
    }

    fn on_event(&mut self, _: usize, event: &Event, watermark: Millis, out: &mut Output) {
        let key = self.keyed.then(|| event.key.clone());
        let state = self.keys.entry(key.clone()).or_default();
        self.matcher
            .on_event(state, Scripted(event.clone()), event.ts, watermark, &mut |emission| write(&key, emission, out))
            .expect("the state belongs to the pattern");
    }

    fn on_watermark(&mut self, watermark: Millis, out: &mut Output) {
        for (key, state) in &mut self.keys {
            // Only keys that asked for it: this shows that the timers they ask for are enough.
            if self.matcher.next_timer(state).is_some_and(|timer| timer <= watermark) {
                self.matcher
                    .advance(state, watermark, &mut |emission| write(key, emission, out))
                    .expect("the state belongs to the pattern");
            }
        }
        self.keys.retain(|_, state| !state.is_empty());
    }

    fn snapshot(&self) -> Vec<u8> {
        let keys: Vec<_> = self.keys.iter().collect();
        serde_json::to_vec(&keys).expect("state has a serialized form")
    }

    fn restore(case: &Case, snapshot: &[u8]) -> Result<Self, BuildError> {
        let keys: Vec<_> = serde_json::from_slice(snapshot).map_err(BuildError::new)?;
        Ok(Self { keys: keys.into_iter().collect(), ..Self::build(case)? })
    }
}

fn write(key: &Option<String>, emission: Emission<'_, Scripted>, out: &mut Output) {
    let stages = |found: &Match<'_, Scripted>| -> Map<String, Value> {
        let ids = |events: Vec<&Scripted>| events.into_iter().map(|event| event.0.id).collect::<Vec<_>>();
        found.stages().map(|(stage, events)| (stage.to_owned(), json!(ids(events)))).collect()
    };
    // Without a key the output names that of the first event.
    let key = |found: &Match<'_, Scripted>| {
        key.clone().or_else(|| found.events().next().map(|(_, event)| event.0.key.clone()))
    };
    match emission {
        Emission::Match(found) => {
            out.push(json!({"out": "match", "ts": found.at, "key": key(&found), "m": stages(&found)}))
        }
        Emission::Timeout(found) => {
            out.push(json!({"out": "timeout", "ts": found.at, "key": key(&found), "m": stages(&found)}));
        }
        Emission::Late(event) => out.push(json!({"out": "late", "ts": event.0.ts, "id": event.0.id})),
        other => panic!("no script fills a key: {other:?}"),
    }
}
