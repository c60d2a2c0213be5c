use proptest::prelude::*;

use super::*;

fn id() -> BlobId {
    BlobId { participant: "shard 3".into(), generation: 2, epoch: 9 }
}

fn written(rows: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
    let mut writer = BlobWriter::new(id());
    rows.iter().for_each(|(key, value)| writer.append(key, *value));
    writer.finish().concat()
}

fn sample() -> Vec<u8> {
    written(&[(b"\0\x05b", Some(b"2")), (b"\xff\xffp\0", Some(b"")), (b"\0\x05a", Some(b"1")), (b"\0\x01c", None)])
}

#[test]
fn a_blob_of_version_1_looks_like_this() {
    let golden: &[&[u8]] = &[
        b"SFDL\x01\x01\x84\0\0\0",
        b"\x02\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x07shard 3\x03\0\0\0",
        b"\x01\0\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
        b"\x05\0\x05\0\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        b"\xff\xff\x11\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
        b"\x03\0\x01c\0",
        b"\x03\0\x05b\x022\x03\0\x05a\x021",
        b"\x04\xff\xffp\0\x01",
    ];
    let crc = |bytes: &[u8]| crc32fast::hash(bytes).to_le_bytes();
    let mut expected = [golden[0], golden[1]].concat();
    for (entry, section) in [(2, 5), (3, 6), (4, 7)] {
        expected.extend_from_slice(golden[entry]);
        expected.extend_from_slice(&crc(golden[section]));
    }
    let header_crc = crc(&expected);
    expected.extend_from_slice(&header_crc);
    golden[5..].iter().for_each(|section| expected.extend_from_slice(section));
    assert_eq!(sample().escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926, "the checksum is CRC-32 as in zip and Ethernet");
}

#[test]
fn a_section_holds_the_rows_of_its_group_in_the_order_written() {
    let bytes = sample();
    let blob = Blob::open(&bytes).unwrap();
    assert_eq!(blob.id(), &id());
    assert_eq!(blob.groups().collect::<Vec<_>>(), [1, 5, 0xffff]);
    assert_eq!(blob.rows(), 4);
    let section = blob.section(5).unwrap().unwrap();
    assert_eq!(section.rows().map(|row| row.key).collect::<Vec<_>>(), [b"\0\x05b", b"\0\x05a"]);
    assert_eq!(section.sorted().iter().map(|row| row.key).collect::<Vec<_>>(), [b"\0\x05a", b"\0\x05b"]);
    assert!(blob.section(2).unwrap().is_none());
}

#[test]
fn of_a_key_written_twice_the_last_value_counts() {
    let bytes = written(&[(b"\0\0k", Some(b"1")), (b"\0\0k", Some(b"2")), (b"\0\0l", Some(b"3")), (b"\0\0l", None)]);
    let sorted = Blob::open(&bytes).unwrap().section(0).unwrap().unwrap().sorted();
    assert_eq!(sorted, [Row { key: b"\0\0k", value: Some(b"2") }, Row { key: b"\0\0l", value: None }]);
}

#[test]
fn an_epoch_without_changes_is_a_blob_too() {
    let bytes = written(&[]);
    assert_eq!(Blob::open(&bytes).unwrap().groups().count(), 0);
}

#[test]
fn damage_in_one_section_is_named_and_leaves_the_others_readable() {
    let mut bytes = sample();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let blob = Blob::open(&bytes).unwrap();
    assert_eq!(
        blob.section(0xffff).unwrap_err().to_string(),
        "delta of shard 3 in epoch 9 (generation 2) is damaged in the section of key group 65535: its checksum does not match"
    );
    assert_eq!(blob.section(5).unwrap().unwrap().len(), 2);
    let cut = &bytes[..last];
    let error = Blob::open(cut).unwrap().section(0xffff).unwrap_err();
    assert!(error.to_string().ends_with("it is cut off"), "{error}");
}

#[test]
fn a_newer_format_is_refused_and_not_guessed_at() {
    for position in [4, 5] {
        let mut bytes = sample();
        bytes[position] = 2;
        assert_eq!(Blob::open(&bytes).unwrap_err(), BlobError::NewerFormat { found: 2, known: 1 });
    }
}

#[test]
fn something_else_is_no_blob() {
    assert_eq!(Blob::open(b"PK\x03\x04 and so on").unwrap_err(), BlobError::NotABlob { len: 14 });
    assert_eq!(Blob::open(b"").unwrap_err(), BlobError::NotABlob { len: 0 });
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![0u16..4, Just(0xffff)], prop::collection::vec(0u8..3, 0..3))
        .prop_map(|(group, rest)| [group.to_be_bytes().as_slice(), &rest].concat())
}

fn rows() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    prop::collection::vec((key(), prop::option::of(prop::collection::vec(any::<u8>(), 0..200))), 0..40)
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in rows()) {
        let mut writer = BlobWriter::new(id());
        rows.iter().for_each(|(key, value)| writer.append(key, value.as_deref()));
        prop_assert_eq!(writer.rows(), rows.len() as u64);
        let bytes = writer.finish().concat();
        let blob = Blob::open(&bytes).unwrap();
        let mut model: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        rows.iter().for_each(|(key, value)| drop(model.insert(key.clone(), value.clone())));
        let read: Vec<_> = blob
            .sections()
            .flat_map(|section| section.unwrap().sorted())
            .map(|row| (row.key.to_vec(), row.value.map(<[u8]>::to_vec)))
            .collect();
        prop_assert_eq!(read, model.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(rows in rows(), position: prop::sample::Index, bit in 0u32..8) {
        let mut writer = BlobWriter::new(id());
        rows.iter().for_each(|(key, value)| writer.append(key, value.as_deref()));
        let mut bytes = writer.finish().concat();
        let position = position.index(bytes.len());
        bytes[position] ^= 1u8 << bit;
        let noticed = match Blob::open(&bytes) {
            Err(_) => true,
            Ok(blob) => blob.sections().any(|section| section.is_err()),
        };
        prop_assert!(noticed);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, valid_crc: bool) {
        let _ = Blob::open(&bytes);
        let header_len = (PREFIX_LEN + bytes.len() + CRC_LEN) as u32;
        let mut framed = [b"SFDL\x01\x01", header_len.to_le_bytes().as_slice(), &bytes].concat();
        let crc = crc32fast::hash(&framed) ^ u32::from(!valid_crc);
        framed.extend_from_slice(&crc.to_le_bytes());
        if let Ok(blob) = Blob::open(&framed) {
            blob.sections().count();
        }
    }
}
