//! Good modules of each kind: what is written arrives, what is not written has its default.

use std::time::Duration;

use statefun::spec::*;

fn module(text: &str) -> Module {
    let options = Options { functions_from_code: true, ingress_from_code: true };
    let file = SourceFile { name: "module.yaml".into(), text: text.into() };
    match parse(&[file], options) {
        Ok((module, warnings)) => {
            assert!(warnings.iter().all(|it| it.code == Code::NotServed), "{warnings:#?}");
            module
        }
        Err(found) => panic!("{found:#?}"),
    }
}

fn name(text: &str) -> TypeNameText {
    TypeNameText::parse(text).expect("a typename of this test")
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn an_endpoint_has_the_defaults_of_its_kind() {
    let module = module(
        "
kind: io.statefun.endpoints.v2/http
spec:
  functions: shop/*
  urlPathTemplate: https://host:8000/{function.name}
---
kind: io.statefun.endpoints.v1/http
spec:
  functions: shop/cart
  urlPathTemplate: http://cart:8000/
",
    );
    let v2 = &module.endpoints[0];
    assert_eq!(v2.functions, FunctionSelector::Namespace("shop".into()));
    assert_eq!(v2.url.render("stock"), "https://host:8000/stock");
    assert_eq!((v2.max_num_batch_requests.get(), v2.batch_bytes_max), (1000, 524_288));
    assert_eq!(v2.on_failure, OnFailure { max_attempts: None, then: FailureAction::Hold });
    assert_eq!(v2.event_time, EventTimeMode::Exact);
    let Transport::Async(transport) = &v2.transport else { panic!("{v2:?}") };
    assert_eq!((transport.call, transport.connect), (secs(120), secs(20)));
    assert_eq!((transport.pool_ttl, transport.pool_size.get()), (Some(secs(15)), 1024));
    assert_eq!(transport.payload_max_bytes, 33_554_432);
    assert_eq!((&transport.trust_cacerts, &transport.client_identity), (&None, &None));

    let v1 = &module.endpoints[1];
    let limits = OkHttpTransport { call: secs(60), connect: secs(10), read: secs(10), write: secs(10) };
    assert_eq!(v1.transport, Transport::OkHttp(limits));
    assert_eq!(v1.declared_at.to_string(), "module.yaml:8:1");

    assert_eq!(module.endpoint("shop", "cart"), Some(v1), "an exact binding wins");
    assert_eq!(module.endpoint("shop", "stock"), Some(v2));
    assert_eq!(module.endpoint("shopping", "stock"), None, "a namespace is no prefix");
}

#[test]
fn an_endpoint_with_everything() {
    let module = module(
        "
kind: io.statefun.endpoints.v2/http
spec:
  functions: a/b
  urlPathTemplate: http+unix:///run/f.sock/serve
  maxNumBatchRequests: 10000
  batchBytesMax: 1 MiB
  eventTime: coarse
  onFailure: {maxAttempts: 5, then: park}
  transport:
    type: io.statefun.transports.v1/async
    call: 1day
    connect: 3 sec
    pool_ttl: 0
    pool_size: 7
    payload_max_bytes: 1000
    trust_cacerts: file:///etc/ca.pem
    client_cert: classpath:cert.pem
    client_key: /etc/key.pem
    client_key_password: file:/etc/pass
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: a/c
  urlPathTemplate: http://h/
  transport:
    type: io.statefun.transports.v1/okhttp
    timeouts: {call: 2m, connect: 20, read: 30 s, write: 1 min}
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: a/d
  urlPathTemplate: http://h/
  transport:
    call: 5 min
    timeouts: {read: 3 s}
",
    );
    let all = &module.endpoints[0];
    assert_eq!(all.url.render_unix("b"), Some(("/run/f.sock".into(), "/serve".into())));
    assert_eq!((all.max_num_batch_requests.get(), all.batch_bytes_max), (10_000, 1 << 20));
    assert_eq!((all.event_time, all.on_failure.then), (EventTimeMode::Coarse, FailureAction::Park));
    assert_eq!(all.on_failure.max_attempts.map(u32::from), Some(5));
    let Transport::Async(transport) = &all.transport else { panic!("{all:?}") };
    assert_eq!((transport.call, transport.connect, transport.pool_ttl), (secs(86_400), secs(3), None));
    assert_eq!((transport.pool_size.get(), transport.payload_max_bytes), (7, 1000));
    assert_eq!(transport.trust_cacerts, Some(FileLocation::Path("/etc/ca.pem".into())));
    let identity = ClientIdentity {
        cert: FileLocation::Classpath("cert.pem".into()),
        key: FileLocation::Path("/etc/key.pem".into()),
        key_password: Some(FileLocation::Path("/etc/pass".into())),
    };
    assert_eq!(transport.client_identity, Some(identity));
    let limits =
        OkHttpTransport { call: secs(120), connect: Duration::from_millis(20), read: secs(30), write: secs(60) };
    assert_eq!(module.endpoints[1].transport, Transport::OkHttp(limits));
    let Transport::Async(migrated) = &module.endpoints[2].transport else { panic!("{module:?}") };
    assert_eq!((migrated.call, migrated.connect), (secs(60), secs(10)), "`timeouts` wins over the flat fields");
}

fn kafka(startup: &str) -> KafkaIngress {
    let text = format!(
        "
kind: io.statefun.kafka.v1/ingress
spec:
  id: shop/carts
  address: kafka:9092
  consumerGroupId: g
  startupPosition: {startup}
  topics:
    - topic: carts
      valueType: shop/Add
      targets: [shop/cart, shop/audit]
"
    );
    match module(&text).ingresses.remove(0) {
        Ingress::Kafka(kafka) => kafka,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_startup_position_of_kafka() {
    let plain = kafka("");
    assert_eq!(plain.startup_position, KafkaStartup::Latest);
    assert_eq!(plain.auto_offset_reset, OffsetReset::Latest);
    assert_eq!(plain.partition_discovery_interval, None);
    let route = Route {
        from: "carts".into(),
        value_type: "shop/Add".into(),
        targets: vec![name("shop/cart"), name("shop/audit")],
    };
    assert_eq!(plain.topics, [route]);
    assert_eq!(kafka("{type: latest}").startup_position, KafkaStartup::Latest);
    assert_eq!(kafka("{type: earliest}").startup_position, KafkaStartup::Earliest);
    assert_eq!(kafka("{type: group-offsets}").startup_position, KafkaStartup::GroupOffsets);
    assert_eq!(
        kafka("{type: date, date: 2020-02-01 04:15:00.000 +0200}").startup_position,
        KafkaStartup::Date { timestamp_ms: 1_580_523_300_000 }
    );
    let offset = |topic: &str, partition, offset| PartitionOffset { topic: topic.into(), partition, offset };
    assert_eq!(
        kafka("{type: specific-offsets, offsets: [{carts/1: 7}, {a/b/0: 3}, {carts/0: 9}, {carts/1: 8}]}")
            .startup_position,
        KafkaStartup::SpecificOffsets {
            offsets: vec![offset("a/b", 0, 3), offset("carts", 0, 9), offset("carts", 1, 8)]
        }
    );
}

#[test]
fn kafka_settings_may_come_from_properties_and_named_fields_win() {
    let module = module(
        "
kind: io.statefun.kafka.v1/ingress
spec:
  id: a/in
  address: named:1
  autoOffsetResetPosition: Earliest
  topics: [{topic: t, valueType: a/T, targets: [a/f]}]
  properties:
    - bootstrap.servers: property:1
    - group.id: g
    - session.timeout.ms: 10000
    - session.timeout.ms: 20000
    - fetch.max.wait.ms: 5
    - flink.partition-discovery.interval-millis: 3000
    - sasl.jaas.config: 'x.PlainLoginModule required username=\"u\" password=\"p\";'
---
kind: io.statefun.kafka.v1/egress
spec:
  id: a/out
  deliverySemantic: {type: exactly-once, transactionTimeout: 15min, transactionTimeoutMillis: 100000}
  properties:
    bootstrap.servers: property:2
---
kind: io.statefun.kafka.v1/egress
spec: {id: a/out2, address: k, deliverySemantic: {type: none}}
---
kind: io.statefun.kafka.v1/egress
spec: {id: a/out3, address: k}
",
    );
    let Ingress::Kafka(ingress) = &module.ingresses[0] else { panic!("{module:?}") };
    assert_eq!((ingress.address.as_str(), ingress.consumer_group_id.as_str()), ("named:1", "g"));
    assert_eq!(ingress.auto_offset_reset, OffsetReset::Earliest);
    assert_eq!(ingress.properties.get("session.timeout.ms"), Some("20000"));
    assert_eq!(ingress.client_properties.get("fetch.wait.max.ms"), Some("5"));
    assert_eq!(ingress.client_properties.get("sasl.password"), Some("p"));
    assert_eq!(ingress.partition_discovery_interval, Some(secs(3)));
    let egress = |index: usize| match &module.egresses[index] {
        Egress::Kafka(kafka) => (kafka.address.as_str(), kafka.delivery),
        other => panic!("{other:?}"),
    };
    assert_eq!(egress(0), ("property:2", Delivery::ExactlyOnce { transaction_timeout: secs(100) }));
    assert_eq!(egress(1), ("k", Delivery::None));
    assert_eq!(egress(2), ("k", Delivery::AtLeastOnce));
}

#[test]
fn named_fields_of_kafka_are_not_repeated_among_the_client_properties() {
    let module = module(
        "
kind: io.statefun.kafka.v1/egress
spec:
  id: a/out
  address: named:1
  deliverySemantic: {type: exactly-once, transactionTimeout: 15min}
  properties:
    - bootstrap.servers: property:2
    - transaction.timeout.ms: 5
    - linger.ms: 5
",
    );
    let Egress::Kafka(egress) = &module.egresses[0] else { panic!("{module:?}") };
    assert_eq!(egress.client_properties.iter().collect::<Vec<_>>(), [("linger.ms", "5")]);
}

#[test]
fn kinesis_is_read_in_full_and_flagged_as_not_served() {
    let module = module(
        "
kind: io.statefun.kinesis.v1/ingress
spec:
  id: a/in
  awsRegion: {type: custom-endpoint, endpoint: 'https://localhost:4567', id: us-east-1}
  awsCredentials: {type: basic, accessKeyId: me, secretAccessKey: hidden}
  startupPosition: {type: date, date: 2020-02-01 04:15:00.000 +0000}
  streams: [{stream: s, valueType: a/T, targets: [a/f]}]
  clientConfigProperties: [{SocketTimeout: 9999}, {MaxConnections: 15}]
---
kind: io.statefun.kinesis.v1/egress
spec:
  id: a/out
  awsRegion: {type: specific, id: us-west-1}
  awsCredentials: {type: profile, profileName: p, profilePath: /p}
  maxOutstandingRecords: 9
---
kind: io.statefun.kinesis.v1/egress
spec: {id: a/plain}
",
    );
    let Ingress::Kinesis(ingress) = &module.ingresses[0] else { panic!("{module:?}") };
    assert!(!module.ingresses[0].is_served());
    assert_eq!(
        ingress.client.region,
        AwsRegion::CustomEndpoint { endpoint: "https://localhost:4567".into(), id: "us-east-1".into() }
    );
    assert_eq!(
        ingress.client.credentials,
        AwsCredentials::Basic { access_key_id: "me".into(), secret_access_key: "hidden".into() }
    );
    assert_eq!(ingress.startup_position, KinesisStartup::Date { timestamp_ms: 1_580_530_500_000 });
    assert_eq!(ingress.client.properties.get("SocketTimeout"), Some("9999"));
    assert_eq!(ingress.streams[0].from, "s");
    let printed = format!("{module:?}{}", serde_json::to_string(&module).unwrap());
    assert!(!printed.contains("hidden"), "secrets are not shown: {printed}");
    let Egress::Kinesis(egress) = &module.egresses[0] else { panic!("{module:?}") };
    assert_eq!(egress.client.region, AwsRegion::Specific { id: "us-west-1".into() });
    assert_eq!(egress.client.credentials, AwsCredentials::Profile { name: "p".into(), path: Some("/p".into()) });
    assert_eq!(egress.max_outstanding_records.get(), 9);
    let Egress::Kinesis(plain) = &module.egresses[1] else { panic!("{module:?}") };
    assert_eq!((&plain.client.region, &plain.client.credentials), (&AwsRegion::Default, &AwsCredentials::Default));
    assert_eq!(plain.max_outstanding_records.get(), 1000);
}

#[test]
fn the_http_kinds() {
    let module = module(
        "
kind: io.statefun.http.v1/ingress
spec: {}
---
kind: io.statefun.http.v1/ingress
spec:
  id: a/door
  address: '[::1]:9000'
  maxBodyBytes: 64 KiB
  waitMax: 5 s
  idempotencyRetention: 2 h
  valueType: a/T
---
kind: io.statefun.http.v1/ingress
spec: {id: a/port, port: 0}
---
kind: io.statefun.http.v1/egress
spec:
  id: a/hook
  url: https://example.org/hook?x=1
  headers:
    Authorization: Bearer hidden
    X-N: 5
  timeout: 3 s
  retries: 4
  backoff: {initial: 1 s}
---
kind: io.statefun.http.v1/egress
spec: {id: a/plain, url: 'http://h/'}
",
    );
    let http = |index: usize| match &module.ingresses[index] {
        Ingress::Http(http) => http,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (http(0).id.to_string().as_str(), http(0).address.as_str()),
        ("io.statefun.http/ingress", "127.0.0.1:8090")
    );
    assert_eq!((http(0).max_body_bytes, http(0).wait_max), (1 << 20, secs(60)));
    assert_eq!((http(0).idempotency_retention, &http(0).value_type), (secs(86_400), &HttpValueType::FromContentType));
    assert_eq!((http(1).address.as_str(), http(1).max_body_bytes), ("[::1]:9000", 65_536));
    assert_eq!((http(1).wait_max, http(1).idempotency_retention), (secs(5), secs(7200)));
    assert_eq!(http(1).value_type, HttpValueType::Fixed("a/T".into()));
    assert_eq!(http(2).address, "127.0.0.1:0");
    let hook = |index: usize| match &module.egresses[index] {
        Egress::Http(hook) => hook,
        other => panic!("{other:?}"),
    };
    assert_eq!(hook(0).headers.iter().collect::<Vec<_>>(), [("authorization", "Bearer hidden"), ("x-n", "5")]);
    assert!(!format!("{:?}", hook(0)).contains("hidden"));
    assert_eq!((hook(0).timeout, hook(0).retries), (secs(3), Some(4)));
    assert_eq!(hook(0).backoff, Backoff { initial: secs(1), max: secs(30) });
    assert_eq!((hook(1).timeout, hook(1).retries), (secs(10), None));
    assert_eq!(hook(1).backoff, Backoff { initial: Duration::from_millis(100), max: secs(30) });
}

#[test]
fn the_file_kinds_and_standard_output() {
    let module = module(
        "
kind: io.statefun.file.v1/ingress
spec: {id: a/j, path: in.jsonl, format: jsonl, key: user.id, valueType: a/T, targets: [a/f],
       eventTime: {field: at, format: rfc3339, outOfOrderness: 5 s}}
---
kind: io.statefun.file.v1/ingress
spec: {id: a/c, path: in.csv, format: csv, key: user, valueType: a/T, targets: [a/f], follow: true, eventTime: at}
---
kind: io.statefun.file.v1/ingress
spec: {id: a/t, path: in.txt, format: text, key: number, valueType: a/T, targets: [a/f]}
---
kind: io.statefun.file.v1/ingress
spec: {id: a/u, path: in.txt, format: text, valueType: a/T, targets: [a/f]}
---
kind: io.statefun.file.v1/egress
spec: {id: a/o, path: out.jsonl}
---
kind: io.statefun.file.v1/egress
spec: {id: a/p, path: out.txt, format: text}
---
kind: io.statefun.stdout.v1/egress
spec: {id: a/q}
---
kind: io.statefun.stdout.v1/egress
spec: {id: a/r, format: jsonl}
",
    );
    let file = |index: usize| match &module.ingresses[index] {
        Ingress::File(file) => file,
        other => panic!("{other:?}"),
    };
    assert_eq!(file(0).format, FileFormat::Jsonl { key: "user.id".into() });
    let at = |format| TimestampFrom::Field { path: vec!["at".into()], format };
    let time = IngressTime {
        from: at(EventTimeFormat::Rfc3339),
        watermark: WatermarkKind::Bounded { delay: secs(5) },
        idle_after: None,
        max_drift: None,
    };
    assert_eq!((file(0).follow, &file(0).event_time), (false, &Some(time.clone())));
    assert_eq!(file(1).format, FileFormat::Csv { key: "user".into() });
    let time = IngressTime { from: at(EventTimeFormat::Millis), watermark: WatermarkKind::Ascending, ..time };
    assert_eq!((file(1).follow, &file(1).event_time), (true, &Some(time)));
    assert_eq!(file(2).format, FileFormat::Text { key: TextKey::Number });
    assert_eq!(file(3).format, FileFormat::Text { key: TextKey::Line });
    let formats: Vec<_> = module
        .egresses
        .iter()
        .map(|egress| match egress {
            Egress::File(file) => file.format,
            Egress::Stdout(stdout) => stdout.format,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(formats, [LineFormat::Jsonl, LineFormat::Text, LineFormat::Text, LineFormat::Jsonl]);
}

#[test]
fn the_generator() {
    let module = module(
        "
kind: io.statefun.generator.v1/ingress
spec: {id: a/g, valueType: a/T, targets: [a/f]}
---
kind: io.statefun.generator.v1/ingress
spec:
  id: a/h
  valueType: a/T
  targets: [a/f, a/g]
  count: 1_000_000
  ratePerSecond: 2.5
  keys: 10
  seed: 42
  json:
    id: '{{key}}'
    n: '{{sequence}}'
    price: 1.50
    tags: [x, true, null, '7']
---
kind: io.statefun.generator.v1/ingress
spec: {id: a/i, valueType: a/T, targets: [a/f], template: 'hello {{key}}'}
",
    );
    let generator = |index: usize| match &module.ingresses[index] {
        Ingress::Generator(generator) => generator,
        other => panic!("{other:?}"),
    };
    let plain = generator(0);
    assert_eq!((plain.count, plain.rate_per_second, plain.keys.get(), plain.seed), (None, None, 1000, 0));
    assert_eq!(plain.payload.render("7", 3, 0, 0), r#"{"key":"7","sequence":3}"#);
    let full = generator(1);
    assert_eq!((full.count, full.rate_per_second, full.keys.get(), full.seed), (Some(1_000_000), Some(2.5), 10, 42));
    assert_eq!(full.payload.render("7", 3, 0, 0), r#"{"id":"7","n":3,"price":1.5,"tags":["x",true,null,"7"]}"#);
    assert_eq!(full.targets, [name("a/f"), name("a/g")]);
    assert_eq!(generator(2).payload.render("7", 3, 0, 0), "hello 7");
}

#[test]
fn embedded_functions_are_bound_like_remote_ones() {
    let module = module(
        "
kind: io.statefun.embedded.v1/functions
spec: {functions: [shop/cart, stock/*]}
---
kind: io.statefun.embedded.v1/functions
spec: {functions: audit/log}
---
kind: io.statefun.endpoints.v2/http
spec: {functions: shop/*, urlPathTemplate: 'http://h/'}
",
    );
    assert!(matches!(module.binding("shop", "cart"), Some(Binding::Embedded(_))));
    assert!(matches!(module.binding("shop", "other"), Some(Binding::Remote(_))));
    assert!(matches!(module.binding("stock", "any"), Some(Binding::Embedded(_))));
    assert!(matches!(module.binding("audit", "log"), Some(Binding::Embedded(_))));
    assert_eq!(module.binding("audit", "other"), None);
}

#[test]
fn the_legacy_format_means_the_same_as_the_new_one() {
    let legacy = module(
        r#"
version: "3.0"
module:
  meta:
    type: Remote
  spec:
    endpoints:
      - endpoint:
          meta:
            kind: http
          spec:
            functions: shop/*
            urlPathTemplate: http://host:8000/f
            maxNumBatchRequests: 500
            timeouts:
              call: 2min
    ingresses:
      - ingress:
          meta:
            type: io.statefun.kafka/ingress
            id: shop/carts
          spec:
            address: kafka:9092
            consumerGroupId: g
            topics:
              - topic: carts
                valueType: shop/Add
                targets:
                  - shop/cart
    egresses:
      - egress:
          meta:
            type: io.statefun.kafka/egress
            id: shop/receipts
          spec:
            address: kafka:9092
            deliverySemantic:
              type: exactly-once
              transactionTimeout: 15min
"#,
    );
    assert_eq!(legacy.endpoints[0].max_num_batch_requests.get(), 500);
    let Transport::OkHttp(limits) = &legacy.endpoints[0].transport else { panic!("{legacy:?}") };
    assert_eq!(limits.call, secs(120));
    assert!(matches!(legacy.ingress(&name("shop/carts")), Some(Ingress::Kafka(_))));
    assert!(matches!(legacy.egress(&name("shop/receipts")), Some(Egress::Kafka(_))));
}

#[test]
fn anchors_aliases_merge_keys_and_empty_documents() {
    let module = module(
        "
---
---
x-shared: &kafka
  address: kafka:9092
  properties: &props
    - linger.ms: 5
kind: io.statefun.kafka.v1/egress
spec:
  <<: *kafka
  id: a/one
---
# only a comment
---
x-limits: &limits {functions: a/*, urlPathTemplate: 'http://h/', maxNumBatchRequests: 3}
x-more: &more {maxNumBatchRequests: 4, batchBytesMax: 5}
kind: io.statefun.endpoints.v2/http
spec:
  functions: b/*
  <<: [*limits, *more]
...
",
    );
    let Egress::Kafka(egress) = &module.egresses[0] else { panic!("{module:?}") };
    assert_eq!((egress.address.as_str(), egress.client_properties.get("linger.ms")), ("kafka:9092", Some("5")));
    let endpoint = &module.endpoints[0];
    assert_eq!(endpoint.functions, FunctionSelector::Namespace("b".into()), "own entries win");
    assert_eq!((endpoint.max_num_batch_requests.get(), endpoint.batch_bytes_max), (3, 5), "the first merged wins");
}

#[test]
fn modules_are_merged_over_several_files() {
    let files = [
        ("functions.yaml", "kind: io.statefun.endpoints.v2/http\nspec: {functions: a/*, urlPathTemplate: 'http://h/'}"),
        ("empty.yaml", ""),
        ("io.yaml", "kind: io.statefun.playground.v1/ingress\nspec: {port: 8090}"),
    ]
    .map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let (module, warnings) = parse(&files, Options::default()).unwrap();
    assert!(warnings.is_empty());
    assert_eq!((module.endpoints.len(), module.ingresses.len()), (1, 1));
    assert_eq!(module.ingresses[0].declared_at().file, "io.yaml");
}
