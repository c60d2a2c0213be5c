//! One function, two homes: whatever it is told, embedded and remote it has the same effects and leaves the same state.
//!
//! A script of messages is played to each function of a small zoo, once through the low-level function that an engine
//! calls and once through requests and answers of the wire protocol, by a runtime reduced to the least: a map of
//! states. Effects are compared in their encodings, byte for byte.
#![allow(clippy::unwrap_used, reason = "in tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use statefun_protocol::request_reply::from_function::{InvocationResponse, MutationType};
use statefun_protocol::request_reply::{InvocationParts, Reply, encode_to_function};
use statefun_sdk::prelude::*;
use statefun_sdk::{Decode, Encode, FunctionType, ProcessingTime, TypedValue};

use statefun::function::{DelayedCommand, Effects, StateSpec, StateView};

const NOW: ProcessingTime = ProcessingTime(1_700_000_000_000);

// --- the zoo ---------------------------------------------------------------------------------------------------------

static COUNTER: FunctionName = FunctionName::new(Counter::TYPE);
static OUT: EgressName = EgressName::new("test/out");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
#[typed("test/order")]
struct Order {
    item: String,
    quantity: i32,
}

#[derive(Clone, PartialEq, prost::Message, Typed)]
#[typed("type.googleapis.com/test.Point", protobuf)]
struct Point {
    #[prost(sint32, tag = "1")]
    x: i32,
    #[prost(sint32, tag = "2")]
    y: i32,
}

/// One state, replies, messages on, an egress.
struct Counter {
    seen: Value<i32>,
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = "test/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        if message.is::<String>() && message.text()?.is_empty() {
            self.seen.remove(context);
        }
        let seen = self.seen.update(context, |seen| *seen += 1)?;
        let replied = context.reply(&seen)?;
        let line = format!("{} {seen} {replied} {:?}", context.id(), context.now());
        context.egress(&OUT, &KafkaRecord::new("t").key(context.id()).payload(line))?;
        Ok(())
    }
}

/// Delays, cancellations, event times, raw values.
struct Sender;

impl StatefulFunction for Sender {
    const TYPE: &'static str = "test/sender";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let id = context.id().to_owned();
        context.send_after(Duration::from_micros(2500), &COUNTER, &id, message.typename())?;
        context.send_after_cancellable(format!("t-{id}"), Duration::from_secs(9), &COUNTER, &id, &true)?;
        context.cancel(format!("t-{id}"))?;
        context.send_value(Address::new(COUNTER.get(), "forward"), message.value().clone());
        if context.event_time().is_some() {
            let later = EventTime(context.event_time().0.saturating_add(1));
            context.send_at(later, &COUNTER, id, &1.5f64)?;
        }
        Ok(())
    }
}

/// Every kind of state, of every kind of type.
struct Shelf {
    orders: List<Order>,
    stock: Map<String, i64>,
    points: Buffer<Point>,
    last: Value<Order>,
    on: Value<bool>,
}

impl StatefulFunction for Shelf {
    const TYPE: &'static str = "test/shelf";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        if message.is::<Order>() {
            let order: Order = message.get()?;
            let stock = self.stock.get(context, &order.item)?.unwrap_or(0) + i64::from(order.quantity);
            if stock < 0 {
                self.stock.remove(context, &order.item)?;
            } else {
                self.stock.insert(context, &order.item, &stock)?;
            }
            self.orders.push(context, &order)?;
            self.last.set(context, &order)?;
        } else if message.is::<Point>() {
            self.points.append(context, &message.get()?)?;
            self.last.remove(context);
        } else if message.is::<i32>() {
            self.orders.clear(context);
            self.points.clear(context);
        }
        let on = self.on.update(context, |on| *on = !*on)?;
        for entry in self.stock.to_vec(context)? {
            context.egress(&OUT, &PlaygroundRecord::new("stock", format!("{on} {entry:?}")))?;
        }
        Ok(())
    }
}

/// Writes and sends, and then fails at what it does not like.
struct Picky {
    seen: Value<i32>,
}

impl StatefulFunction for Picky {
    const TYPE: &'static str = "test/picky";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let seen = self.seen.update(context, |seen| *seen += 1)?;
        context.send(&COUNTER, "picky", &seen)?;
        message.text()?;
        if seen % 3 == 0 { Err(FunctionError::Retry("every third".to_owned())) } else { Ok(()) }
    }
}

fn zoo() -> Functions {
    Functions::new()
        .with(|states| Counter { seen: states.expire_after_write(Duration::from_secs(1)).value("seen") })
        .with(|_| Sender)
        .with(|states| Shelf {
            orders: states.list("orders"),
            stock: states.map("stock"),
            points: states.buffer("points"),
            last: states.value("last"),
            on: states.value("on"),
        })
        .with(|states| Picky { seen: states.value("seen") })
}

// --- scripts ---------------------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
struct Told {
    caller: Option<&'static str>,
    argument: TypedValue,
    event_time: Option<i64>,
}

