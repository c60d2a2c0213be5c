//! `statefun doctor`: looks at a data directory that is not in use, or at a savepoint, and changes nothing.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use statefun_ports::snapshot_store::{SnapshotStore, StoreError};
use statefun_state::RedbStore;
use statefun_state::savepoint::{Savepoint, SavepointError};

use crate::args::{DoctorArguments, Output};
use crate::{Failure, store};

/// What was found.
#[derive(Default)]
struct Report {
    /// What it is, in the order in which it is told.
    facts: Vec<(&'static str, Value)>,
    /// What is wrong.
    damage: Vec<String>,
    /// What can be done about it.
    advice: Option<String>,
}

pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<(), Failure> {
    let report = match &arguments.savepoint {
        Some(path) => savepoint(path, arguments.verify)?,
        None => directory(&data_dir(arguments), arguments.verify)?,
    };
    print(&report, arguments.verify, arguments.output);
    match report.damage.len() {
        0 => Ok(()),
        count => Err(Failure::running(format!("damaged in {count} place{}", if count == 1 { "" } else { "s" }))),
    }
}

fn data_dir(arguments: &DoctorArguments) -> PathBuf {
    arguments.data_dir.clone().unwrap_or_else(|| PathBuf::from("./statefun-data"))
}

fn directory(path: &Path, verify: bool) -> Result<Report, Failure> {
    let mut report = Report { facts: vec![("data directory", json!(path))], ..Report::default() };
    let mut store = match RedbStore::look(path, store::options()) {
        Ok(store) => store,
        Err(error @ StoreError::Damaged { .. }) => {
            report.damage.push(error.to_string());
            report.advice = Some("begin with a savepoint or a backup in a new directory".to_owned());
            return Ok(report);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let Some(manifest) = store.manifest().map_err(Failure::running)? else {
        report.facts.push(("state", json!("none: there never was an epoch")));
        return Ok(report);
    };
    let stats = store.stats();
    let restorable: Vec<u64> = store.restorable().iter().map(|epoch| epoch.0).collect();
    report.facts.extend([
        ("epoch", json!(manifest.epoch.0)),
        ("generation", json!(store.generation().0)),
        ("lineage", json!(format!("{:032x}", manifest.lineage.0))),
        ("key groups", json!(manifest.key_groups)),
        ("can go back to", json!({"from": restorable.first(), "to": restorable.last(), "epochs": restorable.len()})),
        ("base bytes", json!(stats.base_bytes)),
        ("base rows", json!(stats.base_rows)),
        ("delta epochs", json!(stats.epochs)),
        ("delta bytes", json!(stats.delta_bytes)),
    ]);
    if verify {
        let found = store.examine().map_err(Failure::running)?;
        report.facts.push(("rows read", json!(found.rows)));
        report.damage.extend(found.damage.iter().map(StoreError::to_string));
        if !report.damage.is_empty() {
            report.advice = Some(match found.readable {
                Some(epoch) => format!(
                    "{epoch} can be read: `statefun run --accept-loss-to-epoch {}` gives up what came after it; or begin \
                     with a savepoint or a backup in a new directory",
                    epoch.0
                ),
                None => {
                    "no epoch can be read as a whole: begin with a savepoint or a backup in a new directory".to_owned()
                }
            });
        }
    }
    Ok(report)
}

fn savepoint(path: &Path, verify: bool) -> Result<Report, Failure> {
    let mut report = Report { facts: vec![("savepoint", json!(path))], ..Report::default() };
    let savepoint = match Savepoint::open(path) {
        Ok(savepoint) => savepoint,
        Err(error @ SavepointError::Damaged { .. }) => {
            report.damage.push(error.to_string());
            return Ok(report);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let manifest = savepoint.manifest();
    report.facts.extend([
        ("epoch", json!(manifest.epoch)),
        ("lineage", json!(manifest.lineage)),
        ("key groups", json!(manifest.key_groups)),
        ("rows", json!(manifest.rows)),
        ("bytes", json!(manifest.bytes())),
        ("parts", json!(manifest.parts.len())),
    ]);
    if verify {
        report.damage.extend(savepoint.verify().iter().map(SavepointError::to_string));
    }
    if !report.damage.is_empty() {
        report.advice = Some("use a copy of it, or another savepoint".to_owned());
    }
    Ok(report)
}

fn print(report: &Report, verify: bool, output: Output) {
    if output == Output::Json {
        let facts: serde_json::Map<String, Value> =
            report.facts.iter().map(|(name, value)| (name.replace(' ', "_"), value.clone())).collect();
        let advice = &report.advice;
        println!("{}", json!({"found": facts, "verified": verify, "damage": report.damage, "advice": advice}));
        return;
    }
    for (name, value) in &report.facts {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        println!("{name:<16}{text}");
    }
    for damage in &report.damage {
        println!("{:<16}{damage}", "damaged");
    }
    match (&report.advice, verify) {
        (Some(advice), _) => println!("{:<16}{advice}", "what to do"),
        (None, true) => println!("{:<16}everything was read and is as it was written", "well"),
        (None, false) => println!("{:<16}only what says what there is was read; --verify reads everything", "well"),
    }
}
