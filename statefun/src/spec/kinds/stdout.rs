//! `io.statefun.stdout.v1/egress`, and the line formats it shares with files.

use super::Declared;
use crate::spec::read::{Faults, Fields};
use crate::spec::{Egress, LineFormat, StdoutEgress};

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.egress_id(fields);
    let format = line_format(fields, out.faults).unwrap_or(LineFormat::Text);
    let Some(id) = id else { return };
    out.module.egresses.push(Egress::Stdout(StdoutEgress { id, format, declared_at }));
}

pub(super) fn line_format(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<LineFormat> {
    let words = [("jsonl", LineFormat::Jsonl), ("text", LineFormat::Text)];
    fields.optional("format").and_then(|field| field.word(&words, faults))
}
