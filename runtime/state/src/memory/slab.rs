//! Where the values of addresses live.
//!
//! ```text
//!   slot ──▶ chunk ──▶ Entry { address │ first cell │ more cells, boxed }
//! ```
//!
//! Chunks are never moved: growth costs one allocation and no copying, so no event ever waits for it. Most functions
//! have one or two states, so the first value lies beside the address: one look-up touches two neighbouring lines.

use statefun::Address;
use statefun_ports::keyed_state::{Slot, StateIndex};
use statefun_ports::rows::Stored;

const CHUNK_BITS: u32 = 13;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// Entries, found by slot.
#[derive(Debug, Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Entry>>,
    free: Vec<Slot>,
}

/// An address and its values.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) address: Address,
    first: Cell,
    // Boxed so that an entry with one state stays small.
    #[expect(clippy::box_collection, reason = "a pointer instead of three words in each of millions of entries")]
    more: Option<Box<Vec<Cell>>>,
}

/// A state of an address.
#[derive(Debug)]
pub(super) struct Cell {
    state: StateIndex,
    /// Since when its value is not in a part.
    pub(super) written: Written,
    /// Whether the store may hold a row for it, so that deleting it takes a tombstone.
    pub(super) stored: bool,
    pub(super) value: Option<Stored>,
}

/// When a cell was last written, as far as the next parts care. Two names suffice for cuts: while one part is open,
/// what was written before it and what was written after it are all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is in a part, or was restored.
    Never,
    /// In the time that even cuts close.
    Even,
    /// In the time that odd cuts close.
    Odd,
}

impl Written {
    /// The time behind this one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Even | Self::Never => Self::Odd,
            Self::Odd => Self::Even,
        }
    }
}

/// Marks a cell that is not in use.
const UNUSED: StateIndex = StateIndex(u16::MAX);

impl Cell {
    const fn unused() -> Self {
        Self::of(UNUSED)
    }

    const fn of(state: StateIndex) -> Self {
        Self { state, written: Written::Never, stored: false, value: None }
    }
}

impl Entry {
    /// Asks for the memory of the first cell, which may be another line than that of the address.
    #[inline]
    pub(super) fn fetch(&self) {
        std::hint::black_box(self.first.state);
    }

    /// The cell of `state`, if it is in use.
    #[inline]
    pub(super) fn cell(&self, state: StateIndex) -> Option<&Cell> {
        if self.first.state == state {
            return Some(&self.first);
        }
        self.more.as_ref()?.iter().find(|cell| cell.state == state)
    }

    #[inline]
    pub(super) fn cell_mut(&mut self, state: StateIndex) -> Option<&mut Cell> {
        if self.first.state == state {
            return Some(&mut self.first);
        }
        self.more.as_mut()?.iter_mut().find(|cell| cell.state == state)
    }

    /// The cell of `state`, taken into use if it is not.
    pub(super) fn cell_made(&mut self, state: StateIndex) -> &mut Cell {
        assert!(state != UNUSED, "a state has a lower number");
        if self.first.state != state {
            let known = self.more.as_deref().and_then(|more| more.iter().position(|cell| cell.state == state));
            if known.is_some() || self.first.state != UNUSED {
                let more = self.more.get_or_insert_default();
                let position = known.unwrap_or_else(|| {
                    more.push(Cell::of(state));
                    more.len() - 1
                });
                return &mut more[position];
            }
            self.first = Cell::of(state);
        }
        &mut self.first
    }

    /// Gives up the cell of `state`.
    pub(super) fn give_up(&mut self, state: StateIndex) {
        if self.first.state == state {
            self.first = Cell::unused();
        } else if let Some(more) = &mut self.more {
            more.retain(|cell| cell.state != state);
            if more.is_empty() {
                self.more = None;
            }
        }
    }

    /// The cells in use, in no particular but a reproducible order.
    pub(super) fn cells(&self) -> impl Iterator<Item = (StateIndex, &Cell)> {
        let cells = std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()));
        cells.filter(|cell| cell.state != UNUSED).map(|cell| (cell.state, cell))
    }

    pub(super) fn is_unused(&self) -> bool {
        self.first.state == UNUSED && self.more.is_none()
    }

    pub(super) fn has_values(&self) -> bool {
        self.cells().any(|(_, cell)| cell.value.is_some())
    }
}

impl Slab {
    /// A slot for an address that has none, its entry without cells.
    ///
    /// # Panics
    /// When there are 2^32 addresses in one shard, which no memory holds.
    pub(super) fn insert(&mut self, address: Address) -> Slot {
        let entry = Entry { address, first: Cell::unused(), more: None };
        if let Some(slot) = self.free.pop() {
            self[slot] = entry;
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_LEN) {
            // The first one grows, so that a shard with few addresses stays small.
            self.chunks.push(if self.chunks.is_empty() { Vec::new() } else { Vec::with_capacity(CHUNK_LEN) });
        }
        let chunk_index = self.chunks.len() - 1;
        let chunk = &mut self.chunks[chunk_index];
        chunk.push(entry);
        let index = (chunk_index << CHUNK_BITS) + chunk.len() - 1;
        Slot(u32::try_from(index).expect("a shard's memory ends before its slots do"))
    }

    /// Frees the slot of an unused entry.
    pub(super) fn remove(&mut self, slot: Slot) {
        debug_assert!(self[slot].is_unused(), "values of {:?} would be lost", self[slot].address);
        self.free.push(slot);
    }

    /// All entries, freed ones included; those have no cells.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.chunks.iter().flatten()
    }
}

impl std::ops::Index<Slot> for Slab {
    type Output = Entry;

    #[inline]
    fn index(&self, slot: Slot) -> &Entry {
        &self.chunks[(slot.0 >> CHUNK_BITS) as usize][slot.0 as usize & (CHUNK_LEN - 1)]
    }
}

impl std::ops::IndexMut<Slot> for Slab {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.chunks[(slot.0 >> CHUNK_BITS) as usize][slot.0 as usize & (CHUNK_LEN - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_one_small_value_takes_96_bytes() {
        assert_eq!(size_of::<Cell>(), 56);
        assert_eq!(size_of::<Entry>(), 96);
    }
}
