//! What the parser of modules asks of whoever knows the expression language and the operators.

use std::ops::Range;

use super::Component;

/// Checks what this crate only carries along. The one that knows the expression language lives with the operators, so
/// that whoever only needs nouns does not compile an expression language.
pub trait Checker {
    /// Whether `text` is an expression over these variables.
    ///
    /// # Errors
    /// What is wrong with it and where.
    fn expression(&self, text: &str, variables: &[&str]) -> Result<(), ExpressionFault>;

    /// Whether the operator of a component can be made.
    ///
    /// # Errors
    /// Why not, in a sentence.
    fn component(&self, component: &Component) -> Result<(), String>;
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionFault {
    /// The fault in a sentence.
    pub message: String,
    /// The nearest valid word.
    pub suggestion: Option<String>,
    /// Where, in characters of the expression.
    pub at: Range<usize>,
}

/// Believes everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unchecked;

impl Checker for Unchecked {
    fn expression(&self, _: &str, _: &[&str]) -> Result<(), ExpressionFault> {
        Ok(())
    }

    fn component(&self, _: &Component) -> Result<(), String> {
        Ok(())
    }
}
