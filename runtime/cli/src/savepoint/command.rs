//! `statefun savepoint`: what is asked of a running node, and what is done with files.

use std::path::Path;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;
use statefun_state::savepoint::Savepoint;

use super::lines;
use crate::Failure;
use crate::args::{Output, SavepointCommand, Target};
use crate::client;

/// How long a savepoint may take: ten million keys take less than a minute, and egresses are waited for.
const PATIENCE: Duration = Duration::from_secs(3600);

pub(crate) fn command(command: &SavepointCommand) -> Result<(), Failure> {
    match command {
        SavepointCommand::Create { path, path_flag, allow_unpublished, target } => {
            create(path.as_deref().or(path_flag.as_deref()), *allow_unpublished, target)
        }
        SavepointCommand::List { target } => list(target),
        SavepointCommand::Inspect { path, output } => inspect(path, *output),
        SavepointCommand::Export { path, to } => lines::export(path, to),
        SavepointCommand::Import { files, to, key_groups } => lines::import(files, to, *key_groups),
    }
}

fn create(path: Option<&str>, allow_unpublished: bool, target: &Target) -> Result<(), Failure> {
    let mut body = json!({"allow_unpublished": allow_unpublished});
    if let Some(path) = path {
        body["path"] = json!(path);
    }
    let answer = client::ask(target, "POST", "/v1/savepoints", Some(body), PATIENCE)?;
    if target.output == Output::Json {
        println!("{answer}");
        return Ok(());
    }
    println!("{} holds epoch {}", answer["path"].as_str().unwrap_or_default(), answer["epoch"]);
    for egress in answer["unpublished"].as_array().into_iter().flatten() {
        let name = egress["egress"].as_str().unwrap_or_default();
        println!("not published: {} records of {name}; they are in it", egress["records"]);
    }
    Ok(())
}

fn list(target: &Target) -> Result<(), Failure> {
    let answer = client::get(target, "/v1/snapshots")?;
    client::print(target, &answer, "snapshots", &["epoch", "kind", "path", "bytes"]);
    Ok(())
}

fn inspect(path: &Path, output: Output) -> Result<(), Failure> {
    let savepoint = Savepoint::open(path).map_err(Failure::usage)?;
    let manifest = savepoint.manifest();
    if output == Output::Json {
        println!("{}", serde_json::to_string(manifest).map_err(Failure::running)?);
        return Ok(());
    }
    println!("epoch       {}", manifest.epoch);
    println!("lineage     {}", manifest.lineage);
    println!("key groups  {}", manifest.key_groups);
    println!("rows        {}", manifest.rows);
    println!("bytes       {} in {} parts", manifest.bytes(), manifest.parts.len());
    println!("format      {}, by statefun {}", manifest.format, manifest.program);
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["FUNCTION", "ADDRESSES", "VALUES", "WAITING", "DELAYED", "TIMERS"]);
    for of in &manifest.functions {
        let counts = [of.addresses, of.values, of.waiting, of.delayed, of.timers].map(|count| count.to_string());
        table.add_row(std::iter::once(of.function.clone()).chain(counts));
    }
    println!("{table}");
    for of in &manifest.ingresses {
        println!("ingress     {}: positions of {} partitions", of.ingress, of.partitions);
    }
    for of in &manifest.egresses {
        println!("egress      {}: {} records kept", of.egress, of.records);
    }
    Ok(())
}
