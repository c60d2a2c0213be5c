//! `manifest.json`: what a savepoint consists of.
//!
//! JSON for people and programs; the last member is the crc32, in hexadecimal, of every byte of the file that stands
//! before its name's opening quotation mark.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{FORMAT, SavepointError};

/// The file's name.
pub(super) const FILE: &str = "manifest.json";

const CRC_MEMBER: &str = "\"manifest_crc32\"";

/// What a savepoint consists of and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavepointManifest {
    /// Version of the directory's layout.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// When it was written, Unix milliseconds.
    pub created_ms: u64,
    /// The epoch it holds.
    pub epoch: u64,
    /// The generation that took it.
    pub generation: u64,
    /// The history it was taken from, 32 hexadecimal digits. Whoever begins with it begins a new one.
    pub lineage: String,
    /// How many key groups the state is dealt in.
    pub key_groups: u16,
    /// How many rows there are.
    pub rows: u64,
    /// What there is of each function type.
    pub functions: Vec<FunctionContents>,
    /// Whose positions there are.
    pub ingresses: Vec<IngressContents>,
    /// Records of egresses that were not published.
    pub egresses: Vec<EgressContents>,
    /// The files that hold the rows, in the order of their keys.
    pub parts: Vec<PartEntry>,
}

/// What a savepoint holds of a function type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionContents {
    /// The function type.
    pub function: String,
    /// Addresses that have values.
    pub addresses: u64,
    /// Values.
    pub values: u64,
    /// Messages that it has not finished.
    pub waiting: u64,
    /// Messages that will be sent to it later.
    pub delayed: u64,
    /// Event-time timers.
    pub timers: u64,
    /// Remembered idempotency keys.
    pub idempotency: u64,
}

/// How much a savepoint knows of an ingress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressContents {
    /// The ingress.
    pub ingress: String,
    /// Partitions whose positions are known.
    pub partitions: u64,
}

/// What a savepoint holds for an egress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressContents {
    /// The egress.
    pub egress: String,
    /// Records that were not published.
    pub records: u64,
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Its name within the directory.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// How many rows it holds.
    pub rows: u64,
    /// The crc32 of the whole file, in hexadecimal.
    pub crc32: String,
    /// The key group of its first row; 65535 for rows that belong to none.
    pub first_group: u16,
    /// The key group of its last row.
    pub last_group: u16,
}

impl SavepointManifest {
    /// The length of all parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The file's text.
    pub(super) fn encode(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("names and numbers can always be written");
        let open = json.trim_end().strip_suffix('}').expect("an object ends with a brace").trim_end();
        let covered = format!("{open},\n  ");
        let crc = crc32fast::hash(covered.as_bytes());
        format!("{covered}{CRC_MEMBER}: \"{crc:08x}\"\n}}\n")
    }

    /// Reads a directory's manifest.
    pub(super) fn read(directory: &Path) -> Result<Self, SavepointError> {
        let path = directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let why = format!("it holds no {FILE}");
                return Err(SavepointError::NotASavepoint { path: directory.to_path_buf(), why });
            }
            Err(error) => return Err(SavepointError::io("read", &path)(error)),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| SavepointError::damaged(&path, "it is no text"))?;
        // A newer program may have moved everything but this.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let newer = serde_json::from_str::<Version>(text).ok().filter(|version| version.format > FORMAT);
        if let Some(Version { format: found }) = newer {
            return Err(SavepointError::NewerFormat { path: directory.to_path_buf(), found, known: FORMAT });
        }
        let damaged = |what: &str| SavepointError::damaged(&path, what);
        let (covered, crc) = text.rsplit_once(CRC_MEMBER).ok_or_else(|| damaged("its checksum is missing"))?;
        let crc = crc.trim_start_matches(':').trim().trim_end_matches('}').trim().trim_matches('"');
        if u32::from_str_radix(crc, 16).ok() != Some(crc32fast::hash(covered.as_bytes())) {
            return Err(damaged("its checksum does not match"));
        }
        serde_json::from_str(text).map_err(|error| SavepointError::damaged(&path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SavepointManifest {
        SavepointManifest {
            format: FORMAT,
            program: "0.1.0".to_owned(),
            created_ms: 1,
            epoch: 9,
            generation: 2,
            lineage: format!("{:032x}", 5),
            key_groups: 128,
            rows: 3,
            functions: vec![FunctionContents { function: "shop/cart".to_owned(), values: 3, ..Default::default() }],
            ingresses: Vec::new(),
            egresses: vec![EgressContents { egress: "shop/out".to_owned(), records: 1 }],
            parts: vec![PartEntry {
                file: "part-00000".to_owned(),
                bytes: 100,
                rows: 3,
                crc32: "00000001".to_owned(),
                first_group: 0,
                last_group: 65535,
            }],
        }
    }

    #[test]
    fn it_survives_and_every_changed_byte_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let text = sample().encode();
        fs::write(&path, &text).unwrap();
        assert_eq!(SavepointManifest::read(directory.path()).unwrap(), sample());
        let end = text.find(CRC_MEMBER).unwrap() + CRC_MEMBER.len();
        for index in 0..end {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let read = SavepointManifest::read(directory.path());
            assert!(read.is_err(), "byte {index} of {text}");
        }
    }

    #[test]
    fn a_newer_one_is_told_from_a_damaged_one() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), r#"{"format": 9, "other": true}"#).unwrap();
        let read = SavepointManifest::read(directory.path());
        assert!(matches!(read, Err(SavepointError::NewerFormat { found: 9, known: FORMAT, .. })), "{read:?}");
    }

    #[test]
    fn a_directory_without_one_is_no_savepoint() {
        let directory = tempfile::tempdir().unwrap();
        let read = SavepointManifest::read(directory.path());
        assert!(matches!(read, Err(SavepointError::NotASavepoint { .. })), "{read:?}");
    }
}
