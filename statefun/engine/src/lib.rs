//! The verbs: shards, snapshots, recovery, time and invocation, without a clock or I/O
