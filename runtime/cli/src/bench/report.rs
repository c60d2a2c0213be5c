//! What a run has shown.

use serde::{Deserialize, Serialize};

/// The figures of one run. Absent ones do not apply to the work.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Figures {
    pub(crate) workload: String,
    pub(crate) keys: u64,
    pub(crate) events: u64,
    pub(crate) shards: u16,
    pub(crate) events_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connections: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p999_us: Option<u64>,
    /// Open loop: how many events each second were due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u64>,
    /// From exec to the first new event processed, the median of the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovery_ms: Option<f64>,
    /// The longest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovery_ms_max: Option<f64>,
    /// The data directory when the process was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_bytes: Option<u64>,
    /// Resident at the end, less what was resident before the first event, for each key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rss_bytes_per_key: Option<u64>,
    pub(crate) seconds: f64,
    pub(crate) epochs: u64,
    pub(crate) epoch_ms_median: f64,
    pub(crate) epoch_ms_max: f64,
    pub(crate) stall_ms_max: f64,
    pub(crate) bytes_per_epoch: u64,
    pub(crate) start_ms: f64,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) result_checksum: String,
}

impl Figures {
    /// Takes over what the node counted.
    pub(crate) fn of_node(&mut self, report: &statefun_runtime::Report) {
        let mut durations = report.epoch_durations_us.clone();
        durations.sort_unstable();
        self.epochs = report.epochs.written;
        self.epoch_ms_median = quantile(&durations, 0.5) as f64 / 1000.0;
        self.epoch_ms_max = durations.last().copied().unwrap_or_default() as f64 / 1000.0;
        self.stall_ms_max = report.stall_us_max as f64 / 1000.0;
        self.bytes_per_epoch = report.epochs.bytes.checked_div(report.epochs.written).unwrap_or_default();
        self.peak_rss_bytes = peak_rss_bytes();
    }

    pub(crate) fn print(&self, json: bool) {
        let value = serde_json::to_value(self).expect("plain numbers and text");
        if json {
            println!("{value}");
            return;
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            println!("{name:20} {value}");
        }
    }
}

/// The value below which the share `q` of the sorted values lies.
pub(crate) fn quantile(sorted: &[u64], q: f64) -> u64 {
    if sorted.is_empty() {
        return 0;
    }
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

/// The most memory this process ever had resident.
fn peak_rss_bytes() -> u64 {
    memory_bytes("VmHWM:")
}

/// What this process has resident now.
pub(crate) fn rss_bytes() -> u64 {
    memory_bytes("VmRSS:")
}

fn memory_bytes(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() * 1024
}
