//! The shapes of module that StateFun's own examples have: greeters, graphs, carts, showcases, deployments. All of
//! them must be read without a word of complaint.

use statefun::spec::*;

fn module(text: &str) -> Module {
    let file = SourceFile { name: "module.yaml".into(), text: text.into() };
    let (module, warnings) = parse(&[file], Options::default()).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(warnings, []);
    module
}

/// An endpoint and the playground's two doors.
fn playground(functions: &str, url: &str, transport: &str, topic: &str) -> Module {
    module(&format!(
        "
kind: io.statefun.endpoints.v2/http
spec:
  functions: {functions}
  urlPathTemplate: {url}
{transport}
---
kind: io.statefun.playground.v1/ingress
spec:
  port: 8090
---
kind: io.statefun.playground.v1/egress
spec:
  port: 8091
  topics:
    - {topic}
"
    ))
}

#[test]
fn greeters_graphs_and_carts() {
    let asynchronous = "  transport:\n    type: io.statefun.transports.v1/async";
    for (functions, url, transport, topic, one) in [
        ("example/*", "http://functions:8000/statefun", asynchronous, "greetings", ("example", "person")),
        ("example/*", "http://functions:8000/statefun", "", "greetings", ("example", "greeter")),
        ("greeter.fns/*", "http://greeter-functions:1108/", "", "greetings", ("greeter.fns", "user")),
        (
            "connected-components.fns/*",
            "http://connected-components-functions:1108/",
            "",
            "connected-component-changes",
            ("connected-components.fns", "vertex"),
        ),
        ("com.example/*", "http://shopping-cart-functions:1108/", "", "receipts", ("com.example", "stock")),
    ] {
        let module = playground(functions, url, transport, topic);
        let endpoint = module.endpoint(one.0, one.1).expect("served");
        assert_eq!(endpoint.url.as_str(), url);
        assert!(matches!(endpoint.transport, Transport::Async(_)));
        let Ingress::Playground(ingress) = &module.ingresses[0] else { panic!("{module:?}") };
        assert_eq!(ingress.port, 8090);
        let Egress::Playground(egress) = &module.egresses[0] else { panic!("{module:?}") };
        assert_eq!((egress.port, egress.topics.as_slice()), (8091, &[topic.to_owned()][..]));
        assert_eq!(egress.id.to_string(), "io.statefun.playground/egress");
    }
}

#[test]
fn the_showcase_with_names_on_kafka() {
    for (transport, semantic, millis) in [
        ("\n  transport:\n    type: io.statefun.transports.v1/async", "transactionTimeout: 15min", 900_000),
        ("", "transactionTimeoutMillis: 100000", 100_000),
    ] {
        let module = module(&format!(
            "
kind: io.statefun.endpoints.v2/http
spec:
  functions: showcase/*
  urlPathTemplate: http://host-machine:8000/statefun{transport}
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: showcase/names
  address: kafka:9092
  consumerGroupId: my-group-id
  topics:
    - topic: names
      valueType: showcase/GreetRequest
      targets:
        - showcase/serving
---
kind: io.statefun.kafka.v1/egress
spec:
  id: showcase/greets
  address: kafka:9092
  deliverySemantic:
    type: exactly-once
    {semantic}
"
        ));
        let Ingress::Kafka(ingress) = &module.ingresses[0] else { panic!("{module:?}") };
        assert_eq!(ingress.startup_position, KafkaStartup::Latest);
        let Egress::Kafka(egress) = &module.egresses[0] else { panic!("{module:?}") };
        let transaction_timeout = std::time::Duration::from_millis(millis);
        assert_eq!(egress.delivery, Delivery::ExactlyOnce { transaction_timeout });
    }
}

#[test]
fn the_showcases_with_logins_on_kafka() {
    for (namespace, transport, topic, value_type, semantic) in [
        (
            "showcase.fns",
            "",
            "logins",
            "showcase.types/userlogin",
            "  deliverySemantic:\n    type: exactly-once\n    transactionTimeout: 15min",
        ),
        (
            "java.showcase.fns",
            "  transport:\n    type: io.statefun.transports.v1/async\n    call: 1day",
            "user-logins",
            "java.showcase.types/com.example.UserLogin",
            "  deliverySemantic:\n    type: at-least-once",
        ),
    ] {
        let module = module(&format!(
            "
kind: io.statefun.endpoints.v2/http
spec:
  functions: {namespace}/*
  urlPathTemplate: http://host-machine:1108
{transport}
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: {namespace}/in
  address: kafka:9092
  consumerGroupId: my-consumer-group
  startupPosition:
    type: earliest
  topics:
    - topic: {topic}
      valueType: {value_type}
      targets:
        - {namespace}/user
---
kind: io.statefun.kafka.v1/egress
spec:
  id: showcase.io/greets
  address: kafka:9092
{semantic}
"
        ));
        let Ingress::Kafka(ingress) = &module.ingresses[0] else { panic!("{module:?}") };
        assert_eq!(ingress.startup_position, KafkaStartup::Earliest);
        assert_eq!((ingress.topics[0].from.as_str(), ingress.topics[0].value_type.as_str()), (topic, value_type));
        assert!(module.egress(&TypeNameText::parse("showcase.io/greets").unwrap()).is_some());
    }
}

#[test]
fn deployments_in_a_cluster_and_behind_a_gateway() {
    let cluster = module(
        "
kind: io.statefun.endpoints.v2/http
spec:
  functions: example/*
  urlPathTemplate: http://functions.statefun.svc.cluster.local:8000/statefun
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: example/names
  address: kafka.statefun.svc.cluster.local:9092
  consumerGroupId: my-group
  startupPosition: {type: earliest}
  topics:
    - topic: names
      valueType: example/MyMessage
      targets: [example/hello]
",
    );
    assert!(cluster.endpoint("example", "hello").is_some());
    let lambda = module(
        "
kind: io.statefun.endpoints.v2/http
spec:
  functions: aws.lambda.example/greeter
  urlPathTemplate: https://abc123.execute-api.eu-west-1.amazonaws.com/statefun
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: aws.lambda.example/in
  address: kafka:9092
  consumerGroupId: g
  topics:
    - topic: texts
      valueType: io.statefun.types/string
      targets: [aws.lambda.example/greeter]
",
    );
    assert!(lambda.endpoint("aws.lambda.example", "greeter").unwrap().url.scheme().is_tls());
}
