//! How many calls per second go over loopback, with one and with many in flight?
//!
//! `cargo run --release -p statefun-remote --example calls_per_second [seconds]`
//!
//! Client and server have a thread each. The server does the least that HTTP allows, so that what is measured is the
//! client: its CPU time is that of its own thread.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use statefun::{Address, CallId, EventTime, TypedValue, ValueType};
use statefun_ports::remote::{CallOutcome, Invocation, InvocationBatch, RemoteTransport as _};
use statefun_remote::{AsyncOptions, EndpointOptions, HttpTransport, OkHttpOptions, TransportKind};

/// An answer with one message of about a hundred bytes.
fn answer() -> Vec<u8> {
    let mut body = vec![0xa2, 0x06, 122, 0x12, 120];
    body.extend_from_slice(&[0x0a, 17, 0x0a, 4]);
    body.extend_from_slice(b"shop\x12\x04cart\x1a\x03ann");
    body.extend_from_slice(&[0x12, 99, 0x0a, 8]);
    body.extend_from_slice(b"shop/Add");
    body.extend_from_slice(&[0x10, 0x01, 0x1a, 85]);
    body.extend_from_slice(&[b'x'; 85]);
    body
}

fn serve(mut stream: TcpStream, response: &[u8]) {
    stream.set_nodelay(true).expect("a fresh socket takes options");
    let (mut buffer, mut filled) = (vec![0; 64 << 10], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a call has a length");
        if filled == head + 4 + length {
            filled = 0;
            if stream.write_all(response).is_err() {
                return;
            }
        }
    }
}

fn batch(id: usize) -> InvocationBatch {
    let value_type = ValueType::named("shop/Add").expect("a few names fit");
    InvocationBatch {
        target: Address::parse(&format!("shop/cart/customer-{id}")).expect("an address"),
        state: vec![],
        invocations: vec![Invocation {
            caller: None,
            argument: TypedValue::new(value_type, vec![b'x'; 100]),
            event_time: EventTime::NONE,
        }],
    }
}

/// CPU time of this thread so far, in microseconds.
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default() / 1000
}

async fn measure(url: &str, kind: TransportKind, in_flight: usize, time: Duration) -> (f64, f64, Vec<u64>) {
    let options = EndpointOptions::new(url).with_transport(kind);
    let transport = HttpTransport::new(options).expect("the options are sound");
    let (started, cpu) = (Instant::now(), cpu_us());
    let local = tokio::task::LocalSet::new();
    let callers: Vec<_> = (0..in_flight)
        .map(|id| {
            let transport = Arc::clone(&transport);
            local.spawn_local(async move {
                let mut micros = Vec::new();
                while started.elapsed() < time {
                    let begin = Instant::now();
                    let outcome = Arc::clone(&transport).call(CallId(0), batch(id), None).await;
                    assert!(matches!(outcome, CallOutcome::Done(_)), "{outcome:?}");
                    micros.push(begin.elapsed().as_micros() as u64);
                }
                micros
            })
        })
        .collect();
    let mut micros = Vec::new();
    local
        .run_until(async {
            for caller in callers {
                micros.extend(caller.await.expect("callers do not panic"));
            }
        })
        .await;
    micros.sort_unstable();
    let calls = micros.len() as f64;
    (calls / started.elapsed().as_secs_f64(), (cpu_us() - cpu) as f64 / calls, micros)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}/statefun", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        let body = answer();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ";
        let response: Arc<[u8]> = [format!("{head}{}\r\n\r\n", body.len()).as_bytes(), &body].concat().into();
        for stream in listener.incoming().flatten() {
            let response = Arc::clone(&response);
            std::thread::spawn(move || serve(stream, &response));
        }
    });
    println!("transport  in flight  calls/s  client CPU us  p50 us  p99 us");
    for in_flight in [1, 64] {
        let kinds: [(&str, TransportKind); 2] =
            [("async", AsyncOptions::default().into()), ("okhttp", OkHttpOptions::default().into())];
        for (name, kind) in kinds {
            let (rate, cpu, micros) = measure(&url, kind, in_flight, Duration::from_secs(seconds)).await;
            let at = |percent: usize| micros[(micros.len() - 1) * percent / 100];
            println!("{name:9}  {in_flight:9}  {rate:7.0}  {cpu:13.1}  {:6}  {:6}", at(50), at(99));
        }
    }
}
