//! Cuts a part's blob into blobs of fewer key groups.
//!
//! ```text
//!   header │ g0 │ g1 │ g2 │ g3 │ g4      ──▶   header │ g0 │ g1      header │ g2      header │ g3 │ g4
//! ```
//!
//! A large part is folded and, after the number of shards changed, loaded group by group; whoever wants one group should
//! not read all. The sections are used as they are, only headers are written anew, so this costs next to nothing and the
//! checksums of the rows are those that the participant computed. Each piece is an ordinary blob.

use bytes::Bytes;
use statefun_ports::keyed_state::EncodedPart;
use statefun_protocol::storage::{Blob, BlobError};

/// The layout of headers that is understood here; blobs of another version are kept whole.
const VERSION: u8 = 1;
const VERSION_AT: usize = 4;
const HEADER_LEN_AT: usize = 6;
const FIELDS_AT: usize = 10;
const ENTRY_LEN: usize = 2 + 8 + 8 + 8 + 4;
const COUNT_LEN: usize = 4;
const CRC_LEN: usize = 4;

/// A blob of some of a part's key groups.
#[derive(Clone, Debug)]
pub(super) struct SubBlob {
    /// Its key groups, ascending.
    pub(super) groups: Vec<u16>,
    pub(super) rows: u64,
    /// Its bytes, one chunk behind the other.
    pub(super) chunks: Vec<Bytes>,
}

impl SubBlob {
    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

/// An entry of a blob's index.
#[derive(Clone, Copy, Debug)]
struct Entry {
    group: u16,
    offset: u64,
    len: u64,
    rows: u64,
    crc: u32,
}

/// Cuts a part into blobs of about `bytes_max`, at least one key group each.
///
/// # Errors
/// When the part is no blob.
pub(super) fn split(part: &EncodedPart, bytes_max: usize) -> Result<Vec<SubBlob>, BlobError> {
    if part.chunks.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = match part.chunks.as_slice() {
        [one] => one.clone(),
        // Verifying the header takes nothing but the header, which writers hand out as a chunk of its own.
        chunks => match Blob::open(&chunks[0]) {
            Ok(_) => return split_sections(chunks[0].clone(), &chunks[1..], part, bytes_max),
            Err(_) => chunks.concat().into(),
        },
    };
    let header_len = header_len(&bytes, &Blob::open(&bytes)?);
    split_sections(bytes.slice(..header_len), &[bytes.slice(header_len..)], part, bytes_max)
}

fn header_len(bytes: &[u8], _verified: &Blob<'_>) -> usize {
    let field = bytes[HEADER_LEN_AT..].first_chunk().copied();
    u32::from_le_bytes(field.expect("a verified header is longer than its first fields")) as usize
}

fn split_sections(
    header: Bytes,
    body: &[Bytes],
    part: &EncodedPart,
    bytes_max: usize,
) -> Result<Vec<SubBlob>, BlobError> {
    let blob = Blob::open(&header)?;
    let groups: Vec<u16> = blob.groups().collect();
    let is_known = header[VERSION_AT] == VERSION && header.len() == header_len(&header, &blob);
    let entries = if is_known { entries(&header, groups.len()) } else { Vec::new() };
    if part.len() <= bytes_max || groups.len() <= 1 || entries.len() != groups.len() {
        let chunks = std::iter::once(header.clone()).chain(body.iter().cloned()).collect();
        return Ok(vec![SubBlob { groups, rows: blob.rows(), chunks }]);
    }
    let mut sections = Sections { body, passed: 0 };
    let mut blobs = Vec::new();
    let mut rest = entries.as_slice();
    while let Some(first) = rest.first() {
        let (mut count, mut bytes) = (1, first.len);
        while let Some(next) = rest.get(count).filter(|next| bytes + next.len <= bytes_max as u64) {
            bytes += next.len;
            count += 1;
        }
        let (taken, left) = rest.split_at(count);
        let mut chunks = vec![sub_header(&header, entries.len(), taken)];
        for entry in taken {
            sections.take(entry, &mut chunks);
        }
        let groups = taken.iter().map(|entry| entry.group).collect();
        blobs.push(SubBlob { groups, rows: taken.iter().map(|entry| entry.rows).sum(), chunks });
        rest = left;
    }
    Ok(blobs)
}

/// The index of a verified header: it stands at its end, before the checksum.
fn entries(header: &[u8], count: usize) -> Vec<Entry> {
    let end = header.len() - CRC_LEN;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let index = header.get(end - count * ENTRY_LEN..end).unwrap_or_default();
    index
        .chunks_exact(ENTRY_LEN)
        .map(|entry| Entry {
            group: number(&entry[..2]) as u16,
            offset: number(&entry[2..10]),
            len: number(&entry[10..18]),
            rows: number(&entry[18..26]),
            crc: number(&entry[26..]) as u32,
        })
        .collect()
}

/// The header of a blob that holds `taken` of the `count` sections that `header` lists.
fn sub_header(header: &[u8], count: usize, taken: &[Entry]) -> Bytes {
    let fields_end = header.len() - CRC_LEN - count * ENTRY_LEN - COUNT_LEN;
    let len = fields_end + COUNT_LEN + taken.len() * ENTRY_LEN + CRC_LEN;
    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(&header[..HEADER_LEN_AT]);
    out.extend_from_slice(&u32::try_from(len).expect("it is shorter than the header it comes from").to_le_bytes());
    out.extend_from_slice(&header[FIELDS_AT..fields_end]);
    out.extend_from_slice(&(taken.len() as u32).to_le_bytes());
    let mut offset = 0u64;
    for entry in taken {
        out.extend_from_slice(&entry.group.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&entry.len.to_le_bytes());
        out.extend_from_slice(&entry.rows.to_le_bytes());
        out.extend_from_slice(&entry.crc.to_le_bytes());
        offset += entry.len;
    }
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out.into()
}

/// Hands out sections in order, without copying.
struct Sections<'a> {
    body: &'a [Bytes],
    /// Where the first chunk of `body` begins, from the first section.
    passed: u64,
}

impl Sections<'_> {
    fn take(&mut self, entry: &Entry, out: &mut Vec<Bytes>) {
        let (mut from, end) = (entry.offset, entry.offset + entry.len);
        while from < end {
            let Some(chunk) = self.body.first() else { return };
            let chunk_end = self.passed + chunk.len() as u64;
            if chunk_end <= from {
                self.passed = chunk_end;
                self.body = &self.body[1..];
                continue;
            }
            let to = end.min(chunk_end);
            out.push(chunk.slice((from - self.passed) as usize..(to - self.passed) as usize));
            from = to;
        }
    }
}

#[cfg(test)]
mod tests;
