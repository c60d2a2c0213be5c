//! What the control topic says about one egress of one lineage.

/// Who publishes. The newest claim in the topic is the only one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Tells starts of the egress apart.
    pub run: String,
    /// For people: Unix milliseconds.
    pub started_at_ms: u64,
}

/// How far publication has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Everything up to here was published or refused.
    pub last_seq: u64,
    /// Those of them that were refused lately. Their dead letters may not be in a snapshot yet.
    pub refused: Vec<RefusedSeq>,
}

/// A record that the broker would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSeq {
    /// Its place in the egress's order.
    pub seq: u64,
    /// Why.
    pub why: String,
}

/// A place in the topic: who has read its own newest mark has read everything that was decided before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub run: String,
    /// Which of its marks.
    pub number: u64,
}

/// A record for the control topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// Who publishes from now on.
    Claim(Claim),
    /// How far publication has come, if the transaction it is in is committed.
    Commit(Commit),
    /// A place to read up to.
    Mark(Mark),
}

/// The newest records of the egress in the control topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Who publishes.
    pub claim: Option<Claim>,
    /// How far publication has come.
    pub commit: Option<Commit>,
    /// How far a reader has read.
    pub mark: Option<Mark>,
}
