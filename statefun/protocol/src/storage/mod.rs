//! Bytes that outlive the process: durable rows, deltas of an epoch, blocks of the base.
