//! Faulty modules, one fault each. The text between « and » is what the diagnostic must point at.

use statefun::spec::{Code, Diagnostic, Options, Severity, SourceFile, parse};

const FROM_CODE: Options = Options { functions_from_code: true, ingress_from_code: true };

struct Bad {
    yaml: &'static str,
    code: Code,
    path: &'static str,
    suggestion: Option<&'static str>,
}

fn bad(yaml: &'static str, code: Code, path: &'static str) -> Bad {
    Bad { yaml, code, path, suggestion: None }
}

impl Bad {
    fn meant(self, suggestion: &'static str) -> Self {
        Self { suggestion: Some(suggestion), ..self }
    }
}

/// The text without its marks, and line, column, offset and length of what was marked.
fn unmark(marked: &str) -> (String, usize, usize, usize, usize) {
    let offset = marked.find('«').expect("a case marks its fault");
    let text = marked.replacen('«', "", 1);
    let end = text.find('»').expect("a case marks the end of its fault");
    let text = text.replacen('»', "", 1);
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (text, line, column, offset, end - offset)
}

fn diagnostics(text: &str, options: Options) -> (bool, Vec<Diagnostic>) {
    match parse(&[SourceFile { name: "module.yaml".into(), text: text.into() }], options) {
        Ok((_, warnings)) => (true, warnings),
        Err(diagnostics) => (false, diagnostics),
    }
}

fn check(cases: Vec<Bad>, severity: Severity) {
    for case in cases {
        let (text, line, column, offset, length) = unmark(case.yaml);
        let (runs, found) = diagnostics(&text, FROM_CODE);
        let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(found.len(), 1, "one fault is one diagnostic:\n{text}\n{shown}");
        assert_eq!(runs, severity == Severity::Warning, "{shown}");
        let it = &found[0];
        assert_eq!(it.severity, severity, "{shown}");
        assert_eq!(it.code, case.code, "{shown}");
        assert_eq!(it.path, case.path, "{shown}");
        assert_eq!(it.suggestion.as_deref(), case.suggestion, "{shown}");
        assert_eq!(it.file, "module.yaml");
        assert_eq!((it.line, it.column), (line, column), "{text}\n{shown}");
        assert_eq!((it.span.offset, it.span.length), (offset, length), "{text}\n{shown}");
    }
}

macro_rules! v2 {
    ($rest:literal) => {
        concat!("kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://h/f\n", $rest)
    };
}

macro_rules! v1 {
    ($rest:literal) => {
        concat!("kind: io.statefun.endpoints.v1/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://h/f\n", $rest)
    };
}

macro_rules! kafka_in {
    ($rest:literal) => {
        concat!(
            "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: k:9092\n  consumerGroupId: g\n",
            "  topics:\n    - topic: t\n      valueType: a/T\n      targets: [a/f]\n",
            $rest
        )
    };
}

macro_rules! kafka_out {
    ($rest:literal) => {
        concat!("kind: io.statefun.kafka.v1/egress\nspec:\n  id: a/out\n  address: k:9092\n", $rest)
    };
}

macro_rules! generator {
    ($rest:literal) => {
        concat!(
            "kind: io.statefun.generator.v1/ingress\nspec:\n  id: a/gen\n  valueType: a/T\n  targets: [a/f]\n",
            $rest
        )
    };
}

#[test]
fn documents() {
    check(
        vec![
            bad("kind: «»\"a\nspec: {}", Code::Syntax, ""),
            bad("«- kind: a/b»", Code::WrongType, ""),
            bad("«»spec: {}", Code::MissingField, "kind"),
            bad("«»kind: io.statefun.stdout.v1/egress", Code::MissingField, "spec"),
            bad("«kin»: io.statefun.kafka.v1/egress\nspec: {}", Code::UnknownField, "kin").meant("kind"),
            bad("kind: «io.statefun.kafka.v1/ingres»\nspec: {}", Code::UnknownKind, "kind")
                .meant("io.statefun.kafka.v1/ingress"),
            bad("kind: «kinesis/egress»\nspec: {}", Code::UnknownKind, "kind").meant("io.statefun.kinesis.v1/egress"),
            bad("kind: «acme.com/rabbit»\nspec: {}", Code::UnknownKind, "kind"),
            bad("kind: io.statefun.stdout.v1/egress\nspec: «nothing»", Code::WrongType, "spec"),
            bad("kind: io.statefun.stdout.v1/egress\n«spec»:", Code::MissingField, "spec"),
            bad("kind: io.statefun.stdout.v1/egress\nspec:\n  id: a/b\n  «id»: a/c", Code::DuplicateKey, ""),
            bad("kind: io.statefun.stdout.v1/egress\nspec:\n  id: a/b\n  «<<»: 3", Code::MergeKey, ""),
            bad("kind: io.statefun.stdout.v1/egress\nspec:\n  id: a/b\n  ? «[x]»\n  : 3", Code::WrongType, ""),
        ],
        Severity::Error,
    );
}

