//! The functions of an application, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use statefun::FunctionType;
use statefun::function::{Function, StateSpec};

use crate::asynchronous::AsyncHandler;
use crate::embedded::{Embedded, Handler};
use crate::{AsyncEmbedded, AsyncFunction, StatefulFunction, States, name};

/// The functions of an application: what a runtime embeds and what a server serves.
///
/// ```
/// # use statefun_sdk::{Context, FunctionError, Functions, Message, StatefulFunction};
/// # struct Person; struct Greeter;
/// # impl StatefulFunction for Person {
/// #     const TYPE: &'static str = "example/person";
/// #     fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> { Ok(()) }
/// # }
/// # impl StatefulFunction for Greeter {
/// #     const TYPE: &'static str = "example/greeter";
/// #     fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> { Ok(()) }
/// # }
/// let functions = Functions::new().with(|_| Person).with(|_| Greeter);
/// let types: Vec<_> = functions.types().map(|function| function.as_str()).collect();
/// assert_eq!(types, ["example/greeter", "example/person"]);
/// ```
#[derive(Clone, Default)]
pub struct Functions {
    // By namespace and name, as they stand on the wire: names that nobody serves are never interned.
    entries: BTreeMap<&'static str, BTreeMap<&'static str, Arc<Entry>>>,
}

/// A function and what it declares.
pub(crate) struct Entry {
    pub(crate) function_type: FunctionType,
    pub(crate) states: Vec<StateSpec>,
    pub(crate) run: Run,
}

/// How a function runs.
#[derive(Clone)]
pub(crate) enum Run {
    /// From its beginning to its end.
    Plain(Arc<dyn Handler>),
    /// With awaits in between.
    Awaiting(Arc<dyn AsyncHandler>),
}

impl Entry {
    pub(crate) fn new<F: StatefulFunction>(declare: impl FnOnce(&mut States<'_>) -> F) -> Self {
        const {
            assert!(name::is_typename(F::TYPE), "TYPE is no typename: write \"<namespace>/<name>\", with one slash");
        }
        let mut states = Vec::new();
        let run = Run::Plain(Arc::new(declare(&mut States::new(&mut states))));
        Self { function_type: known(F::TYPE), states, run }
    }

    fn awaiting<F: AsyncFunction>(declare: impl FnOnce(&mut States<'_>) -> F) -> Self {
        const {
            assert!(name::is_typename(F::TYPE), "TYPE is no typename: write \"<namespace>/<name>\", with one slash");
        }
        let mut states = Vec::new();
        let run = Run::Awaiting(Arc::new(declare(&mut States::new(&mut states))));
        Self { function_type: known(F::TYPE), states, run }
    }
}

fn known(typename: &str) -> FunctionType {
    FunctionType::parse(typename).expect("an application has fewer names than a process can remember")
}

impl Functions {
    /// No functions yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function, made by `declare` from the states it declares: usually its constructor, or `|_| F` for a
    /// function without state.
    ///
    /// # Panics
    /// When there is a function of that name already, or it declares a state twice.
    #[must_use]
    pub fn with<F: StatefulFunction>(mut self, declare: impl FnOnce(&mut States<'_>) -> F) -> Self {
        self.add(Arc::new(Entry::new(declare)));
        self
    }

    /// Adds a function that [awaits](AsyncFunction).
    ///
    /// # Panics
    /// When there is a function of that name already, or it declares a state twice.
    #[must_use]
    pub fn with_async<F: AsyncFunction>(mut self, declare: impl FnOnce(&mut States<'_>) -> F) -> Self {
        self.add(Arc::new(Entry::awaiting(declare)));
        self
    }

    /// Adds all functions of `others`.
    ///
    /// # Panics
    /// When both have a function of the same name.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        others.entries.into_values().flat_map(BTreeMap::into_values).for_each(|entry| self.add(entry));
        self
    }

    fn add(&mut self, entry: Arc<Entry>) {
        let function_type = entry.function_type;
        let before = self.entries.entry(function_type.namespace()).or_default().insert(function_type.name(), entry);
        assert!(before.is_none(), "the function {function_type} is registered twice");
    }

    /// Their names, in order.
    pub fn types(&self) -> impl Iterator<Item = FunctionType> + '_ {
        self.entries.values().flat_map(BTreeMap::values).map(|entry| entry.function_type)
    }

    /// What a function declares about its states; `None` for a function that is not among these.
    #[must_use]
    pub fn states(&self, function: FunctionType) -> Option<&[StateSpec]> {
        self.entry(function.namespace(), function.name()).map(|entry| entry.states.as_slice())
    }

    /// An instance of a function to embed; `None` for a function that is not among these, or awaits. Each shard takes its
    /// own.
    #[must_use]
    pub fn embedded(&self, function: FunctionType) -> Option<Box<dyn Function>> {
        let entry = self.entry(function.namespace(), function.name())?;
        let Run::Plain(handler) = &entry.run else { return None };
        Some(Box::new(Embedded::new(Arc::clone(entry), Arc::clone(handler))))
    }

    /// A function that awaits, to embed; `None` for a function that is not among these, or does not await.
    #[must_use]
    pub fn asynchronous(&self, function: FunctionType) -> Option<AsyncEmbedded> {
        let entry = self.entry(function.namespace(), function.name())?;
        matches!(entry.run, Run::Awaiting(_)).then(|| AsyncEmbedded::new(Arc::clone(entry)))
    }

    /// What makes instances to embed, for those who keep such a thing.
    pub fn factory(&self) -> impl Fn(FunctionType) -> Option<Box<dyn Function>> + Clone + Send + Sync + 'static {
        let functions = self.clone();
        move |function| functions.embedded(function)
    }

    pub(crate) fn entry(&self, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.entries.get(namespace)?.get(name)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types()).finish()
    }
}
