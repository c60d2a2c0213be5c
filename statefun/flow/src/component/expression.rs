//! Expressions: text in a description, compiled once, evaluated for every event or result.

use serde_json::Value;

/// What an expression may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// The event at hand, as `event`.
    Event,
    /// What a partial match has accepted, as `matched`: an object from stages to lists of events.
    Matched,
    /// What a component computed, as `result`: an object.
    Result,
}

impl Variable {
    /// The name in expressions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Matched => "matched",
            Self::Result => "result",
        }
    }
}

/// A language of expressions.
pub trait Expressions {
    /// Compiles `source`, which reads at most `variables`.
    ///
    /// # Errors
    /// When `source` is no expression of the language, or reads something else.
    fn compile(&self, source: &str, variables: &[Variable]) -> Result<Box<dyn Expression>, ExpressionError>;
}

/// A compiled expression. It must be a pure function of its variables.
pub trait Expression: Send + Sync {
    /// Whether it reads a variable; those it does not read need not be given.
    fn reads(&self, variable: Variable) -> bool;

    /// Its value where the variables have these values.
    ///
    /// # Errors
    /// When the variables do not fit, such as a field that is missing.
    fn evaluate(&self, variables: &[(Variable, &Value)]) -> Result<Value, EvaluationError>;
}

/// Text that is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// Where: bytes from the beginning of the text.
    pub offset: Option<usize>,
}

/// An expression that has no value here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);
