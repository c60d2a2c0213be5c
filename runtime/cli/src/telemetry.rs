//! OpenTelemetry: a span for each remote call, continued by the function through W3C trace context.

use std::sync::Arc;

use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use statefun::Address;
use statefun_ports::remote::CallOutcome;
use statefun_runtime::{CallSpan, CallTracer};

use crate::Failure;
use crate::config::Config;

/// What sends traces; ends them when it is shut down.
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts sending to the configured collector, if one is configured.
    pub(crate) fn start(config: &Config) -> Result<Option<Self>, Failure> {
        let endpoint = config.text("telemetry.otlp_endpoint");
        if endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| Failure::usage(format!("telemetry.otlp_endpoint {endpoint}: {error}")))?;
        let sampler =
            Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.ratio("telemetry.sample_ratio")?)));
        let resource = Resource::builder().with_service_name(config.text("telemetry.service_name").to_owned()).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// What makes spans.
    pub(crate) fn tracer(&self) -> Arc<dyn CallTracer> {
        Arc::new(RemoteCalls { tracer: self.provider.tracer("statefun") })
    }

    /// Sends what is left.
    pub(crate) fn stop(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

struct RemoteCalls {
    tracer: SdkTracer,
}

impl CallTracer for RemoteCalls {
    fn begin(&self, target: &Address, invocations: usize) -> Box<dyn CallSpan> {
        let span = self
            .tracer
            .span_builder(format!("call {}", target.function))
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("statefun.function", target.function.as_str()),
                KeyValue::new("statefun.id", target.id.to_string()),
                KeyValue::new("statefun.invocations", invocations as i64),
            ])
            .start(&self.tracer);
        Box::new(RemoteCall { context: Context::new().with_span(span) })
    }
}

struct RemoteCall {
    context: Context,
}

impl CallSpan for RemoteCall {
    fn traceparent(&self) -> String {
        let span = self.context.span();
        let context = span.span_context();
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
    }

    fn end(self: Box<Self>, outcome: &CallOutcome) {
        let span = self.context.span();
        match outcome {
            CallOutcome::Done(_) => span.set_status(Status::Ok),
            CallOutcome::Incomplete(_) => span.set_attribute(KeyValue::new("statefun.handshake", true)),
            CallOutcome::Failed(failure) => {
                span.set_status(Status::error(failure.message.clone()));
                span.set_attribute(KeyValue::new("statefun.failure", failure.kind.as_str()));
            }
        }
        span.end();
    }
}
