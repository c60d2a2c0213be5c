//! `io.statefun.generator.v1/ingress`.

use std::num::NonZeroU64;

use super::time::{Offers, event_time};
use super::{Declared, targets};
use crate::spec::read::{Fault, Faults, Field, Fields, nearest};
use crate::spec::{Code, GeneratorIngress, Ingress, PayloadTemplate, PayloadTemplateError};

const KEYS: NonZeroU64 = NonZeroU64::new(1000).expect("1000 is not zero");

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.ingress_id(fields);
    let count = fields.optional("count").and_then(|field| field.integer(0..=i64::MAX, out.faults));
    let rate_per_second = fields.optional("ratePerSecond").and_then(|field| field.rate(out.faults));
    let keys = fields.optional("keys").and_then(|field| field.integer(1..=i64::MAX, out.faults));
    let seed = fields.optional("seed").and_then(|field| field.integer(0..=i64::MAX, out.faults));
    let payload = payload(fields, out.faults);
    let offers = Offers { record: true, field: true, header: false, bare: false, column: false };
    let event_time = event_time(fields, offers, out.faults);
    let value_type = fields.required("valueType").and_then(|field| field.text(out.faults));
    let targets = targets(fields, id.as_ref(), out);
    let (Some(id), Some(payload), Some(value_type), Some(targets)) = (id, payload, value_type, targets) else { return };
    out.module.ingresses.push(Ingress::Generator(GeneratorIngress {
        id,
        count: count.map(i64::unsigned_abs),
        rate_per_second,
        keys: keys.and_then(|keys| NonZeroU64::new(keys.unsigned_abs())).unwrap_or(KEYS),
        seed: seed.unwrap_or(0).unsigned_abs(),
        payload,
        event_time,
        value_type,
        targets,
        declared_at,
    }));
}

fn payload(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<PayloadTemplate> {
    let (field, payload) = match (fields.optional("template"), fields.optional("json")) {
        (Some(field), None) => {
            let payload = PayloadTemplate::parse(&field.any_text(faults)?);
            (field, payload)
        }
        (None, Some(field)) => {
            let payload = PayloadTemplate::from_json(&field.json());
            (field, payload)
        }
        (Some(_), Some(field)) => {
            let message = "`template` and `json` exclude each other: both say what a message carries";
            faults.push(Fault::error(Code::Conflict, &field, message));
            return None;
        }
        (None, None) => {
            let json = serde_json::json!({"key": "{{key}}", "sequence": "{{sequence}}"});
            return Some(PayloadTemplate::from_json(&json).expect("known placeholders"));
        }
    };
    match payload {
        Ok(payload) => Some(payload),
        Err(error) => {
            report(&field, &error, faults);
            None
        }
    }
}

fn report(field: &Field<'_>, error: &PayloadTemplateError, faults: &mut Faults<'_>) {
    let word = error.found.trim_matches(|c: char| "{} ".contains(c));
    let meant = nearest(word, PayloadTemplate::PLACEHOLDERS).map(|name| format!("{{{{{name}}}}}"));
    faults.push(Fault::error(Code::InvalidValue, field, error.to_string()).suggest(meant));
}
