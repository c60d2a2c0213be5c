//! Sinks: Kafka, HTTP, files and standard output
