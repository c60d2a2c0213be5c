//! What lints cannot check: who may depend on whom, how long files are, and what must not be left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every edge between crates of the house that may exist. Adding one means editing this table in the same commit.
const EDGES: &[(&str, &[&str])] = &[
    ("statefun", &[]),
    ("statefun-protocol", &["statefun"]),
    ("statefun-ports", &["statefun"]),
    ("statefun-engine", &["statefun", "statefun-ports"]),
    // Its functions read and write typed values as every Rust author does: with the SDK's codecs, without its server.
    ("statefun-flow", &["statefun", "statefun-sdk"]),
    // Expressions are a choice that operators do not make, so the language stands beside them.
    ("statefun-components", &["statefun", "statefun-flow"]),
    ("statefun-runtime", &["statefun", "statefun-ports", "statefun-engine", "statefun-protocol"]),
    ("statefun-state", &["statefun", "statefun-ports", "statefun-protocol"]),
    ("statefun-remote", &["statefun", "statefun-ports", "statefun-protocol"]),
    ("statefun-admin", &["statefun", "statefun-protocol"]),
    ("statefun-sdk", &["statefun", "statefun-protocol", "statefun-sdk-macros"]),
    ("statefun-sdk-macros", &[]),
    ("statefun-ingress", &["statefun", "statefun-ports", "statefun-protocol"]),
    // The engine decides what a transactional publisher does, so that the simulator runs the same decisions.
    ("statefun-egress", &["statefun", "statefun-ports", "statefun-protocol", "statefun-engine"]),
    ("example-greeter", &["statefun-sdk", "statefun"]),
    ("example-shopping-cart", &["statefun-sdk", "statefun"]),
    ("example-components", &["statefun-sdk", "statefun"]),
];

/// Crates that compose or test and so may depend on everything.
const COMPOSERS: &[&str] = &["statefun-cli", "statefun-sim", "integration-tests"];

/// What no crate of the pure district may depend on, directly or through another crate of the house.
const IMPURE: &[&str] = &[
    "tokio",
    "actix",
    "actix-web",
    "actix-rt",
    "reqwest",
    "rdkafka",
    "redb",
    "rand",
    "getrandom",
    "uuid",
    "opentelemetry",
];

const PURE: &[&str] =
    &["statefun", "statefun-protocol", "statefun-ports", "statefun-engine", "statefun-flow", "statefun-components"];

/// Files longer than this hide a second noun.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Normal (not test) dependencies of every workspace crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|edge| edge["kind"].is_null()).map(|edge| edge["name"].as_str().unwrap().to_owned()).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), names(package))).collect()
}

#[test]
fn crates_depend_only_on_whom_they_may() {
    let crates = dependencies();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    for (name, edges) in &crates {
        if COMPOSERS.contains(&name.as_str()) {
            continue;
        }
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the table of edges"));
        for edge in edges.iter().filter(|edge| crates.contains_key(*edge)) {
            assert!(allowed.contains(&edge.as_str()), "{name} must not depend on {edge}");
        }
    }
}

#[test]
fn the_pure_district_is_pure() {
    let crates = dependencies();
    for name in PURE {
        for edge in &crates[*name] {
            assert!(!IMPURE.contains(&edge.as_str()), "{name} must not depend on {edge}");
        }
    }
}

fn tracked(suffix: &str) -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.ends_with(suffix)).map(PathBuf::from).collect()
}

#[test]
fn files_fit_in_the_head() {
    let long: Vec<String> = tracked(".rs")
        .into_iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(root().join(&path)).ok()?.lines().count();
            (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "look for the second noun in {long:#?}");
}

#[test]
fn nothing_unfinished_is_left_behind() {
    let words =
        [["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["db", "g!("].concat(), ["#[ig", "nore"].concat()];
    for path in tracked(".rs") {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} holds {word}", path.display());
        }
    }
}

#[test]
fn the_top_level_is_as_prescribed() {
    let folders: BTreeSet<String> = tracked("")
        .iter()
        .filter_map(|path| {
            let mut parts = path.components();
            let first = parts.next()?.as_os_str().to_str()?.to_owned();
            parts.next().map(|_| first)
        })
        .filter(|folder| !folder.starts_with('.') && folder != "docs")
        .collect();
    let prescribed = ["egress", "examples", "ingress", "integration-tests", "runtime", "sdk", "statefun"];
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), prescribed);
}
