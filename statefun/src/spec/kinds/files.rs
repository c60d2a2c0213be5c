//! `io.statefun.file.v1/ingress` and `io.statefun.file.v1/egress`.

use super::stdout::line_format;
use super::time::{Offers, event_time};
use super::{Declared, targets};
use crate::spec::read::{Faults, Fields};
use crate::spec::{Egress, FileEgress, FileFormat, FileIngress, Ingress, LineFormat, TextKey};

#[derive(Debug, Clone, Copy)]
enum Format {
    Jsonl,
    Csv,
    Text,
}

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.ingress_id(fields);
    let path = fields.required("path").and_then(|field| field.text(out.faults));
    let format = file_format(fields, out.faults);
    let follow = fields.optional("follow").and_then(|field| field.boolean(out.faults)).unwrap_or(false);
    let offers = match &format {
        Some(FileFormat::Text { .. }) => {
            Offers { record: false, field: false, header: false, bare: true, column: false }
        }
        Some(FileFormat::Csv { .. }) => Offers { record: false, field: true, header: false, bare: true, column: true },
        Some(FileFormat::Jsonl { .. }) | None => {
            Offers { record: false, field: true, header: false, bare: true, column: false }
        }
    };
    let event_time = event_time(fields, offers, out.faults);
    let value_type = fields.required("valueType").and_then(|field| field.text(out.faults));
    let targets = targets(fields, id.as_ref(), out);
    let (Some(id), Some(path), Some(format), Some(value_type), Some(targets)) = (id, path, format, value_type, targets)
    else {
        return;
    };
    let ingress = FileIngress { id, path, format, follow, event_time, value_type, targets, declared_at };
    out.module.ingresses.push(Ingress::File(ingress));
}

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.egress_id(fields);
    let path = fields.required("path").and_then(|field| field.text(out.faults).map(|path| (path, field)));
    let format = line_format(fields, out.faults).unwrap_or(LineFormat::Jsonl);
    let Some((path, field)) = path else { return };
    // Each egress keeps the committed length of its file; two of them would cut off what the other wrote.
    out.claim_resource(format!("file {path}"), &field, format!("another egress writes to `{path}` already"));
    let Some(id) = id else { return };
    out.module.egresses.push(Egress::File(FileEgress { id, path, format, declared_at }));
}

fn file_format(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<FileFormat> {
    let words = [("jsonl", Format::Jsonl), ("csv", Format::Csv), ("text", Format::Text)];
    let format = fields.required("format").and_then(|field| field.word(&words, faults));
    let Some(format) = format else {
        fields.optional("key");
        return None;
    };
    match format {
        Format::Jsonl => {
            fields.required("key").and_then(|field| field.text(faults)).map(|key| FileFormat::Jsonl { key })
        }
        Format::Csv => fields.required("key").and_then(|field| field.text(faults)).map(|key| FileFormat::Csv { key }),
        Format::Text => {
            let words = [("line", TextKey::Line), ("number", TextKey::Number)];
            let key = match fields.optional("key") {
                Some(field) => field.word(&words, faults)?,
                None => TextKey::Line,
            };
            Some(FileFormat::Text { key })
        }
    }
}
