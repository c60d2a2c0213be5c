//! Windows, joins and patterns over JSON events as data: what a module file says and what becomes a function.
//!
//! A [`ComponentSpec`] names a function type, its inputs with their keys, what it computes and where results go. Expressions
//! stand in it as text; whoever reads the file supplies the language through [`Expressions`].

mod aggregates;
mod build;
mod expression;
mod spec;
mod target;

#[cfg(test)]
mod tests;

pub use build::ComponentError;
pub use expression::{EvaluationError, Expression, ExpressionError, Expressions, Variable};
pub use spec::{
    AggregateKind, AggregateSpec, ComponentSpec, InputSpec, OperatorSpec, OtherPattern, TargetSpec, WindowComponent,
};
