//! The nouns of stateful functions, the module specification and the programming model.
//!
//! Everything else in the house speaks in the words of this crate:
//!
//! * who: [`Address`] (`namespace/type/id`), [`FunctionType`], [`KeyGroup`], [`ShardId`];
//! * what travels: [`Envelope`], [`Ask`], [`TypedValue`], [`EgressRecord`];
//! * when: [`EventTime`] (assigned by a source) and [`ProcessingTime`] (a node's clock, always passed in);
//! * how far time has come: [`watermark`];
//! * which cut: [`Epoch`], [`Generation`];
//! * what an application is: [`spec`] (the meaning of `module.yaml`);
//! * what a function is: [`function`] (the trait and the effects it records).
//!
//! Nothing here does I/O, reads a clock, draws randomness or spawns.

pub mod address;
pub mod egress;
pub mod envelope;
pub mod function;
pub mod hold;
pub mod ids;
pub mod key_group;
pub mod request;
pub mod spec;
pub mod symbol;
pub mod time;
pub mod value;
pub mod watermark;

pub use address::{Address, AddressError, FunctionType, Id};
pub use egress::{DeadLetter, DeadLetterCause, EgressId, EgressRecord, KafkaRecord};
pub use envelope::Envelope;
pub use hold::{Domain, Hold};
pub use ids::{CallId, Epoch, Generation, Lineage, ShardId, SinkId, SourceId};
pub use key_group::{IdHash, KeyGroup, KeyGroups};
pub use request::{Ask, RequestId, Verdict};
pub use symbol::{Symbol, SymbolError};
pub use time::{EventTime, ProcessingTime};
pub use value::{SmallBytes, TypedValue, ValueType};
pub use watermark::{TimestampSource, WatermarkStrategy};
