//! Base and deltas, merged into the rows as they are now.
//!
//! ```text
//!   newest delta   b=7        d=✝         of equal keys the newest wins,
//!   older delta    b=5  c=2   d=4         tombstones remove what is under them
//!   base     a=1   b=3        d=1
//!   ─────────────────────────────
//!   merge    a=1   b=7  c=2
//! ```
//!
//! Every source yields each key at most once, in ascending order; that is what [`Block::rows`](super::Block::rows) and
//! [`Section::sorted`](super::Section::sorted) do. Keys and values may be borrowed or owned, so blocks can be read one
//! by one while the merge goes on. Memory is one row per source.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// The rows of a base under deltas, oldest delta first: each key once, with its newest value, without tombstones.
///
/// ```
/// use statefun_protocol::storage::merge;
///
/// let base = [("a", Some(1)), ("b", Some(1))];
/// let older = vec![("b", Some(2)), ("c", Some(2))];
/// let newer = vec![("a", None)];
/// assert!(merge(base, [older, newer]).eq([("b", 2), ("c", 2)]));
/// ```
pub fn merge<K: Ord, V, B, D>(base: B, deltas: impl IntoIterator<Item = D>) -> MergeLive<K, V, B::IntoIter, D::IntoIter>
where
    B: IntoIterator<Item = (K, Option<V>)>,
    D: IntoIterator<Item = (K, Option<V>)>,
{
    let deltas = deltas.into_iter().map(|delta| Source::Delta(delta.into_iter()));
    MergeLive(Merge::new(std::iter::once(Source::Base(base.into_iter())).chain(deltas)))
}

/// Deltas folded into one, oldest first: each key once, with its newest value. Tombstones stay, because what they remove
/// lies in the base.
pub fn merge_changes<K: Ord, V, D>(deltas: impl IntoIterator<Item = D>) -> Merge<K, V, D::IntoIter>
where
    D: IntoIterator<Item = (K, Option<V>)>,
{
    Merge::new(deltas.into_iter().map(D::into_iter))
}

/// Iterator of [`merge_changes`].
#[derive(Debug)]
pub struct Merge<K, V, I> {
    sources: Vec<I>,
    heads: BinaryHeap<Head<K, V>>,
}

/// Iterator of [`merge`].
#[derive(Debug)]
pub struct MergeLive<K, V, B, D>(Merge<K, V, Source<B, D>>);

/// A base or a delta.
#[derive(Debug)]
enum Source<B, D> {
    Base(B),
    Delta(D),
}

/// The next row of a source; sources later in the list are newer.
#[derive(Debug)]
struct Head<K, V> {
    key: K,
    value: Option<V>,
    source: usize,
}

impl<K: Ord, V, I: Iterator<Item = (K, Option<V>)>> Merge<K, V, I> {
    fn new(sources: impl Iterator<Item = I>) -> Self {
        let mut sources: Vec<I> = sources.collect();
        let heads = sources
            .iter_mut()
            .enumerate()
            .filter_map(|(source, rows)| rows.next().map(|(key, value)| Head { key, value, source }))
            .collect();
        Self { sources, heads }
    }

    /// Takes the first row in key order, the newest among equal keys, and refills from its source.
    fn take_first(sources: &mut [I], mut first: PeekMut<'_, Head<K, V>>) -> (K, Option<V>) {
        let source = first.source;
        let head = match sources[source].next() {
            Some((key, value)) => {
                debug_assert!(first.key < key, "rows of a source ascend");
                std::mem::replace(&mut *first, Head { key, value, source })
            }
            None => PeekMut::pop(first),
        };
        (head.key, head.value)
    }
}

impl<K: Ord, V, I: Iterator<Item = (K, Option<V>)>> Iterator for Merge<K, V, I> {
    type Item = (K, Option<V>);

    fn next(&mut self) -> Option<Self::Item> {
        let newest = Self::take_first(&mut self.sources, self.heads.peek_mut()?);
        while let Some(first) = self.heads.peek_mut().filter(|first| first.key == newest.0) {
            Self::take_first(&mut self.sources, first);
        }
        Some(newest)
    }
}

