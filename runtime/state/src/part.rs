//! A participant's part of an epoch, from rows to a blob.

use std::mem;

use bytes::Bytes;
use statefun::{Address, Epoch, KeyGroup, Symbol};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::{Change, Stored};
use statefun_protocol::storage::{BlobId, BlobWriter};

use crate::codec;

/// What stands in a blob's header for its generation: the manifest that lists the blob says it. Participants do not
/// know the generation, and need not.
const GENERATION_IN_MANIFEST: u64 = 0;

/// Encodes the rows that a participant changed in an epoch: what sources and sinks do with theirs. Of equal keys the
/// last one counts.
#[must_use]
pub fn encode_rows(participant: &str, epoch: Epoch, changes: &[Change]) -> EncodedPart {
    let mut part = PartWriter::new(participant, epoch);
    changes.iter().for_each(|change| part.change(change));
    part.finish()
}

/// Collects encoded rows.
#[derive(Debug)]
pub(crate) struct PartWriter {
    participant: String,
    epoch: Epoch,
    blob: BlobWriter,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl PartWriter {
    pub(crate) fn new(participant: &str, epoch: Epoch) -> Self {
        let participant = participant.to_owned();
        let id = BlobId { participant: participant.clone(), generation: GENERATION_IN_MANIFEST, epoch: epoch.0 };
        Self { participant, epoch, blob: BlobWriter::new(id), key: Vec::new(), value: Vec::new() }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Adds a row of any kind.
    pub(crate) fn change(&mut self, (key, value): &Change) {
        self.key.clear();
        codec::encode_key(key, &mut self.key);
        let value = value.as_ref().map(|value| {
            self.value.clear();
            codec::encode_value(value, &mut self.value);
            self.value.as_slice()
        });
        self.blob.append(&self.key, value);
    }

    /// Adds a state value, or its tombstone.
    pub(crate) fn value(&mut self, group: KeyGroup, address: &Address, name: Symbol, stored: Option<&Stored>) {
        self.key.clear();
        codec::encode_value_key(group, address, name, &mut self.key);
        let value = stored.map(|stored| {
            self.value.clear();
            codec::encode_stored(stored, &mut self.value);
            self.value.as_slice()
        });
        self.blob.append(&self.key, value);
    }

    pub(crate) fn finish(mut self) -> EncodedPart {
        let rows = self.blob.rows();
        let chunks: Vec<Bytes> = if rows == 0 { Vec::new() } else { self.blob.finish() };
        EncodedPart { participant: mem::take(&mut self.participant), epoch: self.epoch, rows, chunks }
    }
}
