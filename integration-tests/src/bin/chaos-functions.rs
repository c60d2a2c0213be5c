//! The remote functions of the chaos tests, as a process of their own that can be killed: `chaos-functions PORT`.

use std::io::Write;

use integration_tests::chaos::functions::answer;
use integration_tests::harness::FunctionServer;

fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let _server = FunctionServer::start_at(port, answer);
    println!("ready");
    // Whoever starts it reads a pipe.
    let _ = std::io::stdout().flush();
    loop {
        std::thread::park();
    }
}
