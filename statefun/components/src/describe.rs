//! A declared component as `statefun-flow` describes it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use statefun::spec::{
    Between, Component, Expression, Gap, Input, Link, Meeting, Module, OnChange, OnOverflow, Operator, Origin,
    PatternSpec, Skip, Stage, StageTimes, Target, WindowAggregate, WindowEvictor, WindowShape, WindowTrigger, Windows,
};
use statefun_flow::cep;
use statefun_flow::component::{
    AggregateKind, AggregateSpec, ComponentSpec, InputSpec, OperatorSpec, OtherPattern, TargetSpec, WindowComponent,
};
use statefun_flow::join::IntervalSpec;
use statefun_flow::json::Json;
use statefun_flow::window::{Assigner, Evictor, Trigger, WindowSpec};

/// A declaration that no operator can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undescribable(String);

/// Describes all components of a module, results of one going where others take them by their `from`.
///
/// # Errors
/// The first one of [`describe`].
pub fn describe_all(module: &Module) -> Result<Vec<ComponentSpec>, Undescribable> {
    let mut specs = module.components.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    let entries: BTreeMap<String, String> =
        specs.iter().map(|spec| Ok((spec.name.clone(), entry(spec, 0)?))).collect::<Result<_, Undescribable>>()?;
    for spec in &mut specs {
        let others = [&mut spec.late_to, &mut spec.timeout_to, &mut spec.overflow_to];
        for target in spec.to.iter_mut().chain(others.into_iter().flatten()) {
            if let TargetSpec::Function { function, .. } = target
                && let Some(entry) = entries.get(function)
            {
                function.clone_from(entry);
            }
        }
    }
    // Behind the targets that are written, in the order of the module.
    for (index, component) in module.components.iter().enumerate() {
        for (side, input) in component.operator.inputs().into_iter().enumerate() {
            let function = entry(&specs[index], side)?;
            for origin in &input.from {
                let Origin::Component(sender) = origin else { continue };
                let sender = module.components.iter().position(|it| it.name == *sender);
                let Some(sender) = sender else { continue };
                let select = text(module.components[sender].output.emit.as_ref());
                let function = function.clone();
                let target = TargetSpec::Function { function, id: None, select, value_type: None, input: None };
                specs[sender].to.push(target);
            }
        }
    }
    Ok(specs)
}

fn entry(spec: &ComponentSpec, input: usize) -> Result<String, Undescribable> {
    spec.entry(input).map(|function| function.to_string()).map_err(|error| Undescribable(error.to_string()))
}

/// Describes a component by itself.
///
/// # Errors
/// When the declaration contradicts itself in a way that only the operator knows, such as a pattern that cannot match.
pub fn describe(component: &Component) -> Result<ComponentSpec, Undescribable> {
    let output = &component.output;
    let select = output.emit.as_ref();
    Ok(ComponentSpec {
        name: component.name.to_string(),
        inputs: component.operator.inputs().into_iter().map(input).collect(),
        operator: operator(&component.operator, output.late.is_some(), output.timeout.is_some())?,
        to: output.to.iter().map(|it| target(it, select)).collect(),
        late_to: output.late.as_ref().map(|it| target(it, None)),
        timeout_to: output.timeout.as_ref().map(|it| target(it, None)),
        overflow_to: output.overflow.as_ref().map(|it| target(it, None)),
        level: component.level,
        ingresses: component.follows.iter().map(ToString::to_string).collect(),
    })
}

fn text(expression: Option<&Expression>) -> Option<String> {
    expression.map(|it| it.text.clone())
}

fn input(input: &Input) -> InputSpec {
    InputSpec {
        from: input.from.first().map(|origin| origin.name().to_string()).unwrap_or_default(),
        key: text(input.key.as_ref()),
        time: text(input.time.as_ref()),
        filter: text(input.condition.as_ref()),
    }
}

fn target(target: &Target, select: Option<&Expression>) -> TargetSpec {
    let select = text(select);
    match target {
        Target::Function { function, id, value_type } => TargetSpec::Function {
            function: function.to_string(),
            id: text(id.as_ref()),
            select,
            value_type: value_type.clone(),
            input: None,
        },
        Target::Egress { egress, topic, key } => {
            TargetSpec::Egress { egress: egress.to_string(), topic: topic.clone(), key: text(key.as_ref()), select }
        }
    }
}