fn told() -> impl Strategy<Value = Told> {
    let argument = prop_oneof![
        "\\PC{0,30}".prop_map(|text| text.to_value().unwrap()),
        any::<i32>().prop_map(|number| number.to_value().unwrap()),
        ("[a-c]", -5..20i32).prop_map(|(item, quantity)| Order { item, quantity }.to_value().unwrap()),
        (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Point { x, y }.to_value().unwrap()),
    ];
    let caller = prop_oneof![Just(None), Just(Some("test/caller/c")), Just(Some("a/b/"))];
    (caller, argument, prop::option::of(-9..9i64)).prop_map(|(caller, argument, event_time)| Told {
        caller,
        argument,
        event_time,
    })
}

// --- the least of runtimes -------------------------------------------------------------------------------------------

type State = BTreeMap<String, TypedValue>;

/// What came of a message: nothing when it failed.
type Came = Option<Vec<String>>;

/// Effects in a form that both homes can be brought to, with values as bytes.
fn line(what: &str, who: &dyn std::fmt::Debug, typename: &str, bytes: &[u8]) -> String {
    format!("{what} {who:?} {typename} {}", bytes.escape_ascii())
}

struct View<'a>(&'a [StateSpec], &'a State);

impl StateView for View<'_> {
    fn value(&self, index: usize) -> Option<&TypedValue> {
        self.1.get(self.0[index].name.as_str())
    }
}

fn embedded(functions: &Functions, target: &Address, told: &Told, state: &mut State) -> Came {
    let function = functions.embedded(target.function).unwrap();
    let caller = told.caller.map(|caller| Address::parse(caller).unwrap());
    let event_time = told.event_time.map_or(EventTime::NONE, EventTime);
    let mut effects = Effects::default();
    let view = View(function.states(), state);
    let mut context = statefun::function::Context::new(
        target,
        caller.as_ref(),
        NOW,
        event_time,
        function.states(),
        &view,
        &mut effects,
    );
    function.invoke(&mut context, &told.argument).ok()?;
    let mut came = Vec::new();
    for message in effects.messages {
        let (what, value) = (format!("send at {:?} to", message.event_time.get()), message.argument);
        came.push(line(&what, &message.target, value.value_type.as_str(), &value.bytes));
    }
    for command in effects.delayed {
        came.push(match command {
            DelayedCommand::Send { delay, target, argument, token } => {
                let what = format!("after {} ms, token {:?}, to", delay.as_millis(), token.unwrap_or_default());
                line(&what, &target, argument.value_type.as_str(), &argument.bytes)
            }
            DelayedCommand::Cancel { token } => line("cancel", &token, "", b""),
        });
    }
    for record in effects.egress {
        let value = record.argument;
        came.push(line("write to", &record.egress.to_string(), value.value_type.as_str(), &value.bytes));
    }
    for mutation in effects.mutations {
        match mutation.value {
            Some(value) => state.insert(mutation.name.as_str().to_owned(), value),
            None => state.remove(mutation.name.as_str()),
        };
    }
    Some(came)
}

fn remote(functions: &Functions, target: &Address, batch: &[Told], state: &mut State) -> Option<InvocationResponse> {
    fn parts(address: &Address) -> (&str, &str, &str) {
        (address.function.namespace(), address.function.name(), &address.id)
    }
    let callers: Vec<_> = batch.iter().map(|told| told.caller.map(|caller| Address::parse(caller).unwrap())).collect();
    let mut known: Vec<String> = Vec::new();
    loop {
        let states = known.iter().map(|name| {
            let value = state.get(name).map(|value| (value.value_type.as_str(), value.bytes.as_slice()));
            (name.as_str(), value)
        });
        let messages = batch.iter().zip(&callers).map(|(told, caller)| InvocationParts {
            caller: caller.as_ref().map(parts),
            typename: told.argument.value_type.as_str(),
            value: &told.argument.bytes,
            event_time: told.event_time,
        });
        let request: Bytes = encode_to_function(parts(target), states, messages);
        match Reply::decode(functions.handle_at(request, NOW).ok()?).unwrap() {
            Reply::Incomplete(missing) => {
                assert!(known.is_empty(), "asked twice");
                known = missing.into_iter().map(|spec| spec.state_name).collect();
            }
            Reply::Done(result) => {
                for mutation in &result.state_mutations {
                    match mutation.mutation_type() {
                        MutationType::Delete => state.remove(&mutation.state_name),
                        MutationType::Modify => {
                            let value = mutation.state_value.clone().unwrap();
                            assert!(value.has_value);
                            let value_type = statefun_sdk::ValueType::named(&value.typename).unwrap();
                            state.insert(mutation.state_name.clone(), TypedValue::new(value_type, value.value))
                        }
                    };
                }
                return Some(result);
            }
        }
    }
}

