//! Names met while rows are decoded.
//!
//! Rows in key order say the same few names over and over, and interning takes a lock and a look-up; comparing with the
//! name met last is much cheaper.

use statefun::{FunctionType, Symbol, ValueType};

use super::CodecError;

/// Remembers the names met last.
#[derive(Debug, Default)]
pub(crate) struct Names {
    function: Option<FunctionType>,
    state: Option<Symbol>,
    value_type: Option<ValueType>,
    domain: Option<Symbol>,
}

impl Names {
    pub(super) fn function(&mut self, text: &str) -> Result<FunctionType, CodecError> {
        match self.function {
            Some(last) if last.as_str() == text => Ok(last),
            _ => Ok(*self.function.insert(FunctionType::parse(text)?)),
        }
    }

    pub(super) fn state(&mut self, text: &str) -> Result<Symbol, CodecError> {
        match self.state {
            Some(last) if last.as_str() == text => Ok(last),
            _ => Ok(*self.state.insert(Symbol::intern(text)?)),
        }
    }

    pub(super) fn domain(&mut self, text: &str) -> Result<Symbol, CodecError> {
        match self.domain {
            Some(last) if last.as_str() == text => Ok(last),
            _ => Ok(*self.domain.insert(Symbol::intern(text)?)),
        }
    }

    pub(super) fn value_type(&mut self, text: &str) -> Result<ValueType, CodecError> {
        match self.value_type {
            Some(last) if last.as_str() == text => Ok(last),
            _ => Ok(*self.value_type.insert(ValueType::named(text)?)),
        }
    }
}
