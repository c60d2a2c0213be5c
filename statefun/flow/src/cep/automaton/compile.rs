//! From stages to states.
//!
//! Built from the last stage to the first: each stage is given the state that follows it, its *sink*, and returns the
//! state that waits for it. [`repeat`](super::repeat) builds one stage, [`not`](super::not) what must not occur.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::super::condition::Condition;
use super::super::invalid::{PatternError, whole_ms};
use super::super::match_buffer::StageId;
use super::super::pattern::{Pattern, Stage, WithinType};
use super::super::quantifier::{Contiguity, Quantifier};
use super::guard::{ConditionId, Guard};
use super::{Action, Automaton, Edge, Kind, State, StateId};
use crate::time::Millis;

/// Compiles a checked pattern.
pub(in super::super) fn compile<E>(pattern: &Pattern<E>) -> Result<Automaton<E>, PatternError> {
    let mut listing = Listing { stages: Vec::new(), conditions: Vec::new() };
    let mut parts = listing.parts(&pattern.stages)?;
    let within = pattern.within.filter(|within| within.kind == WithinType::PreviousAndCurrent);
    if let (Some(within), Some(last)) = (within, parts.last_mut()) {
        last.previous_ms = Some(within.ms);
    }
    let mut compiler = Compiler {
        states: Vec::new(),
        gaps_ms: BTreeMap::new(),
        stops: BTreeMap::new(),
        ungreedy: BTreeMap::new(),
        whole_ms: whole_ms(pattern),
    };
    let start = compiler.pattern(&parts)?;
    compiler.settle_gaps();
    compiler.settle_ends();
    let Compiler { states, whole_ms, .. } = compiler;
    let Listing { stages, conditions } = listing;
    let fingerprint = fingerprint(&states, &stages, whole_ms);
    let has_previous_limits = states.iter().any(|state| state.previous_ms.is_some());
    let iterative =
        (0..).zip(&conditions).filter(|(_, condition)| condition.is_iterative()).map(|(id, _)| id).collect();
    Ok(Automaton { states, start, stages, conditions, iterative, whole_ms, has_previous_limits, fingerprint })
}

/// A stage with everything it names replaced by numbers.
pub(super) struct Part {
    pub(super) stage: Option<StageId>,
    pub(super) group: Vec<Part>,
    /// `None` at the beginning of a pattern or group.
    pub(super) contig: Option<Contiguity>,
    pub(super) condition: Option<ConditionId>,
    pub(super) until: Option<ConditionId>,
    pub(super) quantifier: Quantifier,
    pub(super) previous_ms: Option<Millis>,
}

impl Part {
    pub(super) fn take(&self) -> Guard {
        Guard::holds(self.condition)
    }

    pub(super) fn is_optional(&self) -> bool {
        self.quantifier.is_optional()
    }

    pub(super) fn is_not_followed_by(&self) -> bool {
        self.contig == Some(Contiguity::NotFollowedBy)
    }
}

/// The names and conditions met so far.
struct Listing<E> {
    stages: Vec<String>,
    conditions: Vec<Condition<E>>,
}

impl<E> Listing<E> {
    fn parts(&mut self, stages: &[Stage<E>]) -> Result<Vec<Part>, PatternError> {
        stages.iter().map(|stage| self.part(stage)).collect()
    }

    fn part(&mut self, stage: &Stage<E>) -> Result<Part, PatternError> {
        let id = stage.name.as_ref().map(|name| {
            self.stages.push(name.clone());
            number(self.stages.len() - 1)
        });
        let within = stage.within.filter(|within| within.kind == WithinType::PreviousAndCurrent);
        Ok(Part {
            stage: id.transpose()?,
            condition: self.condition(stage.condition.as_ref())?,
            until: self.condition(stage.until.as_ref())?,
            group: self.parts(stage.group.as_deref().unwrap_or_default())?,
            contig: stage.contig,
            quantifier: stage.quantifier,
            previous_ms: within.map(|within| within.ms),
        })
    }

    fn condition(&mut self, condition: Option<&Condition<E>>) -> Result<Option<ConditionId>, PatternError> {
        let Some(condition) = condition else { return Ok(None) };
        self.conditions.push(condition.clone());
        number(self.conditions.len() - 1).map(Some)
    }
}

const STATES_MAX: usize = 50_000;

fn number(index: usize) -> Result<u16, PatternError> {
    let too_large = PatternError::TooLarge { max: STATES_MAX };
    if index > STATES_MAX { Err(too_large) } else { u16::try_from(index).map_err(|_| too_large) }
}

/// Where the compiler stands: at a stage of a chain, which is the pattern or the inside of a group.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) chain: &'p [Part],
    pub(super) at: usize,
    /// The stage behind this one, across the end of a group.
    pub(super) following: Option<&'p Part>,
    pub(super) group: Option<Round<'p>>,
}

/// The group the compiler is in, and whether this is its first round.
#[derive(Clone, Copy)]
pub(super) struct Round<'p> {
    pub(super) group: &'p Part,
    pub(super) first: bool,
}

