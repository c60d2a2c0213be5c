//! Event time and components: what is written arrives, and what is wrong is pointed at.

use std::time::Duration;

use statefun::spec::*;

const FROM_CODE: Options = Options { functions_from_code: false, ingress_from_code: false };

/// An application around a component: two timed ingresses, an untimed door, a function, a plain egress and Kafka.
const AROUND: &str = "
---
kind: io.statefun.generator.v1/ingress
spec: {id: a/in, valueType: a/T, targets: [a/f], eventTime: record}
---
kind: io.statefun.generator.v1/ingress
spec: {id: a/other, valueType: a/T, targets: [a/g], eventTime: $.at}
---
kind: io.statefun.http.v1/ingress
spec: {id: a/door}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: a/f, urlPathTemplate: http://h/f}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: a/g, urlPathTemplate: http://h/g}
---
kind: io.statefun.stdout.v1/egress
spec: {id: a/out}
---
kind: io.statefun.kafka.v1/egress
spec: {id: a/kafka, address: k}
";

/// Knows one function and the given variables: enough of a language to have faults with places.
struct Words;

impl Checker for Words {
    fn expression(&self, text: &str, variables: &[&str]) -> Result<(), ExpressionFault> {
        let mut at = 0;
        for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '.') {
            let root =
                word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '.').split('.').next().unwrap_or("");
            let is_name = root.starts_with(char::is_alphabetic);
            if is_name && !variables.contains(&root) {
                let message = format!("`{root}` is not known here");
                return Err(ExpressionFault { message, suggestion: None, at: at..at + root.chars().count() });
            }
            at += word.chars().count();
        }
        Ok(())
    }

    fn component(&self, component: &Component) -> Result<(), String> {
        let refused = component.name.name() == "refused";
        if refused { Err("the operator cannot be made".to_owned()) } else { Ok(()) }
    }
}

fn read(component: &str) -> Result<Module, Vec<Diagnostic>> {
    let file = SourceFile { name: "module.yaml".into(), text: format!("{component}{AROUND}") };
    parse_with(&[file], FROM_CODE, &Words).map(|(module, _)| module)
}

fn good(component: &str) -> Module {
    read(component).unwrap_or_else(|found| panic!("{component}\n{found:#?}"))
}

fn component(module: &Module, name: &str) -> Component {
    module
        .component(&TypeNameText::parse(name).expect("the tests name components properly"))
        .unwrap_or_else(|| panic!("{name}"))
        .clone()
}

/// A window with one thing to vary.
fn window(rest: &str) -> String {
    format!("kind: io.statefun.flow.v1/window\nspec:\n  name: a/w\n  from: a/in\n  to: a/out\n{rest}")
}

fn pattern(rest: &str) -> String {
    format!("kind: io.statefun.flow.v1/pattern\nspec:\n  name: a/p\n  from: a/in\n  to: a/out\n{rest}")
}

/// Each fault is one diagnostic, of this code, at the text between « and ».
fn check(cases: Vec<(String, Code, Option<&str>)>) {
    for (marked, code, meant) in cases {
        let offset = marked.find('«').expect("a case marks its fault");
        let text = marked.replacen('«', "", 1);
        let end = text.find('»').expect("a case marks the end of its fault");
        let text = text.replacen('»', "", 1);
        let found = read(&text).expect_err(&text);
        let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let errors: Vec<_> = found.iter().filter(|it| it.severity == Severity::Error).collect();
        assert_eq!(errors.len(), 1, "one fault is one diagnostic:\n{text}\n{shown}");
        assert_eq!(errors[0].code, code, "{text}\n{shown}");
        assert_eq!(errors[0].suggestion.as_deref(), meant, "{text}\n{shown}");
        assert_eq!((errors[0].span.offset, errors[0].span.length), (offset, end - offset), "{text}\n{shown}");
    }
}

