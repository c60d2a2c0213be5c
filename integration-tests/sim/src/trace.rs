//! What happened, as a hash that two runs of a seed must agree on, and as lines when somebody wants to read them.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

/// FNV-1a: simple, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // One round per word keeps the trace cheap; the rotation lets high bits reach low ones.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

/// See the [module documentation](self).
#[derive(Debug, Default)]
pub struct Trace {
    hasher: Fnv,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its lines, or only their hash.
    #[must_use]
    pub fn new(is_readable: bool) -> Self {
        Self { hasher: Fnv::default(), lines: is_readable.then(Vec::new) }
    }

    /// Notes a step.
    pub fn note(&mut self, now: u64, step: &(impl Hash + Debug)) {
        now.hash(&mut self.hasher);
        step.hash(&mut self.hasher);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now:>8} ms  {step:?}"));
        }
    }

    /// The hash of everything noted.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
