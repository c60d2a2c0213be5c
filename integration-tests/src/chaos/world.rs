//! Broker, functions, runtime and load; and what happens to them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::functions::{EGRESS, OTHER_EGRESS};
use super::load::Load;
use super::plan::{Blow, Fault, Party, Plan};
use super::verdict::{Findings, Verdict};
use crate::harness::process::Process;
use crate::harness::{Application, Broker, Documents, Follower, Node, ports};

const PARTITIONS: i32 = 4;
/// How long everything may take to catch up once it is back, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long all goes on under load after the last fault was undone.
const CALM_AFTER: Duration = Duration::from_millis(200);
/// What is written, and who reads along.
const TOPICS: [&str; 3] = ["out", "mirrored", "echoed"];

/// Everything that can die, and who watches.
pub struct World {
    broker: Broker,
    functions: Functions,
    application: Application,
    node: Option<Node>,
    load: Load,
    input: (Follower, usize),
    outputs: [(Follower, usize); 3],
    verdict: Verdict,
}

/// The process of the remote functions.
struct Functions {
    program: PathBuf,
    port: u16,
    process: Option<Process>,
}

/// What one cycle showed.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// What is wrong.
    pub findings: Findings,
    /// From the moment at which the last fault was undone to the first new record that a reader saw.
    pub back: Duration,
    /// The same to the moment at which nothing was owed any more. The load goes on for a part of it.
    pub caught_up: Duration,
}

impl World {
    /// Starts everything; `program` is the path of `chaos-functions`.
    ///
    /// # Panics
    /// When something does not get ready.
    #[must_use]
    pub fn start(program: &Path, transaction_timeout: Duration, records_per_second: usize) -> Self {
        let broker = Broker::start();
        let kafka = broker.client();
        for topic in ["in"].iter().chain(&TOPICS) {
            kafka.create_topic(topic, PARTITIONS);
        }
        let mut functions = Functions { program: program.to_owned(), port: ports::free_port(), process: None };
        functions.start();
        let egress = |id: &str| {
            format!(
                "id: {id}\naddress: {}\ndeliverySemantic:\n  type: exactly-once\n  transactionTimeout: {}ms",
                broker.address(),
                transaction_timeout.as_millis()
            )
        };
        let module = Documents::new()
            .endpoint("it/*", functions.port, "")
            .kafka_in(
                &broker.address(),
                "chaos",
                &[("in", "it/text", "it/ledger")],
                "startupPosition: {type: earliest}",
            )
            .document("io.statefun.kafka.v1/egress", &egress(EGRESS))
            .document("io.statefun.kafka.v1/egress", &egress(OTHER_EGRESS));
        let application = Application::new(&module).with(&["--epoch", "100ms"]);
        let node = Some(application.start());
        let input = (kafka.follow("in"), 0);
        let outputs = TOPICS.map(|topic| (kafka.follow(topic), 0));
        let load = Load::start(broker.client(), "in", records_per_second);
        Self { broker, functions, application, node, load, input, outputs, verdict: Verdict::default() }
    }

    /// One cycle: some calm, the plan's blows, each undone after its time, and the verdict.
    ///
    /// # Panics
    /// When something does not come back.
    pub fn suffer(&mut self, plan: &Plan) -> Cycle {
        self.load.go_on();
        sleep(plan.calm);
        let begun = Instant::now();
        let mut steps: Vec<(Duration, bool, &Blow)> = Vec::new();
        for blow in &plan.blows {
            steps.push((blow.at, true, blow));
            steps.push((blow.at + blow.lasts, false, blow));
        }
        steps.sort_by_key(|(at, ..)| *at);
        let mut seen_before = self.seen();
        let mut back_at = Instant::now();
        for (at, is_blow, blow) in steps {
            sleep(at.saturating_sub(begun.elapsed()));
            if is_blow {
                self.strike(blow);
            } else {
                back_at = Instant::now();
                self.undo(blow, &plan.again);
                if blow.party == Party::Broker && blow.fault == Fault::Kill {
                    // The broker's own start is not ours to count.
                    back_at = Instant::now();
                }
                seen_before = self.seen();
            }
        }
        let back = self.await_more(seen_before, back_at);
        sleep(CALM_AFTER);
        self.load.rest();
        self.await_complete();
        Cycle { findings: self.verdict.judge(), back, caught_up: back_at.elapsed() }
    }

