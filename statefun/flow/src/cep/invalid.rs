//! Patterns that contradict themselves, refused when they are built.

use super::condition::Condition;
use super::pattern::{Pattern, Stage, Within, WithinType};
use super::quantifier::{Contiguity, Inner, Times};

/// Why a pattern is refused. Stages are called by their names, groups `a group`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No stages.
    #[error("the pattern, or a group in it, has no stages")]
    Empty,
    /// Neither a name nor a group, or both.
    #[error("stage number {position} must have either a name or a group")]
    NeitherStageNorGroup {
        /// Position among its siblings, from 0.
        position: usize,
    },
    /// A name given twice.
    #[error("two stages are called {stage}")]
    DuplicateName {
        /// The name.
        stage: String,
    },
    /// The first stage of a pattern or group says how it follows.
    #[error("{stage} is the first stage and follows nothing, but has a contiguity")]
    FirstFollows {
        /// The stage.
        stage: String,
    },
    /// Another stage does not say how it follows.
    #[error(
        "{stage} does not say how it follows the stage before (next, followed_by, followed_by_any, not_next, not_followed_by)"
    )]
    FollowsHow {
        /// The stage.
        stage: String,
    },
    /// A group with what only a stage can have.
    #[error("a group cannot have {what}; give it to the stages of the group")]
    OnGroup {
        /// What.
        what: &'static str,
    },
    /// A number of repetitions that nothing can have.
    #[error("{stage} is to occur {times}, which cannot be")]
    ImpossibleTimes {
        /// The stage.
        stage: String,
        /// The times.
        times: String,
    },
    /// A stage that occurs once has options of a loop.
    #[error("{stage} occurs once; {what} is for stages that repeat")]
    NotALoop {
        /// The stage.
        stage: String,
        /// What.
        what: &'static str,
    },
    /// A stop condition on a loop with an upper bound.
    #[error("{stage} has a stop condition (until) but is not unbounded (one_or_more, times_or_more)")]
    UntilWithoutLoop {
        /// The stage.
        stage: String,
    },
    /// Greed with all combinations.
    #[error("{stage} cannot be greedy and take any combination of events")]
    GreedyCombinations {
        /// The stage.
        stage: String,
    },
    /// An optional stage after a greedy one.
    #[error("{stage} is optional and follows the greedy stage {greedy}: which of the two gets an event is undecided")]
    OptionalAfterGreedy {
        /// The optional stage.
        stage: String,
        /// The greedy one.
        greedy: String,
    },
    /// A quantifier on a stage that must not occur.
    #[error("{stage} must not occur, so it cannot have {what}")]
    OnNot {
        /// The stage.
        stage: String,
        /// What.
        what: &'static str,
    },
    /// A stage that must not occur directly after one that may be left out.
    #[error(
        "{stage} must not occur, but follows {optional}, which may be left out; use two patterns, with and without {optional}"
    )]
    NotAfterOptional {
        /// The stage that must not occur.
        stage: String,
        /// The optional stage.
        optional: String,
    },
    /// A final `not_followed_by` without an end.
    #[error("{stage} must not follow at the end of the pattern, but nothing says within which time")]
    EndlessNot {
        /// The stage.
        stage: String,
    },
    /// A `not_followed_by` at the end of a group.
    #[error("{stage} must not follow at the end of a group; put it in front of the stage behind the group")]
    NotAtEndOfGroup {
        /// The stage.
        stage: String,
    },
    /// The first stage of a group may be left out.
    #[error("{stage} begins a group and cannot be optional; make the group optional, or put the stage in front of it")]
    OptionalBeginsGroup {
        /// The stage.
        stage: String,
    },
    /// A skip strategy that names no stage.
    #[error("the skip strategy names {stage}, which is not a stage of the pattern (stages inside groups do not count)")]
    SkipToUnknown {
        /// The stage.
        stage: String,
    },
    /// A condition that reads a stage that does not exist.
    #[error("a condition of {stage} reads the events of {read}, which is not a stage of the pattern")]
    ReadsUnknown {
        /// The stage with the condition.
        stage: String,
        /// The stage it reads.
        read: String,
    },
    /// A time limit of nothing.
    #[error("a time limit of {ms} ms leaves no time")]
    NoTime {
        /// The limit.
        ms: i64,
    },
    /// A limit between two events beyond that of the whole.
    #[error("{stage} has {ms} ms from the event before, more than the whole pattern with {whole_ms} ms")]
    BeyondTheWhole {
        /// The stage.
        stage: String,
        /// Its limit.
        ms: i64,
        /// The limit of the whole.
        whole_ms: i64,
    },
    /// A limit between events on what is not one event.
    #[error("{stage} repeats; give the time between its repetitions as `window` of the quantifier")]
    WithinOnLoop {
        /// The stage.
        stage: String,
    },
    /// A range from 0 that is called optional as well.
    #[error("{stage} is optional twice: its range begins with 0")]
    OptionalTwice {
        /// The stage.
        stage: String,
    },
    /// An expression without a meaning.
    #[error("the condition {source_text:?} of {stage} is an expression, and no language was given to compile it")]
    Uncompiled {
        /// The stage.
        stage: String,
        /// The expression.
        source_text: String,
    },
    /// More than the automaton can number.
    #[error("the pattern needs more than {max} states")]
    TooLarge {
        /// The greatest number of states.
        max: usize,
    },
}

