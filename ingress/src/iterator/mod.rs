//! Events that a program makes itself: an iterator as an ingress.
//!
//! The position is the number of events taken. After a restart the iterator is made anew and that many are skipped, so it
//! must give the same events in the same order each time it is made; what was read beyond the newest epoch is read again.

use std::sync::Arc;

use compact_str::{CompactString, ToCompactString};
use statefun::{Envelope, Symbol};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput, SourceRecord};

use crate::feed::{self, Feed};

/// Events of one batch; more saves nothing between threads.
const BATCH_MAX: usize = 512;
/// The one partition there is.
const PARTITION: CompactString = CompactString::const_new("iterator");

/// The events, from the first one, each time it is called.
pub type Events = Arc<dyn Fn() -> Box<dyn Iterator<Item = Envelope> + Send> + Send + Sync>;

/// Reads an iterator.
pub struct IteratorSource {
    id: Symbol,
    events: Events,
}

impl IteratorSource {
    /// The source `id` of `events`.
    #[must_use]
    pub fn new(id: Symbol, events: Events) -> Self {
        Self { id, events }
    }
}

impl Source for IteratorSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async move {
            let Self { id, events } = *self;
            let first = match positions.iter().find(|position| position.partition == PARTITION) {
                None => 0,
                Some(position) => position.next.parse().map_err(|_| {
                    let message = format!("cannot go on from {:?}: it is no number of events", position.next);
                    feed::failed(id, false, message)
                })?,
            };
            feed::drive(id, output, move |feed| {
                read(&events, first, feed);
                Ok(())
            })
            .await
        })
    }
}

fn read(events: &Events, first: u64, feed: &mut Feed) {
    let skip = usize::try_from(first).unwrap_or(usize::MAX);
    let mut taken = first;
    let mut batch = Vec::with_capacity(BATCH_MAX + 1);
    let mut events = events().skip(skip);
    loop {
        batch.extend(events.by_ref().take(BATCH_MAX).map(|envelope| SourceRecord::Addressed {
            envelope,
            ticket: None,
            is_urgent: false,
        }));
        let is_last = batch.len() < BATCH_MAX;
        taken += batch.len() as u64;
        batch.push(SourceRecord::Position(Position { partition: PARTITION, next: taken.to_compact_string() }));
        if !feed.send(std::mem::take(&mut batch)) || is_last {
            return;
        }
    }
}
