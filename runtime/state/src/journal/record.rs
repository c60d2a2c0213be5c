//! Records of the journal.
//!
//! ```text
//!   magic 8 │ crc32 of the rest u32 │ length of the rest u32 │ rest:
//!     previous epoch u64 │ manifest 38 │ parts u32 │ per part: participant │ rows u64 │ blob       padded to a slot
//! ```
//! Numbers: least significant byte first. Participant and blob stand behind their length (u32). A record begins at a
//! multiple of [`SLOT`], so that those behind one that cannot be read are found all the same.

use bytes::Bytes;
use statefun::Epoch;
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::snapshot_store::Manifest;

use crate::redb_store::{decode_manifest, encode_manifest};

const MAGIC: &[u8; 8] = b"sfjrnl01";
const HEADER: usize = 16;

/// Records begin at multiples of this: what disks write in one piece.
pub(super) const SLOT: usize = 4096;

/// An epoch in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The epoch that was the newest before.
    pub(super) previous: Epoch,
    pub(super) manifest: Manifest,
    pub(super) parts: Vec<EncodedPart>,
}

impl Record {
    /// Appends the record's bytes, padded.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.previous.0.to_le_bytes());
        out.extend_from_slice(&encode_manifest(&self.manifest));
        out.extend_from_slice(&len(self.parts.len()));
        for part in &self.parts {
            out.extend_from_slice(&len(part.participant.len()));
            out.extend_from_slice(part.participant.as_bytes());
            out.extend_from_slice(&part.rows.to_le_bytes());
            out.extend_from_slice(&len(part.len()));
            part.chunks.iter().for_each(|chunk| out.extend_from_slice(chunk));
        }
        let rest = begin + HEADER;
        let crc = crc32fast::hash(&out[rest..]);
        let rest_len = len(out.len() - rest);
        out[begin + 8..begin + 12].copy_from_slice(&crc.to_le_bytes());
        out[begin + 12..begin + 16].copy_from_slice(&rest_len);
        let padded = (out.len() - begin).next_multiple_of(SLOT);
        out.resize(begin + padded, 0);
    }

    /// Reads the record that begins `bytes`, and how many slots it takes; `None` when none does, whole.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let crc = u32::from_le_bytes(take(&mut rest)?);
        let rest_len = u32::from_le_bytes(take(&mut rest)?) as usize;
        let mut rest = rest.get(..rest_len)?;
        if crc32fast::hash(rest) != crc {
            return None;
        }
        let previous = Epoch(u64::from_le_bytes(take(&mut rest)?));
        let (manifest, mut rest) = rest.split_at_checked(encode_manifest(&NO_MANIFEST).len())?;
        let manifest = decode_manifest(manifest)?;
        let count = u32::from_le_bytes(take(&mut rest)?);
        let mut parts = Vec::new();
        for _ in 0..count {
            let participant = String::from_utf8(field(&mut rest)?.to_vec()).ok()?;
            let rows = u64::from_le_bytes(take(&mut rest)?);
            let blob = field(&mut rest)?;
            let chunks = if blob.is_empty() { Vec::new() } else { vec![Bytes::copy_from_slice(blob)] };
            parts.push(EncodedPart { participant, epoch: manifest.epoch, rows, chunks });
        }
        rest.is_empty().then_some((Self { previous, manifest, parts }, (HEADER + rest_len).div_ceil(SLOT)))
    }
}

const NO_MANIFEST: Manifest =
    Manifest { epoch: Epoch(0), generation: statefun::Generation(0), lineage: statefun::Lineage(0), key_groups: 0 };

fn len(len: usize) -> [u8; 4] {
    u32::try_from(len).expect("records are far smaller than 4 GiB").to_le_bytes()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_le_bytes(take(bytes)?) as usize;
    let (head, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use statefun::{Generation, Lineage};

    use super::*;

    fn record() -> Record {
        let part = |participant: &str, blob: &'static [u8]| EncodedPart {
            participant: participant.to_owned(),
            epoch: Epoch(9),
            rows: 3,
            chunks: vec![Bytes::from_static(blob)],
        };
        let manifest = Manifest { epoch: Epoch(9), generation: Generation(2), lineage: Lineage(7), key_groups: 128 };
        Record { previous: Epoch(7), manifest, parts: vec![part("shard-0", b"blob"), part("shop/out", &[7; 5000])] }
    }

    #[test]
    fn a_record_survives_and_fills_slots() {
        let mut bytes = Vec::new();
        record().encode(&mut bytes);
        assert_eq!(bytes.len(), 2 * SLOT);
        assert_eq!(Record::decode(&bytes), Some((record(), 2)));
    }

    #[test]
    fn a_torn_or_damaged_record_is_none() {
        let mut bytes = Vec::new();
        record().encode(&mut bytes);
        let used = bytes.iter().rposition(|&byte| byte != 0).unwrap();
        for at in (0..used).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Record::decode(&damaged), None, "byte {at}");
            assert_eq!(Record::decode(&bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(Record::decode(&[0; SLOT]), None);
    }
}