fn operator(operator: &Operator, late: bool, timeout: bool) -> Result<OperatorSpec, Undescribable> {
    Ok(match operator {
        Operator::Window(it) => OperatorSpec::Window(WindowComponent {
            spec: window(&it.window, late)?,
            aggregates: it.aggregates.iter().map(|(name, of)| aggregate(name, of)).collect(),
            gap: gap(&it.window),
            measure: measure(&it.window)?,
        }),
        Operator::Join(it) => match &it.meeting {
            Meeting::Window(shape) => OperatorSpec::WindowJoin { spec: sided(shape, late)?, gap: gap(shape) },
            Meeting::Interval { from_ms, to_ms } => {
                OperatorSpec::IntervalJoin(IntervalSpec { late_output: late, ..IntervalSpec::new(*from_ms, *to_ms) })
            }
        },
        Operator::CoGroup(it) => OperatorSpec::Cogroup { spec: sided(&it.window, late)?, gap: gap(&it.window) },
        Operator::Pattern(it) => {
            let pattern = pattern(&it.pattern, late, timeout);
            can_match(&pattern)?;
            let on_change = match it.pattern.on_change {
                OnChange::Keep => OtherPattern::Keep,
                OnChange::Discard => OtherPattern::Discard,
            };
            OperatorSpec::Pattern { pattern, on_change }
        }
    })
}

/// Windows of two sides, whose events have no measure in common.
fn sided(shape: &WindowShape, late: bool) -> Result<WindowSpec, Undescribable> {
    if measure(shape)?.is_some() {
        return Err(Undescribable("the two sides of a join have no measure in common: no delta here".to_owned()));
    }
    window(shape, late)
}

