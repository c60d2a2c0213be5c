//! Rows for tests of the stores.

use statefun::{IdHash, ProcessingTime, RequestId, TypedValue, ValueType};
use statefun_ports::rows::{KeptRequest, RequestProgress};

/// The value of a row that holds any bytes.
pub(crate) fn kept(bytes: &[u8]) -> KeptRequest {
    let value_type = ValueType::named("").expect("few names are known");
    KeptRequest {
        request: RequestId::new(1, IdHash(1)),
        fingerprint: 1,
        expires: ProcessingTime(1),
        progress: RequestProgress::Replied(TypedValue::new(value_type, bytes)),
    }
}
