//! Requests of callers who may come back: with the same key again, or for a late answer.
//!
//! ```text
//!  Ask ──new──▶ Pending ──reply──▶ Replied (key) ──▶ kept until it expires
//!    │             └──────────────▶ Leaving (no key) ──its epoch completed──▶ gone: the sink of replies keeps it
//!    └─same key──▶ join it │ the stored answer │ conflict
//! ```
//!
//! An entry is state of the shard that runs the target, inserted in the same step as the message is taken in, so that
//! every epoch holds both or neither. What a caller is told leaves through the sink of replies, which publishes it when
//! the epoch that holds it has completed: nobody hears of anything that a crash could undo.
//!
//! # Invariants
//! * Under one key of one target one message is handled, until the entry expires.
//! * Nothing is forgotten before it expires. Without room, requests with a key are refused; others are taken in all the
//!   same, but only their replies are known then.
//! * One reply per request counts, the first.

use std::collections::BTreeSet;

use compact_str::CompactString;
use hashbrown::HashMap;
use statefun::{Address, Ask, EgressRecord, Envelope, Epoch, FunctionType, Id, ProcessingTime, RequestId, Verdict};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::{KeptRequest, RequestProgress, RowKey, RowValue};

use super::activation::Durable;
use super::{Output, Shard};
use crate::channel::Participant;

/// What an entry costs beside key and reply, in bytes: itself, its places in three tables, its row.
const ENTRY_BYTES: usize = 320;

/// The requests that a shard remembers.
#[derive(Default)]
pub(super) struct Requests {
    entries: HashMap<RequestId, Entry>,
    /// Those whose callers gave a key.
    by_key: HashMap<(Address, CompactString), RequestId>,
    expiring: BTreeSet<(ProcessingTime, RequestId)>,
    /// Those that no epoch has written as they are.
    dirty: Vec<RequestId>,
    /// Those in [`Progress::Leaving`] whose reply is in no epoch.
    leaving: Vec<RequestId>,
    /// Those whose reply is in an epoch that exists: gone with the next one, when the sink has them for sure.
    left: Vec<RequestId>,
    bytes: usize,
}

struct Entry {
    /// The address and key of its row.
    place: (Address, CompactString),
    fingerprint: u64,
    expires: ProcessingTime,
    progress: Progress,
    /// Which epoch wrote it as it is.
    durable: Durable,
    /// Whether some epoch wrote it in any form.
    has_row: bool,
}

enum Progress {
    Kept(RequestProgress),
    /// Its reply is on its way to the sink of replies, which keeps it; this entry only says so until then.
    Leaving,
}

impl Entry {
    fn has_key(&self) -> bool {
        !self.place.1.is_empty()
    }

    fn footprint(&self) -> usize {
        let reply = match &self.progress {
            Progress::Kept(RequestProgress::Replied(value)) => value.bytes.len(),
            _ => 0,
        };
        ENTRY_BYTES + self.place.0.id.len() + self.place.1.len() + reply
    }
}

impl Requests {
    fn insert(&mut self, request: RequestId, entry: Entry) {
        self.bytes += entry.footprint();
        if entry.has_key() {
            self.by_key.insert(entry.place.clone(), request);
        }
        self.expiring.insert((entry.expires, request));
        self.entries.insert(request, entry);
    }

    fn remove(&mut self, request: RequestId) -> Option<Entry> {
        let entry = self.entries.remove(&request)?;
        self.bytes -= entry.footprint();
        self.expiring.remove(&(entry.expires, request));
        if entry.has_key() {
            self.by_key.remove(&entry.place);
        }
        Some(entry)
    }

    fn progress(&mut self, request: RequestId, progress: Progress) {
        let entry = self.entries.get_mut(&request).expect("the caller has looked it up");
        self.bytes -= entry.footprint();
        entry.progress = progress;
        self.bytes += entry.footprint();
        if entry.durable != Durable::No {
            entry.durable = Durable::No;
            self.dirty.push(request);
        }
    }
}

/// What an epoch holds of the requests, to be undone if it is abandoned.
pub(super) struct RequestsCut {
    written: Vec<RequestId>,
    leaving: Vec<RequestId>,
}

impl RequestsCut {
    /// One more was written.
    pub(super) fn note(&mut self, request: RequestId) {
        self.written.push(request);
    }
}

impl<S: KeyedState> Shard<S> {
    /// Whether messages to a function type are answers to requests.
    pub(super) fn is_reply(&self, function: FunctionType) -> bool {
        self.replies.is_some_and(|(replies, _)| replies == function)
    }

