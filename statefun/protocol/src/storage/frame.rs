//! Rows one after the other, as blobs and blocks hold them.
//!
//! ```text
//!   ┌─────────┬─────┬──────────────────────────────┬───────────────────┐
//!   │ key len │ key │ 0: tombstone, n: value len+1 │ value (n-1 bytes) │ …
//!   │ varint  │     │ varint                       │                   │
//!   └─────────┴─────┴──────────────────────────────┴───────────────────┘
//! ```

use crate::varint;

/// A row, or the statement that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its key; see [`RowKey`](super::RowKey).
    pub key: &'a [u8],
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    /// Key and value, as [`merge`](super::merge()) takes them.
    #[must_use]
    pub fn into_pair(self) -> (&'a [u8], Option<&'a [u8]>) {
        (self.key, self.value)
    }
}

pub(super) fn put(out: &mut Vec<u8>, row: Row<'_>) {
    varint::put_slice(out, row.key);
    match row.value {
        None => out.push(0),
        Some(value) => {
            varint::put(out, value.len() as u64 + 1);
            out.extend_from_slice(value);
        }
    }
}

/// Takes a row off the front of `bytes`; `None` if it is cut off.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Row<'a>> {
    let key = varint::take_slice(bytes)?;
    let Some(len) = varint::take(bytes)?.checked_sub(1) else { return Some(Row { key, value: None }) };
    let (value, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(Row { key, value: Some(value) })
}

/// Iterates over rows that were all [taken](take) once before, so none of them is cut off.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        if self.0.is_empty() { None } else { take(&mut self.0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_value_is_no_tombstone() {
        let mut out = Vec::new();
        put(&mut out, Row { key: b"k", value: Some(b"") });
        put(&mut out, Row { key: b"k", value: None });
        assert_eq!(out, [1, b'k', 1, 1, b'k', 0]);
        assert_eq!(Frames(&out).map(|row| row.value).collect::<Vec<_>>(), [Some(b"".as_slice()), None]);
    }

    proptest! {
        #[test]
        fn rows_survive(rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
            let mut out = Vec::new();
            for (key, value) in &rows {
                put(&mut out, Row { key, value: value.as_deref() });
            }
            let read: Vec<_> = Frames(&out).map(|row| (row.key.to_vec(), row.value.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            Frames(&bytes).count();
        }
    }
}
