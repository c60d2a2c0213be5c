//! Random work against a model: functions that send to each other, at once and later, while processes are killed,
//! endpoints fail and answers get lost. In the end every counter is what the generator's own bookkeeping says.
//!
//! The idea is that of StateFun's own smoke test: messages are trees of commands, the function interprets them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Broker, Call, Documents, Effects, FunctionServer, eventually, is_full,
};
use serde::{Deserialize, Serialize};
use statefun_protocol::types;

const INSTANCES: u64 = 32;
const FUNCTION: &str = "it/interpreter";
const COMMANDS: &str = "it/commands";

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Command {
    Increment,
    Send {
        to: u64,
        then: Vec<Command>,
    },
    SendAfter {
        ms: u64,
        to: u64,
        then: Vec<Command>,
    },
    /// A delayed message that is taken back in the same answer: it must never arrive.
    Regret {
        to: u64,
        token: String,
    },
}

/// Numbers from a seed (splitmix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0) % bound
    }

    fn tree(&mut self, depth: u64, me: u64, model: &mut BTreeMap<u64, i64>) -> Vec<Command> {
        let count = if depth == 0 { 1 } else { 1 + self.below(3) };
        (0..count)
            .map(|_| match self.below(if depth == 0 { 3 } else { 10 }) {
                0..=2 => {
                    *model.entry(me).or_default() += 1;
                    Command::Increment
                }
                3..=7 => {
                    let to = self.below(INSTANCES);
                    Command::Send { to, then: self.tree(depth - 1, to, model) }
                }
                8 => {
                    let to = self.below(INSTANCES);
                    Command::SendAfter { ms: self.below(300), to, then: self.tree(depth - 1, to, model) }
                }
                _ => Command::Regret { to: self.below(INSTANCES), token: format!("{:016x}", self.below(u64::MAX)) },
            })
            .collect()
    }
}

fn mixed(seed: u64) -> u64 {
    let mut z = seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Does what the messages of a call say.
fn interpret(call: &Call) -> Answer {
    if let Some(incomplete) = call.missing(&[("state", types::INT)]) {
        return incomplete;
    }
    let mut count = call.int("state");
    let mut effects = Effects::new();
    for message in &call.messages {
        let commands: Vec<Command> = serde_json::from_slice(&message.value).expect("commands");
        for command in commands {
            effects = match command {
                Command::Increment => {
                    count += 1;
                    effects
                }
                Command::Send { to, then } => {
                    effects.send(FUNCTION, &to.to_string(), COMMANDS, &serde_json::to_vec(&then).expect("commands"))
                }
                Command::SendAfter { ms, to, then } => {
                    let then = serde_json::to_vec(&then).expect("commands");
                    effects.send_after(Duration::from_millis(ms), (FUNCTION, &to.to_string()), (COMMANDS, &then), "")
                }
                Command::Regret { to, token } => {
                    let then = serde_json::to_vec(&[Command::Increment]).expect("commands");
                    let delay = Duration::from_millis(50);
                    effects.send_after(delay, (FUNCTION, &to.to_string()), (COMMANDS, &then), &token).cancel(&token)
                }
            };
        }
    }
    effects.set_int("state", count).into()
}

#[test]
fn counters_agree_with_the_model_whatever_fails_in_between() {
    let (messages, kills) = if is_full() { (20_000, 30) } else { (2_000, 4) };
    let seed = std::env::var("STATEFUN_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) * 1_000_003);
    println!("STATEFUN_TEST_SEED={seed}");
    let mut draws = Draws(seed);
    let mut model = BTreeMap::new();

    let calls = AtomicU64::new(seed);
    let server = FunctionServer::start(move |call: &Call| match mixed(calls.fetch_add(1, Ordering::Relaxed)) % 100 {
        // Refused before it ran, and an answer that is lost after it ran.
        0..=2 => Answer::Status(500),
        3..=5 => Answer::Close,
        6 => Answer::Late(Duration::from_millis(700), Box::new(interpret(call))),
        _ => interpret(call),
    });
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("smoke", 4);
    let transport = "transport:\n  type: io.statefun.transports.v1/async\n  call: 500ms\n";
    let module = Documents::new().endpoint("it/*", server.port, transport).door(free_port()).kafka_in(
        &broker.address(),
        "smoke",
        &[("smoke", COMMANDS, FUNCTION)],
        "startupPosition: {type: earliest}",
    );
    let application = Application::new(&module).with(&["--epoch", "50ms"]);
    let mut node = application.start();
    for round in 0..kills {
        for _ in 0..messages / kills {
            let to = draws.below(INSTANCES);
            let commands = draws.tree(4, to, &mut model);
            kafka.produce("smoke", None, Some(&to.to_string()), &serde_json::to_vec(&commands).unwrap());
        }
        kafka.flush();
        // Killed somewhere within the work: after a part of it that differs from round to round.
        let before = server.calls();
        let share = 20 + draws.below(300);
        eventually(Duration::from_secs(60), &format!("round {round}: some calls are made"), || {
            (server.calls() >= before + share).then_some(())
        });
        node.kill();
        node = application.start();
    }

    let expected: i64 = model.values().sum();
    let counted = eventually(Duration::from_secs(120), &format!("{expected} increments"), || {
        let counts = node.counts(FUNCTION, "state");
        (counts.values().sum::<i64>() >= expected).then_some(counts)
    });
    eventually(Duration::from_secs(60), "nothing waits, not even for its time", || {
        (node.metric("statefun_delayed_messages", "") == 0.0).then_some(())
    });
    node.await_rest(Duration::from_secs(60));
    let counted_at_rest = node.counts(FUNCTION, "state");
    assert_eq!(counted, counted_at_rest, "what was right stays right");
    let model: BTreeMap<String, i64> = model.into_iter().map(|(id, count)| (id.to_string(), count)).collect();
    assert_eq!(counted_at_rest, model);
    println!("{messages} messages, {kills} kills, {} calls: {expected} increments, each counted once", server.calls());
}
