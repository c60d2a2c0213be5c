//! Functions that wait for something outside, without keeping anybody but their own key waiting.

use std::pin::Pin;
use std::sync::Arc;

use statefun::function::{Effects, FunctionError, StateSpec};
use statefun::{Address, EventTime, ProcessingTime, TypedValue};

use crate::context::Home;
use crate::functions::{Entry, Run};
use crate::{Context, Message};

/// A stateful function that awaits: a database, another service, a timer of its own.
///
/// While it waits, its key waits: the next message of the same id comes when this one is done, and other ids go on. What
/// it records takes place when it returns `Ok`, all together, as of every function. If the process dies in between, the
/// message is handled again from its beginning: state is as it was, and what was asked outside is asked again, so an
/// outside service should take repeated requests for one.
///
/// ```
/// use statefun_sdk::prelude::*;
/// use statefun_sdk::{AsyncContext, AsyncFunction};
///
/// struct Priced { total: Value<i64> }
///
/// async fn price_of(_item: &str) -> Result<i64, std::io::Error> { Ok(3) }
///
/// impl AsyncFunction for Priced {
///     const TYPE: &'static str = "example/priced";
///
///     async fn invoke(&self, home: &mut AsyncContext, message: &Message<'_>) -> Result<(), FunctionError> {
///         let price = price_of(&message.text()?).await.or_retry()?;
///         let mut context = home.context();
///         let total = self.total.update(&mut context, |total| *total += price)?;
///         context.reply(&total)?;
///         Ok(())
///     }
/// }
///
/// let functions = Functions::new().with_async(|states| Priced { total: states.value("total") });
/// # assert_eq!(functions.types().count(), 1);
/// ```
pub trait AsyncFunction: Send + Sync + 'static {
    /// Its name, `namespace/name`. Anything else does not compile when the function is registered.
    const TYPE: &'static str;

    /// Handles one message.
    ///
    /// # Errors
    /// As of [`StatefulFunction::invoke`](crate::StatefulFunction::invoke).
    fn invoke(
        &self,
        home: &mut AsyncContext,
        message: &Message<'_>,
    ) -> impl Future<Output = Result<(), FunctionError>> + Send;
}

/// The world of one invocation that awaits. Borrow its [`context`](Self::context) between two awaits.
pub struct AsyncContext {
    entry: Arc<Entry>,
    address: Address,
    caller: Option<Address>,
    now: ProcessingTime,
    event_time: EventTime,
    values: Vec<Option<TypedValue>>,
    pub(crate) effects: Effects,
}

impl AsyncContext {
    pub(crate) fn new(
        entry: Arc<Entry>,
        address: Address,
        values: Vec<Option<TypedValue>>,
        now: ProcessingTime,
    ) -> Self {
        let effects = Effects::default();
        Self { entry, address, caller: None, now, event_time: EventTime::NONE, values, effects }
    }

    /// State, sending, egresses: everything that a function which does not await has. What was written is seen after the
    /// next await as well.
    pub fn context(&mut self) -> Context<'_> {
        Context::new(self)
    }

    /// The instance that runs.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The id of the instance that runs.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.address.id
    }

    /// Handles the next message of a batch; what it records comes behind what is there already.
    pub(crate) async fn handle(
        &mut self,
        caller: Option<Address>,
        event_time: EventTime,
        argument: &TypedValue,
    ) -> Result<(), FunctionError> {
        self.caller = caller;
        self.event_time = event_time;
        let entry = Arc::clone(&self.entry);
        let Run::Awaiting(handler) = &entry.run else {
            return Err(FunctionError::Reject(format!("{} does not await", entry.function_type)));
        };
        handler.answer(self, argument).await
    }
}

impl Home for AsyncContext {
    fn address(&self) -> &Address {
        &self.address
    }

    fn caller(&self) -> Option<&Address> {
        self.caller.as_ref()
    }

    fn now(&self) -> ProcessingTime {
        self.now
    }

    fn event_time(&self) -> EventTime {
        self.event_time
    }

    fn watermark(&self) -> EventTime {
        EventTime::NONE
    }

    fn has_timers(&self) -> bool {
        false
    }

    fn value(&self, index: usize) -> Option<&TypedValue> {
        let name = self.entry.states[index].name;
        match self.effects.mutations.iter().rev().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value.as_ref(),
            None => self.values[index].as_ref(),
        }
    }

    fn set_value(&mut self, index: usize, value: Option<TypedValue>) {
        let name = self.entry.states[index].name;
        match self.effects.mutations.iter_mut().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value = value,
            None => self.effects.mutations.push(statefun::function::Mutation { name, value }),
        }
    }

    fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }
}

/// The answer of a function that awaits.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), FunctionError>> + Send + 'a>>;

/// A function of whatever type that awaits.
pub(crate) trait AsyncHandler: Send + Sync {
    fn answer<'a>(&'a self, home: &'a mut AsyncContext, argument: &'a TypedValue) -> Answer<'a>;
}

impl<F: AsyncFunction> AsyncHandler for F {
    fn answer<'a>(&'a self, home: &'a mut AsyncContext, argument: &'a TypedValue) -> Answer<'a> {
        Box::pin(async move { self.invoke(home, &Message::new(argument)).await })
    }
}

/// A function that awaits, to embed: the runtime calls it in its own process as it would call one over HTTP.
#[derive(Clone)]
pub struct AsyncEmbedded {
    entry: Arc<Entry>,
}

/// A message for an [`AsyncEmbedded`] function: who sent it, when it happened, what it says.
pub type AsyncMessage = (Option<Address>, EventTime, TypedValue);

impl AsyncEmbedded {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self { entry }
    }

    /// The states it declares.
    #[must_use]
    pub fn states(&self) -> &[StateSpec] {
        &self.entry.states
    }

    /// Handles messages of one instance in turn, against its values in the order of declaration.
    ///
    /// # Errors
    /// What the function said about the first message that it did not handle. Nothing of the batch has happened then.
    pub async fn invoke(
        &self,
        target: Address,
        values: Vec<Option<TypedValue>>,
        messages: Vec<AsyncMessage>,
        now: ProcessingTime,
    ) -> Result<Effects, FunctionError> {
        let mut home = AsyncContext::new(Arc::clone(&self.entry), target, values, now);
        for (caller, event_time, argument) in &messages {
            home.handle(caller.clone(), *event_time, argument).await?;
        }
        Ok(home.effects)
    }
}

impl std::fmt::Debug for AsyncContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncContext").field("address", &self.address).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AsyncEmbedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AsyncEmbedded").field(&self.entry.function_type).finish()
    }
}
