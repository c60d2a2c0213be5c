//! Showing what is wrong with a module: file, line, a caret, and the word that was probably meant.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use statefun::spec::{Diagnostic, Severity, SourceFile};

/// Prints every diagnostic to standard error, one after the other.
pub(crate) fn print(files: &[SourceFile], diagnostics: &[Diagnostic]) {
    let handler = GraphicalReportHandler::new_themed(theme());
    for diagnostic in diagnostics {
        let mut text = String::new();
        if handler.render_report(&mut text, as_report(files, diagnostic).as_ref()).is_ok() {
            eprintln!("{}", text.trim_end());
        }
        // The one-line form is what editors and scripts look for.
        eprintln!("{diagnostic}\n");
    }
}

fn theme() -> GraphicalTheme {
    use std::io::IsTerminal;
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    }
}

fn as_report(files: &[SourceFile], diagnostic: &Diagnostic) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let mut shown = MietteDiagnostic::new(&diagnostic.message)
        .with_severity(severity)
        .with_code(diagnostic.code.as_str())
        .with_label(LabeledSpan::at(diagnostic.span.offset..diagnostic.span.offset + diagnostic.span.length, "here"));
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(help);
    } else if let Some(suggestion) = &diagnostic.suggestion {
        shown = shown.with_help(format!("did you mean {suggestion:?}?"));
    }
    let text = files.iter().find(|file| file.name == diagnostic.file).map(|file| file.text.clone());
    Report::new(shown).with_source_code(NamedSource::new(&diagnostic.file, text.unwrap_or_default()))
}
