//! Where messages come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use statefun::spec::{self, HttpValueType, Ingress};
use statefun::{Symbol, ValueType};
use statefun_engine::source::Route;
use statefun_ingress::{file, generator, http, kafka};
use statefun_runtime::{SourceBinding, SourceFactory};

use super::{Composed, function_type, symbol, time};
use crate::Failure;

pub(super) fn bind(ingress: &Ingress, base: &Path, composed: &mut Composed) -> Result<(), Failure> {
    let name = symbol(&ingress.id().to_string())?;
    match ingress {
        Ingress::Kafka(it) => {
            let options = kafka(name, it);
            let routes =
                it.topics.iter().map(|topic| route(&topic.value_type, &topic.targets)).collect::<Result<_, _>>()?;
            let connector: SourceFactory = Arc::new(move || Box::new(kafka::KafkaSource::new(options.clone())));
            push(composed, ingress, name, routes, connector);
        }
        Ingress::File(it) => {
            let options = file(name, it, base);
            let routes = vec![route(&it.value_type, &it.targets)?];
            push(composed, ingress, name, routes, Arc::new(move || Box::new(file::FileSource::new(options.clone()))));
        }
        Ingress::Generator(it) => {
            let options = generator::Options {
                count: it.count,
                rate_per_second: it.rate_per_second,
                keys: it.keys,
                seed: it.seed,
                ..generator::Options::new(name, template(&it.payload))
            };
            let routes = vec![route(&it.value_type, &it.targets)?];
            push(
                composed,
                ingress,
                name,
                routes,
                Arc::new(move || Box::new(generator::GeneratorSource::new(options.clone()))),
            );
        }
        Ingress::Http(it) => {
            time::refuse(ingress)?;
            let value_type = match &it.value_type {
                HttpValueType::FromContentType => None,
                HttpValueType::Fixed(typename) => Some(ValueType::named(typename).map_err(Failure::usage)?),
            };
            let options = http::Options {
                body_bytes_max: usize::try_from(it.max_body_bytes).unwrap_or(usize::MAX),
                wait_max: it.wait_max,
                retention: it.idempotency_retention,
                value_type,
                ..http::Options::new(&it.address)
            };
            composed.listeners.push((it.id.to_string(), options));
        }
        Ingress::Playground(it) => {
            time::refuse(ingress)?;
            let options = http::Options {
                dialect: http::Dialect::Playground,
                body_bytes_max: 32 << 20,
                ..http::Options::new(format!("0.0.0.0:{}", it.port))
            };
            composed.listeners.push((it.id.to_string(), options));
        }
        Ingress::Kinesis(it) => {
            let at = &it.declared_at;
            return Err(Failure::usage(format!("{at}: Kinesis is understood but not served yet")));
        }
    }
    Ok(())
}

fn push(composed: &mut Composed, ingress: &Ingress, name: Symbol, routes: Vec<Route>, connector: SourceFactory) {
    let (connector, time) = time::timed(ingress, connector);
    composed.application.sources.push(SourceBinding { name, routes, connector, is_door: false, time });
}

fn route(value_type: &str, targets: &[spec::TypeNameText]) -> Result<Route, Failure> {
    let value_type = ValueType::named(value_type).map_err(Failure::usage)?;
    Ok(Route { value_type, targets: targets.iter().map(function_type).collect::<Result<_, _>>()? })
}

fn kafka(name: Symbol, it: &spec::KafkaIngress) -> kafka::Options {
    let startup = match &it.startup_position {
        spec::KafkaStartup::GroupOffsets => kafka::Startup::GroupOffsets,
        spec::KafkaStartup::Earliest => kafka::Startup::Earliest,
        spec::KafkaStartup::Latest => kafka::Startup::Latest,
        spec::KafkaStartup::SpecificOffsets { offsets } => kafka::Startup::SpecificOffsets(
            offsets.iter().map(|at| ((at.topic.clone(), at.partition), at.offset)).collect::<BTreeMap<_, _>>(),
        ),
        spec::KafkaStartup::Date { timestamp_ms } => kafka::Startup::Date { timestamp_ms: *timestamp_ms },
    };
    let offset_reset = match it.auto_offset_reset {
        spec::OffsetReset::Earliest => kafka::OffsetReset::Earliest,
        spec::OffsetReset::Latest => kafka::OffsetReset::Latest,
    };
    let topics = it.topics.iter().map(|topic| topic.from.clone()).collect();
    let defaults = kafka::Options::new(name, &it.address, &it.consumer_group_id, topics);
    kafka::Options {
        startup,
        offset_reset,
        // StateFun looks for new partitions only when told to; finding them costs nothing here.
        discovery_interval: it.partition_discovery_interval.or(defaults.discovery_interval),
        properties: properties(&it.client_properties),
        time_header: time::kafka_header(it.event_time.as_ref()),
        ..defaults
    }
}

pub(super) fn properties(properties: &spec::Properties) -> BTreeMap<String, String> {
    properties.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn file(name: Symbol, it: &spec::FileIngress, base: &Path) -> file::Options {
    let format = match &it.format {
        spec::FileFormat::Jsonl { key } => file::Format::Jsonl { key: key.clone() },
        spec::FileFormat::Csv { key } => file::Format::Csv { key: key.clone() },
        spec::FileFormat::Text { key: spec::TextKey::Line } => file::Format::Text { key: file::TextKey::Line },
        spec::FileFormat::Text { key: spec::TextKey::Number } => file::Format::Text { key: file::TextKey::Number },
    };
    let event_time = time::file_field(it.event_time.as_ref());
    file::Options { event_time, follow: it.follow, ..file::Options::new(name, base.join(&it.path), format) }
}

fn template(payload: &spec::PayloadTemplate) -> generator::Template {
    let parts = payload.parts().iter().map(|part| match part {
        spec::PayloadPart::Text(text) => generator::Part::Text(text.clone()),
        spec::PayloadPart::Key => generator::Part::Key,
        spec::PayloadPart::Sequence => generator::Part::Number,
        spec::PayloadPart::Random => generator::Part::Random,
        spec::PayloadPart::Time => generator::Part::Time,
    });
    generator::Template::of(parts.collect())
}
