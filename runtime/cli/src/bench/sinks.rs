//! Takes results and forgets them, but for their sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use statefun::EgressRecord;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{Sink, SinkCommand, SinkError, SinkInput};
use statefun_sdk::Decode;

use super::events::result;

/// How many results came and what they sum up to.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) count: AtomicU64,
    pub(crate) checksum: AtomicU64,
}

pub(crate) struct ResultSink(pub(crate) Arc<Results>);

impl Sink for ResultSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                match input.next().await {
                    SinkCommand::Publish(records) => {
                        let mut sum = 0u64;
                        for published in &records {
                            if let EgressRecord::Value { source, value } = &published.record {
                                let count = i64::decode(&value.bytes).unwrap_or_default();
                                sum = sum.wrapping_add(result(&source.id, count));
                            }
                        }
                        self.0.checksum.fetch_add(sum, Relaxed);
                        self.0.count.fetch_add(records.len() as u64, Relaxed);
                    }
                    SinkCommand::Completed(_) => {}
                    SinkCommand::Stop => return Ok(()),
                }
            }
        })
    }
}
