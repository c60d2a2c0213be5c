//! When an event fits a stage.
//!
//! A condition is data, so that a pattern can stand in a configuration file, be shown to people and be explained
//! afterwards; [`Condition::test`] and [`Condition::test_with`] are the way out for Rust code. A condition is
//! *iterative* when it reads the events that the partial match has already accepted.

mod number;
mod serial;

use std::fmt;
use std::sync::Arc;

pub use number::{Aggregate, Number};

use super::accepted::Accepted;
use super::event::Event;

/// A predicate over an event and, if iterative, over the events accepted before it.
#[non_exhaustive]
pub enum Condition<E> {
    /// The kind of the event equals this.
    Kind(String),
    /// A text field of the event equals this.
    Text {
        /// The field.
        field: String,
        /// The value it must have.
        is: String,
    },
    /// All hold; true of every event when empty.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// The inner one does not hold.
    Not(Box<Self>),
    /// Two numbers compare this way; false when either has no value.
    Compare(Comparison, Number, Number),
    /// Rust code. It has no data form.
    Custom(Custom<E>),
    /// An expression in a language that this crate does not know; [`Pattern::compile`](super::Pattern::compile) gives it a
    /// meaning.
    Expression(Expression<E>),
}

/// An expression as written and, once compiled, what it means.
pub struct Expression<E> {
    source: String,
    meaning: Option<Custom<E>>,
}

impl<E> Expression<E> {
    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it has been compiled.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.meaning.is_some()
    }
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

/// A condition written in Rust.
pub struct Custom<E> {
    test: Arc<dyn Test<E>>,
    iterative: bool,
}

