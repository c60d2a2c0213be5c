//! A component in words.

use std::fmt::Write as _;
use std::time::Duration;

use statefun::spec::{
    Component, Gap, Input, Link, Meeting, Operator, PatternSpec, Skip, Stage, StageTimes, Target, WindowAggregate,
    WindowEvictor, WindowShape, WindowTrigger, Windows,
};

/// What a component does, a sentence per line: what it groups, when it gives results and where they go.
///
/// ```
/// use statefun::spec::{Options, SourceFile, parse_with};
/// use statefun_components::{Declarations, explain};
///
/// let text = "
/// kind: io.statefun.flow.v1/window
/// spec: {name: a/minutes, from: a/in, key: event.user, window: {tumbling: 1 min}, aggregate: count, to: {egress: a/out}}
/// ---
/// kind: io.statefun.generator.v1/ingress
/// spec: {id: a/in, valueType: a/T, targets: [a/f], eventTime: record}
/// ---
/// kind: io.statefun.stdout.v1/egress
/// spec: {id: a/out}
/// ";
/// let file = SourceFile { name: "module.yaml".into(), text: text.into() };
/// let options = Options { functions_from_code: true, ..Options::default() };
/// let (module, _) = parse_with(&[file], options, &Declarations::default()).expect("a good module");
/// let lines = explain(&module.components[0]);
/// assert_eq!(lines[0], "takes events from a/in, grouped by event.user");
/// assert_eq!(lines[1], "in windows of 1m that lie side by side");
/// ```
#[must_use]
pub fn explain(component: &Component) -> Vec<String> {
    let mut lines = Vec::new();
    match &component.operator {
        Operator::Window(it) => {
            lines.push(format!("takes {}", input("events", &it.input)));
            lines.extend(window(&it.window));
            let of: Vec<String> =
                it.aggregates.iter().map(|(name, it)| format!("{name} = {}", aggregate(it))).collect();
            lines.push(format!("computes {}", of.join(", ")));
        }
        Operator::Join(it) => {
            lines.push(format!("takes {} and {}", input("left events", &it.left), input("right events", &it.right)));
            match &it.meeting {
                Meeting::Interval { from_ms, to_ms } => lines.push(format!(
                    "pairs those of one key whose right event happens from {} to {} after the left one",
                    signed(*from_ms),
                    signed(*to_ms)
                )),
                Meeting::Window(shape) => {
                    lines.extend(window(shape));
                    lines.push("pairs those of one key in the same window".to_owned());
                }
            }
        }
        Operator::CoGroup(it) => {
            lines.push(format!("takes {} and {}", input("left events", &it.left), input("right events", &it.right)));
            lines.extend(window(&it.window));
            lines.push("lists what each side has in a window".to_owned());
        }
        Operator::Pattern(it) => {
            lines.push(format!("takes {}", input("events", &it.input)));
            lines.extend(pattern(&it.pattern));
        }
    }
    let output = &component.output;
    lines.push(format!("sends results to {}", targets(&output.to)));
    let late = match &output.late {
        Some(target) => format!("sends late events to {}", targets(std::slice::from_ref(target))),
        None => "counts late events and drops them".to_owned(),
    };
    lines.push(late);
    if let Some(target) = &output.timeout {
        lines.push(format!("sends partial matches that ran out of time to {}", targets(std::slice::from_ref(target))));
    }
    let whose = match component.follows.as_slice() {
        [] => "all ingresses that tell it".to_owned(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    lines.push(format!("follows the event time of {whose}, at level {}", component.level));
    lines
}

fn input(what: &str, input: &Input) -> String {
    let mut text = what.to_owned();
    if let Some(condition) = &input.condition {
        let _ = write!(text, " with {}", condition.text);
    }
    if input.from.is_empty() {
        text.push_str(" that functions send here");
    } else {
        let names: Vec<String> = input.from.iter().map(|origin| origin.name().to_string()).collect();
        let _ = write!(text, " from {}", names.join(", "));
    }
    match &input.key {
        Some(key) => {
            let _ = write!(text, ", grouped by {}", key.text);
        }
        None => text.push_str(", grouped by the id they are sent to"),
    }
    if let Some(time) = &input.time {
        let _ = write!(text, ", at the time {}", time.text);
    }
    text
}

fn window(shape: &WindowShape) -> Vec<String> {
    let mut lines = vec![match &shape.windows {
        Windows::Tumbling { size, offset_ms } => {
            format!("in windows of {} that lie side by side{}", span(*size), offset(*offset_ms))
        }
        Windows::Sliding { size, every, offset_ms } => {
            format!("in windows of {}, one every {}{}", span(*size), span(*every), offset(*offset_ms))
        }
        Windows::Cumulate { size, step, offset_ms } => {
            format!("in windows that grow by {} up to {}{}", span(*step), span(*size), offset(*offset_ms))
        }
        Windows::Session { gap: Gap::Fixed(gap) } => {
            format!("in sessions that end when nothing came for {}", span(*gap))
        }
        Windows::Session { gap: Gap::Each(each) } => {
            format!("in sessions that end when nothing came for as long as {} (milliseconds) says", each.text)
        }
        Windows::Count { size, every: None } => format!("in windows of {size} events"),
        Windows::Count { size, every: Some(every) } => format!("in windows of the last {size} events, every {every}"),
        Windows::Global => "in one window without end".to_owned(),
        Windows::EndOfInput => "in one window that ends with the input".to_owned(),
    }];
    let default = match &shape.windows {
        Windows::Count { .. } => WindowTrigger::Never,
        Windows::Global => WindowTrigger::Never,
        Windows::EndOfInput => WindowTrigger::EndOfInput,
        _ => WindowTrigger::EventTime,
    };
    let counted = matches!(shape.windows, Windows::Count { .. }) && shape.trigger.is_none();
    let fires =
        if counted { "when they are complete".to_owned() } else { trigger(shape.trigger.as_ref().unwrap_or(&default)) };
    lines.push(format!("gives results {fires}"));
    match &shape.evictor {
        Some(WindowEvictor::Count { count, after }) => {
            lines.push(format!("keeps the last {count} events{}", afterwards(*after)));
        }
        Some(WindowEvictor::Time { span: time, after }) => {
            lines.push(format!("keeps the last {}{}", span(*time), afterwards(*after)));
        }
        Some(WindowEvictor::Delta { threshold, of, after }) => lines.push(format!(
            "keeps events whose {} is less than {threshold} below that of the last one{}",
            of.text,
            afterwards(*after)
        )),
        None => {}
    }
    if !shape.allowed_lateness.is_zero() {
        lines.push(format!(
            "waits {} for late events, each of which gives the result again",
            span(shape.allowed_lateness)
        ));
    }
    lines
}

fn afterwards(after: bool) -> &'static str {
    if after { " once a result is given" } else { " before a result is given" }
}

fn trigger(trigger_of: &WindowTrigger) -> String {
    match trigger_of {
        WindowTrigger::EventTime => "when event time passes their end".to_owned(),
        WindowTrigger::ProcessingTime => "when the clock passes their end".to_owned(),
        WindowTrigger::Count { count } => format!("every {count} events"),
        WindowTrigger::Every { interval } => format!("every {} of event time and at their end", span(*interval)),
        WindowTrigger::Delta { threshold, of } => {
            format!("when {} has risen by more than {threshold} since the last one", of.text)
        }
        WindowTrigger::Purging { inner } => format!("{}, and empties the window", trigger(inner)),
        WindowTrigger::EndOfInput => "when the input ends".to_owned(),
        WindowTrigger::Never => "never".to_owned(),
    }
}

fn aggregate(aggregate: &WindowAggregate) -> String {
    let of = aggregate.of().map_or("", |it| it.text.as_str());
    match aggregate {
        WindowAggregate::Count => "the number of events".to_owned(),
        WindowAggregate::Sum { .. } => format!("the sum of {of}"),
        WindowAggregate::Avg { .. } => format!("the average of {of}"),
        WindowAggregate::Min { .. } => format!("the least {of}"),
        WindowAggregate::Max { .. } => format!("the greatest {of}"),
        WindowAggregate::First { .. } => format!("the earliest {of}"),
        WindowAggregate::Last { .. } => format!("the latest {of}"),
        WindowAggregate::Distinct { approximate: false, .. } => format!("how many different {of}"),
        WindowAggregate::Distinct { approximate: true, .. } => format!("about how many different {of}"),
        WindowAggregate::Quantiles { at, .. } => {
            let at: Vec<String> = at.iter().map(ToString::to_string).collect();
            format!("the quantiles {} of {of}", at.join(", "))
        }
        WindowAggregate::TopK { k, .. } => format!("the {k} greatest {of}"),
        WindowAggregate::Collect { .. } => format!("the list of {of}"),
    }
}

fn pattern(spec: &PatternSpec) -> Vec<String> {
    let mut lines = vec![format!("looks for {}", stages(&spec.stages))];
    if let Some(within) = spec.within {
        lines.push(format!("within less than {}", span(within)));
    }
    lines.push(match &spec.skip {
        Skip::None => "gives every match".to_owned(),
        Skip::Next => "gives one match per first event".to_owned(),
        Skip::PastLast => "gives matches that share no event".to_owned(),
        Skip::ToFirst(name) => format!("after a match goes on from its first `{name}`"),
        Skip::ToLast(name) => format!("after a match goes on from its last `{name}`"),
    });
    lines
}

fn stages(stages_of: &[Stage]) -> String {
    stages_of.iter().map(stage).collect::<Vec<_>>().join(", ")
}

fn stage(stage: &Stage) -> String {
    let mut text = match stage.link {
        None => String::new(),
        Some(Link::Next) => "at once ".to_owned(),
        Some(Link::FollowedBy) => "then ".to_owned(),
        Some(Link::FollowedByAny) => "then any ".to_owned(),
        Some(Link::NotNext) => "not at once ".to_owned(),
        Some(Link::NotFollowedBy) => "meanwhile no ".to_owned(),
    };
    match &stage.name {
        Some(name) => text.push_str(name),
        None => {
            let _ = write!(text, "({})", stages(&stage.group));
        }
    }
    if let Some(condition) = &stage.condition {
        let _ = write!(text, " [{}]", condition.text);
    }
    let _ = match stage.times {
        StageTimes::Once => Ok(()),
        StageTimes::Exactly(n) => write!(text, " {n} times"),
        StageTimes::Between(least, most) => write!(text, " {least} to {most} times"),
        StageTimes::AtLeast(n) if n.get() == 1 => write!(text, " once or more"),
        StageTimes::AtLeast(n) => write!(text, " {n} times or more"),
    };
    if stage.optional {
        text.push_str(" or not at all");
    }
    if let Some(until) = &stage.until {
        let _ = write!(text, " until {}", until.text);
    }
    text
}

fn targets(targets: &[Target]) -> String {
    let names: Vec<String> = targets
        .iter()
        .map(|target| match target {
            Target::Function { function, id: None, .. } => format!("{function}/<key>"),
            Target::Function { function, id: Some(id), .. } => format!("{function}/<{}>", id.text),
            Target::Egress { egress, topic: None, .. } => format!("the egress {egress}"),
            Target::Egress { egress, topic: Some(topic), .. } => format!("the topic {topic} of {egress}"),
        })
        .collect();
    names.join(", ")
}

/// `1m`, `1m 30s`: as people say it.
fn span(duration: Duration) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (name, unit) in units {
        if rest >= unit {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

fn signed(millis: i64) -> String {
    let text = span(Duration::from_millis(millis.unsigned_abs()));
    if millis < 0 { format!("-{text}") } else { text }
}

fn offset(millis: i64) -> String {
    if millis == 0 { String::new() } else { format!(", shifted by {}", signed(millis)) }
}
