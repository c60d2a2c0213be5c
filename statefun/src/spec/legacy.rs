//! The single-document format of StateFun 3.0, read as the kinds it stands for.

use super::kinds::{self, Declared};
use super::read::{Fault, Field, Fields, Node, Unknown, nearest};
use super::{Code, Severity};

/// Kinds in the words of version 3.0, and today's.
const KINDS: [(&str, &str); 4] = [
    ("io.statefun.kafka/ingress", "io.statefun.kafka.v1/ingress"),
    ("io.statefun.kinesis/ingress", "io.statefun.kinesis.v1/ingress"),
    ("io.statefun.kafka/egress", "io.statefun.kafka.v1/egress"),
    ("io.statefun.kinesis/egress", "io.statefun.kinesis.v1/egress"),
];

/// Whether the only document of a file is in the legacy format. A version that is no text is StateFun's error, but it
/// shows just as well which format was meant, as long as there is no `kind`.
pub(super) fn is_legacy(document: &Node) -> bool {
    document.get("version").is_some() && (document.get("kind").is_none() || document.get("module").is_some())
}

/// Reads a legacy module.
pub(super) fn read(document: &Node, out: &mut Declared<'_, '_>) {
    let root = Field::root(document);
    let Some(mut top) = root.fields(Unknown::Warn, out.faults) else { return };
    let accepted = top.required("version").is_none_or(|field| version(&field, out));
    let module = top.required("module");
    top.finish(out.faults);
    let Some(module) = module.filter(|_| accepted) else { return };
    let Some(mut fields) = module.fields(Unknown::Warn, out.faults) else { return };
    if let Some(meta) = fields.required("meta") {
        module_type(&meta, out);
    }
    let spec = fields.required("spec");
    fields.finish(out.faults);
    let Some(mut spec) = spec.and_then(|spec| spec.fields(Unknown::Warn, out.faults)) else { return };
    for (list, item) in [("endpoints", "endpoint"), ("ingresses", "ingress"), ("egresses", "egress")] {
        entries(&mut spec, list, item, out);
    }
    spec.finish(out.faults);
}

fn version(field: &Field<'_>, out: &mut Declared<'_, '_>) -> bool {
    let Some(text) = field.any_text(out.faults) else { return false };
    let quoted =
        matches!(field.node.value, super::read::Value::Scalar { plain: false, .. }) || text.parse::<f64>().is_err();
    let (message, meant) = match text.as_str() {
        "3.0" if quoted => return true,
        "3.0" => ("the version is a text, not a number: quote it".to_owned(), Some("\"3.0\"")),
        "1.0" | "2.0" => (format!("modules of version {text} are too old; this format is read from \"3.0\""), None),
        _ => (format!("unrecognized version `{text}` of the single-document format; there is \"3.0\""), None),
    };
    let help = "newer modules consist of documents with `kind` and `spec`, separated by `---`";
    out.faults.push(Fault::error(Code::UnsupportedVersion, field, message).suggest(meant).help(help));
    false
}

fn module_type(meta: &Field<'_>, out: &mut Declared<'_, '_>) {
    let Some(mut meta) = meta.fields(Unknown::Warn, out.faults) else { return };
    if let Some(field) = meta.required("type")
        && let Some(text) = field.any_text(out.faults)
        && !text.eq_ignore_ascii_case("remote")
    {
        let message = format!("a module of type `{text}` cannot be read; there is `remote`");
        out.faults.push(Fault::error(Code::InvalidValue, &field, message).suggest(Some("remote")));
    }
    meta.finish(out.faults);
}

/// The entries of one list, each `item: {meta, spec}`.
fn entries(spec: &mut Fields<'_>, list: &'static str, item: &'static str, out: &mut Declared<'_, '_>) {
    let Some(items) = spec.optional(list).and_then(|field| field.list(out.faults)) else { return };
    for entry in items {
        let Some(mut fields) = entry.fields(Unknown::Warn, out.faults) else { continue };
        let declared = fields.required(item);
        fields.finish(out.faults);
        let Some(mut declared) = declared.and_then(|field| field.fields(Unknown::Warn, out.faults)) else { continue };
        let meta = declared.required("meta");
        let spec = declared.required("spec");
        declared.finish(out.faults);
        let Some(mut meta) = meta.and_then(|field| field.fields(Unknown::Warn, out.faults)) else { continue };
        if item == "endpoint" {
            let kind = meta.required("kind");
            meta.finish(out.faults);
            if let (Some(kind), Some(spec)) = (kind, spec) {
                endpoint(&kind, &spec, out);
            }
        } else {
            let kind = meta.required("type");
            let id = meta.required("id");
            meta.finish(out.faults);
            if let (Some(kind), Some(id), Some(spec)) = (kind, id, spec) {
                let Some(text) = kind.any_text(out.faults) else { continue };
                let today = KINDS.iter().find(|(then, _)| *then == text).map_or(text.as_str(), |(_, today)| today);
                let fits = today.ends_with(item);
                if fits || !today.contains('/') {
                    kinds::read(today, &kind, &spec, Some(id), out);
                } else {
                    let message = format!("`{text}` is no {item}");
                    let fault = Fault::error(Code::UnknownKind, &kind, message).severity(Severity::Error);
                    out.faults.push(fault);
                }
            }
        }
    }
}

fn endpoint(kind: &Field<'_>, spec: &Field<'_>, out: &mut Declared<'_, '_>) {
    let Some(text) = kind.any_text(out.faults) else { return };
    match text.as_str() {
        "http" => kinds::read("io.statefun.endpoints.v1/http", kind, spec, None, out),
        other if other.contains('/') => kinds::read(other, kind, spec, None, out),
        other => {
            let message = format!("unknown kind of endpoint `{other}`; there is `http`");
            let fault = Fault::error(Code::UnknownKind, kind, message);
            out.faults.push(fault.suggest(nearest(other, ["http"])));
        }
    }
}
