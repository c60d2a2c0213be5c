//! Expressions in CEL, the Common Expression Language, over JSON.
//!
//! The language is Google's, the implementation the crate `cel`. An expression is compiled once; per evaluation only those
//! fields of an event become values of the language that the expression reads.
//!
//! Numbers: a whole number in JSON is an `int`, any other a `double`. Comparing them works, calculating with both needs a
//! conversion, as the language has it.

mod reads;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use ::cel::{Context, Env, Program};
use serde_json::Value;
use statefun_flow::component::{EvaluationError, Expression, ExpressionError, Expressions, Variable};

use reads::Reads;

/// Longer than anybody writes, short enough that parsing takes no noticeable time.
const LENGTH_MAX: usize = 10_000;

/// The language.
#[derive(Clone)]
pub struct Cel {
    env: Arc<Env>,
}

impl Default for Cel {
    fn default() -> Self {
        Self { env: Arc::new(Env::stdlib()) }
    }
}

impl std::fmt::Debug for Cel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cel").finish_non_exhaustive()
    }
}

/// An expression that can be evaluated.
struct Compiled {
    env: Arc<Env>,
    program: Program,
    reads: Vec<(Variable, Reads)>,
}

const VARIABLES: [Variable; 3] = [Variable::Event, Variable::Matched, Variable::Result];

impl Expressions for Cel {
    fn compile(&self, source: &str, variables: &[Variable]) -> Result<Box<dyn Expression>, ExpressionError> {
        let at_start = |message: String| ExpressionError { message, offset: None };
        if source.len() > LENGTH_MAX {
            return Err(at_start(format!("an expression has at most {LENGTH_MAX} bytes")));
        }
        let program = self.env.compile(source).map_err(|errors| {
            let first = errors.errors.into_iter().min_by_key(|error| error.pos);
            let Some(error) = first else { return at_start("this is no expression".to_owned()) };
            ExpressionError { message: reads::plain(&error.msg), offset: offset_of(source, error.pos) }
        })?;
        let references = program.references();
        let known: Vec<&str> = variables.iter().map(|variable| variable.name()).collect();
        let mut unknown: Vec<&str> = references.variables();
        unknown.retain(|name| !known.contains(name) && !reads::is_own(program.expression(), name));
        unknown.sort_unstable();
        if let Some(name) = unknown.first() {
            let message = format!("`{name}` is not known here; there is {}", known.join(", "));
            return Err(ExpressionError { message, offset: reads::find(source, name) });
        }
        let mut functions: Vec<&str> = references.functions();
        functions.retain(|name| reads::is_word(name) && !reads::FUNCTIONS.contains(name));
        functions.sort_unstable();
        if let Some(name) = functions.first() {
            let message = format!("there is no function `{name}`");
            return Err(ExpressionError { message, offset: reads::find(source, name) });
        }
        let reads = VARIABLES.map(|variable| (variable, Reads::of(program.expression(), variable.name())));
        Ok(Box::new(Compiled { env: Arc::clone(&self.env), reads: reads.to_vec(), program }))
    }
}

impl Expression for Compiled {
    fn reads(&self, variable: Variable) -> bool {
        self.reads.iter().any(|(read, how)| *read == variable && *how != Reads::Nothing)
    }

    fn evaluate(&self, variables: &[(Variable, &Value)]) -> Result<Value, EvaluationError> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for (variable, value) in variables {
            let how = self.reads.iter().find(|(read, _)| read == variable).map(|(_, how)| how);
            match how {
                Some(Reads::All) => context.add_variable_from_value(variable.name(), value::from_json(value)),
                Some(Reads::Fields(fields)) => {
                    context.add_variable_from_value(variable.name(), value::fields_from_json(value, fields));
                }
                Some(Reads::Nothing) | None => {}
            }
        }
        let found = self.program.execute(&context).map_err(|error| EvaluationError(error.to_string()))?;
        value::to_json(&found).map_err(EvaluationError)
    }
}

/// The byte of a line and a column, both from 1, columns in characters.
fn offset_of(source: &str, (line, column): (isize, isize)) -> Option<usize> {
    let (line, column) = (usize::try_from(line).ok()?.checked_sub(1)?, usize::try_from(column).ok()?.checked_sub(1)?);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..)?;
    Some(start + rest.char_indices().nth(column).map_or_else(|| rest.trim_end_matches('\n').len(), |(at, _)| at))
}
