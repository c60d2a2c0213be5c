use proptest::prelude::*;
use statefun::{Epoch, KeyGroup, ProcessingTime};
use statefun_ports::rows::{RowKey, RowValue};

use super::*;
use crate::encode_rows;

fn part(rows: &[(u16, u8)]) -> EncodedPart {
    let changes: Vec<_> = rows
        .iter()
        .zip(0..)
        .map(|(&(group, len), seq)| {
            let clock = RowKey::Clock { participant: "x".repeat(usize::from(len)).into() };
            match group {
                7 => (clock, Some(RowValue::Clock(ProcessingTime(seq)))),
                _ => (RowKey::Waiting { group: KeyGroup(group), seq }, None),
            }
        })
        .collect();
    encode_rows("shard-3", Epoch(9), &changes)
}

/// All rows: group, key, value.
fn rows(bytes: &[u8]) -> Vec<(u16, Vec<u8>, Option<Vec<u8>>)> {
    let blob = Blob::open(bytes).unwrap();
    assert_eq!((blob.id().participant.as_str(), blob.id().epoch), ("shard-3", 9));
    let sections: Vec<_> = blob.sections().map(Result::unwrap).collect();
    let rows = sections.iter().flat_map(|section| section.rows().map(|row| (section.group(), row)));
    rows.map(|(group, row)| (group, row.key.to_vec(), row.value.map(<[u8]>::to_vec))).collect()
}

proptest! {
    #[test]
    fn the_pieces_hold_the_rows_of_the_whole_in_order(
        changes in prop::collection::vec((0u16..8, any::<u8>()), 1..60), bytes_max in 0usize..2000, joined: bool,
    ) {
        let mut part = part(&changes);
        let whole: Bytes = part.chunks.concat().into();
        if joined {
            part.chunks = vec![whole.clone()];
        }
        let blobs = split(&part, bytes_max).unwrap();
        let pieces: Vec<_> = blobs.iter().flat_map(|blob| rows(&blob.chunks.concat())).collect();
        prop_assert_eq!(pieces, rows(&whole));
        for blob in &blobs {
            let bytes = blob.chunks.concat();
            let opened = Blob::open(&bytes).unwrap();
            prop_assert_eq!(opened.groups().collect::<Vec<_>>(), blob.groups.clone());
            prop_assert_eq!(opened.rows(), blob.rows);
            prop_assert!(part.len() <= bytes_max || blob.groups.len() == 1 || bytes.len() <= bytes_max + 400);
        }
    }
}

#[test]
fn a_small_part_is_not_cut_and_an_empty_one_is_nothing() {
    assert_eq!(split(&part(&[(1, 0), (2, 0)]), 1000).unwrap().len(), 1);
    assert_eq!(split(&part(&[(1, 0), (2, 0)]), 10).unwrap().len(), 2);
    assert!(split(&part(&[]), 1000).unwrap().is_empty());
}

#[test]
fn what_is_no_blob_is_refused() {
    let broken = EncodedPart {
        participant: "shard-3".into(),
        epoch: Epoch(9),
        rows: 1,
        chunks: vec![Bytes::from_static(b"SFDL"), Bytes::from_static(b"????")],
    };
    assert!(split(&broken, 1000).is_err());
}
