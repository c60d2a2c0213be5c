//! Backpressure: what waits anywhere is counted, and sources stop while it is too much.
//!
//! Internal channels never block on each other, for a cycle of messages would deadlock. Instead whoever brings new work
//! in waits: sources take nothing from their connectors while messages, bytes or outbox bytes are over their limits, or
//! while epochs cannot be made durable.
//! Every gauge has one writer; reading is a sum over a few of them.
//!
//! Beside these limits there is a short one: of what is in channels. Sources are faster than shards, and what waits in a
//! channel for long has left the processor's caches when its turn comes. They wait a moment, which is no overload.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use statefun::{ShardId, SinkId};
use statefun_engine::Topology;
use statefun_engine::shard::Load;
use tokio::sync::Notify;

/// Messages and records in channels, for each shard, beyond which sources wait a moment: some batches, and few enough to
/// stay in a processor's second cache.
const IN_CHANNELS_MAX_PER_SHARD: usize = 4096;

/// What may wait before sources stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureLimits {
    /// Messages in channels and shards together.
    pub messages_max: usize,
    /// Their bytes.
    pub bytes_max: usize,
    /// Bytes of records that sinks keep.
    pub outbox_bytes_max: usize,
    /// Bytes of messages that are to be sent later. They are no work yet, so they have a bound of their own.
    pub delayed_bytes_max: usize,
}

impl Default for PressureLimits {
    fn default() -> Self {
        Self { messages_max: 200_000, bytes_max: 256 << 20, outbox_bytes_max: 1 << 30, delayed_bytes_max: 1 << 30 }
    }
}

/// What waits anywhere in a node; sources stop while it is too much.
#[derive(Debug)]
pub struct Pressure {
    limits: PressureLimits,
    shards: Vec<ShardGauges>,
    sinks: Vec<AtomicUsize>,
    in_sink_channels: AtomicUsize,
    in_channels_max: usize,
    /// Told when channels have room again.
    relieved: Notify,
    stopping: AtomicBool,
    not_durable: AtomicBool,
}

#[derive(Debug, Default)]
struct ShardGauges {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    delayed_bytes: AtomicUsize,
    in_channel: AtomicUsize,
}

impl Pressure {
    pub(crate) fn new(limits: PressureLimits, topology: Topology) -> Self {
        Self {
            limits,
            shards: (0..topology.shards).map(|_| ShardGauges::default()).collect(),
            sinks: (0..topology.sinks).map(|_| AtomicUsize::new(0)).collect(),
            in_sink_channels: AtomicUsize::new(0),
            in_channels_max: usize::from(topology.shards) * IN_CHANNELS_MAX_PER_SHARD,
            relieved: Notify::new(),
            stopping: AtomicBool::new(false),
            not_durable: AtomicBool::new(false),
        }
    }

    /// Whether sources must wait.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stopping.load(Relaxed)
            || self.not_durable.load(Relaxed)
            || self.messages() > self.limits.messages_max
            || self.bytes() > self.limits.bytes_max
            || self.outbox_bytes() > self.limits.outbox_bytes_max
            || self.delayed_bytes() > self.limits.delayed_bytes_max
    }

    /// Messages that wait in channels and shards.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.shards.iter().map(|shard| shard.messages.load(Relaxed) + shard.in_channel.load(Relaxed)).sum()
    }

    /// Bytes that wait in shards.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.bytes.load(Relaxed)).sum()
    }

    /// Bytes of messages that are to be sent later.
    #[must_use]
    pub fn delayed_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.delayed_bytes.load(Relaxed)).sum()
    }

    /// Bytes that sinks keep.
    #[must_use]
    pub fn outbox_bytes(&self) -> usize {
        self.sinks.iter().map(|bytes| bytes.load(Relaxed)).sum()
    }

    /// Waits until there is room; `false` when there will be none because the node stops.
    pub(crate) async fn room(&self) -> bool {
        loop {
            let relieved = self.relieved.notified();
            if self.stopping.load(Relaxed) {
                return false;
            }
            if !self.is_over() && self.in_channels() <= self.in_channels_max {
                return true;
            }
            // Nobody tells when the other limits are no longer exceeded: that lasts for many events, and looking again
            // costs nothing beside them.
            let _ = tokio::time::timeout(Duration::from_millis(1), relieved).await;
        }
    }

    fn in_channels(&self) -> usize {
        let to_shards: usize = self.shards.iter().map(|shard| shard.in_channel.load(Relaxed)).sum();
        to_shards + self.in_sink_channels.load(Relaxed)
    }

    /// Whether the node takes nothing in any more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether epochs cannot be made durable at present. Whatever is taken in then would have to be kept for a promise
    /// that nobody knows when to give.
    #[must_use]
    pub fn is_not_durable(&self) -> bool {
        self.not_durable.load(Relaxed)
    }

    pub(crate) fn set_not_durable(&self, not_durable: bool) {
        self.not_durable.store(not_durable, Relaxed);
    }

    pub(crate) fn sent(&self, shard: ShardId, messages: usize) {
        self.shards[usize::from(shard.0)].in_channel.fetch_add(messages, Relaxed);
    }

    pub(crate) fn received(&self, shard: ShardId, messages: usize) {
        self.shards[usize::from(shard.0)].in_channel.fetch_sub(messages, Relaxed);
        self.relieve(messages);
    }

    pub(crate) fn sent_to_sinks(&self, records: usize) {
        self.in_sink_channels.fetch_add(records, Relaxed);
    }

    pub(crate) fn received_by_sinks(&self, records: usize) {
        self.in_sink_channels.fetch_sub(records, Relaxed);
        self.relieve(records);
    }

    /// So many left a channel. Sources are woken when half of what may be there has been handled, not for every batch.
    fn relieve(&self, taken: usize) {
        let left = self.in_channels();
        let enough = self.in_channels_max / 2;
        if left <= enough && left + taken > enough {
            self.relieved.notify_waiters();
        }
    }

    pub(crate) fn set_shard(&self, shard: ShardId, load: Load) {
        let gauges = &self.shards[usize::from(shard.0)];
        gauges.messages.store(load.messages, Relaxed);
        gauges.bytes.store(load.bytes, Relaxed);
        gauges.delayed_bytes.store(load.delayed_bytes, Relaxed);
    }

    pub(crate) fn set_sink(&self, sink: SinkId, bytes: usize) {
        self.sinks[usize::from(sink.0)].store(bytes, Relaxed);
    }
}
