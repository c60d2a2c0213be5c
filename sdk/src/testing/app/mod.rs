//! A small application, simulated: every interleaving that may happen, and crashes, from a seed.

mod rng;
#[cfg(test)]
mod tests;
mod world;

use std::time::Duration;

use statefun::function::FunctionError;
use statefun::{Address, EgressId, Envelope, ProcessingTime};

use self::rng::Rng;
use self::world::World;
use crate::{Decode, Encode, Functions, Message};

/// The environment variable that names one seed to replay.
const SEED: &str = "STATEFUN_SEED";

/// Failures in a row of one message after which it is taken for one that never succeeds.
const RETRIES_MAX: u32 = 1_000;

/// Plays `scenario` once per seed. A scenario that panics, with an `assert` say, fails the test and prints its seed, which
/// `STATEFUN_SEED=<seed> cargo test` plays alone.
///
/// What a seed decides: whose message is next, where order is not promised (only messages of one sender to one target
/// keep theirs); which invocations are lost half-way and made again; when snapshots are taken, and when everything
/// crashes and goes on from the newest one, with functions made anew by `functions`. So an application passes that keeps
/// what matters in its state and does not lean on an order that nobody promised.
///
/// ```
/// use statefun_sdk::prelude::*;
/// use statefun_sdk::testing::simulate;
///
/// struct Counter { seen: Value<i64> }
///
/// impl StatefulFunction for Counter {
///     const TYPE: &'static str = "example/counter";
///     fn invoke(&self, context: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
///         let seen = self.seen.update(context, |seen| *seen += 1)?;
///         context.egress(&EgressName::new("example/seen"), &seen)?;
///         Ok(())
///     }
/// }
///
/// let functions = || Functions::new().with(|states| Counter { seen: states.value("seen") });
/// simulate(0..100, functions, |app| {
///     for _ in 0..10 {
///         app.send("example/counter/ann", "hello");
///     }
///     app.run();
///     assert_eq!(app.written::<i64>("example/seen"), (1..=10).collect::<Vec<_>>());
///     assert_eq!(app.state::<i64>("example/counter/ann", "seen"), Some(10));
/// });
/// ```
///
/// # Panics
/// When `scenario` does, or `STATEFUN_SEED` is no number.
pub fn simulate(
    seeds: impl IntoIterator<Item = u64>,
    functions: impl Fn() -> Functions + 'static,
    scenario: impl Fn(&mut App),
) {
    let functions: std::rc::Rc<dyn Fn() -> Functions> = std::rc::Rc::new(functions);
    let play = |seed| {
        let _told = Told(seed);
        scenario(&mut App::new(seed, std::rc::Rc::clone(&functions)));
    };
    match std::env::var(SEED) {
        Ok(text) => play(text.parse().unwrap_or_else(|_| panic!("{SEED} is {text:?}, which is no seed"))),
        Err(_) => seeds.into_iter().for_each(play),
    }
}

/// Tells the seed when its scenario panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the simulation failed with seed {}; {SEED}={} plays it alone", self.0, self.0);
        }
    }
}

/// An application under simulation; see [`simulate`].
pub struct App {
    make: std::rc::Rc<dyn Fn() -> Functions>,
    functions: Functions,
    world: World,
    /// What the newest snapshot holds.
    durable: World,
    /// What came in since: a crash reads it again.
    since: Vec<Envelope>,
    now: ProcessingTime,
    rng: Rng,
    crashes: u32,
    failures: u32,
}

impl App {
    fn new(seed: u64, make: std::rc::Rc<dyn Fn() -> Functions>) -> Self {
        Self {
            functions: make(),
            make,
            world: World::default(),
            durable: World::default(),
            since: Vec::new(),
            now: ProcessingTime::default(),
            rng: Rng::new(seed),
            crashes: 0,
            failures: 0,
        }
    }

