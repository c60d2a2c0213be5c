//! State in memory and on disk: the live tables and the snapshot store on redb