    /// Sends an answer on its way to the shard that knows the request; `false`: this is the one, or nobody does.
    pub(super) fn lead_home(&self, answer: &mut Envelope) -> bool {
        let Some(request) = RequestId::parse(&answer.target.id) else { return false };
        answer.hash = request.home();
        self.groups.shard(answer.hash) != self.id
    }

    /// A message whose caller may come back.
    pub(super) fn on_ask(&mut self, now: ProcessingTime, from: Participant, ask: Ask, out: &mut Output) {
        let Some((replies, _)) = self.replies else {
            // Nobody can be told anything.
            let slot = self.state.find(&ask.envelope.target, ask.envelope.hash);
            self.arrive(now, from, ask.envelope, slot, out);
            return;
        };
        let Ask { request, key, fingerprint, keep, envelope } = ask;
        let awaits_reply = envelope.caller.is_some();
        let has_key = key.is_some();
        let slot = self.state.find(&envelope.target, envelope.hash);
        let place = match key {
            Some(key) => (envelope.target.clone(), key),
            None => (Address::new(replies, request.to_id()), CompactString::default()),
        };
        if has_key && let Some(first) = self.of_key(&place, now) {
            let record = self.repeated(first, request, fingerprint, awaits_reply);
            self.tell(record, out);
            return;
        }
        let progress = if awaits_reply { RequestProgress::Pending } else { RequestProgress::Accepted };
        let entry = Entry {
            place,
            fingerprint,
            expires: now.after(keep),
            progress: Progress::Kept(progress),
            durable: Durable::No,
            has_row: false,
        };
        if self.requests.bytes + entry.footprint() > self.options.requests_bytes_max {
            if has_key {
                self.tell(EgressRecord::Verdict { request, verdict: Verdict::Full }, out);
            } else {
                self.arrive(now, from, envelope, slot, out);
            }
            return;
        }
        self.requests.insert(request, entry);
        match self.recording_of(from) {
            // It is on the channel ahead of a marker, as its message is: in the same epoch.
            Some(epoch) => {
                self.write_request(request, replies, epoch);
                self.note_recorded_request(request);
            }
            None => self.requests.dirty.push(request),
        }
        if has_key {
            let verdict = if awaits_reply { Verdict::Awaited { request } } else { Verdict::Accepted };
            self.tell(EgressRecord::Verdict { request, verdict }, out);
        }
        self.arrive(now, from, envelope, slot, out);
    }

    /// The request that came under a key before, if it has not expired.
    fn of_key(&mut self, place: &(Address, CompactString), now: ProcessingTime) -> Option<RequestId> {
        let request = *self.requests.by_key.get(place)?;
        if self.requests.entries.get(&request)?.expires <= now {
            self.forget_request(request);
            return None;
        }
        Some(request)
    }

    /// What the caller of `request` is told, whose key `first` has.
    fn repeated(&self, first: RequestId, request: RequestId, fingerprint: u64, awaits_reply: bool) -> EgressRecord {
        let entry = &self.requests.entries[&first];
        let verdict = match &entry.progress {
            _ if entry.fingerprint != fingerprint => Verdict::Conflict,
            Progress::Kept(RequestProgress::Replied(value)) => {
                return EgressRecord::Reply { request: request.to_id(), value: value.clone() };
            }
            Progress::Kept(RequestProgress::Pending) if awaits_reply => Verdict::Awaited { request: first },
            Progress::Kept(_) | Progress::Leaving => Verdict::Accepted,
        };
        EgressRecord::Verdict { request, verdict }
    }

    /// An answer has come home.
    pub(super) fn on_answer(&mut self, answer: Envelope, out: &mut Output) {
        let (id, value) = (answer.target.id, answer.argument);
        let request = RequestId::parse(&id).filter(|request| self.requests.entries.contains_key(request));
        // Of a request that is not remembered, the sink knows whether somebody waits.
        if let Some(request) = request {
            let entry = &self.requests.entries[&request];
            if !matches!(entry.progress, Progress::Kept(RequestProgress::Pending)) {
                return;
            }
            if entry.has_key() {
                self.requests.progress(request, Progress::Kept(RequestProgress::Replied(value.clone())));
            } else {
                self.forget_row(request);
                self.requests.progress(request, Progress::Leaving);
                self.requests.leaving.push(request);
            }
        }
        self.tell(EgressRecord::Reply { request: id, value }, out);
    }