#[test]
fn endpoints() {
    check(
        vec![
            bad(
                "kind: io.statefun.endpoints.v2/http\n«spec»:\n  functions: a/b",
                Code::MissingField,
                "spec.urlPathTemplate",
            ),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  «urlPathTemplat»: http://h/",
                Code::UnknownField,
                "spec.urlPathTemplat",
            )
            .meant("urlPathTemplate"),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: «a/b*»\n  urlPathTemplate: http://h/",
                Code::InvalidSelector,
                "spec.functions",
            )
            .meant("a/*"),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: «greeter»\n  urlPathTemplate: http://h/",
                Code::InvalidSelector,
                "spec.functions",
            ),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: «a/b/c»\n  urlPathTemplate: http://h/",
                Code::InvalidSelector,
                "spec.functions",
            ),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: «http://h/{name}»",
                Code::InvalidUrl,
                "spec.urlPathTemplate",
            )
            .meant("http://h/{function.name}"),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: «localhost:8000/f»",
                Code::InvalidUrl,
                "spec.urlPathTemplate",
            )
            .meant("http://localhost:8000/f"),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: «ws://h/f»",
                Code::InvalidUrl,
                "spec.urlPathTemplate",
            ),
            bad(
                "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/b\n  urlPathTemplate: «\"http://h/\\a\"»",
                Code::InvalidUrl,
                "spec.urlPathTemplate",
            ),
            bad(v2!("  maxNumBatchRequests: «0»"), Code::InvalidValue, "spec.maxNumBatchRequests"),
            bad(v2!("  maxNumBatchRequests: «many»"), Code::WrongType, "spec.maxNumBatchRequests"),
            bad(v1!("  maxNumBatchRequests: «\"5\"»"), Code::WrongType, "spec.maxNumBatchRequests").meant("5"),
            bad(
                v2!("  transport:\n    type: «io.statefun.transports.v1/asink»"),
                Code::InvalidValue,
                "spec.transport.type",
            )
            .meant("io.statefun.transports.v1/async"),
            bad(v2!("  transport:\n    call: «0 s»"), Code::InvalidDuration, "spec.transport.call"),
            bad(v2!("  transport:\n    connect: «5 secunds»"), Code::InvalidDuration, "spec.transport.connect")
                .meant("5 seconds"),
            bad(v2!("  transport:\n    pool_size: «0»"), Code::InvalidValue, "spec.transport.pool_size"),
            bad(v2!("  transport:\n    client_cert: «/c.pem»"), Code::Conflict, "spec.transport.client_cert"),
            bad(
                v2!("  transport:\n    timeouts:\n      call: «0»"),
                Code::InvalidDuration,
                "spec.transport.timeouts.call",
            ),
            bad(
                v1!("  timeouts:\n    call: 5 s\n    connect: 5 s\n    read: «6 s»\n    write: 1 s"),
                Code::InvalidDuration,
                "spec.timeouts.read",
            ),
            bad(v1!("  timeouts:\n    write: «0 ms»"), Code::InvalidDuration, "spec.timeouts.write"),
            bad(v2!("  onFailure:\n    then: «prak»\n    maxAttempts: 3"), Code::InvalidValue, "spec.onFailure.then")
                .meant("park"),
            bad(v2!("  onFailure:\n    then: «park»"), Code::Conflict, "spec.onFailure.then"),
            bad(v2!("  onFailure:\n    «maxAttemps»: 3"), Code::UnknownField, "spec.onFailure.maxAttemps")
                .meant("maxAttempts"),
            bad(v2!("  batchBytesMax: «lots»"), Code::InvalidValue, "spec.batchBytesMax"),
            bad(v2!("  eventTime: «exakt»"), Code::InvalidValue, "spec.eventTime").meant("exact"),
            bad(
                v2!(
                    "---\nkind: io.statefun.endpoints.v1/http\nspec:\n  functions: «a/*»\n  urlPathTemplate: http://h/g"
                ),
                Code::DuplicateFunctions,
                "spec.functions",
            ),
            bad(
                v2!("---\nkind: io.statefun.embedded.v1/functions\nspec:\n  functions: [b/*, «a/*»]"),
                Code::DuplicateFunctions,
                "spec.functions[1]",
            ),
        ],
        Severity::Error,
    );
}

