//! `io.statefun.kafka.v1/ingress` and `io.statefun.kafka.v1/egress`.

use std::time::Duration;

use super::time::{Offers, event_time};
use super::{Declared, routes};
use crate::spec::kafka_properties::{Outcome, translate};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown, nearest};
use crate::spec::{
    Code, Delivery, Egress, Ingress, KafkaEgress, KafkaIngress, KafkaStartup, OffsetReset, PartitionOffset, Properties,
};

/// Client properties which fields of the ingress stand for.
const INGRESS_NAMED: [&str; 4] = ["bootstrap.servers", "metadata.broker.list", "group.id", "auto.offset.reset"];

/// The same for an egress: only exactly-once has a field for the transaction's timeout.
fn egress_named(delivery: Delivery) -> &'static [&'static str] {
    const NAMED: [&str; 3] = ["bootstrap.servers", "metadata.broker.list", "transaction.timeout.ms"];
    match delivery {
        Delivery::ExactlyOnce { .. } => &NAMED,
        Delivery::None | Delivery::AtLeastOnce => &NAMED[..2],
    }
}

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.ingress_id(fields);
    let properties = properties(fields, out.faults);
    let address = named(fields, "address", &properties, "bootstrap.servers", out.faults, "Kafka address");
    let group = named(fields, "consumerGroupId", &properties, "group.id", out.faults, "consumer group id");
    let topics = fields.required("topics").and_then(|field| routes(&field, "topic", Unknown::Warn, out.faults));
    let reset = fields.optional("autoOffsetResetPosition").and_then(|field| offset_reset(&field, out.faults));
    let startup = fields.optional("startupPosition").and_then(|field| startup_position(&field, out.faults));
    let offers = Offers { record: true, field: true, header: true, bare: false, column: false };
    let event_time = event_time(fields, offers, out.faults);
    let (Some(id), Some(address), Some(group), Some(topics)) = (id, address, group, topics) else { return };
    let reset = reset.or_else(|| match properties.client.get("auto.offset.reset") {
        Some("earliest") => Some(OffsetReset::Earliest),
        _ => None,
    });
    out.module.ingresses.push(Ingress::Kafka(KafkaIngress {
        id,
        address,
        consumer_group_id: group,
        topics,
        auto_offset_reset: reset.unwrap_or(OffsetReset::Latest),
        startup_position: startup.unwrap_or(KafkaStartup::Latest),
        partition_discovery_interval: properties.discovery,
        properties: properties.raw,
        client_properties: properties.client.without(&INGRESS_NAMED),
        event_time,
        declared_at,
    }));
}

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.egress_id(fields);
    let properties = properties(fields, out.faults);
    let address = named(fields, "address", &properties, "bootstrap.servers", out.faults, "Kafka address");
    let delivery = match fields.optional("deliverySemantic") {
        Some(field) => delivery(&field, out.faults),
        None => Some(Delivery::AtLeastOnce),
    };
    let (Some(id), Some(address), Some(delivery)) = (id, address, delivery) else { return };
    out.module.egresses.push(Egress::Kafka(KafkaEgress {
        id,
        address,
        delivery,
        properties: properties.raw,
        client_properties: properties.client.without(egress_named(delivery)),
        declared_at,
    }));
}

#[derive(Default)]
struct KafkaProperties {
    raw: Properties,
    client: Properties,
    discovery: Option<Duration>,
}

