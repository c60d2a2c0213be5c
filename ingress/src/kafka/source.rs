use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput};

use super::Options;
use super::reader::Reader;
use crate::feed::{self, Feed};

/// Reads Kafka topics.
#[derive(Debug)]
pub struct KafkaSource {
    options: Options,
}

impl KafkaSource {
    /// A source that does as `options` say. Nothing is connected before it runs.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for KafkaSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        let options = self.options;
        let id = options.id;
        let read = move |feed: &mut Feed| Reader::new(options, &positions)?.read(feed);
        Box::pin(feed::drive(id, output, read))
    }
}
