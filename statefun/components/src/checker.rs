//! What the parser of modules asks.

use statefun::spec::{Checker, Component, ExpressionFault};
use statefun_flow::component::{Expressions, Variable};

use crate::{Cel, describe};

/// Knows the expression language and the operators.
#[derive(Clone, Debug, Default)]
pub struct Declarations {
    language: Cel,
}

impl Checker for Declarations {
    fn expression(&self, text: &str, variables: &[&str]) -> Result<(), ExpressionFault> {
        let all = [Variable::Event, Variable::Matched, Variable::Result];
        let known: Vec<Variable> = all.into_iter().filter(|it| variables.contains(&it.name())).collect();
        let Err(error) = self.language.compile(text, &known) else { return Ok(()) };
        let characters = |bytes: usize| text.char_indices().take_while(|(at, _)| *at < bytes).count();
        let at = match error.offset {
            Some(offset) => {
                let word = text.get(offset..).unwrap_or("");
                let length = word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').count();
                characters(offset)..characters(offset) + length
            }
            None => 0..text.chars().count(),
        };
        Err(ExpressionFault { message: error.message, suggestion: None, at })
    }

    fn component(&self, component: &Component) -> Result<(), String> {
        describe(component).map(|_| ()).map_err(|error| error.to_string())
    }
}
