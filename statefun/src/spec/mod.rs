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

mod diagnostic;
mod model;

pub use diagnostic::{ByteSpan, Code, Diagnostic, Severity};
pub use model::*;

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
