//! The official SDKs of four languages, unmodified, against the real binary and a real broker.
//!
//! The applications and what they promise are in `apps/`, see `apps/CONTRACT.md`. Every test speaks to all of them.

mod world;

use std::time::{Duration, Instant};

use integration_tests::harness::ports::free_port;
use integration_tests::harness::{App, Application, Broker, Documents, Http, Language, eventually};
use serde_json::json;
use statefun_protocol::types;
use world::{SOON, World, typename};

#[test]
fn every_type_is_written_and_read() {
    let world = World::get();
    for language in Language::ALL {
        world.command(language, "types", "types", json!({"to": typename(language, "describe")}));
        world.command(language, "types", "bytes", json!({"to": typename(language, "echo")}));
    }
    for language in Language::ALL {
        let mut described = vec![
            "bool true",
            "bool false",
            "int -2",
            "int 0",
            "float 1.5",
            "string héllo",
            "string ",
            "doc 7",
            "point 3 -4",
        ];
        let mut bytes =
            vec!["bool 0801", "bool", "int 0dfeffffff", "int", "float 0d0000c03f", "string 0a0668c3a96c6c6f", "string"];
        if language.has_64_bit() {
            described.extend(["long -3", "double -2.5"]);
            bytes.extend(["long 09fdffffffffffffff", "double 0900000000000004c0"]);
        }
        let said = world.said(language, "describe", "types", described.len());
        let trimmed: Vec<_> = said.iter().map(|line| line.trim_end()).collect();
        assert_eq!(trimmed, described.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), "{language:?}");
        let said = world.said(language, "echo", "bytes", bytes.len() + 2);
        let built_in: Vec<_> =
            said.iter().filter_map(|line| line.strip_prefix("io.statefun.types/")).map(str::trim_end).collect();
        assert_eq!(built_in, bytes, "{language:?}");
        assert!(said.contains(&"it.types/point 00000003fffffffc".to_owned()), "{language:?}: {said:?}");
    }
}

#[test]
fn every_kind_of_state_is_kept_changed_and_deleted() {
    let world = World::get();
    for language in Language::ALL {
        let tell = |command| world.command(language, "state", "kinds", command);
        tell(json!({"op": "get"}));
        tell(json!({"op": "set", "text": "t", "n": 3}));
        tell(json!({"op": "get"}));
        tell(json!({"op": "replace", "text": "new"}));
        tell(json!({"op": "get"}));
        tell(json!({"op": "set", "text": "", "n": 0}));
        tell(json!({"op": "get"}));
        tell(json!({"op": "delete"}));
        tell(json!({"op": "get"}));
    }
    for language in Language::ALL {
        let said = world.said(language, "state", "kinds", 5);
        let set = "t t t 3 true 1.5 3 3,-3 12884901888 0.75";
        let replaced = "new t t 3 true 1.5 3 3,-3 12884901888 0.75";
        // An empty text and a zero are values; only a deleted state is none.
        let expected = ["- - - - - - - - - -", set, replaced, "E E E 0 false 0 0 0,0 0 0", "- - - - - - - - - -"];
        for (said, expected) in said.iter().zip(expected) {
            let expected = expected.replace('E', "");
            let names = ["plain", "writes", "calls", "count", "flag", "ratio", "doc", "point", "big", "exact"];
            let values = expected.split(' ').zip(names).map(|(value, name)| format!("{name}={value}"));
            let count = if language.has_64_bit() { 10 } else { 8 };
            let expected: Vec<_> = values.take(count).collect();
            // `-0` of the point's y is written as 0 everywhere.
            assert_eq!(said.replace("0,-0", "0,0"), expected.join(" "), "{language:?}");
        }
    }
}

#[test]
fn states_expire_after_a_write_or_after_a_call_and_across_a_crash() {
    // Expiration is wall-clock time (2 s in the applications), so this test lets time pass; on a machine too busy to
    // keep to the plan it begins anew, with other instances.
    let kept_to_the_plan = (0..5).any(|attempt| expirations(World::get(), &format!("expiry{attempt}")));
    assert!(kept_to_the_plan, "the machine is too busy to observe two seconds");
}

