//! A single Apache Kafka broker, as `kafka/kafka.sh` starts it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::KafkaClient;
use crate::harness::ports;
use crate::harness::process::Process;

/// A broker. Dropped, it is killed and its data removed.
pub struct Broker {
    port: u16,
    controller: u16,
    folder: tempfile::TempDir,
    process: Option<Process>,
}

impl Broker {
    /// Starts a broker of its own for a test that wants to harm it. The first start of all fetches Kafka's jars.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut broker = Self { port: ports::free_port(), controller: ports::free_port(), folder, process: None };
        broker.restart();
        broker
    }

    /// The broker that the tests of one program share; their topics have names of their own.
    ///
    /// # Panics
    /// When it does not get ready.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts it again, on the data it left.
    ///
    /// # Panics
    /// When it runs, or does not get ready.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker runs");
        let mut command = Command::new(script());
        command.args(["start", "--foreground", "--port", &self.port.to_string()]);
        command.args(["--controller-port", &self.controller.to_string(), "--dir"]).arg(self.folder.path());
        let mut process = Process::guarded("Kafka", &mut command, Some(self.folder.path()));
        process.wait_for_line("ready", Duration::from_secs(300));
        self.process = Some(process);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops it in the middle of what it does, connections open: a broker that hangs.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Bootstrap servers.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> KafkaClient {
        KafkaClient::new(&self.address())
    }

    /// Writes `(key, value)` texts with Kafka's own console producer: Java's client chooses the partitions.
    ///
    /// # Panics
    /// When the tool fails.
    pub fn produce_with_java(&self, topic: &str, records: &[(String, String)]) {
        let mut tool = Command::new(script())
            .args(["produce", "--port", &self.port.to_string(), topic])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the script can be started");
        let mut stdin = tool.stdin.take().expect("it is piped");
        for (key, value) in records {
            writeln!(stdin, "{key}\t{value}").expect("the tool reads");
        }
        drop(stdin);
        assert!(tool.wait().expect("a child can be waited for").success(), "the console producer failed");
    }
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh")
}
