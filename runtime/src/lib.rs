//! Actors that perform the engine's effects
