//! Black-box tests: the real binary, real Kafka, the official SDKs