type Checked = Result<(), PatternError>;

/// How a stage is called in errors.
fn called<E>(stage: &Stage<E>) -> String {
    stage.name.clone().unwrap_or_else(|| "a group".to_owned())
}

/// Checks a pattern before it is compiled.
pub(super) fn check<E>(pattern: &Pattern<E>) -> Checked {
    let mut names = Vec::new();
    chain(&pattern.stages, &mut names)?;
    for within in pattern.stages.iter().filter_map(|stage| stage.within).chain(pattern.within) {
        time(within.ms)?;
    }
    readers(&pattern.stages, &names)?;
    end(pattern)?;
    let whole = whole_ms(pattern);
    for (stage, ms) in between(pattern) {
        if let Some(whole_ms) = whole.filter(|whole| ms > *whole) {
            return Err(PatternError::BeyondTheWhole { stage, ms, whole_ms });
        }
    }
    match pattern.skip.stage() {
        Some(stage) if !pattern.stages.iter().any(|known| known.name.as_deref() == Some(stage)) => {
            Err(PatternError::SkipToUnknown { stage: stage.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The limit from the first event to the last: the least one given anywhere.
pub(super) fn whole_ms<E>(pattern: &Pattern<E>) -> Option<i64> {
    fn least<E>(stages: &[Stage<E>]) -> Option<i64> {
        let own = |stage: &Stage<E>| stage.within.filter(|within| within.kind == WithinType::FirstAndLast);
        let inner = |stage: &Stage<E>| stage.group.as_deref().and_then(least);
        stages.iter().flat_map(|stage| [own(stage).map(|within| within.ms), inner(stage)]).flatten().min()
    }
    let own = pattern.within.filter(|within| within.kind == WithinType::FirstAndLast).map(|within| within.ms);
    own.into_iter().chain(least(&pattern.stages)).min()
}

/// The limit of a stage from the event before, that of the pattern being that of its last stage.
fn previous_ms<E>(pattern: &Pattern<E>, position: usize) -> Option<i64> {
    let limit = |within: Option<Within>| within.filter(|within| within.kind == WithinType::PreviousAndCurrent);
    let last = position + 1 == pattern.stages.len();
    limit(pattern.within).filter(|_| last).or_else(|| limit(pattern.stages[position].within)).map(|within| within.ms)
}

/// Every limit between two events, with the stage it belongs to.
fn between<E>(pattern: &Pattern<E>) -> Vec<(String, i64)> {
    fn own<E>(stages: &[Stage<E>], found: &mut Vec<(String, i64)>) {
        for stage in stages {
            let within = stage.within.filter(|within| within.kind == WithinType::PreviousAndCurrent);
            let limits = within.map(|within| within.ms).into_iter().chain(stage.quantifier.window_ms);
            found.extend(limits.map(|ms| (called(stage), ms)));
            own(stage.group.as_deref().unwrap_or_default(), found);
        }
    }
    let mut found = Vec::new();
    own(&pattern.stages, &mut found);
    let last = pattern.stages.len() - 1;
    found.extend(previous_ms(pattern, last).map(|ms| (called(&pattern.stages[last]), ms)));
    found
}

fn chain<E>(stages: &[Stage<E>], names: &mut Vec<String>) -> Checked {
    if stages.is_empty() {
        return Err(PatternError::Empty);
    }
    let mut before: Option<&Stage<E>> = None;
    for (position, stage) in stages.iter().enumerate() {
        match (&stage.name, &stage.group) {
            (Some(name), None) if names.contains(name) => {
                return Err(PatternError::DuplicateName { stage: name.clone() });
            }
            (Some(name), None) => names.push(name.clone()),
            (None, Some(inner)) => group(stage, inner, names)?,
            _ => return Err(PatternError::NeitherStageNorGroup { position }),
        }
        match (before, stage.contig) {
            (None, Some(_)) => return Err(PatternError::FirstFollows { stage: called(stage) }),
            (Some(_), None) => return Err(PatternError::FollowsHow { stage: called(stage) }),
            (_, Some(Contiguity::NotNext | Contiguity::NotFollowedBy)) => not(stage, before)?,
            _ => {}
        }
        quantifier(stage)?;
        match before.filter(|before| before.quantifier.greedy) {
            Some(greedy) if stage.quantifier.optional => {
                return Err(PatternError::OptionalAfterGreedy { stage: called(stage), greedy: called(greedy) });
            }
            _ => {}
        }
        before = Some(stage);
    }
    Ok(())
}

fn group<E>(stage: &Stage<E>, inner: &[Stage<E>], names: &mut Vec<String>) -> Checked {
    if stage.condition.is_some() {
        return Err(PatternError::OnGroup { what: "a condition" });
    }
    if stage.quantifier.greedy {
        return Err(PatternError::OnGroup { what: "greed" });
    }
    chain(inner, names)?;
    match (inner.first(), inner.last()) {
        (Some(first), _) if first.quantifier.is_optional() => {
            Err(PatternError::OptionalBeginsGroup { stage: called(first) })
        }
        (_, Some(last)) if last.contig == Some(Contiguity::NotFollowedBy) => {
            Err(PatternError::NotAtEndOfGroup { stage: called(last) })
        }
        _ => Ok(()),
    }
}

fn not<E>(stage: &Stage<E>, before: Option<&Stage<E>>) -> Checked {
    let on = |what| Err(PatternError::OnNot { stage: called(stage), what });
    if stage.group.is_some() {
        return on("a group");
    }
    if stage.quantifier.times != Times::One {
        return on("a number of times");
    }
    if stage.quantifier.is_optional() {
        return on("an option");
    }
    if stage.quantifier.greedy {
        return on("greed");
    }
    match before.filter(|before| before.quantifier.is_optional()) {
        Some(optional) => Err(PatternError::NotAfterOptional { stage: called(stage), optional: called(optional) }),
        None => Ok(()),
    }
}

fn quantifier<E>(stage: &Stage<E>) -> Checked {
    let quantifier = &stage.quantifier;
    let times = match quantifier.times {
        Times::Exactly(0) => Some("0 times".to_owned()),
        Times::OrMore(0) => Some("0 times or more (make one_or_more optional)".to_owned()),
        Times::Range(from, to) if to < from.max(1) => Some(format!("from {from} to {to} times")),
        Times::One | Times::Exactly(_) | Times::OrMore(_) | Times::Range(..) => None,
    };
    if let Some(times) = times {
        return Err(PatternError::ImpossibleTimes { stage: called(stage), times });
    }
    if quantifier.optional && matches!(quantifier.times, Times::Range(0, _)) {
        return Err(PatternError::OptionalTwice { stage: called(stage) });
    }
    if stage.until.is_some() && !quantifier.is_loop() {
        return Err(PatternError::UntilWithoutLoop { stage: called(stage) });
    }
    if quantifier.times == Times::One {
        let options = [
            (quantifier.greedy, "greedy"),
            (quantifier.inner != Inner::Relaxed, "inner contiguity"),
            (quantifier.window_ms.is_some(), "a window between repetitions"),
        ];
        if let Some((_, what)) = options.into_iter().find(|(given, _)| *given) {
            return Err(PatternError::NotALoop { stage: called(stage), what });
        }
    } else if stage.within.is_some_and(|within| within.kind == WithinType::PreviousAndCurrent) {
        return Err(PatternError::WithinOnLoop { stage: called(stage) });
    }
    if quantifier.greedy && quantifier.inner == Inner::Any {
        return Err(PatternError::GreedyCombinations { stage: called(stage) });
    }
    quantifier.window_ms.map_or(Ok(()), time)
}

fn time(ms: i64) -> Checked {
    if ms > 0 { Ok(()) } else { Err(PatternError::NoTime { ms }) }
}

/// Every stage that a condition reads exists.
fn readers<E>(stages: &[Stage<E>], names: &[String]) -> Checked {
    for stage in stages {
        let conditions = || stage.condition.iter().chain(&stage.until);
        if let Some(source) = conditions().find_map(Condition::uncompiled) {
            return Err(PatternError::Uncompiled { stage: called(stage), source_text: source.to_owned() });
        }
        if let Some(read) =
            conditions().flat_map(Condition::stages_read).find(|read| !names.iter().any(|name| name == read))
        {
            return Err(PatternError::ReadsUnknown { stage: called(stage), read: read.to_owned() });
        }
        readers(stage.group.as_deref().unwrap_or_default(), names)?;
    }
    Ok(())
}

/// A pattern that ends with what must not occur ends with a time limit; a limit on its last stage limits one event.
fn end<E>(pattern: &Pattern<E>) -> Checked {
    let last = pattern.stages.len() - 1;
    let stage = &pattern.stages[last];
    let limit = previous_ms(pattern, last);
    if limit.is_some() && stage.quantifier.times != Times::One {
        return Err(PatternError::WithinOnLoop { stage: called(stage) });
    }
    if stage.contig == Some(Contiguity::NotFollowedBy) && limit.is_none() && whole_ms(pattern).is_none() {
        return Err(PatternError::EndlessNot { stage: called(stage) });
    }
    Ok(())
}
