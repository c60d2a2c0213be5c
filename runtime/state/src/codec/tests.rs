use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use statefun::function::{Expiration, StateSpec};
use statefun::{
    DeadLetter, DeadLetterCause, Domain, EgressRecord, Envelope, FunctionType, Hold, IdHash, KafkaRecord, RequestId,
    TypedValue, ValueType, Verdict,
};
use statefun_ports::rows::{Delayed, KeptRequest, RequestProgress};

use super::*;

fn name() -> impl Strategy<Value = Symbol> {
    "[a-z]{1,3}/[a-z]{1,3}".prop_map(|text| Symbol::intern(&text).unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    ("[a-z]{1,3}/[a-z]{1,3}", ".{0,30}")
        .prop_map(|(function, id)| Address::new(FunctionType::parse(&function).unwrap(), id))
}

fn typed() -> impl Strategy<Value = TypedValue> {
    let types =
        prop_oneof![Just("io.statefun.types/int"), Just("io.statefun.types/string"), Just("shop/cart"), Just("")];
    (types, prop::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(value_type, bytes)| TypedValue::new(ValueType::named(value_type).unwrap(), bytes))
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let hold = prop::option::of((name(), any::<u8>(), any::<bool>(), any::<bool>()));
    (address(), prop::option::of(address()), typed(), prop::option::of(any::<i64>()), hold).prop_map(
        |(target, caller, argument, time, hold)| {
            let mut envelope = Envelope::new(target, argument);
            envelope.caller = caller;
            envelope.event_time = time.filter(|&time| time != i64::MIN).map_or(EventTime::NONE, EventTime);
            if let Some((domain, level, counted, is_timer)) = hold {
                envelope.hold = Hold { domain: Some(Domain::of(domain)), level, counted, is_timer };
            }
            envelope
        },
    )
}

fn blob() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn record() -> impl Strategy<Value = EgressRecord> {
    let letter =
        (0..DeadLetterCause::ALL.len(), ".{0,9}", ".{0,9}", prop::option::of(envelope()), prop::option::of(blob()));
    prop_oneof![
        (".{0,9}", prop::option::of(blob()), blob()).prop_map(|(topic, key, value)| EgressRecord::Kafka(KafkaRecord {
            topic,
            key,
            value
        })),
        (name(), blob()).prop_map(|(topic, payload)| EgressRecord::Playground { topic, payload }),
        (address(), typed()).prop_map(|(source, value)| EgressRecord::Value { source, value }),
        (".{0,9}", typed()).prop_map(|(request, value)| EgressRecord::Reply { request: request.into(), value }),
        (request(), verdict()).prop_map(|(request, verdict)| EgressRecord::Verdict { request, verdict }),
        letter.prop_map(|(cause, detail, origin, envelope, raw)| {
            let cause = DeadLetterCause::ALL[cause];
            EgressRecord::DeadLetter(Box::new(DeadLetter { cause, detail, origin, envelope, raw }))
        }),
    ]
}

fn request() -> impl Strategy<Value = RequestId> {
    (any::<u128>(), any::<u64>()).prop_map(|(unique, home)| RequestId::new(unique, IdHash(home)))
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Accepted),
        request().prop_map(|request| Verdict::Awaited { request }),
        Just(Verdict::Conflict),
        Just(Verdict::Full),
    ]
}

fn kept_request() -> impl Strategy<Value = KeptRequest> {
    let progress = prop_oneof![
        Just(RequestProgress::Pending),
        Just(RequestProgress::Accepted),
        typed().prop_map(RequestProgress::Replied),
    ];
    (request(), any::<u64>(), any::<u64>(), progress).prop_map(|(request, fingerprint, expires, progress)| {
        KeptRequest { request, fingerprint, expires: ProcessingTime(expires), progress }
    })
}

fn spec() -> impl Strategy<Value = StateSpec> {
    let ttl = (any::<u64>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos));
    let expiration = prop_oneof![
        Just(Expiration::Never),
        ttl.clone().prop_map(Expiration::AfterWrite),
        ttl.prop_map(Expiration::AfterInvoke),
    ];
    (name(), name(), expiration).prop_map(|(name, value_type, expiration)| StateSpec {
        name,
        value_type: ValueType(value_type),
        expiration,
    })
}