/// False if time went by so fast that nothing can be said.
fn expirations(world: &World, id: &str) -> bool {
    const LIFE: Duration = Duration::from_millis(2_000);
    let tell = |command: serde_json::Value| {
        let now = Instant::now();
        Language::ALL.iter().for_each(|language| world.command(*language, "state", id, command.clone()));
        now
    };
    let all_said = |count: usize, expected: Option<&str>| {
        for language in Language::ALL {
            let said = world.said(language, "state", id, count).remove(count - 1);
            assert!(expected.is_none_or(|expected| said.starts_with(expected)), "get {count} of {language:?}: {said}");
        }
        Instant::now()
    };
    let wait_until = |at: Instant| std::thread::sleep(at.saturating_duration_since(Instant::now()));

    let begun = tell(json!({"op": "set", "text": "t", "n": 1}));
    tell(json!({"op": "get"}));
    let written = all_said(1, Some("plain=t writes=t calls=t "));
    wait_until(begun + Duration::from_millis(1_000));
    world.crash();
    let called = tell(json!({"op": "get"}));
    if all_said(2, None) - begun >= LIFE {
        return false;
    }
    // Written longer ago than a value lives, called less long ago.
    wait_until(written + LIFE + Duration::from_millis(100));
    tell(json!({"op": "get"}));
    let called_again = all_said(3, Some("plain=t writes=- "));
    if called_again - called >= LIFE {
        return false;
    }
    all_said(3, Some("plain=t writes=- calls=t "));
    wait_until(called_again + LIFE + Duration::from_millis(100));
    tell(json!({"op": "get"}));
    all_said(4, Some("plain=t writes=- calls=- "));
    true
}

#[test]
fn callers_are_answered_and_messages_from_kafka_have_none() {
    let world = World::get();
    for language in Language::ALL {
        let to = typename(language, "answer");
        world.command(language, "ask", "asker", json!({"to": to, "id": "replier", "text": "hello"}));
    }
    for language in Language::ALL {
        let name = language.name();
        let heard = format!("{name} heard hello from it.{name}/answer/replier");
        assert_eq!(world.said(language, "ask", "asker", 1), [heard]);
    }
}

#[test]
fn delayed_messages_fire_and_cancelled_ones_do_not() {
    let world = World::get();
    for language in Language::ALL {
        let tell = |command| world.command(language, "delay", "delays", command);
        tell(json!({"op": "send", "ms": 100, "text": "first"}));
        tell(json!({"op": "send", "ms": 1000, "text": "cancelled", "token": "token"}));
        tell(json!({"op": "cancel", "token": "token"}));
        tell(json!({"op": "cancel", "token": "never-heard-of"}));
        tell(json!({"op": "send-cancel", "ms": 500, "text": "stillborn", "token": "other"}));
        tell(json!({"op": "send", "ms": 2000, "text": "last", "token": "kept"}));
    }
    for language in Language::ALL {
        let from = format!("from it.{}/delay/delays", language.name());
        let said = world.said(language, "delay", "delays", 2);
        assert_eq!(said, [format!("fired first {from}"), format!("fired last {from}")], "{language:?}");
    }
}

#[test]
fn a_delayed_message_survives_a_crash() {
    let world = World::get();
    for language in Language::ALL {
        world.command(language, "delay", "survivor", json!({"op": "send", "ms": 2000, "text": "late"}));
    }
    eventually(SOON, "they wait", || {
        world.with_node(|node| (node.metric("statefun_delayed_messages", "") >= 4.0).then_some(()))
    });
    world.crash();
    for language in Language::ALL {
        let fired = format!("fired late from it.{}/delay/survivor", language.name());
        assert_eq!(world.said(language, "delay", "survivor", 1), [fired]);
    }
}

#[test]
fn records_leave_through_kafka_and_the_generic_egress_as_each_sdk_writes_them() {
    let world = World::get();
    for language in Language::ALL {
        let id = format!("egress-{}", language.name());
        let tell = |command| world.command(language, "egress", &id, command);
        tell(json!({"op": "text", "text": "plain"}));
        tell(json!({"op": "typed", "text": "typed"}));
        tell(json!({"op": "int", "n": 7}));
        tell(json!({"op": "bytes"}));
        tell(json!({"op": "doc", "n": 5}));
        tell(json!({"op": "nokey", "text": format!("keyless {id}")}));
        tell(json!({"op": "topic", "topic": "it-elsewhere", "text": id}));
        tell(json!({"op": "playground", "text": format!("payload {id}")}));
    }
    for language in Language::ALL {
        let id = format!("egress-{}", language.name());
        let records = eventually(SOON, "five records with a key", || {
            let records = world.raw.matching(|record| record.key.as_deref() == Some(&*id));
            (records.len() >= 5).then_some(records)
        });
        let values: Vec<&[u8]> = records.iter().map(|record| record.value.as_slice()).collect();
        assert_eq!(values[0], b"plain", "{language:?}");
        assert_eq!(values[1], types::encode_string("typed"), "{language:?}");
        let int = if language == Language::Java { &b"7"[..] } else { &[0, 0, 0, 7][..] };
        assert_eq!(values[2], int, "{language:?}");
        assert_eq!(values[3], [0x00, 0x01, 0xfe, 0xff], "{language:?}");
        let doc: serde_json::Value = serde_json::from_slice(values[4]).unwrap();
        assert_eq!(doc, json!({"n": 5}), "{language:?}");
        let keyless = eventually(SOON, "a record without a key", || {
            let text = format!("keyless {id}");
            world.raw.matching(|record| record.value == text.as_bytes()).pop()
        });
        assert_eq!(keyless.key, None);
    }
    let elsewhere = world.kafka.read("it-elsewhere", Language::ALL.len(), SOON);
    assert!(
        Language::ALL
            .iter()
            .all(|language| { elsewhere.iter().any(|record| record.text() == format!("egress-{}", language.name())) })
    );
    let mut payloads: Vec<String> = Language::ALL
        .iter()
        .map(|_| eventually(SOON, "a payload at the playground's egress", || world.playground("it-out")))
        .collect();
    payloads.sort();
    let mut expected: Vec<_> =
        Language::ALL.iter().map(|language| format!("payload egress-{}", language.name())).collect();
    expected.sort();
    assert_eq!(payloads, expected);
}

