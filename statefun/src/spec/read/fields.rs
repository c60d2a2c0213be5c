//! The fields of a mapping: which are read, which must be there, and which nobody knows.

use super::faults::{Fault, Faults};
use super::field::{Field, join};
use super::nearest::nearest;
use super::tree::{Entry, Span, Value};
use crate::spec::{Code, Location, Severity};

/// What an unknown field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum Unknown {
    /// StateFun ignores it, so it cannot stop anybody's module from running: a warning.
    Warn,
    /// Our own kinds have no past to be kind to: an error.
    Refuse,
}

/// A mapping being read. What has been asked for is what is known; [`Fields::finish`] reports the rest.
#[derive(Debug)]
pub(in crate::spec) struct Fields<'a> {
    entries: &'a [Entry],
    path: String,
    label: Span,
    unknown: Unknown,
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    injected: Vec<(&'static str, Field<'a>)>,
    hints: Vec<(&'static str, &'static str)>,
    explained: Vec<(&'static str, String)>,
    extensions: bool,
}

impl<'a> Field<'a> {
    /// The fields of a mapping.
    pub(in crate::spec) fn fields(&self, unknown: Unknown, faults: &mut Faults<'_>) -> Option<Fields<'a>> {
        let entries = match &self.node.value {
            Value::Map(entries) => entries.as_slice(),
            // `spec:` with nothing below it has no fields; the ones required are what is worth reporting.
            Value::Null => &[],
            Value::Scalar { .. } | Value::List(_) => {
                self.wrong_type("a mapping of fields", faults);
                return None;
            }
        };
        Some(Fields {
            entries,
            path: self.path.clone(),
            label: self.label,
            unknown,
            known: Vec::new(),
            missing: Vec::new(),
            injected: Vec::new(),
            hints: Vec::new(),
            explained: Vec::new(),
            extensions: false,
        })
    }
}

impl<'a> Fields<'a> {
    /// Adds a field that is written elsewhere, as the legacy format does with ids.
    pub(in crate::spec) fn inject(&mut self, name: &'static str, field: Field<'a>) {
        self.injected.push((name, field));
    }

    /// What to say about a field that is not known here but is known elsewhere.
    pub(in crate::spec) fn hint(&mut self, name: &'static str, help: &'static str) {
        self.hints.push((name, help));
    }

    /// What to say of a required field that is missing, where there is more to say than that.
    pub(in crate::spec) fn explain(&mut self, name: &'static str, message: String) {
        self.explained.push((name, message));
    }

    /// Lets keys that begin with `x-` pass: the usual place for anchors that several fields refer to.
    pub(in crate::spec) fn allow_extensions(&mut self) {
        self.extensions = true;
    }

    /// Whether there is a field that has not been asked for.
    pub(in crate::spec) fn has_unknown(&self) -> bool {
        self.entries.iter().any(|entry| !self.known.contains(&entry.key.as_str()))
    }

    /// Where the mapping begins: its key.
    pub(in crate::spec) fn location(&self, faults: &Faults<'_>) -> Location {
        faults.location(self.label)
    }

    /// Reports a fault of the mapping as a whole.
    pub(in crate::spec) fn fault(&self, code: Code, message: impl Into<String>) -> Fault {
        Fault::error_at(code, self.label, message).path(self.path.clone())
    }

    /// A field that may be absent; one without a value counts as absent.
    pub(in crate::spec) fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        if let Some((_, field)) = self.injected.iter().find(|(injected, _)| *injected == name) {
            return Some(field.clone());
        }
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        let field = Field { node: &entry.value, label: entry.key_span, path: join(&self.path, name) };
        (!field.node.is_null()).then_some(field)
    }

    /// The fault of a field that turned out to be required.
    pub(in crate::spec) fn missing(&self, name: &'static str) -> Fault {
        let message = format!("the required field `{name}` is missing");
        Fault::error_at(Code::MissingField, self.label, message).path(join(&self.path, name))
    }

    /// A field that must be there.
    pub(in crate::spec) fn required(&mut self, name: &'static str) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            self.missing.push(name);
        }
        field
    }

    /// Reports what is missing and what is unknown. A misspelt required field is one fault, not two.
    pub(in crate::spec) fn finish(mut self, faults: &mut Faults<'_>) {
        let known = |entry: &&Entry| {
            self.known.contains(&entry.key.as_str()) || (self.extensions && entry.key.starts_with("x-"))
        };
        for entry in self.entries.iter().filter(|entry| !known(entry)) {
            let absent = |name: &&&'static str| !self.entries.iter().any(|entry| entry.key == ***name);
            let help = self.hints.iter().find(|(name, _)| *name == entry.key).map(|(_, help)| *help);
            let nearest = if help.is_some() {
                None
            } else {
                // A field that is there already is seldom what was meant.
                nearest(&entry.key, self.known.iter().filter(absent).copied())
                    .or_else(|| nearest(&entry.key, self.known.iter().copied()))
            };
            let stands_for_missing = nearest.and_then(|name| self.missing.iter().position(|missing| *missing == name));
            let mut message = format!("unknown field `{}`", entry.key);
            let mut severity = match self.unknown {
                Unknown::Warn => Severity::Warning,
                Unknown::Refuse => Severity::Error,
            };
            if let Some(index) = stands_for_missing {
                let name = self.missing.remove(index);
                message = format!("{message}, and the required field `{name}` is missing");
                severity = Severity::Error;
            }
            let fault = Fault::error_at(Code::UnknownField, entry.key_span, message).severity(severity);
            let fault = fault.path(join(&self.path, &entry.key)).suggest(nearest);
            faults.push(match help {
                Some(help) => fault.help(help),
                None => fault,
            });
        }
        for name in self.missing {
            let written = self.entries.iter().find(|entry| entry.key == name);
            let explained = self.explained.iter().find(|(explained, _)| *explained == name);
            let message = match written {
                _ if explained.is_some() => explained.map(|(_, message)| message.clone()).unwrap_or_default(),
                Some(_) => format!("the required field `{name}` has no value"),
                None => format!("the required field `{name}` is missing"),
            };
            let at = written.map_or(self.label, |entry| entry.key_span);
            faults.push(Fault::error_at(Code::MissingField, at, message).path(join(&self.path, name)));
        }
    }
}
