//! Interned text: typenames and state names, of which an application has few and each event carries several.
//!
//! A [`Symbol`] is a pointer, so copying and comparing one costs what copying and comparing an integer costs,
//! and a table indexed by [`Symbol::index`] needs no hashing at all. Symbols live as long as the process.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{LazyLock, RwLock};

use hashbrown::HashMap;

/// How many distinct symbols a process may intern. Text from outside (a content type, a path) can mint
/// symbols, so there is a limit, far above what any application declares.
pub const SYMBOLS_MAX: usize = 1 << 16;

/// Interned text. Equality and hashing are by identity, ordering is by content.
#[derive(Clone, Copy)]
pub struct Symbol(&'static Interned);

struct Interned {
    text: String,
    index: u32,
    /// Position of the slash of a typename, or the text's length when it has none.
    slash: usize,
}

/// The process has interned [`SYMBOLS_MAX`] symbols.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many distinct names: cannot remember {text:?}, the limit is {SYMBOLS_MAX} per process")]
pub struct SymbolError {
    text: String,
}

// Content-addressed, so which thread interns first changes indices but never an outcome: indices are
// only ever used as positions in process-local tables.
static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

#[derive(Default)]
struct Table {
    by_text: HashMap<&'static str, Symbol>,
    by_index: Vec<Symbol>,
}

impl Symbol {
    /// The symbol for `text`.
    ///
    /// # Errors
    /// When `text` is new and [`SYMBOLS_MAX`] symbols exist already.
    pub fn intern(text: &str) -> Result<Symbol, SymbolError> {
        if let Some(symbol) = TABLE.read().unwrap_or_else(|poisoned| poisoned.into_inner()).by_text.get(text) {
            return Ok(*symbol);
        }
        let mut table = TABLE.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(symbol) = table.by_text.get(text) {
            return Ok(*symbol);
        }
        if table.by_index.len() >= SYMBOLS_MAX {
            return Err(SymbolError { text: text.to_owned() });
        }
        let index = u32::try_from(table.by_index.len()).expect("the table is limited to SYMBOLS_MAX");
        let slash = text.find('/').unwrap_or(text.len());
        let interned: &'static Interned = Box::leak(Box::new(Interned { text: text.to_owned(), index, slash }));
        table.by_text.insert(&interned.text, Symbol(interned));
        table.by_index.push(Symbol(interned));
        Ok(Symbol(interned))
    }

    /// The symbol whose [`Symbol::index`] this is.
    #[must_use]
    pub(crate) fn at(index: usize) -> Option<Symbol> {
        TABLE.read().unwrap_or_else(|poisoned| poisoned.into_inner()).by_index.get(index).copied()
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        &self.0.text
    }

    /// A small dense number, stable within this process only.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self.0.index as usize
    }

    /// What stands before the first slash, or everything.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        &self.0.text[..self.0.slash]
    }

    /// What stands behind the first slash, or nothing.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.text.get(self.0.slash + 1..).unwrap_or_default()
    }
}

impl PartialEq for Symbol {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.index);
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_the_same_symbol() {
        let a = Symbol::intern("shop/cart").unwrap();
        let b = Symbol::intern(&String::from("shop/cart")).unwrap();
        assert_eq!(a, b);
        assert_eq!(a.index(), b.index());
        assert_eq!((a.namespace(), a.name()), ("shop", "cart"));
    }

    #[test]
    fn order_is_the_order_of_the_text_not_of_interning() {
        let later = Symbol::intern("order/b").unwrap();
        let earlier = Symbol::intern("order/a").unwrap();
        assert!(earlier < later);
    }
}