#[test]
fn kafka() {
    check(
        vec![
            bad(
                "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: «in»\n  address: k\n  consumerGroupId: g\n  topics:\n    - {topic: t, valueType: a/T, targets: [a/f]}",
                Code::InvalidTypename,
                "spec.id",
            ),
            bad(
                "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: k\n  consumerGroupId: g\n  topics:\n    - topic: t\n      valueType: a/T\n      targets:\n        - a/f\n        - «a:g»",
                Code::InvalidTypename,
                "spec.topics[0].targets[1]",
            )
            .meant("a/g"),
            bad(
                "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: k\n  consumerGroupId: g\n  topics: «[]»",
                Code::EmptyList,
                "spec.topics",
            ),
            bad(
                "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: k\n  consumerGroupId: g\n  topics:\n    - «»topic: t\n      targets: [a/f]",
                Code::MissingField,
                "spec.topics[0].valueType",
            ),
            bad(
                "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/in\n  address: k\n  consumerGroupId: g\n  topics:\n    - topic: t\n      valueType: a/T\n      «target»: [a/f]",
                Code::UnknownField,
                "spec.topics[0].target",
            )
            .meant("targets"),
            bad(
                "kind: io.statefun.kafka.v1/ingress\n«spec»:\n  id: a/in\n  consumerGroupId: g\n  topics:\n    - {topic: t, valueType: a/T, targets: [a/f]}",
                Code::MissingField,
                "spec.address",
            ),
            bad(
                "kind: io.statefun.kafka.v1/ingress\n«spec»:\n  id: a/in\n  address: k\n  topics:\n    - {topic: t, valueType: a/T, targets: [a/f]}",
                Code::MissingField,
                "spec.consumerGroupId",
            ),
            bad(kafka_in!("  autoOffsetResetPosition: «erliest»"), Code::InvalidValue, "spec.autoOffsetResetPosition")
                .meant("earliest"),
            bad(kafka_in!("  startupPosition: «earliest»"), Code::WrongType, "spec.startupPosition"),
            bad(kafka_in!("  startupPosition:\n    type: «group_offsets»"), Code::InvalidValue, "spec.startupPosition.type")
                .meant("group-offsets"),
            bad(
                kafka_in!("  «startupPosition»:\n    type: specific-offsets"),
                Code::MissingField,
                "spec.startupPosition.offsets",
            ),
            bad(
                kafka_in!("  startupPosition:\n    type: specific-offsets\n    offsets: «[]»"),
                Code::EmptyList,
                "spec.startupPosition.offsets",
            ),
            bad(
                kafka_in!("  startupPosition:\n    type: specific-offsets\n    offsets:\n      - t: «5»"),
                Code::InvalidValue,
                "spec.startupPosition.offsets[0].t",
            ),
            bad(
                kafka_in!("  startupPosition:\n    type: specific-offsets\n    offsets:\n      - t/0: «-5»"),
                Code::InvalidValue,
                "spec.startupPosition.offsets[0][\"t/0\"]",
            ),
            bad(
                kafka_in!("  startupPosition:\n    type: date\n    date: «yesterday»"),
                Code::InvalidDate,
                "spec.startupPosition.date",
            ),
            bad(
                kafka_in!("  properties:\n    - ssl.truststore.location: «/t.jks»"),
                Code::PropertyRefused,
                "spec.properties[0][\"ssl.truststore.location\"]",
            ),
            bad(kafka_in!("  properties: «fast»"), Code::WrongType, "spec.properties"),
            bad(kafka_out!("  deliverySemantic:\n    type: «exactly_once»\n    transactionTimeout: 1 min"), Code::InvalidValue, "spec.deliverySemantic.type")
                .meant("exactly-once"),
            bad(
                kafka_out!("  «deliverySemantic»:\n    type: exactly-once"),
                Code::MissingField,
                "spec.deliverySemantic.transactionTimeout",
            ),
            bad(
                kafka_out!("  deliverySemantic:\n    type: exactly-once\n    transactionTimeout: «0»"),
                Code::InvalidDuration,
                "spec.deliverySemantic.transactionTimeout",
            ),
            bad(
                kafka_out!("---\nkind: io.statefun.stdout.v1/egress\nspec:\n  id: «a/out»"),
                Code::DuplicateId,
                "spec.id",
            ),
        ],
        Severity::Error,
    );
}

