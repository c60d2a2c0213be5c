//! The meaning of `module.yaml`.
//!
//! ```text
//!   text --tree--> nodes with positions --kinds--> Module --check--> Module + warnings
//! ```
//!
//! [`parse`] takes the text of all module files at once and gives back a [`Module`], or every fault it found: each
//! [`Diagnostic`] knows its file, line, column, bytes and field, and the word that was probably meant. A [`Module`] is
//! plain data with defaults applied; whoever holds one need not check anything again.
//!
//! Kinds inherited from StateFun forgive unknown fields with a warning, as StateFun ignores them; our own kinds do not.
//! The user's reference of all kinds and fields is `docs/module-yaml.md`.

mod check;
mod components;
mod diagnostic;
mod expression;
pub mod kafka_properties;
mod kinds;
mod legacy;
mod model;
mod pattern;
mod read;

pub(crate) use read::date_millis;

pub use diagnostic::{ByteSpan, Code, Diagnostic, Severity};
pub use expression::{Checker, ExpressionFault, Unchecked};
pub use model::*;
pub use pattern::{ParsedPattern, PatternTextError, parse_pattern};

use kinds::Declared;
use read::{Faults, Field, Node, Unknown, read_file};

/// The text of one module file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// How diagnostics call it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// What the process brings along that no module declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Functions are registered by code, so a module without any is complete.
    pub functions_from_code: bool,
    /// Ingresses are registered by code, so a module without any is complete.
    pub ingress_from_code: bool,
}

/// Reads all files of an application as one module.
///
/// ```
/// use statefun::spec::{Options, SourceFile, parse};
///
/// let text = "
/// kind: io.statefun.endpoints.v2/http
/// spec:
///   functions: shop/*
///   urlPathTemplate: http://localhost:8000/statefun
/// ---
/// kind: io.statefun.playground.v1/ingress
/// spec:
///   port: 8090
/// ";
/// let file = SourceFile { name: "module.yaml".into(), text: text.into() };
/// let (module, warnings) = parse(&[file], Options::default()).expect("a good module");
/// assert!(warnings.is_empty());
/// assert!(module.endpoint("shop", "cart").is_some());
/// ```
///
/// # Errors
/// If a fault prevents the module from running. All faults are returned then, warnings included.
pub fn parse(files: &[SourceFile], options: Options) -> Result<(Module, Vec<Diagnostic>), Vec<Diagnostic>> {
    parse_with(files, options, &Unchecked)
}

/// The same, with expressions and operators of components checked by who knows them.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    files: &[SourceFile],
    options: Options,
    checker: &dyn Checker,
) -> Result<(Module, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut faults = Faults::new(files, checker);
    let trees: Vec<Vec<Node>> =
        files.iter().enumerate().map(|(index, file)| read_file(index, &file.text, &mut faults)).collect();
    let mut declared = Declared::new(&mut faults);
    for documents in &trees {
        match documents.as_slice() {
            [only] if legacy::is_legacy(only) => legacy::read(only, &mut declared),
            documents => documents.iter().for_each(|document| read_document(document, &mut declared)),
        }
    }
    components::resolve(&mut declared, options);
    check::check(&mut declared, options);
    let module = declared.module;
    let failed = faults.has_errors();
    let diagnostics = faults.into_diagnostics();
    if failed { Err(diagnostics) } else { Ok((module, diagnostics)) }
}

/// All kinds that can be declared, for listings and completion.
pub fn known_kinds() -> impl Iterator<Item = &'static str> {
    kinds::names()
}

/// Reads `kind` and `spec`.
fn read_document(document: &Node, declared: &mut Declared<'_, '_>) {
    if document.is_null() {
        return;
    }
    let root = Field::root(document);
    let Some(mut fields) = root.fields(Unknown::Warn, declared.faults) else { return };
    fields.allow_extensions();
    let kind = fields.required("kind");
    let spec = fields.required("spec");
    fields.finish(declared.faults);
    let Some(kind) = kind else { return };
    let Some(text) = kind.any_text(declared.faults) else { return };
    // Without a specification the kind can still be wrong; with neither there is nothing more to say.
    match spec {
        Some(spec) => kinds::read(&text, &kind, &spec, None, declared),
        None => {
            kinds::check_kind(&text, &kind, declared);
        }
    }
}
