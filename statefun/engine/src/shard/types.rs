//! What a shard knows of the function types it has met.

use std::collections::VecDeque;

use statefun::function::{Function, StateSpec, TimeRole};
use statefun::{Address, FunctionType, ProcessingTime, Symbol, ValueType};
use statefun_ports::keyed_state::{KeyedState, StateIndex};

use super::inspect::FunctionStats;
use super::time::{ComponentTime, ShardTime};
use crate::directory::{Directory, FailurePolicy, FunctionBinding, RemotePolicy};

/// Function types by [`FunctionType::index`], so that finding one is an array access.
#[derive(Default)]
pub(super) struct Types {
    entries: Vec<Option<Box<TypeEntry>>>,
}

pub(super) struct TypeEntry {
    pub(super) function: FunctionType,
    pub(super) bound: Bound,
    /// The states it declared, embedded ones by declaration, remote ones as learnt by the handshake.
    pub(super) states: Vec<RegisteredState>,
    /// What a snapshot says it had declared; for inspection and type checks until it declares anew.
    pub(super) remembered: Vec<StateSpec>,
    pub(super) specs_dirty: bool,
    pub(super) handshake: Handshake,
    /// Addresses that wait for the probe.
    pub(super) awaiting_probe: VecDeque<Address>,
    /// Addresses that are ready, while as many calls of the type are in flight as may be.
    pub(super) awaiting_call: VecDeque<Address>,
    pub(super) stats: FunctionStats,
    /// What it said about time when it was bound, until the shard has taken note.
    pub(super) new_role: Option<TimeRole>,
    /// A component's watermark and timers.
    pub(super) time: Option<Box<ComponentTime>>,
}

pub(super) enum Bound {
    Nobody,
    Embedded(Box<dyn Function>, FailurePolicy),
    Remote(RemotePolicy),
}

/// Whether a remote type's states are known. Nothing is known at a start, so that a changed expiration is learnt; one
/// call asks while the others of its type wait, or a start would send every address through the extra round trip. A call
/// that is not answered soon may be one that hangs, so then another of those who wait asks as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    Unknown,
    Probing {
        /// When the newest of its probes was sent.
        since: ProcessingTime,
    },
    Known,
}

/// A declared state and where its values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredState {
    /// What was declared.
    pub spec: StateSpec,
    /// Where its values are kept.
    pub index: StateIndex,
}

/// A state is not what it should be. Confined to its function type: other types go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The function changed a state that it never declared.
    #[error("{function} has no state {name:?}: it was changed but never declared")]
    Unknown {
        /// The function.
        function: FunctionType,
        /// The state.
        name: Symbol,
    },
    /// A value, stored or new, is not of the declared type.
    #[error("state {name:?} of {function} is declared as {declared}, but a value is of type {found}")]
    Type {
        /// The function.
        function: FunctionType,
        /// The state.
        name: Symbol,
        /// What it declares.
        declared: ValueType,
        /// What was found.
        found: ValueType,
    },
}

impl Types {
    /// The entry of a type, bound on first sight.
    pub(super) fn entry(
        &mut self,
        function: FunctionType,
        directory: &dyn Directory,
        state: &mut impl KeyedState,
        time: &mut ShardTime,
    ) -> &mut TypeEntry {
        let index = function.index();
        if index >= self.entries.len() {
            self.entries.resize_with(index + 1, || None);
        }
        let entry = self.entries[index].get_or_insert_with(|| Box::new(TypeEntry::bind(function, directory, state)));
        if let Some(role) = entry.new_role.take()
            && entry.time.is_none()
        {
            entry.time = time.component(function, &role);
        }
        entry
    }

    /// The entry of a type that was met before.
    pub(super) fn met(&mut self, function: FunctionType) -> &mut TypeEntry {
        self.entries[function.index()].as_mut().expect("work of a type exists only after its entry")
    }

    pub(super) fn get(&self, function: FunctionType) -> Option<&TypeEntry> {
        self.entries.get(function.index())?.as_deref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &TypeEntry> {
        self.entries.iter().flatten().map(|entry| &**entry)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TypeEntry> {
        self.entries.iter_mut().flatten().map(|entry| &mut **entry)
    }
}

impl TypeEntry {
    fn bind(function: FunctionType, directory: &dyn Directory, state: &mut impl KeyedState) -> Self {
        let mut entry = Self {
            function,
            bound: Bound::Nobody,
            states: Vec::new(),
            remembered: Vec::new(),
            specs_dirty: false,
            handshake: Handshake::Unknown,
            awaiting_probe: VecDeque::new(),
            awaiting_call: VecDeque::new(),
            stats: FunctionStats::default(),
            new_role: None,
            time: None,
        };
        entry.rebind(directory, state);
        entry
    }

    /// Asks the directory again who serves this type.
    pub(super) fn rebind(&mut self, directory: &dyn Directory, state: &mut impl KeyedState) {
        self.bound = match directory.function(self.function) {
            None => Bound::Nobody,
            Some(FunctionBinding::Remote(policy)) => Bound::Remote(policy),
            // Somebody else was bound. The instance that runs goes on with what it has in memory.
            Some(FunctionBinding::Embedded(..)) if matches!(self.bound, Bound::Embedded(..)) => return,
            Some(FunctionBinding::Embedded(function, policy)) => {
                self.declare(function.states(), state);
                self.new_role = Some(function.time_role()).filter(TimeRole::is_component);
                Bound::Embedded(function, policy)
            }
        };
    }

    /// Takes the declarations of an embedded function for what they are: it finds its values by their order. A value of
    /// another type that a snapshot holds is that function's own error when it reads it.
    fn declare(&mut self, specs: &[StateSpec], state: &mut impl KeyedState) {
        self.specs_dirty |= specs.iter().any(|spec| !self.remembered.contains(spec));
        let registered = specs.iter().map(|spec| {
            let index = state.state_index(self.function, spec.name);
            RegisteredState { spec: *spec, index }
        });
        self.states = registered.collect();
    }

    /// Takes declarations in: new states are added, durations of known ones follow, types must not change.
    ///
    /// # Errors
    /// When a known state is declared with another type; nothing is taken in then.
    pub(super) fn register(&mut self, specs: &[StateSpec], state: &mut impl KeyedState) -> Result<(), StateError> {
        for spec in specs {
            let known = self
                .states
                .iter()
                .map(|state| &state.spec)
                .chain(&self.remembered)
                .find(|known| known.name == spec.name);
            if let Some(known) = known
                && known.value_type != spec.value_type
            {
                return Err(StateError::Type {
                    function: self.function,
                    name: spec.name,
                    declared: spec.value_type,
                    found: known.value_type,
                });
            }
        }
        for spec in specs {
            match self.states.iter_mut().find(|state| state.spec.name == spec.name) {
                Some(known) if known.spec == *spec => {}
                Some(known) => {
                    known.spec = *spec;
                    self.specs_dirty = true;
                }
                None => {
                    let index = state.state_index(self.function, spec.name);
                    self.states.push(RegisteredState { spec: *spec, index });
                    self.specs_dirty |= !self.remembered.contains(spec);
                }
            }
        }
        Ok(())
    }

    /// The level of what it sends: that of a component, 0 for a plain function.
    pub(super) fn level(&self) -> u8 {
        self.time.as_ref().map_or(0, |time| time.level)
    }

    pub(super) fn failure_policy(&self) -> FailurePolicy {
        match &self.bound {
            Bound::Embedded(_, policy) => *policy,
            Bound::Remote(policy) => policy.failure,
            Bound::Nobody => FailurePolicy::default(),
        }
    }
}