/// The `properties` as written and as librdkafka wants them; what cannot be translated is reported where it stands.
fn properties(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> KafkaProperties {
    let Some(field) = fields.optional("properties") else { return KafkaProperties::default() };
    let pairs = field.text_pairs(faults);
    let plain: Vec<(String, String)> = pairs.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
    let (mut client, mut discovery) = (Vec::new(), None);
    for ((name, outcome), (_, _, field)) in translate(&plain).into_iter().zip(&pairs) {
        match outcome {
            Outcome::Set(settings) => client.extend(settings),
            Outcome::PartitionDiscovery(interval) => discovery = interval,
            Outcome::Dropped => {}
            Outcome::Ignored { reason, nearest } => {
                let message = format!("the property `{name}` is ignored: {reason}");
                faults.push(Fault::warning(Code::PropertyIgnored, field, message).suggest(nearest));
            }
            Outcome::Refused { reason, instead } => {
                let message = format!("the property `{name}` cannot be honoured: {reason}");
                faults.push(Fault::error(Code::PropertyRefused, field, message).help(instead));
            }
        }
    }
    KafkaProperties { raw: plain.into_iter().collect(), client: client.into_iter().collect(), discovery }
}

/// A setting that has a field of its own, which wins, and a property.
fn named(
    fields: &mut Fields<'_>,
    name: &'static str,
    properties: &KafkaProperties,
    property: &'static str,
    faults: &mut Faults<'_>,
    what: &str,
) -> Option<String> {
    if let Some(field) = fields.optional(name) {
        return field.text(faults);
    }
    if let Some(value) = properties.raw.get(property).filter(|value| !value.trim().is_empty()) {
        return Some(value.to_owned());
    }
    // Asked for again as required, so that a misspelling is recognised as the reason.
    fields.required(name);
    fields.explain(name, format!("missing setting for {what}: write `{name}`, or the property `{property}`"));
    None
}

fn offset_reset(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<OffsetReset> {
    let text = field.any_text(faults)?;
    match text.to_lowercase().as_str() {
        "earliest" => Some(OffsetReset::Earliest),
        "latest" => Some(OffsetReset::Latest),
        _ => {
            let message = format!("`{text}` is not allowed here; there are earliest and latest");
            let meant = nearest(&text, ["earliest", "latest"]);
            faults.push(Fault::error(Code::InvalidValue, field, message).suggest(meant));
            None
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Startup {
    GroupOffsets,
    Earliest,
    Latest,
    SpecificOffsets,
    Date,
}

fn startup_position(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<KafkaStartup> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let words = [
        ("group-offsets", Startup::GroupOffsets),
        ("earliest", Startup::Earliest),
        ("latest", Startup::Latest),
        ("specific-offsets", Startup::SpecificOffsets),
        ("date", Startup::Date),
    ];
    let startup = fields.required("type").and_then(|field| field.word(&words, faults));
    let position = match startup {
        Some(Startup::GroupOffsets) => Some(KafkaStartup::GroupOffsets),
        Some(Startup::Earliest) => Some(KafkaStartup::Earliest),
        Some(Startup::Latest) => Some(KafkaStartup::Latest),
        Some(Startup::SpecificOffsets) => fields
            .required("offsets")
            .and_then(|field| offsets(&field, faults))
            .map(|offsets| KafkaStartup::SpecificOffsets { offsets }),
        Some(Startup::Date) => fields
            .required("date")
            .and_then(|field| field.date(faults))
            .map(|timestamp_ms| KafkaStartup::Date { timestamp_ms }),
        None => {
            // Which of them belong here depends on the type that is wrong.
            fields.optional("offsets");
            fields.optional("date");
            None
        }
    };
    fields.finish(faults);
    position
}

fn offsets(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Vec<PartitionOffset>> {
    let pairs = field.pairs(faults);
    if pairs.is_empty() {
        faults.push(Fault::error(
            Code::EmptyList,
            field,
            "specific offsets need at least one `topic/partition: offset`",
        ));
        return None;
    }
    let mut offsets: Vec<PartitionOffset> = Vec::new();
    for (name, value) in pairs {
        let topic_and_partition =
            name.rsplit_once('/').filter(|(topic, _)| !topic.is_empty()).and_then(|(topic, number)| {
                let partition = number.parse::<i32>().ok().filter(|partition| *partition >= 0)?;
                Some((topic.to_owned(), partition))
            });
        let Some((topic, partition)) = topic_and_partition else {
            let message = format!("`{name}` does not name a partition; write topic/partition as in `orders/0`");
            faults.push(Fault::error(Code::InvalidValue, &value, message));
            continue;
        };
        let Some(offset) = value.integer(0..=i64::MAX, faults) else { continue };
        offsets.retain(|earlier| (&earlier.topic, earlier.partition) != (&topic, partition));
        offsets.push(PartitionOffset { topic, partition, offset });
    }
    offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Some(offsets)
}

#[derive(Debug, Clone, Copy)]
enum Semantic {
    None,
    AtLeastOnce,
    ExactlyOnce,
}

fn delivery(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Delivery> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let words =
        [("none", Semantic::None), ("at-least-once", Semantic::AtLeastOnce), ("exactly-once", Semantic::ExactlyOnce)];
    let semantic = match fields.optional("type") {
        Some(field) => field.word(&words, faults),
        None => Some(Semantic::AtLeastOnce),
    };
    // Read whatever the semantic is: a limit left over from exactly-once is no unknown field.
    let millis = fields.optional("transactionTimeoutMillis");
    let timeout = if let Some(field) = &millis {
        fields.optional("transactionTimeout");
        field.integer(1..=i32::MAX, faults).map(|millis| Duration::from_millis(u64::from(millis.unsigned_abs())))
    } else if matches!(semantic, Some(Semantic::ExactlyOnce)) {
        fields.required("transactionTimeout").and_then(|field| field.positive_duration(faults))
    } else {
        fields.optional("transactionTimeout").and_then(|field| field.positive_duration(faults))
    };
    fields.finish(faults);
    match semantic? {
        Semantic::None => Some(Delivery::None),
        Semantic::AtLeastOnce => Some(Delivery::AtLeastOnce),
        Semantic::ExactlyOnce => timeout.map(|transaction_timeout| Delivery::ExactlyOnce { transaction_timeout }),
    }
}
