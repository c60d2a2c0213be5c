//! From declarations in `module.yaml` to components.
//!
//! * [`Cel`]: the expression language of declarations;
//! * [`describe`]: a declared component as `statefun-flow` describes it;
//! * [`explain`]: the same in words, for `statefun check`;
//! * [`Declarations`]: what the parser of modules asks about expressions and operators.
//!
//! Apart from `statefun-flow` because the language is a choice: operators work with any.

pub mod cel;
mod checker;
mod describe;
mod explain;

pub use cel::Cel;
pub use checker::Declarations;
pub use describe::{Undescribable, describe, describe_all};
pub use explain::explain;
