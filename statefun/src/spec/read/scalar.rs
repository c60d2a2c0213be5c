//! Single values: texts, numbers, words, durations, names. Each reader reports what it cannot read.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::faults::{Fault, Faults};
use super::field::Field;
use super::nearest::nearest;
use super::tree::Value;
use super::{date, duration};
use crate::spec::{Code, FunctionSelector, TypeNameText};

const SIZE_UNITS: [(&str, u64); 7] =
    [("", 1), ("b", 1), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("kb", 1_000), ("mb", 1_000_000)];

impl Field<'_> {
    /// The text of a single value. Numbers and booleans count as text, as they do for StateFun's reader.
    pub(in crate::spec) fn any_text(&self, faults: &mut Faults<'_>) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(text.clone()),
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_type("a text", faults);
                None
            }
        }
    }

    /// A text that says something.
    pub(in crate::spec) fn text(&self, faults: &mut Faults<'_>) -> Option<String> {
        let text = self.any_text(faults)?;
        if text.trim().is_empty() {
            faults.push(Fault::error(Code::InvalidValue, self, "this text must not be empty"));
            return None;
        }
        Some(text)
    }

    /// A whole number within a range.
    pub(in crate::spec) fn integer<T: TryFrom<i128> + Into<i128> + Copy>(
        &self,
        range: RangeInclusive<T>,
        faults: &mut Faults<'_>,
    ) -> Option<T> {
        let text = self.any_text(faults)?;
        let Some(number) = parse_integer(&text) else {
            faults.push(Fault::error(Code::WrongType, self, format!("expected a whole number, found `{text}`")));
            return None;
        };
        let (least, greatest): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
        let Some(value) = T::try_from(number).ok().filter(|_| (least..=greatest).contains(&number)) else {
            let bounds = if greatest >= i128::from(i64::MAX) {
                format!("at least {least}")
            } else {
                format!("from {least} to {greatest}")
            };
            faults.push(Fault::error(Code::InvalidValue, self, format!("{number} is out of range: {bounds}")));
            return None;
        };
        Some(value)
    }

    /// The same, for fields where StateFun refuses numbers in quotes.
    pub(in crate::spec) fn bare_integer<T: TryFrom<i128> + Into<i128> + Copy>(
        &self,
        range: RangeInclusive<T>,
        faults: &mut Faults<'_>,
    ) -> Option<T> {
        if let Value::Scalar { text, plain: false } = &self.node.value {
            let message = format!("expected a number, found the text `{text}`");
            faults.push(
                Fault::error(Code::WrongType, self, message).suggest(parse_integer(text).map(|it| it.to_string())),
            );
            return None;
        }
        self.integer(range, faults)
    }

    /// A number above zero, fractions allowed.
    pub(in crate::spec) fn rate(&self, faults: &mut Faults<'_>) -> Option<f64> {
        let text = self.any_text(faults)?;
        let rate = text.trim().parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
        if rate.is_none() {
            faults.push(Fault::error(
                Code::InvalidValue,
                self,
                format!("expected a number above zero, found `{text}`"),
            ));
        }
        rate
    }

    /// A number, fractions allowed.
    pub(in crate::spec) fn number(&self, faults: &mut Faults<'_>) -> Option<f64> {
        let text = self.any_text(faults)?;
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            faults.push(Fault::error(Code::WrongType, self, format!("expected a number, found `{text}`")));
        }
        number
    }

    pub(in crate::spec) fn boolean(&self, faults: &mut Faults<'_>) -> Option<bool> {
        let text = self.any_text(faults)?;
        match text.as_str() {
            "true" | "True" | "TRUE" => return Some(true),
            "false" | "False" | "FALSE" => return Some(false),
            _ => {}
        }
        let meant = match text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "1" => Some("true"),
            "no" | "off" | "n" | "0" => Some("false"),
            other => nearest(other, ["true", "false"]),
        };
        let message = format!("expected true or false, found `{text}`");
        faults.push(Fault::error(Code::WrongType, self, message).suggest(meant));
        None
    }

    /// One of some words, written exactly so.
    pub(in crate::spec) fn word<T: Clone>(&self, words: &[(&'static str, T)], faults: &mut Faults<'_>) -> Option<T> {
        let text = self.any_text(faults)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{text}` is not allowed here; there are {}", names.join(", "));
        faults.push(Fault::error(Code::InvalidValue, self, message).suggest(nearest(&text, names.iter().copied())));
        None
    }

    pub(in crate::spec) fn duration(&self, faults: &mut Faults<'_>) -> Option<Duration> {
        let text = self.any_text(faults)?;
        match duration::parse(&text) {
            Ok(duration) => Some(duration),
            Err(message) => {
                let digits = text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
                let (number, unit) = text.trim().split_at(digits);
                let meant = nearest(unit.trim(), duration::unit_names()).filter(|_| !number.is_empty());
                let meant = meant.map(|unit| format!("{number} {unit}"));
                faults.push(Fault::error(Code::InvalidDuration, self, message).suggest(meant));
                None
            }
        }
    }

    /// A duration in milliseconds that may have a sign.
    pub(in crate::spec) fn signed_millis(&self, faults: &mut Faults<'_>) -> Option<i64> {
        let text = self.any_text(faults)?;
        let (sign, rest) = match text.trim().strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.trim()),
        };
        match duration::parse(rest) {
            Ok(duration) => i64::try_from(duration.as_millis()).ok().map(|millis| sign * millis),
            Err(message) => {
                faults.push(Fault::error(Code::InvalidDuration, self, message));
                None
            }
        }
    }

    /// A duration that must take some time.
    pub(in crate::spec) fn positive_duration(&self, faults: &mut Faults<'_>) -> Option<Duration> {
        let duration = self.duration(faults)?;
        if duration.is_zero() {
            faults.push(Fault::error(Code::InvalidDuration, self, "this duration must be above zero"));
            return None;
        }
        Some(duration)
    }

    /// A number of bytes with an optional unit, above zero.
    pub(in crate::spec) fn size(&self, faults: &mut Faults<'_>) -> Option<u64> {
        let text = self.any_text(faults)?;
        let trimmed = text.trim();
        let (number, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
        let unit = unit.trim().to_lowercase();
        let factor = SIZE_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        // Signed in every protocol and store it will ever meet.
        if let Some(size) = size.filter(|size| (1..=i64::MAX.unsigned_abs()).contains(size)) {
            return Some(size);
        }
        let message = format!("`{text}` is no size: write a number of bytes above zero, or as in `512 KiB`");
        faults.push(Fault::error(Code::InvalidValue, self, message));
        None
    }

    pub(in crate::spec) fn typename(&self, faults: &mut Faults<'_>) -> Option<TypeNameText> {
        let text = self.any_text(faults)?;
        match TypeNameText::parse(&text) {
            Ok(typename) => Some(typename),
            Err(error) => {
                let message = format!("`{}` is not a typename: {error}", text.escape_debug());
                faults.push(Fault::error(Code::InvalidTypename, self, message).suggest(repaired(&text)));
                None
            }
        }
    }

    /// `namespace/name` or `namespace/*`.
    pub(in crate::spec) fn selector(&self, faults: &mut Faults<'_>) -> Option<FunctionSelector> {
        let text = self.any_text(faults)?;
        match TypeNameText::parse(&text) {
            Ok(typename) if !text.contains('*') => Some(FunctionSelector::Exact(typename)),
            Ok(typename) if typename.name() == "*" && !typename.namespace().contains('*') => {
                Some(FunctionSelector::Namespace(typename.namespace().to_owned()))
            }
            Ok(_) => {
                let message = format!("`{text}`: only <namespace>/<name> or <namespace>/* are supported");
                let namespace = text.split('/').next().filter(|it| !it.contains('*') && text.contains('/'));
                let meant = namespace.map(|namespace| format!("{namespace}/*"));
                faults.push(Fault::error(Code::InvalidSelector, self, message).suggest(meant));
                None
            }
            Err(error) => {
                let message = format!("`{}` does not name functions: {error}", text.escape_debug());
                let meant = repaired(&text).or_else(|| text.strip_suffix(".*").map(|before| format!("{before}/*")));
                faults.push(Fault::error(Code::InvalidSelector, self, message).suggest(meant));
                None
            }
        }
    }

    /// A list of typenames.
    pub(in crate::spec) fn typenames(&self, faults: &mut Faults<'_>) -> Option<Vec<TypeNameText>> {
        let items = self.list(faults)?;
        Some(items.iter().filter_map(|item| item.typename(faults)).collect())
    }

    /// A date as Unix milliseconds.
    pub(in crate::spec) fn date(&self, faults: &mut Faults<'_>) -> Option<i64> {
        let text = self.any_text(faults)?;
        let form = "`yyyy-MM-dd HH:mm:ss.SSS Z` as in `2020-02-01 04:15:00.000 +0000`";
        match date::parse(&text) {
            Some(date) => {
                if !date.strict {
                    let message = format!("StateFun itself reads only {form}");
                    faults.push(Fault::warning(Code::NotPortable, self, message));
                }
                Some(date.timestamp_ms)
            }
            None => {
                faults.push(Fault::error(Code::InvalidDate, self, format!("`{text}` is no date; write {form}")));
                None
            }
        }
    }

    /// The value as JSON, for payloads.
    pub(in crate::spec) fn json(&self) -> serde_json::Value {
        to_json(&self.node.value)
    }
}

fn parse_integer(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Underscores between digits are YAML 1.1, which is what StateFun reads.
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || plain.starts_with(['+', '-']) {
        return None;
    }
    let number = match plain.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok().filter(|it| *it >= 0),
        None => plain.parse().ok(),
    };
    number.map(|number| if negative { -number } else { number })
}

/// A typename with another separator, or with blanks, put right.
fn repaired(text: &str) -> Option<String> {
    let candidates =
        [text.trim().to_owned(), text.replacen([':', '\\', '|'], "/", 1), text.trim().trim_matches('/').to_owned()];
    candidates.into_iter().find(|candidate| candidate != text && TypeNameText::parse(candidate).is_ok())
}

fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Scalar { text, plain: false } => Json::from(text.as_str()),
        Value::Scalar { text, plain: true } => match text.as_str() {
            "true" | "True" | "TRUE" => Json::Bool(true),
            "false" | "False" | "FALSE" => Json::Bool(false),
            // JSON's own reader decides what a number is, so `1.0` stays a float and `007` a text.
            _ => match serde_json::from_str::<Json>(text) {
                Ok(number @ Json::Number(_)) => number,
                _ => Json::from(text.as_str()),
            },
        },
        Value::List(items) => items.iter().map(|item| to_json(&item.value)).collect(),
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value.value))).collect(),
    }
}