fn row() -> impl Strategy<Value = (RowKey, RowValue)> {
    let group = || (0..u16::MAX).prop_map(KeyGroup);
    prop_oneof![
        (group(), address(), name(), typed(), any::<u64>()).prop_map(|(group, address, name, value, touched)| {
            let stored = Stored { value, touched: ProcessingTime(touched) };
            (RowKey::Value { group, address, name }, RowValue::Value(stored))
        }),
        (group(), any::<u64>(), envelope())
            .prop_map(|(group, seq, envelope)| (RowKey::Waiting { group, seq }, RowValue::Waiting(envelope))),
        (group(), any::<u64>(), any::<u64>(), address(), envelope(), prop::option::of(".{0,30}")).prop_map(
            |(group, due, seq, owner, envelope, token)| {
                let delayed = Delayed { owner, envelope, token: token.map(Into::into) };
                (RowKey::Delayed { group, due: ProcessingTime(due), seq }, RowValue::Delayed(delayed))
            }
        ),
        (group(), address(), ".{0,30}", kept_request()).prop_map(|(group, address, key, kept)| {
            (RowKey::Idempotency { group, address, key: key.into() }, RowValue::Idempotency(kept))
        }),
        (address(), prop::collection::vec(spec(), 0..4))
            .prop_map(|(address, specs)| (RowKey::Specs { function: address.function }, RowValue::Specs(specs))),
        (name(), ".{0,30}", ".{0,30}").prop_map(|(source, partition, next)| {
            (RowKey::Position { source, partition: partition.into() }, RowValue::Position(next.into()))
        }),
        (name(), any::<u64>(), record())
            .prop_map(|(sink, seq, record)| (RowKey::Outbox { sink, seq }, RowValue::Outbox(record))),
        (group(), address(), any::<i64>(), prop::option::of(name())).prop_map(|(group, address, at, domain)| {
            (RowKey::Timer { group, address, at: EventTime(at) }, RowValue::Timer(domain.map(Domain::of)))
        }),
        (".{0,30}", blob()).prop_map(|(participant, bytes)| {
            (RowKey::Time { participant: participant.into() }, RowValue::Time(bytes))
        }),
        (".{0,30}", any::<u64>()).prop_map(|(participant, clock)| {
            (RowKey::Clock { participant: participant.into() }, RowValue::Clock(ProcessingTime(clock)))
        }),
    ]
}

fn encoded(key: &RowKey, value: &RowValue) -> (Vec<u8>, Vec<u8>) {
    let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
    encode_key(key, &mut key_bytes);
    encode_value(value, &mut value_bytes);
    (key_bytes, value_bytes)
}

proptest! {
    #[test]
    fn every_row_survives(rows in prop::collection::vec(row(), 1..8)) {
        // One decoder for all, so that names met last are met again and met by others.
        let mut names = Names::default();
        for (key, value) in rows {
            let (key_bytes, value_bytes) = encoded(&key, &value);
            prop_assert_eq!(decode(&key_bytes, &value_bytes, &mut names), Ok((key, value)));
        }
    }

    #[test]
    fn different_keys_have_different_bytes((a, _) in row(), (b, _) in row()) {
        let bytes = |key: &RowKey| { let mut out = Vec::new(); encode_key(key, &mut out); out };
        prop_assert_eq!(a == b, bytes(&a) == bytes(&b));
    }

    #[test]
    fn what_is_cut_off_or_damaged_makes_no_decoder_panic((key, value) in row(), cut: prop::sample::Index, bit: prop::sample::Index) {
        let (key, value) = encoded(&key, &value);
        let mut names = Names::default();
        let _ = decode(&key, &value[..cut.index(value.len() + 1)], &mut names);
        let _ = decode(&key[..cut.index(key.len() + 1)], &value, &mut names);
        if !value.is_empty() {
            let mut value = value.clone();
            let bit = bit.index(value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&key, &value, &mut names);
        }
    }
}

#[test]
fn rows_of_the_system_have_these_bytes_for_good() {
    let sample = |key: RowKey, value: RowValue| {
        let (key, value) = encoded(&key, &value);
        (key.escape_ascii().to_string(), value.escape_ascii().to_string())
    };
    let carts = Symbol::intern("shop/carts").unwrap();
    let position =
        sample(RowKey::Position { source: carts, partition: "carts/3".into() }, RowValue::Position("42".into()));
    assert_eq!(position, (r"\xff\xffshop/carts\x00\x02carts/3".into(), "42".into()));
    let record = KafkaRecord { topic: "t".into(), key: None, value: Bytes::from_static(b"v") };
    let outbox = sample(RowKey::Outbox { sink: carts, seq: 258 }, RowValue::Outbox(EgressRecord::Kafka(record)));
    let key = r"\xff\xffshop/carts\x00\x03\x00\x00\x00\x00\x00\x00\x01\x02";
    assert_eq!(outbox, (key.into(), r"\x01\x01\x00\x00\x00t\x00\x01\x00\x00\x00v".into()));
    let clock = sample(RowKey::Clock { participant: "shard-0".into() }, RowValue::Clock(ProcessingTime(258)));
    assert_eq!(clock, (r"\xff\xffshard-0\x00\x04".into(), r"\x02\x01\x00\x00\x00\x00\x00\x00".into()));
    let spec = StateSpec {
        name: Symbol::intern("items").unwrap(),
        value_type: ValueType::named("shop/list").unwrap(),
        expiration: Expiration::AfterWrite(Duration::from_millis(1_500)),
    };
    let specs =
        sample(RowKey::Specs { function: FunctionType::parse("shop/cart").unwrap() }, RowValue::Specs(vec![spec]));
    let value =
        r"\x01\x00\x05\x00\x00\x00items\t\x00\x00\x00shop/list\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00e\xcd\x1d";
    assert_eq!(specs, (r"\xff\xffshop/cart\x00\x01".into(), value.into()));
}
