//! Bugs on purpose: each drives the protocol wrongly in one way, to prove that the checker would notice.

use statefun::{Address, Epoch, FunctionType, IdHash, Symbol};
use statefun_ports::keyed_state::{EncodedPart, KeyedState, Slot, StateIndex};
use statefun_ports::rows::{Change, RowKey, RowValue, Stored};

macro_rules! plants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Plant {
            $($(#[$doc])* $variant,)*
        }

        impl Plant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

plants! {
    /// What arrives ahead of a missing marker is handled, but not recorded.
    DropsRecordings = "drops-recordings",
    /// Messages that wait are frozen at the last marker, values at the first.
    ActivationsFrozenLate = "activations-frozen-late",
    /// A shard sends its markers ahead of what it sent before them.
    MarkerOvertakes = "marker-overtakes",
    /// What an abandoned epoch held is taken for durable.
    AbandonedForgets = "abandoned-forgets",
    /// What an abandoned epoch held of an egress is gone.
    AbandonedDropsBatch = "abandoned-drops-batch",
    /// Callers are answered before the epoch that holds their events is durable.
    AnsweredBeforeSync = "answered-before-sync",
    /// After a restart with another number of shards, what waits stays with the shard that had it.
    NotRerouted = "not-rerouted",
    /// The second reply of a call is applied.
    SecondReplyApplied = "second-reply-applied",
    /// An egress forgets records when it hands them over, not when they are published.
    FreedBeforePublished = "freed-before-published",
    /// An egress forgets records when their transaction begins, not when it is committed.
    FreedBeforeCommitRecord = "freed-before-commit-record",
    /// A publisher learns what was published before it shuts out whoever may be publishing.
    AskedBeforeInit = "asked-before-init",
    /// A publisher that opens anew does not look who has claimed the egress.
    ClaimNotRead = "claim-not-read",
    /// Sinks hear of an epoch before it is durable.
    PublishedBeforeDurable = "published-before-durable",
    /// A source's part says how far it has read by the time the part arrives.
    PositionsRunAhead = "positions-run-ahead",
    /// A crash during a commit leaves part of it.
    TornCommit = "torn-commit",
    /// What was finished stays in the snapshot.
    DropsTombstones = "drops-tombstones",
    /// Two neighbouring messages in a channel change places.
    ChannelReorders = "channel-reorders",
    /// Epochs are committed without what the sinks hold.
    ForgetsOutbox = "forgets-outbox",
    /// What was in the channels at a crash arrives in the next generation.
    ChannelsSurvive = "channels-survive",
    /// Delayed messages are in no snapshot.
    ForgetsDelayed = "forgets-delayed",
    /// Records of a restored outbox get new places in the order.
    RenumbersOutbox = "renumbers-outbox",
    /// A message is lost now and then.
    LosesMessages = "loses-messages",
    /// A message arrives twice now and then.
    RepeatsMessages = "repeats-messages",
}

impl Plant {
    /// The bug of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|plant| plant.name() == name)
    }
}

/// A state between the shard and its real one that may do wrong.
pub struct PlantedState<S> {
    inner: S,
    plant: Option<Plant>,
    /// Whether the freeze is over and what comes now are recordings.
    is_recording: bool,
    /// Whether a part is open that was not handed out.
    is_open: bool,
    /// Messages that were waiting when the part was begun, for a planted bug.
    waiting: Vec<Change>,
}

impl<S> PlantedState<S> {
    /// A state that does `plant` wrong.
    pub fn new(inner: S, plant: Option<Plant>) -> Self {
        Self { inner, plant, is_recording: false, is_open: false, waiting: Vec::new() }
    }
}

impl<S: KeyedState> KeyedState for PlantedState<S> {
    fn state_index(&mut self, function: FunctionType, name: Symbol) -> StateIndex {
        self.inner.state_index(function, name)
    }

    fn find(&self, address: &Address, hash: IdHash) -> Option<Slot> {
        self.inner.find(address, hash)
    }

    fn slot(&mut self, address: &Address, hash: IdHash) -> Slot {
        self.inner.slot(address, hash)
    }

    fn get(&self, slot: Slot, state: StateIndex) -> Option<&Stored> {
        self.inner.get(slot, state)
    }

    fn put(&mut self, slot: Slot, state: StateIndex, value: Option<Stored>) {
        let is_its = |(_, row): &Change| match row {
            Some(RowValue::Waiting(it)) => self.inner.find(&it.target, it.hash).is_some_and(|its| its.0 == slot.0),
            _ => false,
        };
        if let Some(index) = self.waiting.iter().position(is_its) {
            // It was handled before the last marker came.
            self.waiting.remove(index);
        }
        self.inner.put(slot, state, value);
    }

    fn restore(&mut self, address: Address, name: Symbol, value: Stored) {
        self.inner.restore(address, name, value);
    }

    fn scan(&self, function: FunctionType, each: &mut dyn FnMut(&Address, Symbol, &Stored) -> bool) {
        self.inner.scan(function, each);
    }

    fn freeze(&mut self, epoch: Epoch) {
        self.is_recording = false;
        self.is_open = true;
        self.waiting.clear();
        self.inner.freeze(epoch);
    }

    fn record(&mut self, change: &Change) {
        let is_lost = match self.plant {
            Some(Plant::DropsRecordings) => self.is_recording && matches!(change.0, RowKey::Waiting { .. }),
            Some(Plant::DropsTombstones) => change.1.is_none(),
            Some(Plant::ForgetsDelayed) => change.1.is_some() && matches!(change.0, RowKey::Delayed { .. }),
            _ => false,
        };
        if self.plant == Some(Plant::ActivationsFrozenLate)
            && !self.is_recording
            && matches!(change, (RowKey::Waiting { .. }, Some(_)))
        {
            self.waiting.push(change.clone());
        } else if !is_lost {
            self.inner.record(change);
        }
    }

    fn encode_slice(&mut self, rows_max: usize) -> bool {
        self.is_recording = true;
        self.inner.encode_slice(rows_max)
    }

    fn finish(&mut self) -> EncodedPart {
        self.is_open = false;
        for change in std::mem::take(&mut self.waiting) {
            self.inner.record(&change);
        }
        self.inner.finish()
    }

    fn completed(&mut self, epoch: Epoch) {
        self.inner.completed(epoch);
    }

    fn abandoned(&mut self, epoch: Epoch) {
        if self.plant == Some(Plant::AbandonedForgets) {
            if self.is_open {
                while !self.inner.encode_slice(usize::MAX) {}
                drop(self.finish());
            }
            self.inner.completed(epoch);
        } else {
            self.inner.abandoned(epoch);
        }
    }

    fn addresses(&self) -> usize {
        self.inner.addresses()
    }
}
