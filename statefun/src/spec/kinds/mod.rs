//! What the documents of a module declare: a reader per kind.

mod endpoint;
mod files;
mod flow;
mod generator;
mod http;
mod kafka;
mod kinesis;
mod playground;
mod stdout;
mod time;

pub(super) use flow::{Draft, Nature, Reference, TargetDraft};
pub(super) use http::LISTENER;

use super::read::{Fault, Faults, Field, Fields, Unknown, Value, nearest_kind};
use super::{Code, Module, Route};

/// Where readers put what they understood.
pub(super) struct Declared<'f, 's> {
    pub faults: &'f mut Faults<'s>,
    pub module: Module,
    /// Function selectors with the fields that declare them, for reporting repetitions.
    pub bindings: Vec<Claim>,
    /// Ids of ingresses.
    pub ingress_ids: Vec<Claim>,
    /// Ids of egresses.
    pub egress_ids: Vec<Claim>,
    /// Listening addresses and written files.
    pub resources: Vec<Claim>,
    /// Components whose references are not looked up yet.
    pub drafts: Vec<Draft>,
    /// Ingresses without targets of their own.
    pub untargeted: Vec<Reference>,
}

/// A name that only one declaration may have, with the fault to report if it is not the first.
pub(super) struct Claim {
    pub name: String,
    pub declared_at: super::Location,
    pub fault: Fault,
}

type Reader = fn(&mut Fields<'_>, &mut Declared<'_, '_>);

/// All kinds, how forgiving they are, and who reads them.
static KINDS: [(&str, Unknown, Reader); 19] = [
    ("io.statefun.endpoints.v2/http", Unknown::Warn, endpoint::v2),
    ("io.statefun.endpoints.v1/http", Unknown::Warn, endpoint::v1),
    ("io.statefun.kafka.v1/ingress", Unknown::Warn, kafka::ingress),
    ("io.statefun.kafka.v1/egress", Unknown::Warn, kafka::egress),
    ("io.statefun.kinesis.v1/ingress", Unknown::Warn, kinesis::ingress),
    ("io.statefun.kinesis.v1/egress", Unknown::Warn, kinesis::egress),
    ("io.statefun.playground.v1/ingress", Unknown::Warn, playground::ingress),
    ("io.statefun.playground.v1/egress", Unknown::Warn, playground::egress),
    ("io.statefun.http.v1/ingress", Unknown::Refuse, http::ingress),
    ("io.statefun.http.v1/egress", Unknown::Refuse, http::egress),
    ("io.statefun.file.v1/ingress", Unknown::Refuse, files::ingress),
    ("io.statefun.file.v1/egress", Unknown::Refuse, files::egress),
    ("io.statefun.generator.v1/ingress", Unknown::Refuse, generator::ingress),
    ("io.statefun.stdout.v1/egress", Unknown::Refuse, stdout::egress),
    ("io.statefun.embedded.v1/functions", Unknown::Refuse, endpoint::embedded),
    ("io.statefun.flow.v1/window", Unknown::Refuse, flow::window),
    ("io.statefun.flow.v1/join", Unknown::Refuse, flow::join),
    ("io.statefun.flow.v1/cogroup", Unknown::Refuse, flow::cogroup),
    ("io.statefun.flow.v1/pattern", Unknown::Refuse, flow::pattern),
];

/// The kinds as written.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, ..)| *name)
}

/// Reads one declaration. `id` is given where the legacy format writes it outside of the specification.
pub(super) fn read(
    kind: &str,
    kind_field: &Field<'_>,
    spec: &Field<'_>,
    id: Option<Field<'_>>,
    out: &mut Declared<'_, '_>,
) {
    let Some((_, unknown, reader)) = check_kind(kind, kind_field, out) else { return };
    let Some(mut fields) = spec.fields(*unknown, out.faults) else { return };
    if let Some(id) = id {
        fields.inject("id", id);
    }
    reader(&mut fields, out);
    fields.finish(out.faults);
}

/// Finds who reads a kind; reports it if nobody does.
pub(super) fn check_kind(
    kind: &str,
    kind_field: &Field<'_>,
    out: &mut Declared<'_, '_>,
) -> Option<&'static (&'static str, Unknown, Reader)> {
    let known = KINDS.iter().find(|(name, ..)| *name == kind);
    if known.is_none() {
        let names: Vec<&'static str> = names().collect();
        let message = format!("unknown kind `{}`", kind.escape_debug());
        out.faults.push(Fault::error(Code::UnknownKind, kind_field, message).suggest(nearest_kind(kind, &names)));
    }
    known
}

