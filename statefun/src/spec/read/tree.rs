//! A YAML file as a tree of nodes that know where they stand.
//!
//! Aliases are replaced by what they refer to and merge keys by what they bring, so nobody above needs to know of
//! either. A node that came through an alias keeps the position of its anchor: that is the text to be mended.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::faults::{Fault, Faults};
use crate::spec::Code;

/// A module nests four or five levels deep; anything far beyond is an accident or an attack.
const DEPTH_MAX: usize = 64;
/// Aliases of aliases can multiply without end; the largest honest modules have a few thousand nodes.
const NODES_MAX: usize = 100_000;

/// A piece of a file, in characters as the scanner counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::spec) struct Span {
    /// Index of the file.
    pub file: usize,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl Span {
    fn new(file: usize, span: saphyr_parser::Span) -> Self {
        Self { file, start: span.start.index(), end: span.end.index().max(span.start.index()) }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(in crate::spec) struct Node {
    pub value: Value,
    pub span: Span,
    /// How many nodes it consists of.
    nodes: usize,
}

#[derive(Debug, Clone)]
pub(in crate::spec) enum Value {
    Null,
    Scalar {
        text: String,
        /// Written without quotes, so it may be a number or a boolean.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug, Clone)]
pub(in crate::spec) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub(in crate::spec) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Null | Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    pub(in crate::spec) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// In words, for messages.
    pub(in crate::spec) fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads the documents of a file. After a syntax error the documents before it are still returned, so that their
/// faults are reported in the same run.
pub(in crate::spec) fn read_file(file: usize, text: &str, faults: &mut Faults<'_>) -> Vec<Node> {
    let mut builder = Builder { faults, open: Vec::new(), anchors: BTreeMap::new(), documents: Vec::new(), nodes: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let stop = match event {
            Ok((event, span)) => builder.event(event, Span::new(file, span)).is_err(),
            Err(error) => {
                let at = Span { file, start: error.marker().index(), end: error.marker().index() };
                builder.faults.push(Fault::error_at(Code::Syntax, at, format!("this is not YAML: {}", error.info())));
                true
            }
        };
        if stop {
            break;
        }
    }
    builder.documents
}

/// Reading cannot go on; the reason has been reported.
struct Stop;

struct Builder<'f, 's> {
    faults: &'f mut Faults<'s>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    nodes: usize,
}

/// A collection whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<RawEntry>, key: Option<Key> },
}

enum Key {
    Text {
        text: String,
        plain: bool,
        span: Span,
    },
    /// A key that is no text; reported when it was met.
    Invalid,
}

struct RawEntry {
    key: Key,
    value: Node,
}

impl Builder<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let plain = style == ScalarStyle::Plain && !forced_text;
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar { text: text.into_owned(), plain } };
                self.finished(Node { value, span, nodes: 1 }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(span, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(span, anchor, Content::Map { entries: Vec::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = node.clone();
                    self.count(node.nodes, span)?;
                    self.finished(node, 0)
                }
                None => {
                    self.faults.push(Fault::error_at(Code::Syntax, span, "this alias refers to a node it is part of"));
                    Err(Stop)
                }
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn count(&mut self, more: usize, at: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("the file expands to more than {NODES_MAX} values");
        self.faults.push(Fault::error_at(Code::TooLarge, at, message));
        Err(Stop)
    }

    fn begin(&mut self, start: Span, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("the document nests more than {DEPTH_MAX} levels deep");
            self.faults.push(Fault::error_at(Code::TooLarge, start, message));
            return Err(Stop);
        }
        self.open.push(Open { start, anchor, content });
        Ok(())
    }

    fn end(&mut self, closing: Span) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, nodes, end) = match open.content {
            Content::List(items) => {
                let nodes = items.iter().map(|item| item.nodes).sum::<usize>();
                let end = items.last().map(|item| item.span.end);
                (Value::List(items), nodes, end)
            }
            Content::Map { entries, .. } => {
                let end = entries.last().map(|entry| entry.value.span.end);
                let entries = self.merged(entries);
                let nodes = entries.iter().map(|entry| entry.value.nodes).sum::<usize>();
                (Value::Map(entries), nodes, end)
            }
        };
        // A bracket closes what it encloses; a block closes wherever the next token is, which may be far below.
        let bracket = if closing.start < closing.end { closing.end } else { 0 };
        let end = end.unwrap_or(open.start.end).max(open.start.end).max(bracket);
        self.finished(Node { value, span: Span { end, ..open.start }, nodes: nodes.saturating_add(1) }, open.anchor)
    }

    /// Puts a complete node where it belongs.
    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.count(1, node.span)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => match key.take() {
                Some(key) => entries.push(RawEntry { key, value: node }),
                None => {
                    let (text, plain) = match node.value {
                        Value::Scalar { text, plain } => (text, plain),
                        Value::Null => (String::new(), true),
                        Value::List(_) | Value::Map(_) => {
                            let message = format!("a key is a text, not {}", node.describe());
                            self.faults.push(Fault::error_at(Code::WrongType, node.span, message));
                            *key = Some(Key::Invalid);
                            return Ok(());
                        }
                    };
                    *key = Some(Key::Text { text, plain, span: node.span });
                }
            },
        }
        Ok(())
    }

    /// A mapping's own entries, then those its merge keys bring and it does not have itself.
    fn merged(&mut self, raw: Vec<RawEntry>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut sources = Vec::new();
        for RawEntry { key, value } in raw {
            match key {
                Key::Invalid => {}
                Key::Text { text, plain: true, span } if text == "<<" => sources.push((span, value)),
                Key::Text { text, span, .. } => {
                    if entries.iter().any(|entry| entry.key == text) {
                        let message = format!("the key `{text}` is given twice in this mapping");
                        self.faults.push(Fault::error_at(Code::DuplicateKey, span, message));
                    } else {
                        entries.push(Entry { key: text, key_span: span, value });
                    }
                }
            }
        }
        for (span, source) in sources {
            let maps = match source.value {
                Value::List(items) => items,
                Value::Map(_) | Value::Scalar { .. } | Value::Null => vec![source],
            };
            for map in maps {
                if let Value::Map(brought) = map.value {
                    for entry in brought {
                        if !entries.iter().any(|own| own.key == entry.key) {
                            entries.push(entry);
                        }
                    }
                } else {
                    let message = "a merge key `<<` takes a mapping or a list of mappings";
                    self.faults.push(Fault::error_at(Code::MergeKey, span, message));
                }
            }
        }
        entries
    }
}