    /// Sends a message from an ingress to `namespace/type/id`. It is handled when the simulation [runs](Self::run).
    ///
    /// # Panics
    /// When `address` is no address, or the message cannot be encoded.
    pub fn send<T: Encode + ?Sized>(&mut self, address: &str, message: &T) {
        let target = parse(address);
        let argument = message.to_value().unwrap_or_else(|error| panic!("{error}"));
        let envelope = Envelope::new(target, argument);
        self.since.push(envelope.clone());
        self.world.enqueue(envelope);
    }

    /// Runs until nobody has anything to do. Messages to be sent later wait for [`advance`](Self::advance).
    ///
    /// # Panics
    /// When a message fails again and again.
    pub fn run(&mut self) {
        while self.step() {}
        // What is looked at afterwards is what an epoch holds.
        self.snapshot();
    }

    /// Runs, moves the clock on, and runs what is due by then.
    ///
    /// # Panics
    /// When a message fails again and again.
    pub fn advance(&mut self, time: Duration) {
        self.run();
        self.now = self.now.after(time);
        self.run();
    }

    /// The state `name` of `namespace/type/id`; `None` when nothing was written or it has expired.
    ///
    /// # Panics
    /// When it holds something else.
    #[must_use]
    pub fn state<T: Decode>(&self, address: &str, name: &str) -> Option<T> {
        let value = self.world.value(&parse(address), name, self.now)?;
        let read = Message::new(value).get();
        Some(read.unwrap_or_else(|error| panic!("the state {name} of {address}: {error}")))
    }

    /// What was written to an egress, `namespace/name`; in order as far as one instance wrote it.
    ///
    /// # Panics
    /// When something of another type was written there.
    #[must_use]
    pub fn written<T: Decode>(&self, egress: &str) -> Vec<T> {
        let records = self.world.egress.iter().filter(|(id, _)| is(*id, egress));
        records
            .map(|(_, value)| {
                Message::new(value)
                    .get()
                    .unwrap_or_else(|error| panic!("what was written to {egress} is not what was expected: {error}"))
            })
            .collect()
    }

    /// Messages that were given up, and why: rejected ones, and those for functions that nobody serves.
    #[must_use]
    pub fn dead_letters(&self) -> &[(Envelope, String)] {
        &self.world.dead_letters
    }

    /// How often everything crashed so far.
    #[must_use]
    pub fn crashes(&self) -> u32 {
        self.crashes
    }

    /// One message, one lost invocation, one snapshot or one crash; whether there was anything to do.
    fn step(&mut self) -> bool {
        self.world.fire(self.now);
        let Some(channel) = self.world.pick(&mut self.rng) else { return false };
        match self.rng.below(64) {
            0 => self.snapshot(),
            1 => self.crash(),
            // The attempt is lost, the process goes on: a remote call that timed out, say.
            2..8 => drop(self.world.invoke(&channel, &self.functions, self.now)),
            _ => self.handle(&channel),
        }
        true
    }

    fn handle(&mut self, channel: &world::Channel) {
        match self.world.invoke(channel, &self.functions, self.now) {
            Ok(effects) => {
                self.world.apply(channel, effects, self.now);
                self.failures = 0;
            }
            Err(FunctionError::Reject(why)) => self.world.give_up(channel, why),
            Err(FunctionError::Retry(why)) => {
                self.failures += 1;
                assert!(self.failures < RETRIES_MAX, "{} fails again and again: {why}", channel.target);
                // Back-off: time passes for whoever waits for it.
                self.now = self.now.after(Duration::from_millis(1));
            }
        }
    }

    fn snapshot(&mut self) {
        self.durable = self.world.clone();
        self.since.clear();
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.functions = (self.make)();
        self.world = self.durable.clone();
        self.since.iter().for_each(|envelope| self.world.enqueue(envelope.clone()));
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("now", &self.now).field("crashes", &self.crashes).finish_non_exhaustive()
    }
}

fn parse(address: &str) -> Address {
    Address::parse(address).unwrap_or_else(|error| panic!("{error}"))
}

fn is(egress: EgressId, name: &str) -> bool {
    egress.0.as_str() == name
}
