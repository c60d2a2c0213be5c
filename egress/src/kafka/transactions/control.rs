//! What the control topic says about one egress of one lineage.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use statefun::Symbol;

/// The only version of the records there is.
const FORMAT: u32 = 1;

/// Who publishes. The newest claim in the topic is the only one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    format: u32,
    /// Tells starts of the egress apart; random.
    pub(super) run: String,
    /// For people: Unix milliseconds.
    pub(super) started_at_ms: u64,
}

impl Claim {
    pub(super) fn new(run: String, started_at_ms: u64) -> Self {
        Self { format: FORMAT, run, started_at_ms }
    }
}

/// How far publication has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Commit {
    format: u32,
    /// Everything up to here was published or refused.
    pub(super) last_seq: u64,
    /// Those of them that were refused lately. Their dead letters may not be in a snapshot yet.
    pub(super) refused: Vec<RefusedSeq>,
}

/// A record that Kafka would not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefusedSeq {
    pub(super) seq: u64,
    pub(super) why: String,
}

impl Commit {
    pub(super) fn new(last_seq: u64, refused: Vec<RefusedSeq>) -> Self {
        Self { format: FORMAT, last_seq, refused }
    }
}

/// A place in the topic: who has read its own newest mark has read everything that was decided before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    format: u32,
    run: String,
    number: u64,
}

impl Mark {
    pub(super) fn new(run: String, number: u64) -> Self {
        Self { format: FORMAT, run, number }
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
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Ledger {
    keys: Keys,
    /// Where to read on; `None` is the beginning.
    pub(super) next_offset: Option<i64>,
    pub(super) claim: Option<Claim>,
    pub(super) commit: Option<Commit>,
    pub(super) mark: Option<Mark>,
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
        Self { keys, next_offset: None, claim: None, commit: None, mark: None }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Notes a record of the topic; other egresses' are passed over.
    pub(super) fn note(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Unreadable> {
        self.next_offset = Some(offset + 1);
        if key == self.keys.claim.as_bytes() {
            self.claim = read(&self.keys.claim, offset, value)?;
        } else if key == self.keys.commit.as_bytes() {
            self.commit = read(&self.keys.commit, offset, value)?;
        } else if key == self.keys.mark.as_bytes() {
            self.mark = read(&self.keys.mark, offset, value)?;
        }
        Ok(())
    }

    /// Everything up to here was published or refused.
    pub(super) fn last_seq(&self) -> Option<u64> {
        self.commit.as_ref().map(|commit| commit.last_seq)
    }
}

fn read<T: DeserializeOwned>(key: &str, offset: i64, value: Option<&[u8]>) -> Result<Option<T>, Unreadable> {
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
    serde_json::from_slice(value).map(Some).map_err(|error| unreadable(error.to_string()))
}

/// A record's value.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("text and numbers always become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(Keys::new("abc", Symbol::intern("shop/receipts").unwrap()))
    }

    #[test]
    fn the_newest_of_our_own_records_count_and_others_are_passed_over() {
        let mut ledger = ledger();
        let refused = vec![RefusedSeq { seq: 7, why: "too large".to_owned() }];
        let claims = [Claim::new("a".to_owned(), 1), Claim::new("b".to_owned(), 2)];
        let commits = [Commit::new(5, Vec::new()), Commit::new(9, refused)];
        ledger.note(3, b"abc/shop/receipts/claim", Some(&encode(&claims[0]))).unwrap();
        ledger.note(4, b"abc/shop/receipts/commit", Some(&encode(&commits[0]))).unwrap();
        ledger.note(6, b"abc/shop/receipts/claim", Some(&encode(&claims[1]))).unwrap();
        ledger.note(7, b"abc/shop/receipts/commit", Some(&encode(&commits[1]))).unwrap();
        ledger.note(8, b"xyz/shop/receipts/commit", Some(b"not ours, so of no interest")).unwrap();
        assert_eq!(ledger.claim.as_ref(), Some(&claims[1]));
        assert_eq!(ledger.commit.as_ref(), Some(&commits[1]));
        assert_eq!((ledger.last_seq(), ledger.next_offset), (Some(9), Some(9)));
    }

    #[test]
    fn a_record_of_a_later_release_is_not_guessed_at() {
        let error = ledger().note(3, b"abc/shop/receipts/commit", Some(br#"{"format":2,"upTo":9}"#)).unwrap_err();
        assert_eq!((error.offset, error.why.as_str()), (3, "its format is 2, this release reads 1"));
    }

    #[test]
    fn the_records_keep_their_form() {
        let commit = Commit::new(9, vec![RefusedSeq { seq: 7, why: "x".to_owned() }]);
        assert_eq!(encode(&commit), br#"{"format":1,"last_seq":9,"refused":[{"seq":7,"why":"x"}]}"#);
        assert_eq!(encode(&Claim::new("r".to_owned(), 5)), br#"{"format":1,"run":"r","started_at_ms":5}"#);
        assert_eq!(encode(&Mark::new("r".to_owned(), 2)), br#"{"format":1,"run":"r","number":2}"#);
    }
}