#[test]
fn our_own_kinds() {
    check(
        vec![
            bad("kind: io.statefun.http.v1/ingress\nspec:\n  address: «8090»", Code::InvalidValue, "spec.address")
                .meant("127.0.0.1:8090"),
            bad("kind: io.statefun.http.v1/ingress\nspec:\n  port: «80900»", Code::InvalidValue, "spec.port"),
            bad("kind: io.statefun.http.v1/ingress\nspec:\n  «maxBodyByte»: 3", Code::UnknownField, "spec.maxBodyByte")
                .meant("maxBodyBytes"),
            bad("kind: io.statefun.http.v1/ingress\nspec:\n  address: «a:1»\n  port: 1", Code::Conflict, "spec.address"),
            bad(
                "kind: io.statefun.playground.v1/ingress\nspec: {port: 8090}\n---\nkind: io.statefun.http.v1/ingress\nspec: {port: «8090»}",
                Code::DuplicateResource,
                "spec.port",
            ),
            bad(
                "kind: io.statefun.http.v1/egress\nspec:\n  id: a/hook\n  url: «h.example/x»",
                Code::InvalidUrl,
                "spec.url",
            )
            .meant("http://h.example/x"),
            bad(
                "kind: io.statefun.http.v1/egress\nspec:\n  id: a/hook\n  url: http://h/\n  headers:\n    X Y: «z»",
                Code::InvalidValue,
                "spec.headers[\"X Y\"]",
            ),
            bad(
                "kind: io.statefun.http.v1/egress\nspec:\n  id: a/hook\n  url: http://h/\n  backoff: {initial: 5 s, max: «1 s»}",
                Code::Conflict,
                "spec.backoff.max",
            ),
            bad(
                "kind: io.statefun.file.v1/ingress\nspec:\n  id: a/f\n  path: x\n  format: «json»\n  key: k\n  valueType: a/T\n  targets: [a/f]",
                Code::InvalidValue,
                "spec.format",
            )
            .meant("jsonl"),
            bad(
                "kind: io.statefun.file.v1/ingress\n«spec»:\n  id: a/f\n  path: x\n  format: csv\n  valueType: a/T\n  targets: [a/f]",
                Code::MissingField,
                "spec.key",
            ),
            bad(
                "kind: io.statefun.file.v1/ingress\nspec:\n  id: a/f\n  path: x\n  format: text\n  follow: «yes»\n  valueType: a/T\n  targets: [a/f]",
                Code::WrongType,
                "spec.follow",
            )
            .meant("true"),
            bad(
                "kind: io.statefun.file.v1/ingress\nspec:\n  id: a/f\n  path: x\n  format: text\n  eventTime: «ts»\n  valueType: a/T\n  targets: [a/f]",
                Code::Conflict,
                "spec.eventTime",
            ),
            bad(
                "kind: io.statefun.file.v1/egress\nspec: {id: a/f, path: out}\n---\nkind: io.statefun.file.v1/egress\nspec: {id: a/g, path: «out»}",
                Code::DuplicateResource,
                "spec.path",
            ),
            bad(generator!("  ratePerSecond: «-1»"), Code::InvalidValue, "spec.ratePerSecond"),
            bad(generator!("  keys: «0»"), Code::InvalidValue, "spec.keys"),
            bad(generator!("  template: «'{{kee}}'»"), Code::InvalidValue, "spec.template").meant("{{key}}"),
            bad(generator!("  template: x\n  json: «y»"), Code::Conflict, "spec.json"),
            bad("kind: io.statefun.stdout.v1/egress\nspec: {id: a/b, format: «txt»}", Code::InvalidValue, "spec.format")
                .meant("text"),
            bad(
                "kind: io.statefun.embedded.v1/functions\nspec: {«function»: a/b}",
                Code::UnknownField,
                "spec.function",
            )
            .meant("functions"),
            bad("kind: io.statefun.embedded.v1/functions\nspec: {functions: «[]»}", Code::EmptyList, "spec.functions"),
            bad("kind: io.statefun.playground.v1/egress\nspec: {port: 1, topics: «x»}", Code::WrongType, "spec.topics"),
        ],
        Severity::Error,
    );
}

