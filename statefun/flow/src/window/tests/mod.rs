//! The window operator from outside: each rule as a small scenario, and laws against independent definitions.

mod counting;
mod crashes;
mod evicting;
mod fixture;
mod format;
mod lateness;
mod oracle;
mod sessions;
mod shortcuts;
mod triggers;
