//! Where records go.

use std::path::Path;
use std::sync::Arc;

use statefun::EgressId;
use statefun::spec::{self, Egress, LineFormat};
use statefun_egress::{file, http, kafka, playground, stdout};
use statefun_engine::Delivery;
use statefun_runtime::{EgressKind, SinkBinding, SinkFactory};

use super::sources::properties;
use super::{Composed, symbol};
use crate::Failure;

pub(super) fn bind(egress: &Egress, base: &Path, lineage: &str, composed: &mut Composed) -> Result<(), Failure> {
    let name = symbol(&egress.id().to_string())?;
    let mut push = |delivery, kind, connector: SinkFactory| {
        composed.application.sinks.push(SinkBinding { id: EgressId(name), delivery, kind, connector });
    };
    match egress {
        Egress::Kafka(it) => {
            let (delivery, guarantee) = match it.delivery {
                spec::Delivery::None => (Delivery::None, kafka::Delivery::None),
                spec::Delivery::AtLeastOnce => (Delivery::AtLeastOnce, kafka::Delivery::AtLeastOnce),
                // Handed over when their epoch completed; the control topic says what a crash left unsaid.
                spec::Delivery::ExactlyOnce { transaction_timeout } => (
                    Delivery::PerEpoch,
                    kafka::Delivery::ExactlyOnce {
                        transaction_timeout,
                        lineage: lineage.to_owned(),
                        control_topic: kafka::CONTROL_TOPIC.to_owned(),
                    },
                ),
            };
            let options = kafka::Options {
                delivery: guarantee,
                properties: properties(&it.client_properties),
                ..kafka::Options::new(name, &it.address)
            };
            push(delivery, EgressKind::Kafka, Arc::new(move || Box::new(kafka::KafkaSink::new(options.clone()))));
        }
        Egress::Playground(it) => {
            let store = Arc::new(playground::PlaygroundStore::new(it.topics.iter().cloned()));
            let kind = EgressKind::Playground { topics: it.topics.iter().cloned().collect() };
            let kept = Arc::clone(&store);
            push(
                Delivery::AtLeastOnce,
                kind,
                Arc::new(move || Box::new(playground::PlaygroundSink::new(name, Arc::clone(&kept)))),
            );
            composed.playground = Some((store, it.port));
        }
        Egress::Http(it) => {
            let options = http::Options {
                headers: it.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                timeout: it.timeout,
                retries: it.retries,
                backoff_initial: it.backoff.initial,
                backoff_max: it.backoff.max,
                ..http::Options::new(name, &it.url, lineage)
            };
            push(
                Delivery::PerEpoch,
                EgressKind::Value,
                Arc::new(move || Box::new(http::WebhookSink::new(options.clone()))),
            );
        }
        Egress::File(it) => {
            let format = match it.format {
                LineFormat::Jsonl => file::Format::Jsonl,
                LineFormat::Text => file::Format::Text,
            };
            let options = file::Options::new(name, base.join(&it.path), format);
            push(
                Delivery::PerEpoch,
                EgressKind::Value,
                Arc::new(move || Box::new(file::FileSink::new(options.clone()))),
            );
        }
        Egress::Stdout(it) => {
            let format = match it.format {
                LineFormat::Jsonl => stdout::Format::Json,
                LineFormat::Text => stdout::Format::Text,
            };
            let options = stdout::Options { id: name, format };
            push(
                Delivery::PerEpoch,
                EgressKind::Value,
                Arc::new(move || Box::new(stdout::StdoutSink::new(options.clone()))),
            );
        }
        Egress::Kinesis(it) => {
            let at = &it.declared_at;
            return Err(Failure::usage(format!("{at}: Kinesis is understood but not served yet")));
        }
    }
    Ok(())
}
