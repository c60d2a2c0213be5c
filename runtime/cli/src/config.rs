//! Where it runs: `statefun.toml` < environment `STATEFUN__SECTION__KEY` < flags.
//!
//! Every setting is a row of [`SETTINGS`], so that `--print-config`, the check for unknown keys and this documentation
//! cannot drift apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;
use crate::args::RunArguments;

/// Every setting: its key, its default, and what it means.
const SETTINGS: [(&str, &str, &str); 22] = [
    ("node.data_dir", "./statefun-data", "where state is kept"),
    ("node.shards", "", "shards, each a thread; empty: one per core"),
    ("node.key_groups", "128", "key groups; fixed for the life of the state"),
    ("epochs.interval", "1s", "how often epochs close when nobody waits for one"),
    ("epochs.timeout", "60s", "an epoch that takes longer is abandoned"),
    (
        "epochs.retained",
        "4",
        "how many of the newest epochs that hold anything can be gone back to when newer ones are damaged",
    ),
    ("savepoints.wait", "2m", "how long a savepoint waits for egresses to publish what its epoch holds"),
    ("admin.address", "127.0.0.1:8081", "where the admin API listens; off: nowhere"),
    ("limits.messages", "200000", "messages that may wait before sources stop"),
    ("limits.bytes", "256MiB", "their bytes"),
    ("limits.outbox_bytes", "1GiB", "bytes of egress records that may wait before sources stop"),
    (
        "limits.requests_bytes",
        "256MiB",
        "bytes of HTTP requests that are remembered; beyond, new Idempotency-Keys are refused",
    ),
    ("limits.delayed_bytes", "1GiB", "bytes of delayed messages that may wait before sources stop"),
    ("limits.calls", "1024", "remote calls in flight per function type and shard"),
    ("stop.timeout", "30s", "how long a stop waits for the last epoch"),
    ("log.level", "info", "what is logged: error, warn, info, debug, trace, or a filter like statefun_runtime=debug"),
    ("log.format", "auto", "human, json, or auto: human on a terminal"),
    ("telemetry.otlp_endpoint", "", "where OpenTelemetry traces go, as http://host:4318; empty: nowhere"),
    ("telemetry.service_name", "statefun", "the service's name in traces"),
    ("telemetry.sample_ratio", "1.0", "the share of remote calls that are traced"),
    ("http.workers", "1", "threads of each HTTP listener"),
    ("http.reply_retention", "10min", "how long a reply is kept that came when its caller waited no more"),
];

/// Settings in effect, each with where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    values: BTreeMap<&'static str, (String, String)>,
}

impl Config {
    /// The defaults, and what a program says.
    pub(crate) fn of_program(settings: &[(&'static str, String)]) -> Result<Self, Failure> {
        let mut values = defaults();
        for (key, value) in settings {
            let known = known(key).map_err(|near| Failure::usage(unknown("the program", key, near)))?;
            values.insert(known, (value.clone(), "program".to_owned()));
        }
        let config = Self { values };
        config.validate()?;
        Ok(config)
    }

    /// Reads everything there is to read.
    pub(crate) fn load(arguments: &RunArguments) -> Result<Self, Failure> {
        let mut values = defaults();
        let file = arguments.config.clone().or_else(|| {
            let usual = PathBuf::from("statefun.toml");
            usual.is_file().then_some(usual)
        });
        if let Some(path) = &file {
            for (key, value) in read_file(path)? {
                let known =
                    known(&key).map_err(|near| Failure::usage(unknown(&path.display().to_string(), &key, near)))?;
                values.insert(known, (value, path.display().to_string()));
            }
        }
        for (name, value) in std::env::vars() {
            let Some(rest) = name.strip_prefix("STATEFUN__") else { continue };
            let key = rest.to_lowercase().replace("__", ".");
            let known =
                known(&key).map_err(|near| Failure::usage(unknown(&format!("environment {name}"), &key, near)))?;
            values.insert(known, (value, format!("environment {name}")));
        }
        let mut flag = |key: &'static str, flag: &str, value: Option<String>| {
            if let Some(value) = value {
                values.insert(key, (value, format!("flag {flag}")));
            }
        };
        flag("node.data_dir", "--data-dir", arguments.data_dir.as_ref().map(|dir| dir.display().to_string()));
        flag("node.shards", "--shards", arguments.shards.map(|shards| shards.to_string()));
        flag("admin.address", "--admin", arguments.admin.clone());
        flag("epochs.interval", "--epoch", arguments.epoch.clone());
        let config = Self { values };
        config.validate()?;
        Ok(config)
    }

    /// Every setting with its value and where it is from.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, &str, &str, &'static str)> {
        SETTINGS.iter().map(|(key, _, meaning)| {
            let (value, origin) = &self.values[key];
            (*key, value.as_str(), origin.as_str(), *meaning)
        })
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        &self.values[key].0
    }