    /// Compares all states with the model, and all topics read anew by one more reader.
    ///
    /// # Panics
    /// When the runtime does not answer.
    pub fn last_judgement(&mut self) -> Findings {
        self.load.rest();
        self.await_complete();
        let mut findings = self.verdict.judge();
        let node = self.node.as_ref().expect("it runs");
        for function in ["it/ledger", "it/mirror"] {
            let (expected, counted) = (self.verdict.counts(function), node.counts(function, "seen"));
            if expected != counted {
                println!("{function} counts {counted:?} and should {expected:?}");
                findings.misplaced += 1;
            }
        }
        let letters = node.dead_letters();
        assert!(letters.is_empty(), "nothing may end as a dead letter: {letters:?}");
        let kafka = self.broker.client();
        let mut anew = Verdict::default();
        for record in kafka.read_all("in") {
            anew.expect(&record);
        }
        for topic in TOPICS {
            for record in kafka.read_all(topic) {
                anew.see(topic, &record);
            }
        }
        let of_all = anew.judge();
        if !of_all.is_clean() {
            println!("a reader from the beginning to the end finds {of_all:?}");
        }
        findings.records = of_all.records;
        findings.duplicates = findings.duplicates.max(of_all.duplicates);
        findings.missing = findings.missing.max(of_all.missing);
        findings.misplaced = findings.misplaced.max(of_all.misplaced);
        findings
    }

    fn strike(&mut self, blow: &Blow) {
        match (blow.party, blow.fault) {
            (Party::Runtime, Fault::Kill) => self.node.take().expect("it runs").kill(),
            (Party::Functions, Fault::Kill) => self.functions.process.take().expect("it runs").kill(),
            (Party::Broker, Fault::Kill) => self.broker.kill(),
            (Party::Runtime, Fault::Pause) => self.signal("STOP"),
            (Party::Functions, Fault::Pause) => self.functions.signal("STOP"),
            (Party::Broker, Fault::Pause) => self.broker.pause(),
        }
    }

    fn undo(&mut self, blow: &Blow, again: &[Duration]) {
        match (blow.party, blow.fault) {
            (Party::Runtime, Fault::Kill) => {
                for lives in again {
                    let node = self.application.launch();
                    sleep(*lives);
                    node.kill();
                }
                // Not until it is ready: the broker it needs may still be away.
                self.node = Some(self.application.launch());
            }
            (Party::Functions, Fault::Kill) => self.functions.start(),
            (Party::Broker, Fault::Kill) => self.broker.restart(),
            (Party::Runtime, Fault::Pause) => self.signal("CONT"),
            (Party::Functions, Fault::Pause) => self.functions.signal("CONT"),
            (Party::Broker, Fault::Pause) => self.broker.resume(),
        }
    }

    fn signal(&mut self, signal: &str) {
        self.node.as_mut().expect("it runs").process().signal(signal);
    }

    fn seen(&self) -> usize {
        self.outputs[0].0.len()
    }

    fn await_more(&mut self, than: usize, since: Instant) -> Duration {
        while self.seen() <= than {
            self.check(since, "a new record is read");
            sleep(Duration::from_millis(2));
        }
        since.elapsed()
    }

    /// Waits until readers have seen as many records as the input calls for, or it takes too long.
    fn await_complete(&mut self) {
        let begun = Instant::now();
        loop {
            let inputs = self.input.0.after(self.input.1);
            self.input.1 += inputs.len();
            for record in &inputs {
                self.verdict.expect(record);
            }
            for (topic, (follower, known)) in TOPICS.into_iter().zip(&mut self.outputs) {
                let records = follower.after(*known);
                *known += records.len();
                for record in &records {
                    self.verdict.see(topic, record);
                }
            }
            // The model has met all of the input only once the input's reader has.
            if self.input.1 >= self.load.produced() && self.verdict.is_complete() {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let (expected, seen) = self.verdict.totals();
                let read = (self.input.1, self.load.produced());
                println!("not complete after {PATIENCE:?}: {read:?} inputs, {seen} of {expected} records");
                return;
            }
            self.check(begun, "everything arrives");
            sleep(Duration::from_millis(5));
        }
    }

    fn check(&mut self, since: Instant, what: &str) {
        let process = self.node.as_mut().expect("it runs").process();
        let ended = process.try_wait();
        assert!(ended.is_none(), "the runtime ended by itself with {ended:?}:\n{}", process.tail(60));
        assert!(since.elapsed() < PATIENCE + Duration::from_secs(10), "not in time: {what}\n{}", process.tail(60));
    }
}

impl Functions {
    fn start(&mut self) {
        let mut process = Process::start("chaos-functions", Command::new(&self.program).arg(self.port.to_string()));
        process.wait_for_line("ready", Duration::from_secs(30));
        self.process = Some(process);
    }

    fn signal(&self, signal: &str) {
        self.process.as_ref().expect("it runs").signal(signal);
    }
}
