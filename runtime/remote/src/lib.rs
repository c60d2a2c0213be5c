//! HTTP transport to remote functions
