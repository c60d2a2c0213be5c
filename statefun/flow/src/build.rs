//! Flows in Rust: windows, joins and patterns over typed events, as functions to register.
//!
//! ```
//! use std::time::Duration;
//! use serde::{Deserialize, Serialize};
//! use statefun_flow::build::{Tumbling, events};
//! use statefun_flow::window::aggregate;
//! use statefun_sdk::{EgressName, Typed};
//!
//! #[derive(Clone, Serialize, Deserialize, Typed)]
//! #[typed("shop/Order")]
//! struct Order { product: String, price: i64 }
//!
//! static REPORTS: EgressName = EgressName::new("shop/reports");
//!
//! let sales = events::<Order>()
//!     .key_by(|order| order.product.clone())
//!     .window(Tumbling::of(Duration::from_secs(60)))
//!     .allowed_lateness(Duration::from_secs(5))
//!     .aggregate(aggregate::sum(|order: &Order| order.price))
//!     .to("shop/sales", |out, minute| out.egress(REPORTS.get(), &minute.result))?;
//! // Orders are sent to `shop/sales-by-key`, under any id.
//! assert_eq!(sales.entry().as_str(), "shop/sales-by-key");
//! assert_eq!(sales.functions().len(), 2);
//! # Ok::<_, statefun_flow::build::BuildError>(())
//! ```
//!
//! Components that feed each other are told so, which gives the second one its level: its watermark then waits for what
//! the first one has still to say, so no result is late.
//!
//! ```
//! # use std::time::Duration;
//! # use statefun_flow::build::{Session, Sliding, events};
//! # use statefun_flow::window::aggregate;
//! let hours = statefun_sdk::FunctionType::parse("shop/busy-hours").expect("a name");
//! let sessions = events::<i64>()
//!     .window(Session::with_gap(Duration::from_secs(30)))
//!     .aggregate(aggregate::count())
//!     .to("shop/sessions", move |out, session| out.send(hours, "all", &(session.result as i64)))?;
//! let busy = events::<i64>()
//!     .after(&sessions)
//!     .window(Sliding::of(Duration::from_secs(3600), Duration::from_secs(60)))
//!     .aggregate(aggregate::max(|events: &i64| *events))
//!     .to("shop/busy-hours", |_, _| {})?;
//! assert_eq!((sessions.level(), busy.level()), (1, 2));
//! # Ok::<_, statefun_flow::build::BuildError>(())
//! ```
//!
//! Patterns and joins are built alike:
//!
//! ```
//! # use std::time::Duration;
//! # use statefun_flow::build::events;
//! # use statefun_flow::cep::{Condition, Pattern, Stage};
//! # use statefun_flow::json::Json;
//! # use statefun_flow::build::json_events;
//! # use statefun_sdk::EgressName;
//! # static ALERTS: EgressName = EgressName::new("shop/alerts");
//! let doubled = json_events()
//!     .pattern(
//!         Pattern::begin(Stage::named("first").when(Condition::kind("payment")))
//!             .next(Stage::named("second").when(Condition::kind("payment")))
//!             .within(1_000),
//!     )
//!     .to("shop/doubled", |out, found| {
//!         let seconds: Vec<Json> = found.of("second").cloned().collect();
//!         out.egress(ALERTS.get(), &seconds[0]);
//!     })?;
//!
//! let paid = events::<i64>()
//!     .key_by(|order| order % 100)
//!     .join(events::<i64>().key_by(|payment| payment % 100))
//!     .within(Duration::ZERO, Duration::from_secs(60))
//!     .to("shop/paid", |out, pair| out.egress(ALERTS.get(), &(pair.right - pair.left)))?;
//! assert_eq!(paid.entries()[1].as_str(), "shop/paid-right-by-key");
//! # let _ = doubled;
//! # Ok::<_, statefun_flow::build::BuildError>(())
//! ```

mod events;
mod flow;
mod joins;
mod pattern;
mod windows;

pub use events::{Events, events, json_events};
pub use flow::{BuildError, Flow};
pub use joins::{Interval, Join, WindowedJoin};
pub use pattern::Patterned;
pub use windows::{Aggregated, Count, Cumulate, Global, Session, Sliding, Tumbling, Windowed};