#[test]
fn a_function_that_throws_is_called_again_and_leaves_nothing_behind() {
    let world = World::get();
    for language in Language::ALL {
        world.command(language, "fail", "once", json!({"op": "once", "text": "slip"}));
        world.command(language, "fail", "thrice", json!({"op": "times", "n": 3, "text": "stubborn"}));
        world.command(language, "fail", "poisoned", json!({"op": "always"}));
        world.command(language, "fail", "poisoned", json!({"op": "ok"}));
        world.command(language, "fail", "healthy", json!({"op": "ok"}));
    }
    for language in Language::ALL {
        assert_eq!(world.said(language, "fail", "once", 1), ["recovered slip"], "{language:?}");
        assert_eq!(world.said(language, "fail", "thrice", 1), ["recovered stubborn"], "{language:?}");
        assert_eq!(world.said(language, "fail", "healthy", 1), ["ok 1"], "{language:?}");
        let function = typename(language, "fail");
        world.with_node(|node| {
            assert_eq!(node.state(&function, "poisoned", "done"), None, "{language:?}");
            let shown = node.function(&function);
            assert!(shown["failures"].as_u64() >= Some(3) && shown["last_failure"].is_string(), "{shown}");
        });
        assert!(
            world
                .lines
                .matching(|record| record.text().starts_with(&format!("{} fail poisoned", language.name())))
                .is_empty()
        );
    }
}

#[test]
fn a_message_to_nobody_becomes_a_dead_letter_and_its_sender_goes_on() {
    let world = World::get();
    for language in Language::ALL {
        world.command(language, "fail", "lost", json!({"op": "unknown-function"}));
        world.command(language, "fail", "lost", json!({"op": "ok"}));
        world.command(language, "fail", "astray", json!({"op": "unknown-egress"}));
        world.command(language, "fail", "beside", json!({"op": "ok"}));
    }
    for language in Language::ALL {
        assert_eq!(world.said(language, "fail", "lost", 1), ["ok 1"], "{language:?}");
        assert_eq!(world.said(language, "fail", "beside", 1), ["ok 1"], "{language:?}");
    }
    eventually(SOON, "a dead letter for each", || {
        let letters = world.with_node(integration_tests::harness::Node::dead_letters);
        let lost = letters
            .iter()
            .filter(|letter| letter["target"].as_str().is_some_and(|to| to.starts_with("it.nowhere/nobody")));
        (lost.count() >= Language::ALL.len()).then_some(())
    });
}

#[test]
fn order_holds_from_one_sender_to_one_receiver() {
    let world = World::get();
    for language in Language::ALL {
        let to = typename(language, "order");
        for _ in 0..4 {
            world.command(language, "burst", "sender", json!({"to": to, "id": "receiver", "n": 100}));
        }
        // Not dispatched: the question has to come after the last of them.
        eventually(SOON, "the last one arrived", || {
            world.with_node(|node| (node.state(&to, "receiver", "last") == Some(400.into())).then_some(()))
        });
        world.tell(language, "order", "receiver", &json!({"int": 0}));
        assert_eq!(world.said(language, "order", "receiver", 1), ["last 400 violations 0"], "{language:?}");
    }
}

