//! Key groups: hash buckets of ids, the unit in which state is dealt to shards and dealt anew on rescaling.
//!
//! `group = xxh3_64(id bytes, seed 0) mod count` and `shard = group * shards / count`. Both are part of the
//! storage format: changing either would strand stored state, so golden tests pin them.

use crate::ShardId;

/// The hash of an id, computed once where an envelope is born and carried along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct IdHash(pub u64);

impl IdHash {
    /// xxh3-64 with seed 0 of the id's bytes.
    #[inline]
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(id.as_bytes()))
    }
}

/// A hash bucket of ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct KeyGroup(pub u16);

/// How many key groups there are and how many shards share them. The count is fixed for the life of the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyGroups {
    count: u16,
    shards: u16,
}

/// The number of key groups unless told otherwise.
pub const KEY_GROUPS_DEFAULT: u16 = 128;

impl KeyGroups {
    /// `count` key groups dealt to `shards` shards.
    ///
    /// # Panics
    /// When either is zero, there are more shards than groups, or the count is `u16::MAX`, which marks rows that
    /// belong to no key group.
    #[must_use]
    pub fn new(count: u16, shards: u16) -> Self {
        assert!(count > 0 && shards > 0 && shards <= count && count < u16::MAX, "{shards} shards, {count} key groups");
        Self { count, shards }
    }

    /// The number of key groups.
    #[must_use]
    pub fn count(self) -> u16 {
        self.count
    }

    /// The number of shards.
    #[must_use]
    pub fn shards(self) -> u16 {
        self.shards
    }

    /// The group of an id.
    #[inline]
    #[must_use]
    pub fn group(self, hash: IdHash) -> KeyGroup {
        let count = u64::from(self.count);
        // The same number; a division of 64 bits is the dearest instruction on the way of a message.
        KeyGroup(if count.is_power_of_two() { hash.0 & (count - 1) } else { hash.0 % count } as u16)
    }

    /// The shard that owns a group.
    #[inline]
    #[must_use]
    pub fn owner(self, group: KeyGroup) -> ShardId {
        ShardId((u32::from(group.0) * u32::from(self.shards) / u32::from(self.count)) as u16)
    }

    /// The shard that runs an id.
    #[inline]
    #[must_use]
    pub fn shard(self, hash: IdHash) -> ShardId {
        self.owner(self.group(hash))
    }

    /// The groups of one shard, a contiguous range.
    #[must_use]
    pub fn range(self, shard: ShardId) -> std::ops::Range<u16> {
        let bound = |shard: u16| {
            let (shard, shards, count) = (u32::from(shard), u32::from(self.shards), u32::from(self.count));
            (shard * count).div_ceil(shards) as u16
        };
        bound(shard.0)..bound(shard.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_known_ids_never_change() {
        assert_eq!(IdHash::of("").0, 0x2d06_8005_38d3_94c2);
        let groups = KeyGroups::new(128, 4);
        let dealt: Vec<u16> = ["ann", "bob", "42", "Ü"].iter().map(|id| groups.group(IdHash::of(id)).0).collect();
        assert_eq!(dealt, GOLDEN_GROUPS);
    }

    const GOLDEN_GROUPS: [u16; 4] = [72, 101, 17, 91];

    #[test]
    fn ranges_partition_the_groups_and_agree_with_the_owner() {
        for count in [1u16, 2, 7, 128, 1000] {
            for shards in (1..=count.min(17)).chain([count]) {
                let groups = KeyGroups::new(count, shards);
                let mut next = 0;
                for shard in 0..shards {
                    let range = groups.range(ShardId(shard));
                    assert_eq!(range.start, next);
                    next = range.end;
                    for group in range {
                        assert_eq!(groups.owner(KeyGroup(group)), ShardId(shard), "{count} {shards} {group}");
                    }
                }
                assert_eq!(next, count);
            }
        }
    }
}
