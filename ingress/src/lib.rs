//! Sources: HTTP, Kafka, files and generated events
