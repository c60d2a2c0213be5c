//! A case: what to run, on what, and what must come out.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use statefun_flow::time::Strategy;

use super::script::Line;

/// One golden vector.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// The base name of its files.
    pub name: String,
    /// What it shows.
    #[serde(default)]
    pub title: String,
    /// Which kind of operator: `window`, `timers`, `interval_join`, `window_join`, `cogroup`, `cep`.
    pub kind: String,
    /// How many inputs the operator has.
    pub inputs: usize,
    /// How each input makes its watermark.
    pub watermark: Strategy,
    /// The description of the operator.
    pub op: Value,
    /// How to compare.
    pub compare: Compare,
    /// The output set does not depend on the order of arrival.
    #[serde(default)]
    pub order_free: bool,
    /// The operator must be refused when it is built: `invalid_pattern`, or may be: `unsupported`.
    pub expect_error: Option<String>,
    /// The result depends on the order of equal elements in a heap; it must only be the same on every run.
    #[serde(default)]
    pub tie_sensitive: bool,
    /// The input.
    #[serde(skip)]
    pub script: Vec<Line>,
    /// The expected output, each with `at`, the line that caused it.
    #[serde(skip)]
    pub expected: Vec<Value>,
}

/// How to compare outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The same lines for each `at`, in any order.
    AtMultiset,
    /// The same, and within one `at` the event comes first and timers ascend.
    AtMultisetTimersSorted,
    /// Changes of a table (SQL).
    Changelog,
}

/// A vector that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is not what the format says.
    #[error("{path}, line {line}: not a golden vector")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Case {
    /// The folder of a family (`windows`, `timers`, `joins`, `cep`).
    #[must_use]
    pub fn family_dir(family: &str) -> PathBuf {
        match std::env::var_os("GOLDEN_DIR") {
            Some(dir) => Path::new(&dir).join(family),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(family),
        }
    }

    /// All cases of a family, by name.
    ///
    /// # Errors
    /// If a file is missing or is not a golden vector.
    pub fn load_family(family: &str) -> Result<Vec<Self>, LoadError> {
        let dir = Self::family_dir(family);
        let read_error = |source| LoadError::Read { path: dir.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            if path.to_string_lossy().ends_with(".case.json") {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|path| Self::load(path)).collect()
    }

    /// One case with its script and its expected output.
    ///
    /// # Errors
    /// If a file is missing or is not a golden vector.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = read(path)?;
        let mut case: Self = parse(&text, path, 1)?;
        let base = path.to_string_lossy();
        let base = base.strip_suffix(".case.json").unwrap_or(&base);
        case.script = read_lines(&PathBuf::from(format!("{base}.in.jsonl")))?;
        if case.expect_error.is_none() {
            case.expected = read_lines(&PathBuf::from(format!("{base}.out.jsonl")))?;
        }
        Ok(case)
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })
}

fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, LoadError> {
    let text = read(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| parse(line, path, number + 1)).collect()
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, path: &Path, line: usize) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|source| LoadError::Parse { path: path.to_owned(), line, source })
}
