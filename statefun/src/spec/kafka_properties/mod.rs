//! Java Kafka client properties in the words of librdkafka.
//!
//! Modules written for StateFun configure the Java client. Many properties have the same name and meaning in
//! librdkafka, some another name, some no counterpart. What cannot be honoured is never dropped silently: it is
//! ignored with a reason where the effect is small, and refused with the equivalent where security or correctness
//! would suffer. Properties of librdkafka itself pass unchanged.

mod jaas;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use super::read::nearest;

/// What becomes of one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These librdkafka properties say the same.
    Set(Vec<(String, String)>),
    /// How often to look for new partitions; `None`: never. Ours to do, not librdkafka's.
    PartitionDiscovery(Option<Duration>),
    /// Has no effect and needs none: class names of serializers, passwords of stores that need none, and the like.
    Dropped,
    /// Has no counterpart; the client works without it.
    Ignored {
        /// Why.
        reason: String,
        /// The property that was probably meant, if this one is unknown.
        nearest: Option<String>,
    },
    /// Would be misunderstood or unsafe to ignore.
    Refused {
        /// Why.
        reason: String,
        /// What to write instead.
        instead: String,
    },
}

/// Translates properties in the order given, one outcome for each. Where a name is repeated, the last value decides
/// how other properties are understood, as it does for the Java client.
#[must_use]
pub fn translate(properties: &[(String, String)]) -> Vec<(String, Outcome)> {
    let all: BTreeMap<&str, &str> = properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    properties.iter().map(|(name, value)| (name.clone(), outcome(name, value, &all))).collect()
}

fn outcome(name: &str, value: &str, all: &BTreeMap<&str, &str>) -> Outcome {
    if let Some(outcome) = special(name, value, all) {
        return outcome;
    }
    if table::SAME.contains(&name)
        || table::NATIVE.contains(&name)
        || table::NATIVE_PREFIXES.iter().any(|it| name.starts_with(it))
    {
        return set(name, value);
    }
    if let Some((_, renamed)) = table::RENAMED.iter().find(|(java, _)| *java == name) {
        return set(renamed, value);
    }
    if table::DROPPED.contains(&name) {
        return Outcome::Dropped;
    }
    if let Some((_, reason)) = table::IGNORED.iter().find(|(java, _)| *java == name || is_below(name, java)) {
        return ignored(reason);
    }
    if let Some((_, reason, instead)) = table::REFUSED.iter().find(|(java, ..)| *java == name || is_below(name, java)) {
        return refused(reason, instead);
    }
    let known = table::SAME.iter().chain(table::NATIVE).copied().chain(table::RENAMED.iter().map(|(java, _)| *java));
    let nearest = nearest(name, known).map(str::to_owned);
    Outcome::Ignored {
        reason: "neither the Java client nor librdkafka has a property of this name".to_owned(),
        nearest,
    }
}

/// Whether a name belongs to a family written `family.*`.
fn is_below(name: &str, family: &str) -> bool {
    family.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix))
}

fn set(name: &str, value: &str) -> Outcome {
    Outcome::Set(vec![(name.to_owned(), value.to_owned())])
}

fn ignored(reason: &str) -> Outcome {
    Outcome::Ignored { reason: reason.to_owned(), nearest: None }
}

fn refused(reason: &str, instead: &str) -> Outcome {
    Outcome::Refused { reason: reason.to_owned(), instead: instead.to_owned() }
}

/// Properties whose outcome depends on their value or on other properties.
fn special(name: &str, value: &str, all: &BTreeMap<&str, &str>) -> Option<Outcome> {
    let mechanism = all.get("sasl.mechanism").copied().unwrap_or("GSSAPI");
    let outcome = match name {
        "flink.partition-discovery.interval-millis" => match value.trim().parse::<i64>() {
            Ok(millis) if millis > 0 => Outcome::PartitionDiscovery(Some(Duration::from_millis(millis.unsigned_abs()))),
            Ok(_) => Outcome::PartitionDiscovery(None),
            Err(_) => refused("it is not a number of milliseconds", "write for instance 10000, or leave it out"),
        },
        "security.protocol" => set(name, &value.trim().to_lowercase()),
        "auto.offset.reset" => match value.trim().to_lowercase().as_str() {
            word @ ("earliest" | "latest") => set(name, word),
            // Guessing a position would skip or repeat records without a word.
            _ => refused("there are earliest and latest", "use autoOffsetResetPosition: earliest or latest"),
        },
        "buffer.memory" => match value.trim().parse::<u64>() {
            Ok(bytes) => set("queue.buffering.max.kbytes", &bytes.div_ceil(1024).clamp(1, 2_147_483_647).to_string()),
            Err(_) => refused("it is not a number of bytes", "write for instance 33554432, or leave it out"),
        },
        "client.dns.lookup" if value == "default" => Outcome::Dropped,
        "ssl.endpoint.identification.algorithm" if value.trim().is_empty() => set(name, "none"),
        "partitioner.class" => match value.rsplit('.').next().unwrap_or(value) {
            "" | "DefaultPartitioner" => set("partitioner", "murmur2_random"),
            _ => refused(
                "it names a Java class",
                "use `partitioner`, whose values librdkafka documents; `murmur2_random` is Java's default",
            ),
        },
        "sasl.mechanism" => match value.trim() {
            "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "OAUTHBEARER" => set(name, value.trim()),
            _ => refused("this mechanism is not built in", "use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"),
        },
        "sasl.jaas.config" => jaas::translate(value, mechanism),
        "ssl.cipher.suites" if value.contains("TLS_") => refused(
            "these are the names of Java's cipher suites",
            "write OpenSSL's names, as `openssl ciphers` lists them",
        ),
        _ => return store(name, value, all),
    };
    Some(outcome)
}

/// Trust and key stores: PEM everywhere, PKCS#12 for keys, never JKS.
fn store(name: &str, value: &str, all: &BTreeMap<&str, &str>) -> Option<Outcome> {
    let kind = |name| all.get(name).copied().unwrap_or("JKS").to_uppercase();
    let outcome = match name {
        "ssl.truststore.location" if kind("ssl.truststore.type") == "PEM" => set("ssl.ca.location", value),
        "ssl.truststore.location" => refused(
            &format!("{} trust stores are read by Java only", kind("ssl.truststore.type")),
            "convert it to PEM (`keytool -exportcert -rfc`) and use ssl.ca.location",
        ),
        "ssl.truststore.certificates" => set("ssl.ca.pem", value),
        "ssl.keystore.location" => match kind("ssl.keystore.type").as_str() {
            "PKCS12" => set(name, value),
            "PEM" => Outcome::Set(vec![
                ("ssl.certificate.location".to_owned(), value.to_owned()),
                ("ssl.key.location".to_owned(), value.to_owned()),
            ]),
            other => refused(
                &format!("{other} key stores are read by Java only"),
                "convert it with `keytool -importkeystore -deststoretype PKCS12` and set ssl.keystore.type to PKCS12, \
                 or use ssl.certificate.location and ssl.key.location with PEM files",
            ),
        },
        "ssl.keystore.password" if kind("ssl.keystore.type") == "PKCS12" => set(name, value),
        // Protects the store that is reported (JKS) or needs none (PEM): nothing is lost without it.
        "ssl.keystore.password" => Outcome::Dropped,
        "ssl.keystore.key" => set("ssl.key.pem", value),
        "ssl.keystore.certificate.chain" => set("ssl.certificate.pem", value),
        _ => return None,
    };
    Some(outcome)
}

#[cfg(test)]
mod tests;
