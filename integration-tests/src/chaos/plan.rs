//! What happens in one cycle.

use std::time::Duration;

use crate::harness::Draws;

/// Who suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// `statefun run`.
    Runtime,
    /// The process of the remote functions.
    Functions,
    /// Kafka.
    Broker,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9`, and a start later.
    Kill,
    /// `SIGSTOP`, and `SIGCONT` later.
    Pause,
}

/// A fault of one party.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// To whom.
    pub party: Party,
    /// What.
    pub fault: Fault,
    /// When, from the first blow of the cycle.
    pub at: Duration,
    /// How long until it is undone.
    pub lasts: Duration,
}

/// What happens in one cycle.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long all is well before.
    pub calm: Duration,
    /// The blows, by time.
    pub blows: Vec<Blow>,
    /// Kills of the runtime while it recovers: how long after each start.
    pub again: Vec<Duration>,
    /// Whether somebody is away for longer than the transaction timeout.
    pub is_long: bool,
}

/// Every combination that is drawn from. A party that is not named is well.
const COMBINATIONS: &[&[(Party, Fault)]] = &[
    &[(Party::Runtime, Fault::Kill)],
    &[(Party::Functions, Fault::Kill)],
    &[(Party::Broker, Fault::Kill)],
    &[(Party::Runtime, Fault::Kill), (Party::Functions, Fault::Kill)],
    &[(Party::Runtime, Fault::Kill), (Party::Broker, Fault::Kill)],
    &[(Party::Functions, Fault::Kill), (Party::Broker, Fault::Kill)],
    &[(Party::Runtime, Fault::Kill), (Party::Functions, Fault::Kill), (Party::Broker, Fault::Kill)],
    &[(Party::Runtime, Fault::Pause)],
    &[(Party::Functions, Fault::Pause)],
    &[(Party::Broker, Fault::Pause)],
    &[(Party::Runtime, Fault::Kill), (Party::Broker, Fault::Pause)],
    &[(Party::Runtime, Fault::Pause), (Party::Broker, Fault::Kill)],
    &[(Party::Runtime, Fault::Pause), (Party::Functions, Fault::Kill)],
];

/// Those whose outage can matter to a transaction.
const LONG: &[usize] = &[0, 2, 4, 6, 7, 9, 10, 11];

impl Plan {
    /// The plan of cycle `number`: combinations take turns, all else is drawn. A long outage exceeds `longer_than`.
    pub fn draw(draws: &mut Draws, number: usize, longer_than: Option<Duration>) -> Self {
        let combination = match longer_than {
            None => COMBINATIONS[number % COMBINATIONS.len()],
            Some(_) => COMBINATIONS[LONG[number % LONG.len()]],
        };
        let mut blows: Vec<_> = combination
            .iter()
            .map(|&(party, fault)| {
                let lasts = match longer_than {
                    Some(timeout) => timeout + draws.within(1_000, 4_000),
                    None => draws.within(0, 1_500),
                };
                Blow { party, fault, at: draws.within(0, 400), lasts }
            })
            .collect();
        draws.shuffle(&mut blows);
        blows[0].at = Duration::ZERO;
        blows.sort_by_key(|blow| blow.at);
        let dies = combination.contains(&(Party::Runtime, Fault::Kill));
        let again = if dies && draws.number(0, 3) == 0 {
            (0..draws.number(1, 4)).map(|_| draws.within(0, 700)).collect()
        } else {
            Vec::new()
        };
        Self { calm: draws.within(100, 900), blows, again, is_long: longer_than.is_some() }
    }

    /// What it is called in tables.
    #[must_use]
    pub fn kind(&self) -> String {
        let mut named: Vec<_> = self.blows.iter().map(|blow| (blow.fault, blow.party)).collect();
        named.sort_unstable();
        let mut kind = String::new();
        for fault in [Fault::Kill, Fault::Pause] {
            let parties: Vec<_> = named.iter().filter(|(of, _)| *of == fault).map(|(_, party)| party.name()).collect();
            if parties.is_empty() {
                continue;
            }
            let separator = if kind.is_empty() { "" } else { "; " };
            let verb = if fault == Fault::Kill { "kill" } else { "pause" };
            kind = format!("{kind}{separator}{verb} {}", parties.join(" + "));
        }
        if self.is_long { format!("{kind}, past the timeout") } else { kind }
    }
}

impl Party {
    fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Functions => "functions",
            Self::Broker => "broker",
        }
    }
}