    fn parsed<T>(&self, key: &str, kind: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        let (value, origin) = &self.values[key];
        parse(value).ok_or_else(|| Failure::usage(format!("{key} is {value:?} ({origin}), which is no {kind}")))
    }

    pub(crate) fn duration(&self, key: &str) -> Result<Duration, Failure> {
        self.parsed(key, "duration such as 1s or 100ms", |text| humantime::parse_duration(text).ok())
    }

    pub(crate) fn number(&self, key: &str) -> Result<usize, Failure> {
        self.parsed(key, "whole number above zero", |text| text.parse().ok().filter(|number| *number > 0))
    }

    pub(crate) fn ratio(&self, key: &str) -> Result<f64, Failure> {
        self.parsed(key, "number from 0 to 1", |text| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)))
    }

    pub(crate) fn bytes(&self, key: &str) -> Result<usize, Failure> {
        self.parsed(key, "size such as 256MiB", parse_bytes)
    }

    /// The number of shards: as configured, or one per core.
    pub(crate) fn shards(&self) -> Result<u16, Failure> {
        let groups = self.key_groups()?;
        if self.text("node.shards").is_empty() {
            let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u16);
            return Ok(cores.min(groups));
        }
        let shards =
            self.parsed("node.shards", "whole number above zero", |text| text.parse().ok().filter(|n| *n > 0))?;
        if shards > groups {
            return Err(Failure::usage(format!("{shards} shards cannot share {groups} key groups: at most one each")));
        }
        Ok(shards)
    }

    pub(crate) fn key_groups(&self) -> Result<u16, Failure> {
        self.parsed("node.key_groups", "number from 1 to 32768", |text| {
            text.parse().ok().filter(|n| (1..=32768).contains(n))
        })
    }

    fn validate(&self) -> Result<(), Failure> {
        self.shards()?;
        for key in ["epochs.interval", "epochs.timeout", "savepoints.wait", "stop.timeout", "http.reply_retention"] {
            self.duration(key)?;
        }
        for key in ["epochs.retained", "limits.messages", "limits.calls", "http.workers"] {
            self.number(key)?;
        }
        for key in ["limits.bytes", "limits.outbox_bytes", "limits.delayed_bytes", "limits.requests_bytes"] {
            self.bytes(key)?;
        }
        self.ratio("telemetry.sample_ratio")?;
        self.parsed("log.format", "human, json or auto", |text| matches!(text, "human" | "json" | "auto").then_some(()))
    }
}

fn defaults() -> BTreeMap<&'static str, (String, String)> {
    SETTINGS.iter().map(|(key, default, _)| (*key, ((*default).to_owned(), "default".to_owned()))).collect()
}

fn read_file(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    let table: toml::Table = text.parse().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let mut settings = Vec::new();
    for (section, value) in table {
        let toml::Value::Table(keys) = value else {
            return Err(Failure::usage(format!("{}: {section} stands outside of a section", path.display())));
        };
        for (key, value) in keys {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Table(_) | toml::Value::Array(_) => {
                    return Err(Failure::usage(format!("{}: {section}.{key} takes a single value", path.display())));
                }
                other => other.to_string(),
            };
            settings.push((format!("{section}.{key}"), text));
        }
    }
    Ok(settings)
}

/// The setting of that key, or the nearest one.
fn known(key: &str) -> Result<&'static str, Option<&'static str>> {
    if let Some((known, ..)) = SETTINGS.iter().find(|(known, ..)| *known == key) {
        return Ok(known);
    }
    let nearest = SETTINGS.iter().map(|(known, ..)| *known).min_by_key(|known| strsim::damerau_levenshtein(known, key));
    Err(nearest.filter(|near| strsim::normalized_damerau_levenshtein(near, key) > 0.5))
}

fn unknown(origin: &str, key: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("{origin}: there is no setting {key}; did you mean {near}?"),
        None => format!("{origin}: there is no setting {key}; statefun run --print-config lists them all"),
    }
}

fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("256MiB"), Some(256 << 20));
        assert_eq!(parse_bytes("10 kB"), Some(10_000));
        assert_eq!(parse_bytes("7"), Some(7));
        assert_eq!(parse_bytes("7 parsecs"), None);
    }

    #[test]
    fn an_unknown_setting_names_the_nearest_one() {
        assert_eq!(known("epochs.intervall"), Err(Some("epochs.interval")));
        assert_eq!(known("epochs.interval"), Ok("epochs.interval"));
        assert_eq!(known("xyzzy"), Err(None));
    }
}