#[test]
fn records_of_one_key_reach_both_targets_of_their_topic_in_order() {
    let world = World::get();
    for number in (1..=200).chain([0]) {
        for topic in ["it-order", "it-order-compiled"] {
            world.kafka.produce(topic, None, Some("ordered"), &types::encode_int(number));
        }
    }
    for language in Language::ALL {
        assert_eq!(world.said(language, "order", "ordered", 1), ["last 200 violations 0"], "{language:?}");
    }
}

#[test]
fn a_message_hops_through_all_languages_and_back() {
    let world = World::get();
    let path: Vec<_> = Language::ALL.iter().chain(Language::ALL.iter().rev()).map(|to| typename(*to, "hop")).collect();
    // The envelope carries commands only, so the first hop comes through a door of its own.
    let door = free_port();
    let mut module = Documents::new().door(door).kafka_out("it/out", &Broker::shared().address(), "at-least-once");
    for app in &world.apps {
        module = module.endpoint(&format!("it.{}/*", app.language.name()), app.port, "");
    }
    let _node = Application::new(&module).with(&["--epoch", "200ms"]).start();
    let hop = json!({"path": path[1..], "seen": []}).to_string();
    let url = format!("http://127.0.0.1:{door}/{}/round", path[0]);
    assert_eq!(world.http.send_value("POST", &url, "it.types/hop", hop.as_bytes()).status, 200);
    let seen = world.said(Language::Python, "hop", "round", 1);
    assert_eq!(seen, ["python>javascript>go>java>java>go>javascript>python"]);
}

#[test]
fn state_written_by_one_sdk_is_read_by_the_others() {
    let world = World::get();
    let door = free_port();
    let module = |app: &App| {
        Documents::new().door(door).kafka_out("it/out", &Broker::shared().address(), "at-least-once").endpoint(
            "it.shared/*",
            app.port,
            "",
        )
    };
    let application = Application::new(&module(&world.apps[0])).with(&["--epoch", "200ms"]);
    let send = |command: serde_json::Value| {
        let url = format!("http://127.0.0.1:{door}/it.shared/state/common");
        let sent = world.http.send_value("POST", &url, "it.types/command", command.to_string().as_bytes());
        assert_eq!(sent.status, 200, "{}", sent.text());
    };
    // Each reads what the one before has written, and writes for the next; the last one writes for the first.
    let order: Vec<&App> = world.apps.iter().chain(world.apps.first()).collect();
    for (turn, app) in order.into_iter().enumerate() {
        application.rewrite(&module(app));
        let node = application.start();
        if turn > 0 {
            send(json!({"op": "get"}));
            let said = world.said(app.language, "state", "common", 1);
            let expected = format!("plain=turn{0} writes=turn{0} calls=turn{0} count={0} ", turn - 1);
            assert!(said[0].starts_with(&expected), "{:?} after turn {}: {said:?}", app.language, turn - 1);
        }
        send(json!({"op": "set", "text": format!("turn{turn}"), "n": turn}));
        node.await_rest(SOON);
        assert_eq!(node.stop().code(), Some(0));
    }
}

#[test]
fn functions_that_wait_do_so_side_by_side() {
    let world = World::get();
    let begun = Instant::now();
    for language in Language::ALL {
        for number in 0..20 {
            world.command(language, "slow", &format!("slow{number}"), json!({"ms": 500, "text": "it"}));
        }
    }
    for language in Language::ALL {
        for number in 0..20 {
            assert_eq!(world.said(language, "slow", &format!("slow{number}"), 1), ["done it"], "{language:?}");
        }
    }
    let taken = begun.elapsed();
    println!("80 calls of 500 ms took {taken:.1?}");
    assert!(taken < Duration::from_secs(10), "one after the other they take 40 s");
}

#[test]
fn a_function_is_redeployed_under_load_and_nothing_is_lost() {
    let port = free_port();
    let door = free_port();
    let app = App::start_at(Language::Python, port);
    let module = Documents::new()
        .door(door)
        .kafka_out("it/out", &Broker::shared().address(), "at-least-once")
        .endpoint("it.python/*", port, "");
    let node = Application::new(&module).start();
    let http = Http::default();
    let post = |number: usize| {
        let url = format!("http://127.0.0.1:{door}/it.python/counter/redeployed{}", number % 5);
        assert_eq!(http.post_text(&url, "quiet").status, 200, "the door answers, whoever is down");
    };
    (0..50).for_each(post);
    app.kill();
    (50..100).for_each(post);
    let _app = App::start_at(Language::Python, port);
    (100..150).for_each(post);
    for number in 0..5 {
        node.await_state(SOON, "it.python/counter", &format!("redeployed{number}"), "seen", 30);
    }
}
