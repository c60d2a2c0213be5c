//! What the control topic says about one egress of one lineage, as bytes.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use statefun::Symbol;
use statefun_engine::publication::{Claim, Commit, ControlRecord, Mark, RefusedSeq, View};

/// The only version of the records there is.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct ClaimRow {
    format: u32,
    run: String,
    started_at_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct CommitRow {
    format: u32,
    last_seq: u64,
    refused: Vec<RefusedRow>,
}

#[derive(Serialize, Deserialize)]
struct RefusedRow {
    seq: u64,
    why: String,
}

#[derive(Serialize, Deserialize)]
struct MarkRow {
    format: u32,
    run: String,
    number: u64,
}

impl From<ClaimRow> for Claim {
    fn from(ClaimRow { run, started_at_ms, .. }: ClaimRow) -> Self {
        Self { run, started_at_ms }
    }
}

impl From<CommitRow> for Commit {
    fn from(CommitRow { last_seq, refused, .. }: CommitRow) -> Self {
        let refused = refused.into_iter().map(|RefusedRow { seq, why }| RefusedSeq { seq, why });
        Self { last_seq, refused: refused.collect() }
    }
}

impl From<MarkRow> for Mark {
    fn from(MarkRow { run, number, .. }: MarkRow) -> Self {
        Self { run, number }
    }
}

/// The keys of one egress.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) claim: String,
    pub(super) commit: String,
    pub(super) mark: String,
}

impl Keys {
    pub(super) fn new(lineage: &str, egress: Symbol) -> Self {
        let key = |what| format!("{lineage}/{egress}/{what}");
        Self { claim: key("claim"), commit: key("commit"), mark: key("mark") }
    }

    /// A record's key and value.
    pub(super) fn encode(&self, record: &ControlRecord) -> (String, Vec<u8>) {
        match record {
            ControlRecord::Claim(Claim { run, started_at_ms }) => {
                let row = ClaimRow { format: FORMAT, run: run.clone(), started_at_ms: *started_at_ms };
                (self.claim.clone(), encode(&row))
            }
            ControlRecord::Commit(Commit { last_seq, refused }) => {
                let refused = refused.iter().map(|it| RefusedRow { seq: it.seq, why: it.why.clone() });
                let row = CommitRow { format: FORMAT, last_seq: *last_seq, refused: refused.collect() };
                (self.commit.clone(), encode(&row))
            }
            ControlRecord::Mark(Mark { run, number }) => {
                let row = MarkRow { format: FORMAT, run: run.clone(), number: *number };
                (self.mark.clone(), encode(&row))
            }
        }
    }
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Ledger {
    keys: Keys,
    /// Where to read on; `None` is the beginning.
    pub(super) next_offset: Option<i64>,
    pub(super) view: View,
}

/// A record that nobody here can have written, or a later release has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) key: String,
    pub(super) offset: i64,
    pub(super) why: String,
}

impl Ledger {
    pub(super) fn new(keys: Keys) -> Self {
        Self { keys, next_offset: None, view: View::default() }
    }

    /// Notes a record of the topic; other egresses' are passed over.
    pub(super) fn note(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Unreadable> {
        self.next_offset = Some(offset + 1);
        if key == self.keys.claim.as_bytes() {
            self.view.claim = read::<ClaimRow, _>(&self.keys.claim, offset, value)?;
        } else if key == self.keys.commit.as_bytes() {
            self.view.commit = read::<CommitRow, _>(&self.keys.commit, offset, value)?;
        } else if key == self.keys.mark.as_bytes() {
            self.view.mark = read::<MarkRow, _>(&self.keys.mark, offset, value)?;
        }
        Ok(())
    }
}

fn read<Row, T>(key: &str, offset: i64, value: Option<&[u8]>) -> Result<Option<T>, Unreadable>
where
    Row: DeserializeOwned + Into<T>,
{
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let unreadable = |why: String| Unreadable { key: key.to_owned(), offset, why };
    let Some(value) = value else { return Ok(None) };
    let version: Version = serde_json::from_slice(value).map_err(|error| unreadable(error.to_string()))?;
    if version.format != FORMAT {
        return Err(unreadable(format!("its format is {}, this release reads {FORMAT}", version.format)));
    }
    let row: Row = serde_json::from_slice(value).map_err(|error| unreadable(error.to_string()))?;
    Ok(Some(row.into()))
}

fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("text and numbers always become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new("abc", Symbol::intern("shop/receipts").unwrap())
    }

    fn claim(run: &str, started_at_ms: u64) -> Claim {
        Claim { run: run.to_owned(), started_at_ms }
    }

    #[test]
    fn the_newest_of_our_own_records_count_and_others_are_passed_over() {
        let mut ledger = Ledger::new(keys());
        let refused = vec![RefusedSeq { seq: 7, why: "too large".to_owned() }];
        let claims = [claim("a", 1), claim("b", 2)];
        let commits = [Commit { last_seq: 5, refused: Vec::new() }, Commit { last_seq: 9, refused }];
        let value = |record: ControlRecord| keys().encode(&record).1;
        ledger.note(3, b"abc/shop/receipts/claim", Some(&value(ControlRecord::Claim(claims[0].clone())))).unwrap();
        ledger.note(4, b"abc/shop/receipts/commit", Some(&value(ControlRecord::Commit(commits[0].clone())))).unwrap();
        ledger.note(6, b"abc/shop/receipts/claim", Some(&value(ControlRecord::Claim(claims[1].clone())))).unwrap();
        ledger.note(7, b"abc/shop/receipts/commit", Some(&value(ControlRecord::Commit(commits[1].clone())))).unwrap();
        ledger.note(8, b"xyz/shop/receipts/commit", Some(b"not ours, so of no interest")).unwrap();
        assert_eq!(ledger.view.claim.as_ref(), Some(&claims[1]));
        assert_eq!(ledger.view.commit.as_ref(), Some(&commits[1]));
        assert_eq!(ledger.next_offset, Some(9));
    }

    #[test]
    fn a_record_of_a_later_release_is_not_guessed_at() {
        let mut ledger = Ledger::new(keys());
        let error = ledger.note(3, b"abc/shop/receipts/commit", Some(br#"{"format":2,"upTo":9}"#)).unwrap_err();
        assert_eq!((error.offset, error.why.as_str()), (3, "its format is 2, this release reads 1"));
    }

    #[test]
    fn the_records_keep_their_form() {
        let refused = vec![RefusedSeq { seq: 7, why: "x".to_owned() }];
        let written = |record| keys().encode(&record);
        assert_eq!(
            written(ControlRecord::Commit(Commit { last_seq: 9, refused })),
            (
                "abc/shop/receipts/commit".to_owned(),
                br#"{"format":1,"last_seq":9,"refused":[{"seq":7,"why":"x"}]}"#.to_vec()
            )
        );
        assert_eq!(
            written(ControlRecord::Claim(claim("r", 5))),
            ("abc/shop/receipts/claim".to_owned(), br#"{"format":1,"run":"r","started_at_ms":5}"#.to_vec())
        );
        assert_eq!(
            written(ControlRecord::Mark(Mark { run: "r".to_owned(), number: 2 })),
            ("abc/shop/receipts/mark".to_owned(), br#"{"format":1,"run":"r","number":2}"#.to_vec())
        );
    }
}
