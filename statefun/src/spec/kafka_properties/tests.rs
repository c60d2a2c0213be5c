use super::*;

fn one(name: &str, value: &str) -> Outcome {
    several(&[(name, value)]).remove(0)
}

fn several(properties: &[(&str, &str)]) -> Vec<Outcome> {
    let owned: Vec<_> = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    translate(&owned).into_iter().map(|(_, outcome)| outcome).collect()
}

fn sets(pairs: &[(&str, &str)]) -> Outcome {
    Outcome::Set(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn every_property_stands_in_one_table() {
    let mut names: Vec<&str> = table::SAME.iter().chain(table::NATIVE).chain(table::DROPPED).copied().collect();
    names.extend(table::RENAMED.iter().map(|(name, _)| name));
    names.extend(table::IGNORED.iter().map(|(name, _)| name));
    names.extend(table::REFUSED.iter().map(|(name, ..)| name));
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn same_and_renamed_properties_pass() {
    assert_eq!(one("session.timeout.ms", "9"), sets(&[("session.timeout.ms", "9")]));
    assert_eq!(one("max.request.size", "9"), sets(&[("message.max.bytes", "9")]));
    assert_eq!(one("buffer.memory", "33554433"), sets(&[("queue.buffering.max.kbytes", "32769")]));
    assert_eq!(one("security.protocol", "SASL_SSL"), sets(&[("security.protocol", "sasl_ssl")]));
    assert_eq!(one("auto.offset.reset", "Earliest"), sets(&[("auto.offset.reset", "earliest")]));
    assert!(matches!(one("auto.offset.reset", "none"), Outcome::Refused { .. }));
    assert_eq!(
        one("ssl.endpoint.identification.algorithm", ""),
        sets(&[("ssl.endpoint.identification.algorithm", "none")])
    );
    assert_eq!(one("ssl.ca.location", "/ca.pem"), sets(&[("ssl.ca.location", "/ca.pem")]));
    assert_eq!(one("ssl.key.password", "p"), sets(&[("ssl.key.password", "p")]));
}

#[test]
fn a_jaas_login_becomes_user_name_and_password() {
    let plain =
        r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="ann" password="a;b \"c\"";"#;
    assert_eq!(one("sasl.jaas.config", plain), sets(&[("sasl.username", "ann"), ("sasl.password", "a;b \"c\"")]));
    let scram =
        "org.apache.kafka.common.security.scram.ScramLoginModule required\n  username='bob'\n  password='x y' ;";
    assert_eq!(one("sasl.jaas.config", scram), sets(&[("sasl.username", "bob"), ("sasl.password", "x y")]));
}

#[test]
fn a_jaas_login_that_java_alone_understands_is_refused() {
    for config in [
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ;",
        "software.amazon.msk.auth.iam.IAMLoginModule required;",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ann\";",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ann\" password=\"p\"",
        "org.apache.kafka.common.security.plain.PlainLoginModule username=\"ann\" password=\"p\";",
        "",
    ] {
        assert!(matches!(one("sasl.jaas.config", config), Outcome::Refused { .. }), "{config}");
    }
}

#[test]
fn java_stores_are_refused_with_the_way_out() {
    let Outcome::Refused { instead, .. } = one("ssl.truststore.location", "/t.jks") else { panic!("accepted") };
    assert!(instead.contains("PEM") && instead.contains("ssl.ca.location"), "{instead}");
    assert!(matches!(one("ssl.keystore.location", "/k.jks"), Outcome::Refused { .. }));
    let p12 = several(&[("ssl.truststore.location", "/t.p12"), ("ssl.truststore.type", "PKCS12")]);
    assert!(matches!(p12[0], Outcome::Refused { .. }));
    assert_eq!(p12[1], Outcome::Dropped);
}

#[test]
fn pem_and_pkcs12_stores_are_translated() {
    let trust = several(&[("ssl.truststore.location", "/ca.pem"), ("ssl.truststore.type", "pem")]);
    assert_eq!(trust[0], sets(&[("ssl.ca.location", "/ca.pem")]));
    let pem =
        several(&[("ssl.keystore.type", "PEM"), ("ssl.keystore.location", "/k.pem"), ("ssl.keystore.password", "p")]);
    assert_eq!(pem[1], sets(&[("ssl.certificate.location", "/k.pem"), ("ssl.key.location", "/k.pem")]));
    assert_eq!(pem[2], Outcome::Dropped);
    let p12 =
        several(&[("ssl.keystore.type", "PKCS12"), ("ssl.keystore.location", "/k"), ("ssl.keystore.password", "p")]);
    assert_eq!(p12[1], sets(&[("ssl.keystore.location", "/k")]));
    assert_eq!(p12[2], sets(&[("ssl.keystore.password", "p")]));
    assert_eq!(one("ssl.truststore.certificates", "PEM"), sets(&[("ssl.ca.pem", "PEM")]));
    assert_eq!(one("ssl.keystore.key", "PEM"), sets(&[("ssl.key.pem", "PEM")]));
}

#[test]
fn only_one_setting_of_flink_is_honoured() {
    let name = "flink.partition-discovery.interval-millis";
    assert_eq!(one(name, "10000"), Outcome::PartitionDiscovery(Some(Duration::from_secs(10))));
    assert_eq!(one(name, "-1"), Outcome::PartitionDiscovery(None));
    assert!(matches!(one(name, "often"), Outcome::Refused { .. }));
    assert!(matches!(one("flink.poll-timeout", "100"), Outcome::Ignored { .. }));
}

#[test]
fn serializers_are_of_no_consequence() {
    assert_eq!(one("key.deserializer", "org.x.Y"), Outcome::Dropped);
    assert_eq!(one("value.serializer", "org.x.Y"), Outcome::Dropped);
}

#[test]
fn an_unknown_property_is_ignored_with_the_nearest() {
    let Outcome::Ignored { nearest, .. } = one("sesion.timeout.ms", "1") else { panic!("not ignored") };
    assert_eq!(nearest.as_deref(), Some("session.timeout.ms"));
}
