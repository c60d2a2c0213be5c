//! `statefun check`, and reading modules for `run`.

use std::path::PathBuf;

use statefun::spec::{self, Diagnostic, Module, Options, Severity, SourceFile};
use statefun_components::{Declarations, explain as in_words};

use crate::Failure;
use crate::args::{CheckArguments, Output};
use crate::report;

fn load(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        Ok(SourceFile { name: path.display().to_string(), text })
    };
    paths.iter().map(read).collect()
}

/// Reads module files; prints what is wrong with them.
pub(crate) fn read(paths: &[PathBuf]) -> Result<(Module, Vec<SourceFile>, Vec<Diagnostic>), Failure> {
    let files = load(paths)?;
    match spec::parse_with(&files, Options::default(), &Declarations::default()) {
        Ok((module, warnings)) => Ok((module, files, warnings)),
        Err(diagnostics) => {
            report::print(&files, &diagnostics);
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
            Err(Failure::usage(format!("the module cannot run: {errors} error{}", if errors == 1 { "" } else { "s" })))
        }
    }
}

pub(crate) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    if arguments.output == Output::Json {
        return check_json(arguments);
    }
    let (module, files, warnings) = read(&arguments.modules)?;
    report::print(&files, &warnings);
    if arguments.strict && !warnings.is_empty() {
        return Err(Failure::usage(format!("{} warnings, and --strict", warnings.len())));
    }
    explain(&module);
    Ok(())
}

fn check_json(arguments: &CheckArguments) -> Result<(), Failure> {
    let files = load(&arguments.modules)?;
    let (module, diagnostics, ok) = match spec::parse_with(&files, Options::default(), &Declarations::default()) {
        Ok((module, warnings)) => {
            let ok = !arguments.strict || warnings.is_empty();
            (Some(module), warnings, ok)
        }
        Err(diagnostics) => (None, diagnostics, false),
    };
    let report = serde_json::json!({"ok": ok, "diagnostics": diagnostics, "module": module});
    println!("{report}");
    if ok { Ok(()) } else { Err(Failure::Usage(None)) }
}

/// Says in a few lines what the module does.
fn explain(module: &Module) {
    println!("the module is good:");
    for endpoint in &module.endpoints {
        println!("  functions {} at {}", endpoint.functions, endpoint.url);
    }
    for embedded in &module.embedded {
        println!("  functions {} in this process", embedded.functions);
    }
    for component in &module.components {
        println!("  component {} ({})", component.name, component.operator.kind());
        for line in in_words(component) {
            println!("            {line}");
        }
    }
    for ingress in &module.ingresses {
        println!("  ingress   {} ({})", ingress.id(), ingress.kind());
    }
    for egress in &module.egresses {
        println!("  egress    {} ({})", egress.id(), egress.kind());
    }
}
