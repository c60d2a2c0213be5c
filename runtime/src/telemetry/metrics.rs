//! Every metric's name, in one place.
//!
//! Counters are kept by the cores as plain numbers and turned into Prometheus text when somebody asks, so that counting
//! costs an addition. StateFun's metric of the same meaning is named in each help text.

use prometheus::{Encoder, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::node::Report;

/// The report as Prometheus text.
///
/// # Errors
/// When the text cannot be encoded, which would be a defect.
pub fn render(report: &Report, uptime_seconds: u64) -> Result<String, prometheus::Error> {
    let registry = Registry::new();
    let counters = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
        registry.register(Box::new(counters.clone()))?;
        Ok(counters)
    };
    let gauges = |name: &str, help: &str, label: &str| -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
        registry.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    };
    let gauge = |name: &str, help: &str, value: i64| -> Result<(), prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))
    };

    let received = counters("statefun_function_in_total", "Messages received (StateFun: in)", "function")?;
    let invoked = counters("statefun_function_invocations_total", "Messages handled", "function")?;
    let sent = counters("statefun_function_out_total", "Messages sent (outLocal + outRemote)", "function")?;
    let egress = counters("statefun_function_out_egress_total", "Egress records (outEgress)", "function")?;
    let calls = counters("statefun_remote_invocations_total", "Remote calls made", "function")?;
    let failures = counters(
        "statefun_remote_invocation_failures_total",
        "Failed attempts (remoteInvocationFailures)",
        "function",
    )?;
    let latency = counters(
        "statefun_remote_invocation_latency_ms_total",
        "Time of all attempts (remoteInvocationLatency)",
        "function",
    )?;
    let parked = counters("statefun_function_parked_total", "Messages given up after too many attempts", "function")?;
    let in_flight = gauges("statefun_function_inflight", "Calls in flight (inflightAsyncOps)", "function")?;
    let backlog = gauges("statefun_function_backlog", "Messages that wait (numBacklog)", "function")?;
    let backing_off = gauges("statefun_function_backing_off", "Addresses that wait for a retry", "function")?;
    for (function, _, stats) in &report.functions {
        let label = &[function.as_str()];
        received.with_label_values(label).inc_by(stats.received);
        invoked.with_label_values(label).inc_by(stats.invocations);
        sent.with_label_values(label).inc_by(stats.sent);
        egress.with_label_values(label).inc_by(stats.egress);
        calls.with_label_values(label).inc_by(stats.calls);
        failures.with_label_values(label).inc_by(stats.failures);
        latency.with_label_values(label).inc_by(stats.latency_ms_total);
        parked.with_label_values(label).inc_by(stats.parked);
        in_flight.with_label_values(label).set(stats.in_flight as i64);
        backlog.with_label_values(label).set(stats.backlog as i64);
        backing_off.with_label_values(label).set(stats.backing_off as i64);
    }

    let records = counters("statefun_ingress_records_total", "Records read", "ingress")?;
    let dead = counters("statefun_ingress_dead_letters_total", "Records that could not be routed", "ingress")?;
    for (source, stats, ..) in &report.sources {
        records.with_label_values(&[source.as_str()]).inc_by(stats.records);
        dead.with_label_values(&[source.as_str()]).inc_by(stats.dead_letters);
    }
    let written = counters("statefun_egress_records_total", "Records received from functions", "egress")?;
    let published = counters("statefun_egress_published_total", "Records published", "egress")?;
    let rejected = counters("statefun_egress_rejected_total", "Records refused for good", "egress")?;
    let kept = gauges("statefun_egress_outbox_records", "Records that have not left yet", "egress")?;
    let kept_bytes = gauges("statefun_egress_outbox_bytes", "Their bytes", "egress")?;
    for (sink, stats, (count, bytes)) in &report.sinks {
        let label = &[sink.as_str()];
        written.with_label_values(label).inc_by(stats.records);
        published.with_label_values(label).inc_by(stats.published);
        rejected.with_label_values(label).inc_by(stats.rejected);
        kept.with_label_values(label).set(*count as i64);
        kept_bytes.with_label_values(label).set(*bytes as i64);
    }

    gauge("statefun_epoch", "The newest epoch that exists", report.completed.0 as i64)?;
    gauge("statefun_epochs_completed", "Epochs completed since the start", report.epochs.completed as i64)?;
    gauge("statefun_epochs_abandoned", "Epochs abandoned since the start", report.epochs.abandoned as i64)?;
    gauge("statefun_epochs_failed", "Epochs that could not be made durable", report.epoch_failures as i64)?;
    gauge("statefun_epochs_failing", "1 while no epoch can be made durable", i64::from(report.failing.is_some()))?;
    gauge("statefun_epochs_written", "Epochs that went to disk", report.epochs.written as i64)?;
    gauge("statefun_epoch_bytes", "Bytes of all epochs since the start", report.epochs.bytes as i64)?;
    let durations = gauges("statefun_epoch_duration_us", "From start to durable, of the newest epochs", "quantile")?;
    let mut sorted = report.epoch_durations_us.clone();
    sorted.sort_unstable();
    for (label, share) in [("0.5", 0.5), ("0.99", 0.99), ("1", 1.0)] {
        let index = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
        durations.with_label_values(&[label]).set(sorted.get(index).copied().unwrap_or_default() as i64);
    }
    gauge("statefun_addresses", "Addresses that have state", report.addresses as i64)?;
    gauge("statefun_delayed_messages", "Delayed messages that wait", report.delayed as i64)?;
    gauge("statefun_delayed_bytes", "Their bytes", report.delayed_bytes as i64)?;
    gauge("statefun_waiting_messages", "Messages in channels and shards", report.waiting as i64)?;
    gauge("statefun_uptime_seconds", "Time since the start", uptime_seconds as i64)?;

    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
}
