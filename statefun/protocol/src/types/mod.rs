//! The built-in value types: how numbers, booleans and texts look on the wire.
