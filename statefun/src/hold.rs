//! What a message holds back: whose event time waits for it.

use std::fmt;
use std::num::NonZeroU32;

use crate::Symbol;

/// A domain of event time: an ingress that tells time. Watermarks of different domains never mix, so that a replay of one
/// topic does not stop what follows another.
///
/// Half the size of the ingress's name, so that an envelope has room for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(NonZeroU32);

impl Domain {
    /// The domain of an ingress.
    #[must_use]
    pub fn of(ingress: Symbol) -> Self {
        let index = u32::try_from(ingress.index() + 1).expect("there are far fewer symbols");
        Self(NonZeroU32::new(index).expect("one more than something"))
    }

    /// The name of the ingress.
    #[must_use]
    pub fn name(self) -> Symbol {
        Symbol::at(self.0.get() as usize - 1).expect("a domain is made from a symbol")
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().as_str())
    }
}

/// What a message holds back while it is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Hold {
    /// The domain of what caused it; `None` for what comes from an ingress without time.
    pub domain: Option<Domain>,
    /// The level of the component that sent it, or of what caused it where a plain function did: watermarks of higher
    /// levels wait for it.
    pub level: u8,
    /// Whether watermarks wait for it at all. They do not for what was late already.
    pub counted: bool,
    /// Whether this is no message but a timer of its target that fires at the envelope's event time.
    pub is_timer: bool,
}

impl Hold {
    /// Nothing is held back.
    pub const NONE: Self = Self { domain: None, level: 0, counted: false, is_timer: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_knows_its_ingress() {
        let name = Symbol::intern("hold/test").unwrap();
        assert_eq!(Domain::of(name).name(), name);
    }

    #[test]
    fn a_hold_takes_no_more_than_a_word() {
        assert_eq!(size_of::<Hold>(), 8);
        assert_eq!(size_of::<crate::Envelope>(), 128);
    }
}
