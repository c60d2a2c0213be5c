//! Rows as nouns, for those who read a savepoint or build one.

use statefun_ports::rows::{RowKey, RowValue};

use super::SavepointError;
use crate::codec::{self, Names};

/// Reads rows; names met last are remembered.
#[derive(Debug, Default)]
pub struct RowReader(Names);

impl RowReader {
    /// Reads a row.
    ///
    /// # Errors
    /// When it is none that this program knows.
    pub fn read(&mut self, key: &[u8], value: &[u8]) -> Result<(RowKey, RowValue), SavepointError> {
        codec::decode(key, value, &mut self.0).map_err(|error| SavepointError::Row(error.to_string()))
    }
}

/// The bytes of a row's key and value.
#[must_use]
pub fn row_bytes(key: &RowKey, value: &RowValue) -> (Vec<u8>, Vec<u8>) {
    let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
    codec::encode_key(key, &mut key_bytes);
    codec::encode_value(value, &mut value_bytes);
    (key_bytes, value_bytes)
}
