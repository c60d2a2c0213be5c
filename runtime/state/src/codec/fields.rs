//! Fields one after the other: numbers of fixed width, texts and bytes behind their length.
//!
//! ```text
//!   number   least significant byte first
//!   bytes    length u32 │ bytes          text: the same, UTF-8
//! ```

use super::CodecError;

/// Appends bytes behind their length.
///
/// # Panics
/// When there are 4 GiB of them; messages are limited far below.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("a field is smaller than 4 GiB, messages are limited far below");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads fields off the front of a row's value.
pub(super) struct Fields<'a> {
    row: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a row of kind `row`, which errors name.
    pub(super) fn new(row: &'static str, bytes: &'a [u8]) -> Self {
        Self { row, rest: bytes }
    }

    /// The error that `part` is missing or wrong.
    pub(super) fn invalid(&self, part: &'static str) -> CodecError {
        CodecError::Field { row: self.row, part }
    }

    pub(super) fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.invalid(part))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn byte(&mut self, part: &'static str) -> Result<u8, CodecError> {
        self.array(part).map(|[byte]| byte)
    }

    pub(super) fn bytes(&mut self, part: &'static str) -> Result<&'a [u8], CodecError> {
        let len = u32::from_le_bytes(self.array(part)?) as usize;
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.invalid(part))?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn text(&mut self, part: &'static str) -> Result<&'a str, CodecError> {
        let bytes = self.bytes(part)?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid(part))
    }

    /// Nothing may be left over: a longer row was written by a program that knows more.
    pub(super) fn end(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.invalid("end")) }
    }
}