impl<K: Ord, V, B, D> Iterator for MergeLive<K, V, B, D>
where
    B: Iterator<Item = (K, Option<V>)>,
    D: Iterator<Item = (K, Option<V>)>,
{
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(|(key, value)| value.map(|value| (key, value)))
    }
}

impl<T, B: Iterator<Item = T>, D: Iterator<Item = T>> Iterator for Source<B, D> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::Base(rows) => rows.next(),
            Self::Delta(rows) => rows.next(),
        }
    }
}

// A heap yields its greatest element, so the first row in key order is the greatest: least key, then newest source.
impl<K: Ord, V> Ord for Head<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key).then(self.source.cmp(&other.source))
    }
}

impl<K: Ord, V> PartialOrd for Head<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, V> PartialEq for Head<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K: Ord, V> Eq for Head<K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::storage::{Blob, BlobId, BlobWriter, Block, Row, blocks};

    type Delta = BTreeMap<u8, Option<u16>>;

    fn deltas() -> impl Strategy<Value = Vec<Delta>> {
        prop::collection::vec(prop::collection::btree_map(0u8..20, any::<Option<u16>>(), 0..12), 0..6)
    }

    /// What applying each delta to a map, one after the other, leaves.
    fn applied(base: &BTreeMap<u8, u16>, deltas: &[Delta]) -> BTreeMap<u8, u16> {
        let mut model = base.clone();
        for (&key, &value) in deltas.iter().flatten() {
            match value {
                Some(value) => drop(model.insert(key, value)),
                None => drop(model.remove(&key)),
            }
        }
        model
    }

    proptest! {
        #[test]
        fn merging_is_applying_one_delta_after_the_other(
            base in prop::collection::btree_map(0u8..20, any::<u16>(), 0..20), deltas in deltas(),
        ) {
            let expected = applied(&base, &deltas);
            let merged = merge(base.into_iter().map(|(key, value)| (key, Some(value))), deltas);
            prop_assert!(merged.eq(expected));
        }

        #[test]
        fn deltas_may_be_folded_first(
            base in prop::collection::btree_map(0u8..20, any::<u16>(), 0..20), deltas in deltas(),
        ) {
            let expected = applied(&base, &deltas);
            let folded: Vec<_> = merge_changes(deltas).collect();
            prop_assert!(folded.is_sorted_by(|a, b| a.0 < b.0));
            let merged = merge(base.into_iter().map(|(key, value)| (key, Some(value))), [folded]);
            prop_assert!(merged.eq(expected));
        }

        #[test]
        fn blocks_and_blobs_merge_zero_copy(
            base in prop::collection::btree_map(0u8..20, any::<u16>(), 0..20), deltas in deltas(),
        ) {
            let expected = applied(&base, &deltas);
            let key = |key: u8| [0, 7, key];
            let base_rows: Vec<_> = base.iter().map(|(&k, v)| (key(k), v.to_le_bytes())).collect();
            let blocks: Vec<_> =
                blocks(base_rows.iter().map(|(key, value)| Row { key, value: Some(value) })).collect();
            let blobs: Vec<_> = deltas
                .iter()
                .zip(1..)
                .map(|(delta, epoch)| {
                    let mut writer = BlobWriter::new(BlobId { participant: "shard 0".into(), generation: 1, epoch });
                    for (&k, value) in delta.iter().rev() {
                        writer.append(&key(k), value.map(u16::to_le_bytes).as_ref().map(<[u8; 2]>::as_slice));
                    }
                    writer.finish().concat()
                })
                .collect();

            let base = blocks.iter().flat_map(|block| Block::open(&block.bytes).unwrap().rows()).map(Row::into_pair);
            let sections = blobs.iter().map(|blob| {
                let section = Blob::open(blob).unwrap().section(7).unwrap();
                section.map_or_else(Vec::new, |section| section.sorted()).into_iter().map(Row::into_pair)
            });
            let merged: Vec<_> = merge(base, sections).map(|(key, value)| (key[2], [value[0], value[1]])).collect();
            let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key, value.to_le_bytes())).collect();
            prop_assert_eq!(merged, expected);
        }
    }
}
