//! What an expression reads of a variable.

use std::collections::BTreeSet;

use ::cel::common::ast::{EntryExpr, Expr};
use ::cel::parser::Expression;

/// Functions of the language's standard library.
pub(super) const FUNCTIONS: [&str; 17] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "has",
    "int",
    "matches",
    "max",
    "min",
    "not_strictly_false",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// What is read of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    Nothing,
    /// These fields, by name, and nothing else.
    Fields(Vec<String>),
    All,
}

impl Reads {
    /// What `expression` reads of the variable `name`. A name that a comprehension binds anew is taken for the variable,
    /// which costs time and nothing else.
    pub(super) fn of(expression: &Expression, name: &str) -> Self {
        let mut fields = BTreeSet::new();
        if !fields_only(expression, name, &mut fields) {
            return Self::All;
        }
        if fields.is_empty() { Self::Nothing } else { Self::Fields(fields.into_iter().collect()) }
    }
}

/// Collects the fields that are selected; `false` when the variable is used in any other way.
fn fields_only(expression: &Expression, name: &str, fields: &mut BTreeSet<String>) -> bool {
    match &expression.expr {
        Expr::Ident(found) => found.trim_start_matches('.') != name,
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(found) if found == name => {
                fields.insert(select.field.clone());
                true
            }
            _ => fields_only(&select.operand, name, fields),
        },
        _ => children(expression).into_iter().all(|child| fields_only(child, name, fields)),
    }
}

/// Whether a comprehension of the expression binds `name` itself.
pub(super) fn is_own(expression: &Expression, name: &str) -> bool {
    let bound = match &expression.expr {
        Expr::Comprehension(it) => it.iter_var == name || it.accu_var == name || it.iter_var2.as_deref() == Some(name),
        _ => false,
    };
    bound || children(expression).into_iter().any(|child| is_own(child, name))
}

fn children(expression: &Expression) -> Vec<&Expression> {
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(it) => {
            vec![&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
        Expr::Struct(it) => it.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
    }
}

fn of_entry(entry: &EntryExpr) -> Vec<&Expression> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// Whether the name of a function is one that people write, not an operator.
pub(super) fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where a name stands in the text of an expression, in bytes: the first time it is a word of its own.
pub(super) fn find(source: &str, name: &str) -> Option<usize> {
    let belongs = |c: char| c.is_alphanumeric() || c == '_';
    source.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = source[..*at].chars().next_back();
        let after = source[at + name.len()..].chars().next();
        !before.is_some_and(|c| belongs(c) || c == '.') && !after.is_some_and(belongs)
    })
}

/// A message of the parser without its jargon.
pub(super) fn plain(message: &str) -> String {
    let message = message.lines().next().unwrap_or(message);
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    match message.split_once(" expecting ") {
        // The list of everything that might follow helps nobody.
        Some((what, expected)) if expected.len() > 60 => what.to_owned(),
        _ => message.to_owned(),
    }
}
