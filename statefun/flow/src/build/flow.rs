//! A component and what leads to it.

use statefun::FunctionType;
use statefun::function::Function;

use crate::cep::PatternError;
use crate::function::FlowFunction;
use crate::join::IntervalSpecError;
use crate::window::SpecError;

/// A window, a join or a pattern, ready to be registered with whatever brings events to it.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(super) functions: Vec<FlowFunction>,
    pub(super) entries: Vec<FunctionType>,
}

/// A flow that cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name that is none.
    #[error("{0}")]
    Name(String),
    /// Windows that make no sense.
    #[error(transparent)]
    Window(#[from] SpecError),
    /// An interval that makes no sense.
    #[error(transparent)]
    Interval(#[from] IntervalSpecError),
    /// A pattern that contradicts itself.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Flow {
    /// The function type that events are sent to; of the left side of a join.
    #[must_use]
    pub fn entry(&self) -> FunctionType {
        self.entries[0]
    }

    /// The same for each input.
    #[must_use]
    pub fn entries(&self) -> &[FunctionType] {
        &self.entries
    }

    /// The component itself, then what brings events to their keys.
    #[must_use]
    pub fn functions(&self) -> &[FlowFunction] {
        &self.functions
    }

    /// The component's level: 1 + that of the components before it.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.functions[0].level
    }

    /// An instance of one of its functions to embed; `None` for a function that is not among them.
    #[must_use]
    pub fn embedded(&self, function: FunctionType) -> Option<Box<dyn Function>> {
        self.functions.iter().find(|it| it.function == function).map(FlowFunction::embedded)
    }
}

pub(super) fn named(name: &str) -> Result<FunctionType, BuildError> {
    FunctionType::parse(name).map_err(|error| BuildError::Name(error.to_string()))
}
