//! Whether what is, is what should be.

use statefun_engine::Item;
use statefun_engine::time::Point;

use super::super::app::{self, Windows};
use super::{Parcel, System, World};

impl World {
    /// Looks at everything at once: nobody may believe in a watermark that something counted is not after.
    pub(super) fn judge_watermarks(&self, system: &System) -> Result<(), String> {
        let mut points: Vec<Point> = system.shards.iter().flat_map(|(shard, _)| shard.outstanding()).collect();
        for queue in system.channels.values() {
            points.extend(queue.iter().filter_map(|parcel| match parcel {
                Parcel::Shard(Item::Envelope(envelope)) if envelope.hold.counted => Some(Point {
                    domain: envelope.hold.domain.expect("what is counted belongs to a domain"),
                    level: envelope.hold.level,
                    at: envelope.event_time,
                }),
                _ => None,
            }));
        }
        for (shard, _) in &system.shards {
            for point in &points {
                let time = shard.frontier().of(point.domain, point.level + 1);
                if time.at >= point.at {
                    return Err(format!("{} believes in {:?} while {point:?} is unfinished", shard.id(), time.at));
                }
            }
        }
        Ok(())
    }

    pub(super) fn judge_windows(&mut self, system: &System) -> Result<(), String> {
        let expected = app::oracle(self.plan.iter().flatten().flatten());
        for (name, expected) in ["time/window", "time/larger"].into_iter().zip(expected) {
            let mut found = Windows::new();
            for (shard, _) in &system.shards {
                for entry in shard.inspect(app::function(name), None, usize::MAX) {
                    let numbers = app::numbers(&entry.stored.value.bytes);
                    match entry.name.as_str() {
                        "open" if !numbers.is_empty() => {
                            return Err(format!("{} never closed {numbers:?}", entry.address));
                        }
                        "faults" if numbers[1..].iter().any(|fault| *fault != 0) => {
                            let [back, late, twice] = numbers[1..] else { unreachable!("there are four numbers") };
                            return Err(format!(
                                "{}: time went back {back} times, {late} events were late, {twice} windows fired without \
                                 being open",
                                entry.address
                            ));
                        }
                        "done" => {
                            for window in numbers.chunks_exact(2) {
                                let key = (entry.address.id.to_string(), window[0]);
                                if found.insert(key, window[1] as u32).is_some() {
                                    return Err(format!("{} fired its window at {} twice", entry.address, window[0]));
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            if found != expected {
                let wrong = expected.iter().find(|(window, count)| found.get(*window) != Some(*count));
                return Err(format!(
                    "{name}: {} windows instead of {}; of {wrong:?} there is {:?}",
                    found.len(),
                    expected.len(),
                    wrong.and_then(|(window, _)| found.get(window))
                ));
            }
            self.stats.windows += found.len() as u64;
        }
        Ok(())
    }
}
