//! Faults as they are found, and what becomes of them: diagnostics in the order of the text.

use super::field::Field;
use super::tree::Span;
use crate::spec::{ByteSpan, Checker, Code, Diagnostic, Location, Severity, SourceFile};

/// A fault that does not know lines yet.
#[derive(Debug, Clone)]
pub(in crate::spec) struct Fault {
    severity: Severity,
    code: Code,
    at: Span,
    path: String,
    message: String,
    suggestion: Option<String>,
    help: Option<String>,
}

impl Fault {
    /// About the value of a field, or about its key if it has none.
    pub(in crate::spec) fn error(code: Code, field: &Field<'_>, message: impl Into<String>) -> Self {
        Self { path: field.path.clone(), ..Self::error_at(code, field.value_span(), message) }
    }

    /// About a piece of text that is no field.
    pub(in crate::spec) fn error_at(code: Code, at: Span, message: impl Into<String>) -> Self {
        let (path, message) = (String::new(), message.into());
        Self { severity: Severity::Error, code, at, path, message, suggestion: None, help: None }
    }

    pub(in crate::spec) fn warning(code: Code, field: &Field<'_>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, field, message) }
    }

    pub(in crate::spec) fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    pub(in crate::spec) fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    pub(in crate::spec) fn code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    pub(in crate::spec) fn path(self, path: String) -> Self {
        Self { path, ..self }
    }

    pub(in crate::spec) fn suggest(self, suggestion: Option<impl Into<String>>) -> Self {
        Self { suggestion: suggestion.map(Into::into), ..self }
    }

    pub(in crate::spec) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// All faults of a run, with the files they lie in.
pub(in crate::spec) struct Faults<'s> {
    files: &'s [SourceFile],
    /// Per file, the characters at which lines begin.
    lines: Vec<Vec<usize>>,
    /// Per file, how many characters it has.
    lengths: Vec<usize>,
    found: Vec<Fault>,
    checker: &'s dyn Checker,
}

impl<'s> Faults<'s> {
    pub(in crate::spec) fn new(files: &'s [SourceFile], checker: &'s dyn Checker) -> Self {
        let lines = files.iter().map(|file| line_starts(&file.text)).collect();
        let lengths = files.iter().map(|file| file.text.chars().count()).collect();
        Self { files, lines, lengths, found: Vec::new(), checker }
    }

    /// Who knows the expression language.
    pub(in crate::spec) fn checker(&self) -> &'s dyn Checker {
        self.checker
    }

    /// What is written there.
    pub(in crate::spec) fn characters(&self, at: Span) -> impl Iterator<Item = char> + 's {
        let files = self.files;
        let text = files.get(at.file).map_or("", |file| file.text.as_str());
        text.chars().skip(at.start).take(at.end - at.start)
    }

    pub(in crate::spec) fn push(&mut self, fault: Fault) {
        self.found.push(fault);
    }

    pub(in crate::spec) fn has_errors(&self) -> bool {
        self.found.iter().any(|fault| fault.severity == Severity::Error)
    }

    /// Where a piece of text begins.
    pub(in crate::spec) fn location(&self, at: Span) -> Location {
        let file = self.files.get(at.file);
        // The scanner may step past the end when a text breaks off.
        let start = at.start.min(self.lengths.get(at.file).copied().unwrap_or_default());
        let (line, column) = self.line_and_column(at.file, start);
        Location { file: file.map(|file| file.name.clone()).unwrap_or_default(), line, column }
    }

    pub(in crate::spec) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|fault| (fault.at.file, fault.at.start));
        let mut diagnostics: Vec<Diagnostic> = Vec::with_capacity(found.len());
        for fault in found {
            let diagnostic = self.diagnostic(fault);
            // What an alias repeats is wrong once: there is one place to mend.
            let same = |other: &Diagnostic| {
                (&other.file, other.span, other.code, &other.message)
                    == (&diagnostic.file, diagnostic.span, diagnostic.code, &diagnostic.message)
            };
            if !diagnostics.iter().rev().take_while(|it| it.span.offset == diagnostic.span.offset).any(same) {
                diagnostics.push(diagnostic);
            }
        }
        diagnostics
    }

    fn diagnostic(&self, fault: Fault) -> Diagnostic {
        let Location { file, line, column } = self.location(fault.at);
        let text = self.files.get(fault.at.file).map_or("", |file| file.text.as_str());
        let offset = byte_offset(text, fault.at.start);
        // A block ends where the next one begins; only what is written belongs below the carets.
        let covered = text.get(offset..byte_offset(text, fault.at.end)).unwrap_or("").trim_end();
        Diagnostic {
            severity: fault.severity,
            code: fault.code,
            message: fault.message,
            suggestion: fault.suggestion,
            help: fault.help,
            path: fault.path,
            file,
            line,
            column,
            span: ByteSpan { offset, length: covered.len() },
        }
    }

    fn line_and_column(&self, file: usize, start: usize) -> (usize, usize) {
        let starts = self.lines.get(file).map_or(&[0][..], Vec::as_slice);
        let line = starts.partition_point(|line_start| *line_start <= start).max(1);
        (line, start - starts[line - 1].min(start) + 1)
    }
}

/// The characters at which lines begin.
fn line_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut chars = text.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        if c == '\n' || (c == '\r' && chars.peek().is_none_or(|(_, next)| *next != '\n')) {
            starts.push(index + 1);
        }
    }
    starts
}

fn byte_offset(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(offset, _)| offset)
}
