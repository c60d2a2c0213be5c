//! The tables. A property stands in exactly one of them, which a test checks.

/// Same name and same meaning in both clients, and aliases that librdkafka has for Java's sake.
pub(super) const SAME: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "batch.size",
    "bootstrap.servers",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.type",
    "connections.max.idle.ms",
    "delivery.timeout.ms",
    "enable.idempotence",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.oauthbearer.token.endpoint.url",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "ssl.cipher.suites",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "transaction.timeout.ms",
];

/// Another name, same meaning and unit.
pub(super) const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.request.size", "message.max.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("request.timeout.ms", "socket.timeout.ms"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
];

/// No effect, and none missed.
pub(super) const DROPPED: &[&str] = &[
    "key.deserializer",
    "key.serializer",
    "ssl.keystore.type",
    "ssl.truststore.password",
    "ssl.truststore.type",
    "value.deserializer",
    "value.serializer",
];

/// Ignored with a warning. A name that ends in `*` stands for a family.
pub(super) const IGNORED: &[(&str, &str)] = &[
    ("auto.commit.interval.ms", "offsets belong to snapshots and are committed with them"),
    ("auto.include.jmx.reporter", "metrics are served by the process itself"),
    ("default.api.timeout.ms", "no call of ours blocks on the client"),
    ("enable.auto.commit", "offsets belong to snapshots and are committed with them"),
    ("enable.metrics.push", "metrics are served by the process itself"),
    ("exclude.internal.topics", "topics are named one by one"),
    ("flink.*", "it is a setting of Flink"),
    ("interceptor.classes", "it names Java classes"),
    ("max.block.ms", "a full queue holds functions back instead of blocking"),
    ("max.poll.records", "records are taken as credits allow"),
    ("metadata.max.idle.ms", "librdkafka forgets topics by itself"),
    ("metric.reporters", "metrics are served by the process itself"),
    ("metrics.*", "metrics are served by the process itself"),
    ("partition.assignment.strategy", "partitions are assigned by the process itself"),
    ("partitioner.adaptive.partitioning.enable", "librdkafka does not measure brokers when partitioning"),
    ("partitioner.availability.timeout.ms", "librdkafka does not measure brokers when partitioning"),
    ("partitioner.ignore.keys", "records are partitioned by key"),
    ("security.providers", "it names Java classes"),
    ("socket.connection.setup.timeout.max.ms", "librdkafka does not lengthen this timeout"),
    ("ssl.enabled.protocols", "the TLS version is negotiated; OpenSSL refuses old ones"),
    ("ssl.keymanager.algorithm", "it is a setting of Java"),
    ("ssl.protocol", "the TLS version is negotiated; OpenSSL refuses old ones"),
    ("ssl.provider", "it is a setting of Java"),
    ("ssl.secure.random.implementation", "it is a setting of Java"),
    ("ssl.trustmanager.algorithm", "it is a setting of Java"),
    ("transactional.id", "it is derived from the application's lineage, or exactly-once would break"),
];

/// Refused with the equivalent. A name that ends in `*` stands for a family.
pub(super) const REFUSED: &[(&str, &str, &str)] = &[
    (
        "sasl.client.callback.handler.class",
        "it names a Java class",
        "use sasl.username and sasl.password, or sasl.oauthbearer.* properties",
    ),
    ("sasl.kerberos.*", "Kerberos is not built in", "use SCRAM, PLAIN over TLS, or client certificates"),
    (
        "sasl.login.*",
        "it configures a Java login module",
        "use sasl.username and sasl.password, or sasl.oauthbearer.method: oidc",
    ),
    (
        "ssl.engine.factory.class",
        "it names a Java class",
        "use ssl.ca.location, ssl.certificate.location and ssl.key.location",
    ),
];

/// Properties of librdkafka that Java does not have, so that they can be written too.
pub(super) const NATIVE: &[&str] = &[
    "api.version.request",
    "api.version.request.timeout.ms",
    "batch.num.messages",
    "broker.address.family",
    "broker.address.ttl",
    "compression.codec",
    "compression.level",
    "debug",
    "enable.ssl.certificate.verification",
    "fetch.error.backoff.ms",
    "fetch.message.max.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "log_level",
    "max.in.flight",
    "message.copy.max.bytes",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partitioner",
    "receive.message.max.bytes",
    "request.required.acks",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "statistics.interval.ms",
    "sticky.partitioning.linger.ms",
];

/// Families of librdkafka's own.
pub(super) const NATIVE_PREFIXES: &[&str] = &[
    "queue.buffering.",
    "queued.",
    "sasl.oauthbearer.",
    "socket.blocking.",
    "socket.keepalive.",
    "socket.max.",
    "socket.nagle.",
    "socket.receive.",
    "socket.send.",
    "socket.timeout.",
    "ssl.ca.",
    "ssl.certificate.",
    "ssl.crl.",
    "ssl.curves.",
    "ssl.key.",
    "ssl.providers",
    "ssl.sigalgs.",
    "topic.metadata.",
];
