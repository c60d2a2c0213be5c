//! Names and addresses.

use statefun::{Address, EgressId, FunctionType, Symbol, TypedValue, ValueType};

use super::plan::{TYPE_COUNT, TYPES, Who};

/// Names that the run needs again and again.
#[derive(Debug)]
pub struct Names {
    /// Function types by number.
    pub types: [FunctionType; TYPE_COUNT],
    /// The type of every value.
    pub value: ValueType,
    /// States by number; see [`STATES`].
    pub states: [Symbol; STATE_COUNT],
    /// Egresses by number, the dead letters last.
    pub egresses: [EgressId; 3],
    /// Sources by number, the door last.
    pub sources: [Symbol; 3],
}

/// How many states there are.
pub const STATE_COUNT: usize = 7;
/// States by number. `spare` is declared by newer deployments only and never written.
pub const STATES: [&str; STATE_COUNT] = ["count", "inbox", "outbox", "note", "fault", "once", "spare"];

impl Names {
    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        let symbol = |text: &str| Symbol::intern(text).expect("a handful of names fit");
        Self {
            types: TYPES.map(|name| FunctionType::parse(name).expect("a typename")),
            value: ValueType(symbol("sim/bytes")),
            states: STATES.map(symbol),
            egresses: ["sim/ledger", "sim/feed", "sim/dead-letters"].map(|name| EgressId(symbol(name))),
            sources: ["sim/reader-one", "sim/reader-two", "sim/door-in"].map(symbol),
        }
    }

    /// The address of a function instance.
    #[must_use]
    pub fn address(&self, who: Who) -> Address {
        let mut id = [0; 2];
        Address::new(self.types[who.kind], id_text(who.id, &mut id))
    }

    /// Who has this address.
    #[must_use]
    pub fn who(&self, address: &Address) -> Who {
        let kind = self.types.iter().position(|known| *known == address.function).expect("a type of the plan");
        Who { kind, id: id_of(&address.id) }
    }

    /// A value of these bytes.
    pub(super) fn bytes(&self, bytes: &[u8]) -> TypedValue {
        TypedValue::new(self.value, bytes)
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of an id.
pub fn id_text(id: usize, buffer: &mut [u8; 2]) -> &str {
    *buffer = [b'a' + (id / 10) as u8, b'0' + (id % 10) as u8];
    std::str::from_utf8(buffer).expect("a letter and a digit")
}

fn id_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    usize::from(bytes[0] - b'a') * 10 + usize::from(bytes[1] - b'0')
}
