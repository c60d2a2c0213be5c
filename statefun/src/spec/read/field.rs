//! One value of a module, with the way that leads to it.

use super::faults::{Fault, Faults};
use super::tree::{Node, Span, Value};
use crate::spec::{Code, Location};

/// A value with its path and the text that introduces it.
#[derive(Debug, Clone)]
pub(in crate::spec) struct Field<'a> {
    pub node: &'a Node,
    /// The key, or the value itself where there is none (items of lists, documents).
    pub label: Span,
    /// Such as `spec.topics[1].targets[0]`.
    pub path: String,
}

impl<'a> Field<'a> {
    pub(in crate::spec) fn root(node: &'a Node) -> Self {
        Self { node, label: Span { end: node.span.start, ..node.span }, path: String::new() }
    }

    /// What a fault of the value points at: the value, or the key if the value is missing.
    pub(in crate::spec) fn value_span(&self) -> Span {
        let span = self.node.span;
        if span.start == span.end { self.label } else { span }
    }

    pub(in crate::spec) fn location(&self, faults: &Faults<'_>) -> Location {
        faults.location(self.label)
    }

    /// The entry of a mapping. Nothing is reported: use [`Field::fields`](Field::fields) for that.
    pub(in crate::spec) fn child(&self, key: &str) -> Option<Field<'a>> {
        let entry = self.node.get(key)?;
        Some(Field { node: &entry.value, label: entry.key_span, path: join(&self.path, key) })
    }

    /// The items of a list.
    pub(in crate::spec) fn list(&self, faults: &mut Faults<'_>) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else {
            self.wrong_type("a list", faults);
            return None;
        };
        let field = |(index, node): (usize, &'a Node)| Field {
            node,
            label: Span { end: node.span.start, ..node.span },
            path: format!("{}[{index}]", self.path),
        };
        Some(items.iter().enumerate().map(field).collect())
    }

    /// The items of a list that must not be empty.
    pub(in crate::spec) fn filled_list(&self, faults: &mut Faults<'_>) -> Option<Vec<Field<'a>>> {
        let items = self.list(faults)?;
        if items.is_empty() {
            faults.push(Fault::error(Code::EmptyList, self, "this list needs at least one entry"));
            return None;
        }
        Some(items)
    }

    /// The pairs of a list of single-entry mappings, as StateFun writes properties; a plain mapping is taken too.
    pub(in crate::spec) fn pairs(&self, faults: &mut Faults<'_>) -> Vec<(String, Field<'a>)> {
        let maps = match &self.node.value {
            Value::Map(_) => vec![self.clone()],
            Value::List(_) => self.list(faults).unwrap_or_default(),
            Value::Null => Vec::new(),
            Value::Scalar { .. } => {
                self.wrong_type("a list of `- name: value`", faults);
                Vec::new()
            }
        };
        let mut pairs = Vec::new();
        for map in maps {
            let Value::Map(entries) = &map.node.value else {
                map.wrong_type("`name: value`", faults);
                continue;
            };
            for entry in entries {
                let path = join(&map.path, &entry.key);
                pairs.push((entry.key.clone(), Field { node: &entry.value, label: entry.key_span, path }));
            }
        }
        pairs
    }

    /// The same with texts as values.
    pub(in crate::spec) fn text_pairs(&self, faults: &mut Faults<'_>) -> Vec<(String, String, Field<'a>)> {
        let pairs = self.pairs(faults);
        pairs.into_iter().filter_map(|(name, field)| field.any_text(faults).map(|text| (name, text, field))).collect()
    }

    pub(in crate::spec) fn wrong_type(&self, expected: &str, faults: &mut Faults<'_>) {
        let message = format!("expected {expected}, found {}", self.node.describe());
        faults.push(Fault::error(Code::WrongType, self, message));
    }
}

/// A path with one more step; keys that would be misread are quoted.
pub(in crate::spec) fn join(path: &str, key: &str) -> String {
    let simple = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (simple, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key:?}]"),
    }
}