/// The effects of an answer, by the index of the message that caused them (which only who sends event times is told).
fn came(result: &InvocationResponse) -> Vec<(Option<u32>, String)> {
    let address = |address: &Option<statefun_protocol::request_reply::Address>| {
        let address = address.as_ref().unwrap();
        Address::new(FunctionType::of(&address.namespace, &address.r#type).unwrap(), address.id.as_str())
    };
    let mut came = Vec::new();
    for message in &result.outgoing_messages {
        let (what, value) = (format!("send at {:?} to", message.event_time), message.argument.as_ref().unwrap());
        came.push((message.cause, line(&what, &address(&message.target), &value.typename, &value.value)));
    }
    for delayed in &result.delayed_invocations {
        let text = if delayed.is_cancellation_request {
            line("cancel", &delayed.cancellation_token, "", b"")
        } else {
            let what = format!("after {} ms, token {:?}, to", delayed.delay_in_ms, delayed.cancellation_token);
            let value = delayed.argument.as_ref().unwrap();
            line(&what, &address(&delayed.target), &value.typename, &value.value)
        };
        came.push((delayed.cause, text));
    }
    for record in &result.outgoing_egresses {
        let value = record.argument.as_ref().unwrap();
        let egress = format!("{}/{}", record.egress_namespace, record.egress_type);
        came.push((record.cause, line("write to", &egress, &value.typename, &value.value)));
    }
    came
}

fn without_causes(came: Vec<(Option<u32>, String)>) -> Vec<String> {
    came.into_iter().map(|(_, text)| text).collect()
}

/// Where an answer lists an effect: messages first, then delays and cancellations as they came, then records.
fn kind(text: &str) -> usize {
    match text.split(' ').next() {
        Some("send") => 0,
        Some("after" | "cancel") => 1,
        _ => 2,
    }
}

// --- the laws --------------------------------------------------------------------------------------------------------

proptest! {
    #[test]
    fn message_by_message_both_homes_do_the_same(script in prop::collection::vec(told(), 1..20)) {
        let functions = zoo();
        for function in functions.types() {
            let target = Address::new(function, "ann");
            let (mut here, mut there) = (State::new(), State::new());
            for (step, told) in script.iter().enumerate() {
                let embedded = embedded(&functions, &target, told, &mut here);
                let remote = remote(&functions, &target, std::slice::from_ref(told), &mut there);
                let remote = remote.map(|result| without_causes(came(&result)));
                prop_assert_eq!(embedded, remote, "{} step {}", function, step);
                prop_assert_eq!(&here, &there, "{} step {}", function, step);
            }
        }
    }

    #[test]
    fn a_batch_does_what_its_messages_do_one_by_one(script in prop::collection::vec(told(), 1..10)) {
        let functions = zoo();
        for function in functions.types() {
            let target = Address::new(function, "ann");
            let (mut here, mut there) = (State::new(), State::new());
            let one_by_one: Option<Vec<_>> =
                script.iter().map(|told| embedded(&functions, &target, told, &mut here)).collect();
            let result = remote(&functions, &target, &script, &mut there);
            let Some(one_by_one) = one_by_one else {
                prop_assert!(result.is_none(), "a batch fails as a whole");
                prop_assert!(there.is_empty());
                continue;
            };
            let result = result.unwrap();
            let names: Vec<_> = result.state_mutations.iter().map(|mutation| &mutation.state_name).collect();
            let declared = functions.states(function).unwrap();
            let in_order = declared.iter().map(|spec| spec.name.as_str()).filter(|name| names.iter().any(|n| n == name));
            prop_assert!(names.iter().copied().eq(in_order), "each state once, as declared: {:?}", names);
            prop_assert_eq!(&here, &there);

            let extended = script.iter().any(|told| told.event_time.is_some());
            let mut by_message = vec![Vec::new(); script.len()];
            let mut expected = one_by_one;
            for (cause, text) in came(&result) {
                prop_assert_eq!(cause.is_some(), extended);
                by_message[cause.unwrap_or(0) as usize].push(text);
            }
            if !extended {
                // Nobody is told which message caused what: compare as a whole, by kind as an answer lists it.
                let mut all = expected.concat();
all.sort_by_key(|text| kind(text));
                expected = vec![Vec::new(); script.len()];
                expected[0] = all;
            }
            prop_assert_eq!(by_message, expected, "{}", function);
        }
    }
}

#[test]
fn derived_types_travel_in_the_encoding_they_name() {
    let order = Order { item: "pen".to_owned(), quantity: 2 };
    let value = order.to_value().unwrap();
    assert_eq!(value.value_type.as_str(), "test/order");
    assert_eq!(value.bytes.as_slice(), br#"{"item":"pen","quantity":2}"#);
    assert_eq!(Order::decode(&value.bytes).unwrap(), order);

    let point = Point { x: 1, y: -1 };
    let value = point.to_value().unwrap();
    assert_eq!(value.value_type.as_str(), "type.googleapis.com/test.Point");
    assert_eq!(value.bytes.as_slice(), [0x08, 2, 0x10, 1]);
    assert_eq!(<Point as Decode>::decode(&value.bytes).unwrap(), point);
}