impl<'p> Place<'p> {
    pub(super) fn part(&self) -> &'p Part {
        &self.chain[self.at]
    }

    /// Inside the group, at its last stage.
    pub(super) fn inside(&self, first: bool) -> Self {
        let group = self.part();
        Self {
            chain: &group.group,
            at: group.group.len() - 1,
            following: self.following,
            group: Some(Round { group, first }),
        }
    }

    /// The group, if this is its first stage.
    pub(super) fn head_of(&self) -> Option<Round<'p>> {
        self.group.filter(|_| self.at == 0)
    }

    /// The condition that ends the loop of the group the stage is in.
    pub(super) fn group_until(&self) -> Option<ConditionId> {
        self.group.and_then(|round| round.group.until)
    }
}

pub(super) struct Compiler {
    pub(super) states: Vec<State>,
    /// States that wait for a repetition, with the greatest time since the one before.
    pub(super) gaps_ms: BTreeMap<StateId, Millis>,
    /// The one stop state of each stage that must not occur.
    pub(super) stops: BTreeMap<Option<StageId>, StateId>,
    /// The copy, without the greed of the loop before it, of a state that a greedy loop with a stop condition leads to.
    pub(super) ungreedy: BTreeMap<StateId, StateId>,
    pub(super) whole_ms: Option<Millis>,
}

impl Compiler {
    fn pattern(&mut self, parts: &[Part]) -> Result<StateId, PatternError> {
        let end = self.state(Kind::Final, None)?;
        let last = Place { chain: parts, at: parts.len() - 1, following: None, group: None };
        self.chain(last, end)
    }

    /// The stages from the given place back to the first of its chain.
    pub(super) fn chain(&mut self, mut place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let mut sink = sink;
        loop {
            let part = place.part();
            sink = match part.contig {
                Some(Contiguity::NotFollowedBy) => self.not_followed_by(place, sink)?,
                Some(Contiguity::NotNext) => self.not_next(place, sink)?,
                None | Some(Contiguity::Next | Contiguity::FollowedBy | Contiguity::FollowedByAny) => {
                    self.stage(place, sink)?
                }
            };
            if place.at == 0 {
                return Ok(sink);
            }
            place.following = Some(part);
            place.at -= 1;
        }
    }

    pub(super) fn state(&mut self, kind: Kind, stage: Option<StageId>) -> Result<StateId, PatternError> {
        let id = number(self.states.len())?;
        self.states.push(State { kind, stage, edges: Vec::new(), previous_ms: None, may_end: false });
        Ok(id)
    }

    /// An edge; none if no event could pass it, or if the same one exists (a group that is left out at the head of a
    /// group that is left out).
    pub(super) fn edge(&mut self, from: StateId, action: Action, target: StateId, guard: Guard) {
        let edge = Edge { action, target, guard, previous_ms: None };
        let state = self.at(from);
        if !edge.guard.is_never() && !state.edges.contains(&edge) {
            state.edges.push(edge);
        }
    }

    pub(super) fn at(&mut self, state: StateId) -> &mut State {
        &mut self.states[usize::from(state)]
    }

    pub(super) fn is_final(&self, state: StateId) -> bool {
        self.states[usize::from(state)].kind == Kind::Final
    }

    /// A copy of a state whose edges to itself lead to the copy, and whose other edges pass `adapt`.
    pub(super) fn copy(
        &mut self,
        original: StateId,
        mut adapt: impl FnMut(&mut Self, &Edge) -> Result<Option<StateId>, PatternError>,
    ) -> Result<StateId, PatternError> {
        let state = self.at(original).clone();
        let copy = self.state(state.kind, state.stage)?;
        self.at(copy).previous_ms = state.previous_ms;
        if let Some(gap) = self.gaps_ms.get(&original).copied() {
            self.gaps_ms.insert(copy, gap);
        }
        for edge in &state.edges {
            let target = if edge.target == original { Some(copy) } else { adapt(self, edge)? };
            if let Some(target) = target {
                self.edge(copy, edge.action, target, edge.guard.clone());
            }
        }
        Ok(copy)
    }

    /// A state that only waits for the next repetition is dropped with its gap; one that may also go on to the next
    /// stage only closes the way to the repetition.
    fn settle_gaps(&mut self) {
        for (state, gap) in std::mem::take(&mut self.gaps_ms) {
            let stops: Vec<StateId> = self.stops.values().copied().collect();
            let state = self.at(state);
            let goes_on = |edge: &Edge| edge.action == Action::Proceed && !stops.contains(&edge.target);
            if state.edges.iter().any(goes_on) {
                let takes = state.edges.iter_mut().filter(|edge| edge.action == Action::Take);
                takes.for_each(|take| take.previous_ms = Some(gap));
            } else {
                state.previous_ms = Some(state.previous_ms.map_or(gap, |own| own.min(gap)));
            }
        }
    }

    /// Marks the states from which proceeding may lead to the final state, until no more are found.
    fn settle_ends(&mut self) {
        loop {
            let ends = |edge: &Edge| {
                let target = &self.states[usize::from(edge.target)];
                edge.action == Action::Proceed && (target.kind == Kind::Final || target.may_end)
            };
            let found: Vec<usize> = (0..self.states.len())
                .filter(|state| !self.states[*state].may_end && self.states[*state].edges.iter().any(ends))
                .collect();
            if found.is_empty() {
                return;
            }
            found.into_iter().for_each(|state| self.states[state].may_end = true);
        }
    }
}

/// FNV-1a over the shape of the automaton: stable across runs, platforms and compilers of one width.
fn fingerprint(states: &[State], stages: &[String], whole_ms: Option<Millis>) -> u64 {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    (states, stages, whole_ms).hash(&mut hasher);
    hasher.finish().max(1)
}
