//! Figures that are kept, and what has become of them since.

use std::path::Path;

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use super::measure;
use super::report::Figures;
use crate::Failure;
use crate::args::BenchArguments;

/// One line of a baseline file.
#[derive(Serialize, Deserialize)]
struct Saved {
    arguments: BenchArguments,
    figures: Figures,
}

/// Keeps figures in a file, a JSON object on each line. Those of the same work with the same arguments are replaced.
pub(crate) fn save(file: &Path, arguments: &BenchArguments, figures: &Figures) -> Result<(), Failure> {
    let mut lines = if file.exists() { read(file)? } else { Vec::new() };
    let arguments = BenchArguments { save: None, json: false, ..arguments.clone() };
    let same = |saved: &Saved| identity(&saved.arguments) == identity(&arguments);
    lines.retain(|saved| !same(saved));
    lines.push(Saved { arguments, figures: figures.clone() });
    let text: String =
        lines.iter().map(|saved| serde_json::to_string(saved).expect("plain numbers and text") + "\n").collect();
    std::fs::write(file, text).map_err(|error| Failure::running(format!("cannot write {}: {error}", file.display())))
}

/// Runs what a file holds again and prints new figures, old ones, and their ratio.
pub(crate) fn compare(file: &Path, json: bool) -> Result<(), Failure> {
    for Saved { arguments, figures: old } in read(file)? {
        let new = measure(&arguments)?;
        let rows = rows(&old, &new);
        if json {
            let ratios: serde_json::Map<_, _> =
                rows.iter().map(|row| (row.name.clone(), serde_json::json!(row.ratio))).collect();
            println!("{}", serde_json::json!({"workload": old.workload, "old": old, "new": new, "ratios": ratios}));
            continue;
        }
        println!("{} {}", old.workload, described(&arguments));
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(["", "saved", "now", "ratio"]);
        for row in rows {
            let number = |value: f64| if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") };
            table.add_row([row.name, number(row.old), number(row.new), format!("{:.2}", row.ratio)]);
        }
        println!("{table}\n");
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Saved>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                Failure::usage(format!("{}:{}: not written by --save: {error}", file.display(), number + 1))
            })
        })
        .collect()
}

fn identity(arguments: &BenchArguments) -> serde_json::Value {
    serde_json::to_value(arguments).expect("plain numbers and text")
}

fn described(arguments: &BenchArguments) -> String {
    let mut text = format!("--keys {} --events {} --epoch {}", arguments.keys, arguments.events, arguments.epoch);
    if let Some(rate) = arguments.rate {
        text += &format!(" --rate {rate}");
    }
    text
}

struct Row {
    name: String,
    old: f64,
    new: f64,
    ratio: f64,
}

/// The figures that both runs measured.
fn rows(old: &Figures, new: &Figures) -> Vec<Row> {
    /// These say what was done and not how it went.
    const GIVEN: [&str; 5] = ["keys", "events", "shards", "connections", "rate"];
    let values = |figures: &Figures| serde_json::to_value(figures).expect("plain numbers and text");
    let (old, new) = (values(old), values(new));
    let measured = old.as_object().into_iter().flatten().filter(|(name, _)| !GIVEN.contains(&name.as_str()));
    measured
        .filter_map(|(name, old)| {
            let (old, new) = (old.as_f64()?, new.get(name)?.as_f64()?);
            (old != 0.0).then(|| Row { name: name.clone(), old, new, ratio: new / old })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{read, rows, save};
    use crate::args::{Arguments, BenchArguments, Command};
    use crate::bench::report::Figures;

    fn arguments(line: &str) -> BenchArguments {
        let parsed = Arguments::parse_from(["statefun", "bench"].into_iter().chain(line.split(' ')));
        let Command::Bench(line) = parsed.command else { unreachable!("it says bench") };
        line.work.unwrap()
    }

    #[test]
    fn a_run_of_the_same_work_replaces_what_was_saved_and_another_is_kept_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("baseline");
        let figures = |rate| Figures { workload: "counter".to_owned(), events_per_second: rate, ..Figures::default() };
        save(&file, &arguments("counter --keys 10"), &figures(1.0)).unwrap();
        save(&file, &arguments("counter --keys 20"), &figures(2.0)).unwrap();
        save(&file, &arguments("counter --keys 10 --json"), &figures(4.0)).unwrap();
        let saved = read(&file).unwrap();
        let rates: Vec<_> = saved.iter().map(|saved| (saved.arguments.keys, saved.figures.events_per_second)).collect();
        assert_eq!(rates, [(20, 2.0), (10, 4.0)]);
    }

    #[test]
    fn ratios_are_of_what_both_runs_measured() {
        let old = Figures { keys: 5, events_per_second: 2.0, p50_us: Some(10), ..Figures::default() };
        let new = Figures { keys: 5, events_per_second: 3.0, ..Figures::default() };
        let ratios: Vec<_> = rows(&old, &new).into_iter().map(|row| (row.name, row.ratio)).collect();
        assert_eq!(ratios, [("events_per_second".to_owned(), 1.5)]);
    }

    #[test]
    fn a_file_of_something_else_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("baseline");
        std::fs::write(&file, "\n{\"no\":1}\n").unwrap();
        let Err(crate::Failure::Usage(Some(why))) = read(&file) else { panic!("it must be refused") };
        assert!(why.contains("baseline:2: not written by --save"), "{why}");
    }
}
