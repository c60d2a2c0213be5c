use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn model_rows(model: &Model) -> impl Iterator<Item = Row<'_>> {
    model.iter().map(|(key, value)| Row { key, value: value.as_deref() })
}

fn block(model: &Model) -> EncodedBlock {
    let mut writer = BlockWriter::new();
    model_rows(model).for_each(|row| writer.push(row));
    writer.finish()
}

#[test]
fn a_block_of_version_1_looks_like_this() {
    let mut writer = BlockWriter::new();
    for key in b'a'..b'a' + 17 {
        writer.push(Row { key: &[key], value: Some(b"v") });
    }
    let encoded = writer.finish();
    let mut golden = b"SFBK\x01\x01\x11\0\0\0\0\0\0\0\x44\0\0\0\0\0\0\0".to_vec();
    (b'a'..b'a' + 17).for_each(|key| golden.extend_from_slice(&[1, key, 2, b'v']));
    golden.extend_from_slice(b"\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0");
    let crc = crc32fast::hash(&golden);
    golden.extend_from_slice(&crc.to_le_bytes());
    assert_eq!(encoded.bytes.escape_ascii().to_string(), golden.escape_ascii().to_string());
    assert_eq!((encoded.first_key.as_slice(), encoded.last_key.as_slice(), encoded.rows), (&b"a"[..], &b"q"[..], 17));
}

#[test]
fn rows_are_cut_into_blocks_of_about_64_kib() {
    let value = vec![7u8; 1000];
    let keys: Vec<_> = (0..200u32).map(u32::to_be_bytes).collect();
    let encoded: Vec<_> = blocks(keys.iter().map(|key| Row { key, value: Some(&value) })).collect();
    assert_eq!(encoded.iter().map(|block| block.rows).collect::<Vec<_>>(), [66, 66, 66, 2]);
    assert!(encoded.iter().is_sorted_by(|a, b| a.last_key < b.first_key));
}

#[test]
#[should_panic(expected = "row a comes after row b")]
fn a_row_out_of_order_is_a_bug() {
    let mut writer = BlockWriter::new();
    writer.push(Row { key: b"b", value: None });
    writer.push(Row { key: b"a", value: None });
}

#[test]
fn a_newer_format_is_refused_and_not_guessed_at() {
    let mut bytes = block(&Model::new()).bytes.to_vec();
    bytes[4] = 9;
    assert_eq!(Block::open(&bytes).unwrap_err(), BlockError::NewerFormat { found: 9, known: 1 });
}

#[test]
fn a_block_that_lost_its_end_is_damaged() {
    let bytes = block(&Model::from([(b"a".to_vec(), None)])).bytes;
    let error = Block::open(&bytes[..bytes.len() - 1]).unwrap_err();
    assert_eq!(error.to_string(), "a block of 36 bytes is damaged: its checksum does not match");
}

fn model() -> impl Strategy<Value = Model> {
    let key = prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..4);
    prop::collection::btree_map(key, prop::option::of(prop::collection::vec(any::<u8>(), 0..30)), 0..80)
}

proptest! {
    #[test]
    fn every_row_is_found_and_no_other(model in model(), other in prop::collection::vec(0u8..5, 0..4)) {
        let encoded = block(&model);
        let opened = Block::open(&encoded.bytes).unwrap();
        prop_assert_eq!(opened.len(), model.len() as u64);
        prop_assert_eq!(opened.first_key(), model.keys().next().map(Vec::as_slice));
        prop_assert!(opened.rows().eq(model_rows(&model)));
        for key in model.keys().chain([&other]) {
            let expected = model.get(key).map(|value| value.as_deref());
            prop_assert_eq!(opened.get(key).map(|row| row.value), expected);
            let from: Vec<_> = opened.rows_from(key).map(|row| row.key).collect();
            prop_assert_eq!(from, model.range(key.clone()..).map(|(key, _)| key.as_slice()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(model in model(), position: prop::sample::Index, bit in 0u32..8) {
        let mut bytes = block(&model).bytes.to_vec();
        let position = position.index(bytes.len());
        bytes[position] ^= 1u8 << bit;
        prop_assert!(Block::open(&bytes).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, count in 0u64..5, rows_len in 0u64..20) {
        let _ = Block::open(&bytes);
        let mut framed = [b"SFBK\x01\x01", count.to_le_bytes().as_slice(), &rows_len.to_le_bytes(), &bytes].concat();
        let crc = crc32fast::hash(&framed);
        framed.extend_from_slice(&crc.to_le_bytes());
        if let Ok(block) = Block::open(&framed) {
            block.rows_from(b"x").count();
        }
    }
}
