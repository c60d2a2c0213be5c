//! Bytes on the wire and in storage