fn window(shape: &WindowShape, late: bool) -> Result<WindowSpec, Undescribable> {
    let spec = WindowSpec {
        assigner: assigner(&shape.windows),
        trigger: shape.trigger.as_ref().map(trigger),
        evictor: shape.evictor.as_ref().map(|it| match it {
            WindowEvictor::Count { count, after } => Evictor::Count { n: count.get(), after: *after },
            WindowEvictor::Time { span, after } => Evictor::Time { ms: millis(*span), after: *after },
            WindowEvictor::Delta { threshold, after, .. } => Evictor::Delta { threshold: *threshold, after: *after },
        }),
        allowed_lateness: millis(shape.allowed_lateness),
        late_output: late,
    };
    spec.validate().map_err(|error| Undescribable(error.to_string()))?;
    Ok(spec)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn assigner(windows: &Windows) -> Assigner {
    match windows {
        Windows::Tumbling { size, offset_ms } => Assigner::Tumbling { size: millis(*size), offset: *offset_ms },
        Windows::Sliding { size, every, offset_ms } => {
            Assigner::Sliding { size: millis(*size), slide: millis(*every), offset: *offset_ms }
        }
        Windows::Cumulate { size, step, offset_ms } => {
            Assigner::Cumulate { size: millis(*size), step: millis(*step), offset: *offset_ms }
        }
        Windows::Session { gap: Gap::Fixed(gap) } => Assigner::Session { gap: millis(*gap) },
        Windows::Session { gap: Gap::Each(_) } => Assigner::SessionDynamic,
        Windows::Count { size, every } => {
            Assigner::Count { size: size.get(), slide: every.map(std::num::NonZeroU64::get) }
        }
        Windows::Global => Assigner::Global,
        Windows::EndOfInput => Assigner::GlobalEndOfStream,
    }
}

fn trigger(trigger_of: &WindowTrigger) -> Trigger {
    match trigger_of {
        WindowTrigger::EventTime => Trigger::EventTime,
        WindowTrigger::ProcessingTime => Trigger::ProcessingTime,
        WindowTrigger::Count { count } => Trigger::Count { n: count.get() },
        WindowTrigger::Every { interval } => Trigger::ContinuousEventTime { interval: millis(*interval) },
        WindowTrigger::Delta { threshold, .. } => Trigger::Delta { threshold: *threshold },
        WindowTrigger::Purging { inner } => Trigger::Purging { inner: Box::new(trigger(inner)) },
        WindowTrigger::EndOfInput => Trigger::EndOfStream,
        WindowTrigger::Never => Trigger::Never,
    }
}

fn gap(shape: &WindowShape) -> Option<String> {
    match &shape.windows {
        Windows::Session { gap: Gap::Each(each) } => Some(each.text.clone()),
        _ => None,
    }
}

/// The measure that triggers and evictors compare; one for both.
fn measure(shape: &WindowShape) -> Result<Option<String>, Undescribable> {
    fn of_trigger(trigger: &WindowTrigger) -> Option<&Expression> {
        match trigger {
            WindowTrigger::Delta { of, .. } => Some(of),
            WindowTrigger::Purging { inner } => of_trigger(inner),
            _ => None,
        }
    }
    let of_evictor = match &shape.evictor {
        Some(WindowEvictor::Delta { of, .. }) => Some(of),
        _ => None,
    };
    match (shape.trigger.as_ref().and_then(of_trigger), of_evictor) {
        (Some(one), Some(other)) if one.text.trim() != other.text.trim() => {
            let message = "the trigger and the evictor of a window compare the same measure: write the same `of`";
            Err(Undescribable(message.to_owned()))
        }
        (one, other) => Ok(one.or(other).map(|it| it.text.clone())),
    }
}

fn aggregate(name: &str, aggregate: &WindowAggregate) -> AggregateSpec {
    let kind = match aggregate {
        WindowAggregate::Count => AggregateKind::Count,
        WindowAggregate::Sum { .. } => AggregateKind::Sum,
        WindowAggregate::Avg { .. } => AggregateKind::Avg,
        WindowAggregate::Min { .. } => AggregateKind::Min,
        WindowAggregate::Max { .. } => AggregateKind::Max,
        WindowAggregate::First { .. } => AggregateKind::First,
        WindowAggregate::Last { .. } => AggregateKind::Last,
        WindowAggregate::Distinct { approximate: false, .. } => AggregateKind::Distinct,
        WindowAggregate::Distinct { approximate: true, .. } => AggregateKind::DistinctApprox,
        WindowAggregate::Quantiles { at, .. } => AggregateKind::Quantiles { q: at.clone() },
        WindowAggregate::TopK { k, .. } => AggregateKind::TopK { k: usize::try_from(k.get()).unwrap_or(usize::MAX) },
        WindowAggregate::Collect { .. } => AggregateKind::Collect,
    };
    AggregateSpec { name: name.to_owned(), kind, of: text(aggregate.of()) }
}

fn pattern(spec: &PatternSpec, late: bool, timeout: bool) -> cep::Pattern<Json> {
    let defaults = cep::Limits::default();
    let limit = |given: Option<NonZeroU32>, default: usize| given.map_or(default, |it| it.get() as usize);
    cep::Pattern {
        stages: spec.stages.iter().map(stage).collect(),
        within: spec.within.map(|it| cep::Within { ms: millis(it), kind: cep::WithinType::FirstAndLast }),
        skip: match &spec.skip {
            Skip::None => cep::SkipStrategy::NoSkip,
            Skip::Next => cep::SkipStrategy::SkipToNext,
            Skip::PastLast => cep::SkipStrategy::SkipPastLast,
            Skip::ToFirst(name) => cep::SkipStrategy::SkipToFirst { name: name.clone() },
            Skip::ToLast(name) => cep::SkipStrategy::SkipToLast { name: name.clone() },
        },
        timeout_output: timeout,
        late_output: late,
        tie_break: None,
        key_by: None,
        limits: cep::Limits {
            partial_matches_max: limit(spec.partial_matches_max, defaults.partial_matches_max),
            waiting_events_max: limit(spec.waiting_events_max, defaults.waiting_events_max),
            on_overflow: match spec.on_overflow {
                OnOverflow::DropNewest => cep::Overflow::DropNewest,
                OnOverflow::DropOldest => cep::Overflow::DropOldest,
            },
        },
    }
}

/// Whether the pattern makes sense, whatever its expressions mean.
fn can_match(pattern: &cep::Pattern<Json>) -> Result<(), Undescribable> {
    let mut compiled = pattern.clone();
    let Ok(()) = compiled.compile(&mut |_| Ok::<_, std::convert::Infallible>(cep::Condition::test(|_| true)));
    compiled.build().map(|_| ()).map_err(|error| Undescribable(error.to_string()))
}

fn condition(expression: &Expression) -> cep::Condition<Json> {
    cep::Condition::expression(&expression.text)
}

fn stage(stage_of: &Stage) -> cep::Stage<Json> {
    let (times, optional) = match stage_of.times {
        StageTimes::Once => (cep::Times::One, false),
        StageTimes::Exactly(n) => (cep::Times::Exactly(n.get()), false),
        StageTimes::Between(0, most) => (cep::Times::Range(1, most.get()), true),
        StageTimes::Between(least, most) => (cep::Times::Range(least, most.get()), false),
        StageTimes::AtLeast(n) => (cep::Times::OrMore(n.get()), false),
    };
    cep::Stage {
        name: stage_of.name.clone(),
        group: (!stage_of.group.is_empty()).then(|| stage_of.group.iter().map(stage).collect()),
        contig: stage_of.link.map(|link| match link {
            Link::Next => cep::Contiguity::Next,
            Link::FollowedBy => cep::Contiguity::FollowedBy,
            Link::FollowedByAny => cep::Contiguity::FollowedByAny,
            Link::NotNext => cep::Contiguity::NotNext,
            Link::NotFollowedBy => cep::Contiguity::NotFollowedBy,
        }),
        condition: stage_of.condition.as_ref().map(condition),
        quantifier: cep::Quantifier {
            times,
            inner: match stage_of.between {
                Between::Unfitting => cep::Inner::Relaxed,
                Between::Nothing => cep::Inner::Strict,
                Between::Anything => cep::Inner::Any,
            },
            greedy: stage_of.greedy,
            optional: optional || stage_of.optional,
            window_ms: None,
        },
        until: stage_of.until.as_ref().map(condition),
        within: stage_of
            .within_previous
            .map(|it| cep::Within { ms: millis(it), kind: cep::WithinType::PreviousAndCurrent }),
    }
}