#[test]
fn the_legacy_format() {
    check(
        vec![
            bad("version: «3.0»\nmodule:\n  meta: {type: remote}\n  spec: {}", Code::UnsupportedVersion, "version")
                .meant("\"3.0\""),
            bad("version: «\"2.0\"»\nmodule:\n  meta: {type: remote}\n  spec: {}", Code::UnsupportedVersion, "version"),
            bad("version: «\"3.1\"»\nmodule:\n  meta: {type: remote}\n  spec: {}", Code::UnsupportedVersion, "version"),
            bad("version: \"3.0\"\nmodule:\n  meta: {type: «embedded»}\n  spec: {}", Code::InvalidValue, "module.meta.type")
                .meant("remote"),
            bad(
                "version: \"3.0\"\nmodule:\n  meta: {type: remote}\n  spec:\n    endpoints:\n      - endpoint:\n          meta: {kind: «htp»}\n          spec: {functions: a/b, urlPathTemplate: http://h/}",
                Code::UnknownKind,
                "module.spec.endpoints[0].endpoint.meta.kind",
            )
            .meant("http"),
            bad(
                "version: \"3.0\"\nmodule:\n  meta: {type: remote}\n  spec:\n    ingresses:\n      - ingress:\n          meta: {type: io.statefun.kafka/ingress, id: «in»}\n          spec:\n            address: k\n            consumerGroupId: g\n            topics: [{topic: t, valueType: a/T, targets: [a/f]}]",
                Code::InvalidTypename,
                "module.spec.ingresses[0].ingress.meta.id",
            ),
            bad(
                "version: \"3.0\"\nmodule:\n  meta: {type: remote}\n  spec:\n    egresses:\n      - egress:\n          meta: {type: «io.statefun.kafka/ingress», id: a/b}\n          spec: {}",
                Code::UnknownKind,
                "module.spec.egresses[0].egress.meta.type",
            ),
        ],
        Severity::Error,
    );
}

#[test]
fn warnings_do_not_keep_a_module_from_running() {
    check(
        vec![
            bad(v2!("  «maxNumBatchRequest»: 5"), Code::UnknownField, "spec.maxNumBatchRequest")
                .meant("maxNumBatchRequests"),
            bad(v2!("  «timeouts»: {call: 5 s}"), Code::UnknownField, "spec.timeouts"),
            bad(v2!("  transport:\n    «payloadMaxBytes»: 5"), Code::UnknownField, "spec.transport.payloadMaxBytes")
                .meant("payload_max_bytes"),
            bad(v2!("«name»: mine"), Code::UnknownField, "name"),
            bad(v1!("  timeouts: {call: «5 s», connect: 1 s, read: 1 s}"), Code::NotPortable, "spec.timeouts.call"),
            bad(
                kafka_in!("    - topic: «t»\n      valueType: a/T\n      targets: [a/g]"),
                Code::DuplicateTopic,
                "spec.topics[1].topic",
            ),
            bad(
                kafka_in!("    - topic: u\n      valueType: a/T\n      targets: «[]»"),
                Code::EmptyList,
                "spec.topics[1].targets",
            ),
            bad(
                kafka_in!("  startupPosition:\n    type: date\n    date: «2020-02-01 04:15:00.00 Z»"),
                Code::NotPortable,
                "spec.startupPosition.date",
            ),
            bad(
                kafka_in!("  properties:\n    - flink.poll-timeout: «100»"),
                Code::PropertyIgnored,
                "spec.properties[0][\"flink.poll-timeout\"]",
            ),
            bad(
                kafka_in!("  properties:\n    - sesion.timeout.ms: «100»"),
                Code::PropertyIgnored,
                "spec.properties[0][\"sesion.timeout.ms\"]",
            )
            .meant("session.timeout.ms"),
            bad("kind: io.statefun.kinesis.v1/egress\n«spec»: {id: a/b}", Code::NotServed, "spec"),
        ],
        Severity::Warning,
    );
}

