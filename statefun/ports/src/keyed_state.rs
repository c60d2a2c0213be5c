//! A shard's live values.
//!
//! The shard owns its state: reads and writes are synchronous, values stay decoded between invocations, and nothing is
//! written per event. [`KeyedState::freeze`] marks an instant in O(1); afterwards [`KeyedState::encode_slice`] walks what
//! changed since the freeze before, in slices between batches, while writes to rows not yet walked encode them first.
//! So a snapshot costs what changed, and never stops the shard for long.
//!
//! ```text
//!  put ──▶ dirty ──freeze(9)──▶ frozen ──encode_slice*──▶ finish() = part of epoch 9
//!             ▲                   │
//!             └────── abandon() ──┘   live wins
//! ```

use bytes::Bytes;
use statefun::function::Live;
use statefun::{Address, Epoch, FunctionType, IdHash, ProcessingTime, Symbol};

use crate::rows::{Change, Stored};

/// Where the values of an address are; stays valid until the address has no values left and the state was asked for
/// something else than to look up, read and write values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub u32);

/// A state of a function type, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateIndex(pub u16);

/// Live values of one shard.
pub trait KeyedState {
    /// The number under which values of the state `name` of `function` are kept.
    fn state_index(&mut self, function: FunctionType, name: Symbol) -> StateIndex;

    /// Where the values of `address` are, if it has any.
    fn find(&self, address: &Address, hash: IdHash) -> Option<Slot>;

    /// The same for a run of addresses: appends what [`find`](Self::find) says of each to `slots`.
    ///
    /// A shard asks for a run of messages ahead of handling them. Most of what a message costs is waiting for memory
    /// that no cache holds; an implementation lets these waits overlap.
    fn find_all<'a>(
        &self,
        addresses: impl Iterator<Item = (&'a Address, IdHash)> + Clone,
        slots: &mut Vec<Option<Slot>>,
    ) {
        slots.extend(addresses.map(|(address, hash)| self.find(address, hash)));
    }

    /// The same as [`find`](Self::find), made if there is none yet.
    fn slot(&mut self, address: &Address, hash: IdHash) -> Slot;

    /// A value.
    fn get(&self, slot: Slot, state: StateIndex) -> Option<&Stored>;

    /// Writes or deletes a value.
    fn put(&mut self, slot: Slot, state: StateIndex, value: Option<Stored>);

    /// Takes a value out to be changed in place; [`KeyedState::put_live`] gives it back before anything else is asked of
    /// its slot. It counts as written. Backends that keep no decoded values give it as it is stored.
    fn take_live(&mut self, slot: Slot, state: StateIndex) -> Live {
        self.get(slot, state).map_or(Live::Absent, |stored| Live::Encoded(stored.value.clone()))
    }

    /// Gives back what [`KeyedState::take_live`] gave, changed or not. While it is decoded, [`KeyedState::get`] may give
    /// anything for it; scans and snapshots encode it.
    fn put_live(&mut self, slot: Slot, state: StateIndex, value: Live, touched: ProcessingTime) {
        self.put(slot, state, value.encode().map(|value| Stored { value, touched }));
    }

    /// Puts a value that a snapshot holds: it is there, and it is not dirty.
    fn restore(&mut self, address: Address, name: Symbol, value: Stored);

    /// Calls `each` for every value of a function type, of one id if given, until it returns `false`.
    fn scan(&self, function: FunctionType, each: &mut dyn FnMut(&Address, Symbol, &Stored) -> bool);

    /// Begins the part of `epoch`: everything written so far belongs to it, nothing written later does.
    ///
    /// # Panics
    /// When a part is open already; it must be finished or abandoned first.
    fn freeze(&mut self, epoch: Epoch);

    /// Adds a row that is no value (a waiting message, say) to the open part, in its order.
    fn record(&mut self, change: &Change);

    /// Encodes up to about `rows_max` frozen rows; `true` when none is left.
    fn encode_slice(&mut self, rows_max: usize) -> bool;

    /// Ends the open part and hands it out.
    ///
    /// # Panics
    /// When no part is open or rows are left to encode.
    fn finish(&mut self) -> EncodedPart;

    /// A finished part became durable.
    fn completed(&mut self, epoch: Epoch);

    /// A part will never become durable: what it held is dirty again, under what was written since.
    fn abandoned(&mut self, epoch: Epoch);

    /// How many addresses have values.
    fn addresses(&self) -> usize;
}

/// A participant's contribution to an epoch, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPart {
    /// Who contributed.
    pub participant: String,
    /// Which epoch.
    pub epoch: Epoch,
    /// How many rows.
    pub rows: u64,
    /// The blob, in chunks.
    pub chunks: Vec<Bytes>,
}

impl EncodedPart {
    /// The size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}
