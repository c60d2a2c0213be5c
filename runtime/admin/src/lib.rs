//! The admin HTTP API and dashboard
