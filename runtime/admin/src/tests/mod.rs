//! Every route and every refusal, against a view that is not a node.

mod changing;
mod description;
mod fake;
mod listening;
mod looking;
mod refusals;
mod sending;