/// The signature of a test in Rust: the event at hand, and what the partial match has accepted so far.
trait Test<E>: Fn(&E, &Accepted<'_, E>) -> bool + Send + Sync {}

impl<E, F: Fn(&E, &Accepted<'_, E>) -> bool + Send + Sync> Test<E> for F {}

impl<E> Condition<E> {
    /// True of every event.
    #[must_use]
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// True of events of this kind.
    pub fn kind(kind: impl Into<String>) -> Self {
        Self::Kind(kind.into())
    }

    /// A test of the event alone. It must be a pure function: it is not run on every event, nor only once.
    pub fn test(test: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self::Custom(Custom { test: Arc::new(move |event: &E, _: &Accepted<'_, E>| test(event)), iterative: false })
    }

    /// A test that also reads the events accepted so far.
    pub fn test_with(test: impl Fn(&E, &Accepted<'_, E>) -> bool + Send + Sync + 'static) -> Self {
        Self::Custom(Custom { test: Arc::new(test), iterative: true })
    }

    /// An expression that is still to be compiled.
    pub fn expression(source: impl Into<String>) -> Self {
        Self::Expression(Expression { source: source.into(), meaning: None })
    }

    /// Gives every expression in it a meaning: the condition that `compile` makes of its text, which must be one of
    /// [`Self::test`] and [`Self::test_with`].
    ///
    /// # Errors
    /// The first one of `compile`.
    pub fn compile<X>(&mut self, compile: &mut dyn FnMut(&str) -> Result<Self, X>) -> Result<(), X> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().try_for_each(|part| part.compile(compile)),
            Self::Not(part) => part.compile(compile),
            Self::Expression(expression) => {
                if let Self::Custom(meaning) = compile(&expression.source)? {
                    expression.meaning = Some(meaning);
                }
                Ok(())
            }
            Self::Kind(_) | Self::Text { .. } | Self::Compare(..) | Self::Custom(_) => Ok(()),
        }
    }

    /// An expression in it that has no meaning yet.
    pub(crate) fn uncompiled(&self) -> Option<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().find_map(Self::uncompiled),
            Self::Not(part) => part.uncompiled(),
            Self::Expression(expression) if !expression.is_compiled() => Some(&expression.source),
            Self::Expression(_) | Self::Kind(_) | Self::Text { .. } | Self::Compare(..) | Self::Custom(_) => None,
        }
    }

    /// A comparison of two numbers.
    #[must_use]
    pub fn compare(left: Number, comparison: Comparison, right: Number) -> Self {
        Self::Compare(comparison, left, right)
    }

    /// This one and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// This one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::Any(vec![self, other])
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether the outcome depends on the events accepted so far and so must be found anew for every partial match.
    #[must_use]
    pub fn is_iterative(&self) -> bool {
        match self {
            Self::Kind(_) | Self::Text { .. } => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_iterative),
            Self::Not(part) => part.is_iterative(),
            Self::Compare(_, left, right) => left.is_iterative() || right.is_iterative(),
            Self::Custom(custom) => custom.iterative,
            Self::Expression(expression) => expression.meaning.as_ref().is_some_and(|meaning| meaning.iterative),
        }
    }

    /// The stages whose accepted events are read, in the order of their mention.
    pub(crate) fn stages_read(&self) -> Vec<&str> {
        match self {
            Self::Kind(_) | Self::Text { .. } | Self::Custom(_) | Self::Expression(_) => Vec::new(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::stages_read).collect(),
            Self::Not(part) => part.stages_read(),
            Self::Compare(_, left, right) => [left.stages_read(), right.stages_read()].concat(),
        }
    }
}

impl<E: Event> Condition<E> {
    /// Whether the condition holds for `event` after the events of `accepted`.
    #[must_use]
    pub fn holds(&self, event: &E, accepted: &Accepted<'_, E>) -> bool {
        match self {
            Self::Kind(kind) => event.kind() == kind,
            Self::Text { field, is } => event.text(field) == Some(is),
            Self::All(parts) => parts.iter().all(|part| part.holds(event, accepted)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event, accepted)),
            Self::Not(part) => !part.holds(event, accepted),
            Self::Compare(comparison, left, right) => {
                match (left.value(event, accepted), right.value(event, accepted)) {
                    (Some(left), Some(right)) => comparison.holds(left, right),
                    _ => false,
                }
            }
            Self::Custom(custom) => (custom.test)(event, accepted),
            Self::Expression(expression) => {
                expression.meaning.as_ref().is_some_and(|meaning| (meaning.test)(event, accepted))
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }

    /// The sign as written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

// Derived `Clone` would ask `E: Clone`, which no condition needs.
impl<E> Clone for Condition<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Kind(kind) => Self::Kind(kind.clone()),
            Self::Text { field, is } => Self::Text { field: field.clone(), is: is.clone() },
            Self::All(parts) => Self::All(parts.clone()),
            Self::Any(parts) => Self::Any(parts.clone()),
            Self::Not(part) => Self::Not(part.clone()),
            Self::Compare(comparison, left, right) => Self::Compare(*comparison, left.clone(), right.clone()),
            Self::Custom(custom) => Self::Custom(custom.clone()),
            Self::Expression(expression) => {
                Self::Expression(Expression { source: expression.source.clone(), meaning: expression.meaning.clone() })
            }
        }
    }
}

impl<E> Clone for Custom<E> {
    fn clone(&self) -> Self {
        Self { test: Arc::clone(&self.test), iterative: self.iterative }
    }
}

/// As a person would write it: `type is a and v > 5`.
impl<E> fmt::Display for Condition<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined<E>(f: &mut fmt::Formatter<'_>, parts: &[Condition<E>], word: &str) -> fmt::Result {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Condition::All(inner) | Condition::Any(inner) if inner.len() > 1 => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        }
        match self {
            Self::Kind(kind) => write!(f, "type is {kind}"),
            Self::Text { field, is } => write!(f, "{field} is {is}"),
            Self::All(parts) if parts.is_empty() => f.write_str("any event"),
            Self::Any(parts) if parts.is_empty() => f.write_str("no event"),
            Self::All(parts) => joined(f, parts, "and"),
            Self::Any(parts) => joined(f, parts, "or"),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Compare(comparison, left, right) => write!(f, "{left} {} {right}", comparison.sign()),
            Self::Custom(_) => f.write_str("a test in Rust"),
            Self::Expression(expression) => f.write_str(&expression.source),
        }
    }
}

impl<E> fmt::Debug for Condition<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E> fmt::Debug for Custom<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("iterative", &self.iterative).finish_non_exhaustive()
    }
}
