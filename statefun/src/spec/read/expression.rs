//! Expressions, and places within a text.

use std::ops::Range;

use super::faults::{Fault, Faults};
use super::field::Field;
use super::tree::{Span, Value};
use crate::spec::{Code, Expression};

impl Field<'_> {
    /// An expression over these variables.
    pub(in crate::spec) fn expression(&self, variables: &[&str], faults: &mut Faults<'_>) -> Option<Expression> {
        let text = self.text(faults)?;
        Some(self.expression_at(&text, 0, variables, faults))
    }

    /// An expression that begins at a character of this field's text.
    pub(in crate::spec) fn expression_at(
        &self,
        text: &str,
        start: usize,
        variables: &[&str],
        faults: &mut Faults<'_>,
    ) -> Expression {
        if let Err(fault) = faults.checker().expression(text, variables) {
            let at = self.span_within(start + fault.at.start..start + fault.at.end, faults);
            let found = Fault::error_at(Code::InvalidExpression, at, fault.message).path(self.path.clone());
            faults.push(found.suggest(fault.suggestion));
        }
        let at = self.span_within(start..start + text.chars().count(), faults);
        Expression { text: text.to_owned(), at: faults.location(at) }
    }

    /// Where some characters of this field's text stand in the file. Quotes, folding and indentation lie between the
    /// two, so the characters of the text are looked for one after the other in what is written.
    pub(in crate::spec) fn span_within(&self, at: Range<usize>, faults: &Faults<'_>) -> Span {
        let whole = self.value_span();
        let Value::Scalar { text, .. } = &self.node.value else { return whole };
        let written: Vec<char> = faults.characters(whole).collect();
        let mut places = Vec::with_capacity(text.len());
        let mut next = match written.first() {
            // The header of a block has no characters of the text.
            Some('|' | '>') => written.iter().position(|c| *c == '\n').map_or(0, |end| end + 1),
            _ => 0,
        };
        for c in text.chars() {
            if c.is_whitespace() {
                places.push(next);
                next += usize::from(written.get(next).is_some_and(|found| found.is_whitespace()));
            } else {
                let Some(skipped) = written.get(next..).and_then(|rest| rest.iter().position(|found| *found == c))
                else {
                    return whole;
                };
                places.push(next + skipped);
                next += skipped + 1;
            }
        }
        let behind = places.last().map_or(0, |last| last + 1);
        let start = places.get(at.start).copied().unwrap_or(behind);
        let end = match at.end.checked_sub(1).filter(|last| *last >= at.start) {
            Some(last) => places.get(last).map_or(behind, |last| last + 1),
            None => start,
        };
        Span { file: whole.file, start: whole.start + start, end: whole.start + end }
    }
}
