use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString};
use statefun::EventTime;
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput, SourceRecord};

use super::template::Filling;
use super::{EventTimes, Options};
use crate::feed::{self, Feed};

/// Events of one batch; more saves nothing between threads.
const BATCH_MAX: u64 = 512;
/// The one partition there is.
const PARTITION: CompactString = CompactString::const_new("generator");

/// Makes events up.
#[derive(Debug)]
pub struct GeneratorSource {
    options: Options,
}

impl GeneratorSource {
    /// A source that does as `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for GeneratorSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        let options = self.options;
        let id = options.id;
        Box::pin(async move {
            let first = start(&options, &positions)?;
            feed::drive(id, output, move |feed| {
                generate(&options, first, feed);
                Ok(())
            })
            .await
        })
    }
}

fn start(options: &Options, positions: &[Position]) -> Result<u64, SourceError> {
    let Some(position) = positions.iter().find(|position| position.partition == PARTITION) else { return Ok(0) };
    position.next.parse().map_err(|_| {
        feed::failed(options.id, false, format!("cannot go on from {:?}: it is no event number", position.next))
    })
}

fn generate(options: &Options, first: u64, feed: &mut Feed) {
    let end = options.count.unwrap_or(u64::MAX);
    let began = Instant::now();
    let mut n = first;
    while n < end && !feed.is_stopped() {
        let due = match options.rate_per_second {
            Some(rate) => first.saturating_add((began.elapsed().as_secs_f64() * rate) as u64 + 1).min(end),
            None => end,
        };
        if n >= due {
            // Short enough that a batch at any sensible rate stays small, long enough to cost nothing.
            feed.pause(Duration::from_millis(2));
            continue;
        }
        let batch_end = due.min(n + BATCH_MAX);
        let batch = (n..batch_end).map(|n| event(options, n)).collect();
        if !feed.send(batch) {
            return;
        }
        n = batch_end;
    }
}

fn event(options: &Options, n: u64) -> SourceRecord {
    let drawn = scramble(options.seed ^ scramble(n));
    let key = drawn % options.keys;
    let event_time = event_time(options.event_times, n);
    let payload =
        options.template.render(&Filling { number: n, key, random: scramble(drawn), time_ms: event_time.get() });
    SourceRecord::Keyed {
        route: 0,
        key: Some(Bytes::from(key.to_string())),
        value: Some(Bytes::from(payload)),
        event_time,
        position: Position { partition: PARTITION, next: (n + 1).to_compact_string() },
    }
}

fn event_time(times: EventTimes, n: u64) -> EventTime {
    match times {
        EventTimes::None => EventTime::NONE,
        EventTimes::Now => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(EventTime::NONE, |since| EventTime(since.as_millis() as i64)),
        EventTimes::Counted { start_ms, step_ms } => EventTime(start_ms.saturating_add((n as f64 * step_ms) as i64)),
    }
}

/// The finaliser of SplitMix64: every input bit reaches every output bit, and no generator state has to be kept.
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