#[test]
fn a_window_with_everything() {
    let module = good(
        "kind: io.statefun.flow.v1/window
spec:
  name: a/w
  from: [a/in, a/g]
  key: event.user
  where: event.amount > 0
  time: event.at
  window: {sliding: 10 s, every: 1 s, offset: -500 ms}
  trigger: {purging: {every: 5 s}}
  evictor: {delta: 2.5, of: event.amount, after: true}
  allowedLateness: 1 min
  aggregate:
    n: count
    sum: {sum: event.amount}
    quantiles: {quantiles: event.amount, at: [0.5, 0.99]}
    top: {topK: event.amount, k: 3}
    users: {distinct: event.user, approximate: true}
  emit: {total: result.sum, of: result.key}
  to:
    - {function: a/f, id: result.key, valueType: a/Total}
    - {egress: a/kafka, topic: totals, key: result.key}
  late: a/out",
    );
    let found = component(&module, "a/w");
    let Operator::Window(it) = &found.operator else { panic!("{found:?}") };
    assert_eq!(it.input.key.as_ref().unwrap().text, "event.user");
    assert_eq!(
        it.window.windows,
        Windows::Sliding { size: Duration::from_secs(10), every: Duration::from_secs(1), offset_ms: -500 }
    );
    let inner = Box::new(WindowTrigger::Every { interval: Duration::from_secs(5) });
    assert_eq!(it.window.trigger, Some(WindowTrigger::Purging { inner }));
    assert_eq!(it.window.allowed_lateness, Duration::from_secs(60));
    let names: Vec<_> = it.aggregates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["n", "sum", "quantiles", "top", "users"]);
    assert_eq!(found.output.emit.as_ref().unwrap().text, r#"{"total": (result.sum), "of": (result.key)}"#);
    assert_eq!(found.output.to.len(), 2);
    assert_eq!(found.level, 1);
    // What `a/g` is sent comes from the other ingress.
    assert_eq!(found.follows.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a/in", "a/other"]);
}

#[test]
fn a_pattern_in_one_line_and_as_stages_is_the_same() {
    let line =
        good(&pattern("  pattern: a[event.x] next (b+ followedBy c?){2} notFollowedBy d{2,5} greedy within 10 s"));
    let list = good(&pattern(
        "  within: 10 s
  pattern:
    - {stage: a, where: event.x}
    - next:
        - {stage: b, times: 1+}
        - {followedBy: c, optional: true}
      times: 2
    - {notFollowedBy: d, times: 2..5, greedy: true}",
    ));
    let stages = |module: &Module| match component(module, "a/p").operator {
        Operator::Pattern(it) => it.pattern,
        other => panic!("{other:?}"),
    };
    let (mut line, mut list) = (stages(&line), stages(&list));
    assert_eq!(line.within, Some(Duration::from_secs(10)));
    for spec in [&mut line, &mut list] {
        let condition = spec.stages[0].condition.as_mut().unwrap();
        assert_eq!(condition.text, "event.x");
        condition.at = Location::default();
    }
    assert_eq!(line, list);
}

#[test]
fn levels_follow_results_through_components_and_functions() {
    let module = good(
        "kind: io.statefun.flow.v1/window
spec: {name: a/first, from: a/in, window: {tumbling: 1 s}, aggregate: count, to: a/f}
---
kind: io.statefun.flow.v1/window
spec: {name: a/second, from: a/f, window: {tumbling: 10 s}, aggregate: count, to: a/third}
---
kind: io.statefun.flow.v1/window
spec: {name: a/third, from: a/other, window: {tumbling: 10 s}, aggregate: count, to: a/out}
---
kind: io.statefun.flow.v1/window
spec: {name: a/told, after: [a/second], window: {tumbling: 10 s}, aggregate: count, to: a/out}",
    );
    let levels: Vec<_> = ["a/first", "a/second", "a/third", "a/told"].map(|it| component(&module, it).level).to_vec();
    assert_eq!(levels, [1, 2, 3, 3]);
    let follows = component(&module, "a/third").follows;
    assert_eq!(follows.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a/in", "a/other"]);
}

#[test]
fn a_cycle_is_refused_and_named() {
    let found = read(
        "kind: io.statefun.flow.v1/window
spec: {name: a/one, from: [a/in, a/three], window: {tumbling: 1 s}, aggregate: count, to: a/two}
---
kind: io.statefun.flow.v1/window
spec: {name: a/two, window: {tumbling: 1 s}, aggregate: count, to: a/f}
---
kind: io.statefun.flow.v1/window
spec: {name: a/three, from: a/f, window: {tumbling: 1 s}, aggregate: count, to: a/out}",
    )
    .expect_err("a cycle");
    assert_eq!(found[0].code, Code::Cycle);
    assert!(found[0].message.ends_with("a/one -> a/two -> a/three -> a/one"), "{}", found[0].message);
}

#[test]
fn windows() {
    let w = |text: &str| window(&format!("  aggregate: count\n  window: {text}"));
    check(vec![
        (w("{«tumblin»: 1 s}"), Code::UnknownField, Some("tumbling")),
        (w("«{}»"), Code::MissingField, None),
        (w("{tumbling: «0 s»}"), Code::InvalidDuration, None),
        (w("{tumbling: 1 s, sliding: «2 s»}"), Code::Conflict, None),
        (w("{sliding: 1 min}").replace("window:", "«window»:"), Code::MissingField, None),
        (w("{cumulate: 10 s, step: «3 s»}"), Code::Conflict, None),
        (w("«global»"), Code::Conflict, None),
        (w("«globl»"), Code::InvalidValue, Some("global")),
        (w("{count: «0»}"), Code::InvalidValue, None),
        (w("{count: 5}\n  allowedLateness: «1 s»"), Code::Conflict, None),
        (w("{session: {each: «evnt».gap}}"), Code::InvalidExpression, None),
        (w("{tumbling: 1 s}\n  trigger: «sometimes»"), Code::InvalidValue, None),
        (w("{tumbling: 1 s}\n  trigger: {delta: «much», of: event.x}"), Code::WrongType, None),
        (w("{tumbling: 1 s}\n  trigger: {purging: {purging: «{count: 3}»}}"), Code::Conflict, None),
        (w("{tumbling: 1 s}\n  evictor: {count: 3, «aftr»: true}"), Code::UnknownField, Some("after")),
    ]);
}

#[test]
fn aggregates() {
    let a = |text: &str| window(&format!("  window: {{tumbling: 1 s}}\n  aggregate: {text}"));
    check(vec![
        (a("«counts»"), Code::InvalidValue, Some("count")),
        (a("«{}»"), Code::EmptyList, None),
        (a("{n: «medium»}"), Code::InvalidValue, None),
        (a("{n: {«sumn»: event.x}}"), Code::UnknownField, Some("sum")),
        (a("{n: «{sum: event.x, avg: event.x}»}"), Code::Conflict, None),
        (a("{«key»: count}"), Code::Conflict, None),
        (a("{n: {quantiles: event.x, at: [0.5, «7»]}}"), Code::InvalidValue, None),
        (a("{n: {topK: event.x, k: «0»}}"), Code::InvalidValue, None),
        (a("{n: {sum: event.x +   «evnt».y}}"), Code::InvalidExpression, None),
    ]);
}

#[test]
fn expressions_are_pointed_into_however_they_are_quoted() {
    let w = |text: &str| window(&format!("  window: {{tumbling: 1 s}}\n  aggregate: count\n{text}"));
    check(vec![
        (w("  key: 'event.a + «foo»'"), Code::InvalidExpression, None),
        (w("  key: \"event.a + «foo»\""), Code::InvalidExpression, None),
        (w("  key: >-\n    event.a +\n    «foo» + event.b"), Code::InvalidExpression, None),
        (w("  key: |\n    event.a +\n      «foo»"), Code::InvalidExpression, None),
        (w("  key: event.a\n    + «foo»"), Code::InvalidExpression, None),
        (w("  emit: {a: result.key, b: «event».x}"), Code::InvalidExpression, None),
    ]);
}

#[test]
fn patterns() {
    let p = |text: &str| pattern(&format!("  pattern: {text}"));
    check(vec![
        (p("a «nxt» b"), Code::InvalidPattern, Some("next")),
        (p("'a next b{«x»}'"), Code::InvalidPattern, None),
        (p("a[event.x > «foo»] next b"), Code::InvalidExpression, None),
        (p("a next b within «0 s»"), Code::InvalidPattern, None),
        (p("a within 1 s\n  within: «2 s»"), Code::Conflict, None),
        (p("a next b\n  conditions: {a: event.x, «c»: event.x}"), Code::UnknownName, None),
        (p("a[event.y]\n  conditions: {«a»: event.x}"), Code::Conflict, None),
        (p("a next b\n  skip: {toFirst: «bb»}"), Code::UnknownName, None),
        (p("a next b\n  skip: «pastlast»"), Code::InvalidValue, Some("pastLast")),
        (p("a\n  limits: {partialMatches: «0»}"), Code::InvalidValue, None),
        (p("[{stage: a}, «{where: event.x}»]"), Code::MissingField, None),
        (p("[{next: «a»}]"), Code::Conflict, None),
        (p("[{stage: a}, {stage: «b»}]"), Code::Conflict, None),
        (p("[{stage: a}, {«followdBy»: b}]"), Code::UnknownField, Some("followedBy")),
        (p("[{stage: «a b»}]"), Code::InvalidValue, None),
        (p("[{stage: a, times: «5..2»}]"), Code::InvalidValue, None),
        (p("«[]»"), Code::EmptyList, None),
    ]);
}

#[test]
fn names_and_targets() {
    let w = "  window: {tumbling: 1 s}\n  aggregate: count";
    let to = |to: &str| format!("kind: io.statefun.flow.v1/window\nspec:\n  name: a/w\n  from: a/in\n  to: {to}\n{w}");
    let from =
        |from: &str| format!("kind: io.statefun.flow.v1/window\nspec:\n  name: a/w\n  from: {from}\n  to: a/out\n{w}");
    check(vec![
        (to("«b/nowhere»"), Code::UnknownName, None),
        (to("«a/outt»"), Code::UnknownName, Some("a/out")),
        (to("«a/kafka»"), Code::Conflict, None),
        (to("{egress: «a/out», topic: t}"), Code::Conflict, None),
        (to("{function: a/f, «topic»: t}"), Code::UnknownField, None),
        (to("«{id: result.key}»"), Code::MissingField, None),
        (to("{function: a/f, egress: «a/out»}"), Code::Conflict, None),
        (from("«b/nobody»"), Code::UnknownName, None),
        (from("«a/door»"), Code::Conflict, None),
        (from("[a/in, «a/inn»]"), Code::UnknownName, Some("a/in")),
        (from("a/in\n  after: «a/ww»"), Code::UnknownName, Some("a/w")),
        (
            format!(
                "{}\n---\nkind: io.statefun.flow.v1/window\nspec:\n  name: «a/w»\n  from: a/in\n  to: a/out\n{w}",
                from("a/in")
            ),
            Code::DuplicateFunctions,
            None,
        ),
        (from("a/in").replace("name: a/w", "name: «a/refused»"), Code::InvalidValue, None),
        (from("a/in").replace("  to: a/out\n", "").replace("spec", "«spec»"), Code::MissingField, None),
    ]);
}

#[test]
fn joins() {
    let j = |rest: &str| {
        format!(
            "kind: io.statefun.flow.v1/join\nspec:\n  name: a/j\n  left: {{from: a/in, key: event.k}}\n  right: {{from: a/other, key: event.k}}\n  to: a/out\n{rest}"
        )
    };
    let module = good(&j("  between: [-5 s, 1 min]"));
    match component(&module, "a/j").operator {
        Operator::Join(it) => assert_eq!(it.meeting, Meeting::Interval { from_ms: -5_000, to_ms: 60_000 }),
        other => panic!("{other:?}"),
    }
    check(vec![
        (j("").replace("spec", "«spec»"), Code::MissingField, None),
        (j("  within: «5 s»\n  window: {tumbling: 1 s}"), Code::Conflict, None),
        (j("  between: «[1 s, -1 s]»"), Code::Conflict, None),
        (j("  between: «[1 s]»"), Code::WrongType, None),
        (
            j("  within: 1 s").replace("left: {from: a/in, key: event.k}", "«left»: {from: a/in}"),
            Code::MissingField,
            None,
        ),
        (j("  within: 1 s").replace("left: {from: a/in,", "left: {«form»: a/in,"), Code::UnknownField, Some("from")),
    ]);
}

#[test]
fn event_time() {
    let g = |time: &str| {
        format!(
            "kind: io.statefun.generator.v1/ingress\nspec: {{id: b/in, valueType: a/T, targets: [a/f], eventTime: {time}}}"
        )
    };
    let module =
        good(&g("{from: {field: $.order.at, format: seconds}, delay: 5 s, idleAfter: 1 min, maxDrift: 2 min}"));
    let path = vec!["order".to_owned(), "at".to_owned()];
    assert_eq!(
        module.ingresses[0].event_time(),
        Some(&IngressTime {
            from: TimestampFrom::Field { path, format: EventTimeFormat::Seconds },
            watermark: WatermarkKind::Bounded { delay: Duration::from_secs(5) },
            idle_after: Some(Duration::from_secs(60)),
            max_drift: Some(Duration::from_secs(120)),
        })
    );
    let module = good(&g("{watermark: {field: $.low}}"));
    let marked = WatermarkKind::Explicit { field: Some(vec!["low".to_owned()]) };
    assert_eq!(module.ingresses[0].event_time().unwrap().watermark, marked);
    check(vec![
        (g("«sometimes»"), Code::InvalidValue, None),
        (g("{from: {header: «h»}}"), Code::InvalidValue, None),
        (g("{from: {field: «$.a..b»}}"), Code::InvalidValue, None),
        (g("{from: «{}»}"), Code::InvalidValue, None),
        (g("{watermark: ascending, delay: «1 s»}"), Code::Conflict, None),
        (g("{watermark: «bounde»}"), Code::InvalidValue, Some("bounded")),
        (g("{«idleafter»: 1 s}"), Code::UnknownField, Some("idleAfter")),
        (g("{idleAfter: «0»}"), Code::InvalidDuration, None),
        (g("{from: «record», field: $.at}"), Code::Conflict, None),
    ]);
}

#[test]
fn a_window_that_would_wait_for_ever_is_refused() {
    let text = "kind: io.statefun.flow.v1/window
spec: {name: «a/w», from: b/in, window: {tumbling: 1 s}, aggregate: count, to: a/out}
---
kind: io.statefun.generator.v1/ingress
spec: {id: b/in, valueType: a/T, targets: [a/f]}";
    check(vec![(text.to_owned(), Code::NoEventTime, None)]);
    good(&text.replace(['«', '»'], "").replace("tumbling: 1 s", "count: 5"));
}