    fn tell(&mut self, record: EgressRecord, out: &mut Output) {
        if let Some((_, sink)) = self.replies {
            self.emit(sink, record, out);
        }
    }

    /// How far a request is, as far as that is durable; `None` when it is not remembered.
    pub fn request(&self, request: RequestId) -> Option<RequestProgress> {
        let entry = self.requests.entries.get(&request)?;
        let is_durable = matches!(entry.durable, Durable::In(epoch) if epoch <= self.closed);
        match &entry.progress {
            Progress::Kept(progress) if is_durable => Some(progress.clone()),
            Progress::Kept(_) | Progress::Leaving => Some(RequestProgress::Pending),
        }
    }

    /// Forgets what has expired. Before an epoch is cut, which removes the rows.
    pub(super) fn expire_requests(&mut self) {
        while let Some((expires, request)) = self.requests.expiring.first().copied() {
            if expires > self.clock {
                break;
            }
            self.forget_request(request);
        }
        for request in std::mem::take(&mut self.requests.left) {
            self.requests.remove(request);
        }
    }

    fn forget_request(&mut self, request: RequestId) {
        self.forget_row(request);
        self.requests.remove(request);
    }

    /// The row of a request, if it has one, goes with the next epoch.
    fn forget_row(&mut self, request: RequestId) {
        let Some((replies, _)) = self.replies else { return };
        let Some(entry) = self.requests.entries.get_mut(&request) else { return };
        if std::mem::take(&mut entry.has_row) {
            let key = self.row_key(request, replies);
            self.tombstones.push(key);
        }
    }

    fn row_key(&self, request: RequestId, replies: FunctionType) -> RowKey {
        let (address, key) = match self.requests.entries.get(&request) {
            Some(entry) => entry.place.clone(),
            None => (Address::new(replies, request.to_id()), CompactString::default()),
        };
        RowKey::Idempotency { group: self.groups.group(request.home()), address, key }
    }

    /// Writes what changed into the open part.
    pub(super) fn write_requests(&mut self, epoch: Epoch) -> RequestsCut {
        let leaving = std::mem::take(&mut self.requests.leaving);
        let mut written = std::mem::take(&mut self.requests.dirty);
        if let Some((replies, _)) = self.replies {
            written.retain(|request| match self.requests.entries.get(request) {
                Some(Entry { progress: Progress::Kept(_), durable: Durable::No, .. }) => true,
                Some(_) | None => false,
            });
            for request in &written {
                self.write_request(*request, replies, epoch);
            }
        }
        RequestsCut { written, leaving }
    }

    /// Writes a request into the open part.
    fn write_request(&mut self, request: RequestId, replies: FunctionType, epoch: Epoch) {
        let key = self.row_key(request, replies);
        let Some(entry) = self.requests.entries.get_mut(&request) else { return };
        let Progress::Kept(progress) = &entry.progress else { return };
        entry.durable = Durable::In(epoch);
        entry.has_row = true;
        let kept =
            KeptRequest { request, fingerprint: entry.fingerprint, expires: entry.expires, progress: progress.clone() };
        self.state.record(&(key, Some(RowValue::Idempotency(kept))));
    }

    /// The epoch exists.
    pub(super) fn requests_completed(&mut self, cut: RequestsCut) {
        self.requests.left.extend(cut.leaving);
    }

    /// The epoch never will.
    pub(super) fn requests_abandoned(&mut self, epoch: Epoch, cut: RequestsCut) {
        self.requests.leaving.extend(cut.leaving);
        for request in cut.written {
            if let Some(entry) = self.requests.entries.get_mut(&request)
                && entry.durable == Durable::In(epoch)
            {
                entry.durable = Durable::No;
                self.requests.dirty.push(request);
            }
        }
    }

    /// Takes a row back.
    pub(super) fn restore_request(&mut self, address: Address, key: CompactString, kept: KeptRequest) {
        let entry = Entry {
            place: (address, key),
            fingerprint: kept.fingerprint,
            expires: kept.expires,
            progress: Progress::Kept(kept.progress),
            durable: Durable::In(self.closed),
            has_row: true,
        };
        self.requests.insert(kept.request, entry);
    }

    /// How many requests this shard remembers, and about how many bytes they take.
    pub fn requests(&self) -> (usize, usize) {
        (self.requests.entries.len(), self.requests.bytes)
    }
}

/// The hash that leads an answer home. It is that of the request, not of the name under which functions answer.
pub(super) fn home_of_answer(id: &Id) -> Option<statefun::IdHash> {
    RequestId::parse(id).map(RequestId::home)
}