impl<'f, 's> Declared<'f, 's> {
    pub(super) fn new(faults: &'f mut Faults<'s>) -> Self {
        let (bindings, ingress_ids, egress_ids, resources) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (drafts, untargeted) = (Vec::new(), Vec::new());
        Self { faults, module: Module::default(), bindings, ingress_ids, egress_ids, resources, drafts, untargeted }
    }

    /// The id of an ingress or egress, noted as taken.
    fn ingress_id(&mut self, fields: &mut Fields<'_>) -> Option<super::TypeNameText> {
        let field = fields.required("id")?;
        let id = field.typename(self.faults)?;
        self.claim_ingress(&id, &field);
        Some(id)
    }

    fn egress_id(&mut self, fields: &mut Fields<'_>) -> Option<super::TypeNameText> {
        let field = fields.required("id")?;
        let id = field.typename(self.faults)?;
        self.claim_egress(&id, &field);
        Some(id)
    }

    fn claim_ingress(&mut self, id: &super::TypeNameText, field: &Field<'_>) {
        let fault = Fault::error(Code::DuplicateId, field, format!("the ingress `{id}` was previously defined"));
        self.ingress_ids.push(Claim { name: id.to_string(), declared_at: field.location(self.faults), fault });
    }

    fn claim_egress(&mut self, id: &super::TypeNameText, field: &Field<'_>) {
        let fault = Fault::error(Code::DuplicateId, field, format!("the egress `{id}` was previously defined"));
        self.egress_ids.push(Claim { name: id.to_string(), declared_at: field.location(self.faults), fault });
    }

    fn claim_resource(&mut self, name: String, field: &Field<'_>, message: String) {
        let fault = Fault::error(Code::DuplicateResource, field, message);
        self.resources.push(Claim { name, declared_at: field.location(self.faults), fault });
    }

    fn not_served(&mut self, fields: &Fields<'_>, kind: &str) {
        let message = format!("{kind} is understood but not served by this release");
        self.faults.push(fields.fault(Code::NotServed, message).severity(super::Severity::Warning));
    }
}

/// The routes of a Kafka or Kinesis ingress; `from` is what its entries call the topic or stream.
fn routes(list: &Field<'_>, from: &'static str, unknown: Unknown, faults: &mut Faults<'_>) -> Option<Vec<Route>> {
    let mut routes: Vec<Route> = Vec::new();
    for item in list.filled_list(faults)? {
        let Some(mut fields) = item.fields(unknown, faults) else { continue };
        let name_field = fields.required(from);
        let name = name_field.as_ref().and_then(|field| field.text(faults));
        let value_type = fields.required("valueType").and_then(|field| field.text(faults));
        let targets = fields.required("targets").and_then(|field| {
            let targets = field.typenames(faults)?;
            if targets.is_empty() && matches!(&field.node.value, Value::List(items) if items.is_empty()) {
                faults.push(Fault::warning(Code::EmptyList, &field, "without targets all records are dropped"));
            }
            Some(targets)
        });
        fields.finish(faults);
        let (Some(name_field), Some(name), Some(value_type), Some(targets)) = (name_field, name, value_type, targets)
        else {
            continue;
        };
        let route = Route { from: name, value_type, targets };
        if let Some(earlier) = routes.iter_mut().find(|earlier| earlier.from == route.from) {
            let message = format!("`{}` is routed twice; this later entry replaces the earlier one", route.from);
            faults.push(Fault::warning(Code::DuplicateTopic, &name_field, message));
            *earlier = route;
        } else {
            routes.push(route);
        }
    }
    Some(routes)
}

/// The targets of our own sources. Without any somebody must take the records by its `from`, or nothing would arrive.
fn targets(
    fields: &mut Fields<'_>,
    id: Option<&super::TypeNameText>,
    out: &mut Declared<'_, '_>,
) -> Option<Vec<super::TypeNameText>> {
    let Some(field) = fields.optional("targets") else {
        let fault = fields.missing("targets");
        out.untargeted.extend(id.map(|id| Reference { name: id.clone(), fault }));
        return Some(Vec::new());
    };
    field.filled_list(out.faults)?;
    field.typenames(out.faults)
}
