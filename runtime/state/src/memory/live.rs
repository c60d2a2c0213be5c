//! Values that stay decoded between invocations, beside the slab.
//!
//! The cell of such a value holds a stand-in: a value of a type that nobody else can name, with the place of the decoded
//! one. So cells stay as small as they are for everybody else.

use statefun::function::LiveValue;
use statefun::{ProcessingTime, TypedValue, ValueType};
use statefun_ports::rows::Stored;

/// Decoded values, by place.
pub(super) struct LiveValues {
    values: Vec<Option<Box<dyn LiveValue>>>,
    free: Vec<u32>,
    stand_in: ValueType,
}

impl Default for LiveValues {
    fn default() -> Self {
        let stand_in = ValueType::named("io.statefun/live\0").expect("a process has fewer names than it can remember");
        Self { values: Vec::new(), free: Vec::new(), stand_in }
    }
}

impl LiveValues {
    /// The place that a value stands in for, if it does.
    #[inline]
    pub(super) fn place(&self, stored: &Stored) -> Option<u32> {
        if stored.value.value_type != self.stand_in {
            return None;
        }
        stored.value.bytes.as_slice().try_into().ok().map(u32::from_ne_bytes)
    }

    /// Keeps a value; what stands in for it.
    pub(super) fn add(&mut self, value: Box<dyn LiveValue>, touched: ProcessingTime) -> Stored {
        let place = self.free.pop().unwrap_or_else(|| {
            self.values.push(None);
            u32::try_from(self.values.len() - 1).expect("a shard has fewer values than slots")
        });
        self.values[place as usize] = Some(value);
        Stored { value: TypedValue::new(self.stand_in, place.to_ne_bytes().as_slice()), touched }
    }

    /// Takes a value out for a while.
    #[inline]
    pub(super) fn take(&mut self, place: u32) -> Option<Box<dyn LiveValue>> {
        self.values[place as usize].take()
    }

    /// Puts it back.
    #[inline]
    pub(super) fn put(&mut self, place: u32, value: Box<dyn LiveValue>) {
        self.values[place as usize] = Some(value);
    }

    /// Gives a place up.
    pub(super) fn remove(&mut self, place: u32) {
        self.values[place as usize] = None;
        self.free.push(place);
    }

    /// A value as it is stored, if it is one that stays decoded.
    pub(super) fn encoded(&self, stored: &Stored) -> Option<Stored> {
        let place = self.place(stored)?;
        let value = self.values[place as usize].as_ref().expect("nothing is encoded while a function runs");
        Some(Stored { value: value.encode(), touched: stored.touched })
    }
}

impl std::fmt::Debug for LiveValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} live values", self.values.len() - self.free.len())
    }
}
