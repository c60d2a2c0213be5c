use bytes::Bytes;
use statefun::{ShardId, SinkId, SourceId};

use super::*;
use crate::channel::{Marker, Participant, Topology};
use statefun::{Epoch, Generation, ProcessingTime};
use statefun_ports::keyed_state::EncodedPart;

const TOPOLOGY: Topology = Topology { sources: 1, shards: 1, sinks: 1 };
const EVERYBODY: [Participant; 3] =
    [Participant::Source(SourceId(0)), Participant::Shard(ShardId(0)), Participant::Sink(SinkId(0))];

struct CoordinatorFixture {
    coordinator: Coordinator,
    now: u64,
    out: Vec<Command>,
}

fn part(epoch: u64, rows: u64) -> EncodedPart {
    let chunks = if rows == 0 { Vec::new() } else { vec![Bytes::from_static(b"rows")] };
    EncodedPart { participant: "x".to_owned(), epoch: Epoch(epoch), rows, chunks }
}

fn start(epoch: u64, completed: u64) -> Vec<Command> {
    vec![Command::Start(Marker { epoch: Epoch(epoch), completed: Epoch(completed) })]
}

impl CoordinatorFixture {
    fn new() -> Self {
        let coordinator = Coordinator::new(Options::default(), TOPOLOGY, Generation(4), Epoch(0), ProcessingTime(0));
        Self { coordinator, now: 0, out: Vec::new() }
    }

    fn at(&mut self, now: u64) -> Vec<Command> {
        self.now = now;
        self.coordinator.on_tick(ProcessingTime(now), &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn request(&mut self) -> Vec<Command> {
        self.coordinator.on_request(ProcessingTime(self.now), &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn part(&mut self, from: Participant, part: EncodedPart) -> Vec<Command> {
        self.coordinator.on_part(from, part, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn all_parts(&mut self, epoch: u64) -> Vec<Command> {
        EVERYBODY.into_iter().flat_map(|from| self.part(from, part(epoch, 1))).collect()
    }

    fn committed(&mut self, epoch: u64, durable: bool) -> Vec<Command> {
        self.coordinator.on_committed(ProcessingTime(self.now), Epoch(epoch), durable, &mut self.out);
        std::mem::take(&mut self.out)
    }
}

fn completed(commands: &[Command]) -> Vec<u64> {
    let permits = commands.iter().filter_map(|command| match command {
        Command::Completed(permit) => Some(permit.epoch().0),
        Command::Start(_) | Command::Commit { .. } | Command::Abandoned(_) => None,
    });
    permits.collect()
}

#[test]
fn an_epoch_opens_when_its_interval_has_passed() {
    let mut fixture = CoordinatorFixture::new();
    assert_eq!(fixture.coordinator.deadline(), Some(ProcessingTime(1000)));
    assert!(fixture.at(999).is_empty());
    assert_eq!(fixture.at(1000), start(1, 0));
}

#[test]
fn an_epoch_exists_when_all_parts_are_durable_and_not_before() {
    let mut fixture = CoordinatorFixture::new();
    fixture.request();
    assert!(fixture.part(EVERYBODY[0], part(1, 1)).is_empty());
    assert!(fixture.part(EVERYBODY[0], part(1, 1)).is_empty(), "the same part twice is one part");
    assert!(fixture.part(EVERYBODY[1], part(1, 0)).is_empty());
    let commit = fixture.part(EVERYBODY[2], part(1, 1));
    // What holds nothing is left out.
    assert!(matches!(&commit[..], [Command::Commit { epoch: Epoch(1), parts }] if parts.len() == 2));
    assert_eq!(fixture.coordinator.completed(), Epoch(0));
    assert_eq!(completed(&fixture.committed(1, true)), [1]);
    assert_eq!(fixture.coordinator.completed(), Epoch(1));
}

#[test]
fn whoever_asks_while_an_epoch_is_open_joins_the_next() {
    let mut fixture = CoordinatorFixture::new();
    assert_eq!(fixture.request(), start(1, 0));
    assert!(fixture.request().is_empty());
    assert!(fixture.request().is_empty());
    fixture.all_parts(1);
    let commands = fixture.committed(1, true);
    assert_eq!(completed(&commands), [1]);
    assert_eq!(commands[1..], start(2, 1));
    fixture.all_parts(2);
    assert_eq!(fixture.committed(2, true).len(), 1, "both asked for the same one");
}

#[test]
fn an_epoch_that_lacks_a_part_for_too_long_is_abandoned_and_its_number_never_used_again() {
    let mut fixture = CoordinatorFixture::new();
    fixture.request();
    fixture.part(EVERYBODY[0], part(1, 1));
    assert_eq!(fixture.coordinator.deadline(), Some(ProcessingTime(60_000)));
    assert_eq!(fixture.at(60_000), [Command::Abandoned(Epoch(1))]);
    assert!(fixture.part(EVERYBODY[1], part(1, 1)).is_empty());
    assert!(fixture.part(EVERYBODY[2], part(1, 1)).is_empty());
    assert_eq!(fixture.at(60_200), start(2, 0));
    assert!(fixture.part(EVERYBODY[1], part(1, 1)).is_empty(), "a part of an epoch that is over");
}

#[test]
fn an_epoch_that_could_not_be_written_is_abandoned_and_whoever_waited_waits_for_the_next() {
    let mut fixture = CoordinatorFixture::new();
    fixture.request();
    fixture.all_parts(1);
    fixture.request();
    assert_eq!(fixture.committed(1, false), [Command::Abandoned(Epoch(1))]);
    assert!(fixture.coordinator.is_busy());
    assert!(fixture.at(199).is_empty());
    assert_eq!(fixture.at(200), start(2, 0));
    fixture.all_parts(2);
    assert_eq!(completed(&fixture.committed(2, true)), [2]);
    assert!(!fixture.coordinator.is_busy());
    let stats = fixture.coordinator.stats();
    assert_eq!((stats.completed, stats.abandoned), (1, 1));
}

#[test]
fn a_commit_that_is_reported_late_or_twice_changes_nothing() {
    let mut fixture = CoordinatorFixture::new();
    fixture.request();
    assert!(fixture.committed(1, true).is_empty(), "nobody asked for that yet");
    fixture.all_parts(1);
    fixture.committed(1, true);
    assert!(fixture.committed(1, true).is_empty());
    assert!(fixture.committed(1, false).is_empty());
}

#[test]
fn a_permit_names_the_generation_that_may_publish() {
    let mut fixture = CoordinatorFixture::new();
    fixture.request();
    fixture.all_parts(1);
    let commands = fixture.committed(1, true);
    assert!(matches!(commands[0], Command::Completed(permit) if permit.generation() == Generation(4)));
}