#[test]
fn every_fault_is_reported_at_once_in_the_order_of_the_text() {
    let first = "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: nope\n  urlPathTemplate: nope\n  extra: 1\n";
    let second =
        "kind: io.statefun.kafka.v1/egress\nspec: {id: x, address: k}\n---\nkind: what/ever\nspec: {}\n---\nfoo: [";
    let files = [("a.yaml", first), ("b.yaml", second)]
        .map(|(name, text)| SourceFile { name: name.to_owned(), text: text.to_owned() });
    let found = parse(&files, Options::default()).unwrap_err();
    let brief: Vec<_> = found.iter().map(|it| (it.file.as_str(), it.line, it.code)).collect();
    assert_eq!(
        brief,
        [
            ("a.yaml", 3, Code::InvalidSelector),
            ("a.yaml", 4, Code::InvalidUrl),
            ("a.yaml", 5, Code::UnknownField),
            ("b.yaml", 2, Code::InvalidTypename),
            ("b.yaml", 4, Code::UnknownKind),
            ("b.yaml", 7, Code::Syntax),
        ]
    );
}

#[test]
fn a_module_needs_an_ingress_and_functions_unless_code_brings_them() {
    let egress = "kind: io.statefun.stdout.v1/egress\nspec: {id: a/b}";
    let (runs, found) = diagnostics(egress, Options::default());
    assert!(!runs);
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), [Code::NoIngress, Code::NoFunctions]);
    assert_eq!((found[0].line, found[0].column), (1, 1));
    let functions = Options { functions_from_code: true, ..Options::default() };
    assert_eq!(diagnostics(egress, functions).1.iter().map(|it| it.code).collect::<Vec<_>>(), [Code::NoIngress]);
    assert_eq!(diagnostics(egress, FROM_CODE), (true, vec![]));
}

#[test]
fn a_repetition_names_the_first_declaration_across_files() {
    let endpoint = "kind: io.statefun.endpoints.v2/http\nspec: {functions: a/b, urlPathTemplate: 'http://h/'}";
    let files = ["a.yaml", "b.yaml"].map(|name| SourceFile { name: name.to_owned(), text: endpoint.to_owned() });
    let found = parse(&files, FROM_CODE).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file, "b.yaml");
    assert!(found[0].message.contains("previously defined"), "{}", found[0]);
    assert!(found[0].help.as_deref().unwrap().contains("a.yaml:2:8"), "{}", found[0]);
}

#[test]
fn positions_count_characters_and_spans_count_bytes() {
    let text = "\u{feff}# naïve café\r\nkind: io.statefun.stdout.v1/egress\r\nspec: {id: a/ü, fürmat: text}\r\n";
    let (_, found) = diagnostics(text, FROM_CODE);
    assert_eq!(found.len(), 1, "{found:?}");
    let it = &found[0];
    assert_eq!((it.line, it.column), (3, 17));
    assert_eq!(&text[it.span.offset..it.span.offset + it.span.length], "fürmat");
}

#[test]
fn expansion_is_bounded() {
    let mut bomb = String::from("x-0: &a0 [y, y, y, y, y, y, y, y, y, y]\n");
    for level in 1..9 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("x-{level}: &a{level} [{}]\n", alias.trim_end_matches(", ")));
    }
    let (_, found) = diagnostics(&bomb, FROM_CODE);
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), [Code::TooLarge]);
    let (_, found) = diagnostics(&"[".repeat(100), FROM_CODE);
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), [Code::TooLarge]);
}

#[test]
fn a_diagnostic_is_one_readable_line() {
    let (_, found) = diagnostics("kind: io.statefun.stdout.v1/egress\nspec: {id: a/b, fromat: text}", FROM_CODE);
    assert_eq!(
        found[0].to_string(),
        "module.yaml:2:17: error[spec::unknown_field] at spec.fromat: unknown field `fromat`; did you mean `format`?"
    );
}
