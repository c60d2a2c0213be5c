//! Windows, joins and patterns that a module declares.

use serde::Serialize;

use super::{Location, PatternSpec, TypeNameText, WindowAggregate, WindowShape};

/// An expression of the module's expression language, already checked if the parser was given a checker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// Where it stands.
    pub at: Location,
}

/// A function that consists of a declaration: a window, a join or a pattern.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// The function type that it serves.
    pub name: TypeNameText,
    /// What it does.
    pub operator: Operator,
    /// Where its results go, in this order; not empty.
    pub output: Output,
    /// 1 + the highest level of the components it gets results of.
    pub level: u8,
    /// The ingresses whose time it follows, sorted; empty: all that tell time.
    pub follows: Vec<TypeNameText>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// What a component does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Operator {
    /// `io.statefun.flow.v1/window`.
    Window(Box<WindowOperator>),
    /// `io.statefun.flow.v1/join`.
    Join(Box<JoinOperator>),
    /// `io.statefun.flow.v1/cogroup`.
    CoGroup(Box<CoGroupOperator>),
    /// `io.statefun.flow.v1/pattern`.
    Pattern(Box<PatternOperator>),
}

/// Where events come from and what becomes of them on the way in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Who sends them without being told to elsewhere.
    pub from: Vec<Origin>,
    /// What they are grouped by; `None`: the id they were sent to.
    pub key: Option<Expression>,
    /// Which of them count; `None`: all.
    pub condition: Option<Expression>,
    /// When they happened, in Unix milliseconds; `None`: the event time of the message.
    pub time: Option<Expression>,
}

/// Somebody who sends events to a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "type", content = "name", rename_all = "lowercase")]
pub enum Origin {
    /// An ingress: its records are routed here too.
    Ingress(TypeNameText),
    /// A component: its results go here too.
    Component(TypeNameText),
    /// A function, which sends here by itself; named so that time waits for it.
    Function(TypeNameText),
}

impl Origin {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &TypeNameText {
        match self {
            Self::Ingress(name) | Self::Component(name) | Self::Function(name) => name,
        }
    }
}

/// A window per key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowOperator {
    /// What comes in.
    pub input: Input,
    /// Which windows, and when they fire.
    pub window: WindowShape,
    /// What a window computes, by the name it has in the result; in the order declared, not empty.
    pub aggregates: Vec<(String, WindowAggregate)>,
}

/// Pairs of events with the same key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JoinOperator {
    /// One side.
    pub left: Input,
    /// The other side.
    pub right: Input,
    /// Which pairs meet.
    pub meeting: Meeting,
}

/// Which events of two sides meet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "there is one for each declared join, not one for each event")]
pub enum Meeting {
    /// The right one happened from `from_ms` to `to_ms` after the left one, both inclusive; negative is before.
    Interval {
        /// The least distance, in milliseconds.
        from_ms: i64,
        /// The greatest distance, in milliseconds.
        to_ms: i64,
    },
    /// Both are in the same window.
    Window(WindowShape),
}

/// Both sides of a window together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoGroupOperator {
    /// One side.
    pub left: Input,
    /// The other side.
    pub right: Input,
    /// Which windows.
    pub window: WindowShape,
}

/// Sequences of events with the same key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatternOperator {
    /// What comes in.
    pub input: Input,
    /// What is looked for.
    pub pattern: PatternSpec,
}

/// Where results go and what they look like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Output {
    /// What a result becomes; `None`: the component's own form of it.
    pub emit: Option<Expression>,
    /// Where results go.
    pub to: Vec<Target>,
    /// Where events go that came too late; `None`: they are counted and dropped.
    pub late: Option<Target>,
    /// Where partial matches go that ran out of time; `None`: nowhere.
    pub timeout: Option<Target>,
    /// Where goes what is more than a key may hold; `None`: to the dead letters.
    pub overflow: Option<Target>,
}

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Target {
    /// A message to a function or component.
    Function {
        /// Its type.
        function: TypeNameText,
        /// Its id; `None`: the key of the component.
        id: Option<Expression>,
        /// Typename of the message; `None`: that of JSON.
        value_type: Option<String>,
    },
    /// A record to an egress.
    Egress {
        /// Its name.
        egress: TypeNameText,
        /// The topic, where the egress has topics.
        topic: Option<String>,
        /// The record's key, where the egress has keys; `None`: the key of the component.
        key: Option<Expression>,
    },
}

impl Operator {
    /// What comes in: one input, or left and right.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Input> {
        match self {
            Self::Window(it) => vec![&it.input],
            Self::Join(it) => vec![&it.left, &it.right],
            Self::CoGroup(it) => vec![&it.left, &it.right],
            Self::Pattern(it) => vec![&it.input],
        }
    }

    /// The kind as written in a module.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Window(_) => "io.statefun.flow.v1/window",
            Self::Join(_) => "io.statefun.flow.v1/join",
            Self::CoGroup(_) => "io.statefun.flow.v1/cogroup",
            Self::Pattern(_) => "io.statefun.flow.v1/pattern",
        }
    }
}
