//! `io.statefun.playground.v1/ingress` and `io.statefun.playground.v1/egress`.

use super::Declared;
use super::http::TIME_OFFERS;
use super::time::event_time;
use crate::spec::read::{Faults, Fields};
use crate::spec::{Egress, Ingress, PlaygroundEgress, PlaygroundIngress, TypeNameText};

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = TypeNameText::parse("io.statefun.playground/ingress").expect("a constant with one slash");
    let event_time = event_time(fields, TIME_OFFERS, out.faults);
    let Some((port, field)) = port(fields, out.faults) else { return };
    out.claim_listener(&format!("0.0.0.0:{port}"), &field);
    out.claim_ingress(&id, &field);
    out.module.ingresses.push(Ingress::Playground(PlaygroundIngress { id, port, event_time, declared_at }));
}

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = TypeNameText::parse("io.statefun.playground/egress").expect("a constant with one slash");
    let port = port(fields, out.faults);
    let topics = fields.required("topics").and_then(|field| {
        let items = field.list(out.faults)?;
        Some(items.iter().filter_map(|item| item.text(out.faults)).collect())
    });
    let (Some((port, field)), Some(topics)) = (port, topics) else { return };
    out.claim_listener(&format!("0.0.0.0:{port}"), &field);
    out.claim_egress(&id, &field);
    out.module.egresses.push(Egress::Playground(PlaygroundEgress { id, port, topics, declared_at }));
}

fn port<'a>(fields: &mut Fields<'a>, faults: &mut Faults<'_>) -> Option<(u16, crate::spec::read::Field<'a>)> {
    let field = fields.required("port")?;
    field.integer(0..=u16::MAX, faults).map(|port| (port, field))
}
