//! One actor per core of the engine.
//!
//! An actor's handler is: note what arrived, call the core, perform its output. Everything between actors travels in
//! batches; `do_send` never blocks, pressure is counted apart.

mod coordinator_actor;
mod shard_actor;
mod sink_actor;
mod source_actor;
mod store_thread;

pub(crate) use coordinator_actor::{CoordinatorActor, CoordinatorMessage, CoordinatorReport};
pub(crate) use shard_actor::{ShardActor, ShardMessage};
pub(crate) use sink_actor::{SinkActor, SinkMessage};
pub(crate) use source_actor::{SourceActor, SourceMessage};
pub(crate) use store_thread::{Frozen, StoreThread};

use actix::Recipient;
use statefun_engine::{Item, Participant, SinkItem};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::Change;

/// Everybody's address, handed round once all actors exist.
#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) shards: Vec<Recipient<ShardMessage>>,
    pub(crate) sinks: Vec<Recipient<SinkMessage>>,
    pub(crate) coordinator: Recipient<CoordinatorMessage>,
}

/// Encodes the rows of a source's or sink's part.
pub(crate) type RowEncoder = fn(&str, statefun::Epoch, &[Change]) -> EncodedPart;

impl Wiring {
    /// Sends what is in `batches`, by shard; counts envelopes as being in a channel.
    pub(crate) fn send_to_shards(&self, from: Participant, batches: &mut [Vec<Item>], pressure: &crate::Pressure) {
        for (shard, items) in batches.iter_mut().enumerate().filter(|(_, items)| !items.is_empty()) {
            let items = take(items);
            pressure.sent(statefun::ShardId(shard as u16), items.len());
            self.shards[shard].do_send(ShardMessage::Batch { from, items });
        }
    }

    /// Sends what is in `batches`, by sink; counts records as being in a channel.
    pub(crate) fn send_to_sinks(&self, from: Participant, batches: &mut [Vec<SinkItem>], pressure: &crate::Pressure) {
        for (sink, items) in batches.iter_mut().enumerate().filter(|(_, items)| !items.is_empty()) {
            let items = take(items);
            pressure.sent_to_sinks(items.len());
            self.sinks[sink].do_send(SinkMessage::Items { from, items });
        }
    }
}

/// Takes a batch and leaves room for one that is not much larger: batches resemble each other, and growing from nothing
/// copies everything once more.
fn take<T>(batch: &mut Vec<T>) -> Vec<T> {
    let room = batch.len() + batch.len() / 4;
    std::mem::replace(batch, Vec::with_capacity(room))
}
