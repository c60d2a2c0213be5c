//! Calls one function by hand and prints what it answers: is an endpoint alive, and what would it do?
//!
//! `cargo run -p statefun-remote --example call -- http://localhost:8000/statefun example/person/Bob example/Type '{}'`
//!
//! The states that the function asks for are sent as known and empty. Nothing that it answers is carried out.

use std::sync::Arc;

use statefun::{Address, CallId, EventTime, TypedValue, ValueType};
use statefun_ports::remote::{CallOutcome, Invocation, InvocationBatch, RemoteTransport as _};
use statefun_remote::{EndpointOptions, HttpTransport};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, target, typename, value] = arguments.as_slice() else {
        return Err("usage: call <url template> <namespace>/<name>/<id> <typename of the message> <message>".into());
    };
    let transport = HttpTransport::new(EndpointOptions::new(url))?;
    let target = Address::parse(target)?;
    let argument = TypedValue::new(ValueType::named(typename)?, value.as_bytes());
    let mut state = Vec::new();
    println!("POST {}", transport.url_for(target.function));
    loop {
        let message = Invocation { caller: None, argument: argument.clone(), event_time: EventTime::NONE };
        let batch = InvocationBatch { target: target.clone(), state: state.clone(), invocations: vec![message] };
        match Arc::clone(&transport).call(CallId(1), batch, None).await {
            CallOutcome::Done(effects) => {
                println!("{effects:#?}");
                return Ok(());
            }
            CallOutcome::Incomplete(missing) => {
                let known = state.len();
                for spec in missing {
                    println!("asks for {}: {}, expiring {:?}", spec.name, spec.value_type, spec.expiration);
                    if !state.contains(&(spec.name, None)) {
                        state.push((spec.name, None));
                    }
                }
                if state.len() == known {
                    return Err("the function asks for states that it was sent".into());
                }
            }
            CallOutcome::Failed(failure) => {
                return Err(format!("{} failure: {}", failure.kind.as_str(), failure.message).into());
            }
        }
    }
}
