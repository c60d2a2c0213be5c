//! What a publisher works by.

use std::time::{Duration, SystemTime};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use statefun_engine::publication;

use super::control::Keys;
use crate::kafka::Options;

/// Our transactions are short. A longer timeout would only make readers wait longer after a crash.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Records and bytes of a transaction, at most.
const RECORDS_MAX: usize = 10_000;
const BYTES_MAX: usize = 16 << 20;
/// librdkafka takes no less.
const TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The options, and what follows from them.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) options: Options,
    pub(super) timeout: Duration,
    pub(super) control_topic: String,
    pub(super) transactional_id: String,
    pub(super) keys: Keys,
    /// Tells this start of the egress from others.
    pub(super) run: String,
    pub(super) started_at_ms: u64,
}

impl Terms {
    pub(super) fn new(options: Options, timeout: Duration, lineage: &str, control_topic: String) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            timeout: timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX),
            control_topic,
            transactional_id: format!("statefun-{lineage}-{}", options.id),
            keys: Keys::new(lineage, options.id),
            run: format!("{:032x}", SmallRng::from_os_rng().random::<u128>()),
            started_at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            options,
        }
    }

    /// What the publication has to know of them.
    pub(super) fn publication(&self) -> publication::Terms {
        publication::Terms {
            run: self.run.clone(),
            started_at_ms: self.started_at_ms,
            control_topic: self.control_topic.clone(),
            records_max: RECORDS_MAX,
            bytes_max: BYTES_MAX,
            unknown_topic_patience: self.options.unknown_topic_patience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statefun::Symbol;

    fn terms(timeout: Duration) -> Terms {
        let options = Options::new(Symbol::intern("shop/receipts").unwrap(), "b:9092");
        Terms::new(options, timeout, "abc", "control".to_owned())
    }

    #[test]
    fn the_transactional_id_names_lineage_and_egress() {
        assert_eq!(terms(TIMEOUT_MAX).transactional_id, "statefun-abc-shop/receipts");
    }

    #[test]
    fn a_timeout_meant_to_cover_an_outage_does_not_hold_readers_up_for_as_long() {
        assert_eq!(terms(Duration::from_secs(900)).timeout, Duration::from_secs(60));
        assert_eq!(terms(Duration::from_secs(10)).timeout, Duration::from_secs(10));
        assert_eq!(terms(Duration::from_millis(1)).timeout, Duration::from_secs(1));
    }
}
