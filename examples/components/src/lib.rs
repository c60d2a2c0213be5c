//! Vertices of a graph that agree on the least name among all they hang together with.
//!
//! ```text
//!   Edge ──▶ graph/vertex/a ◀──Label──▶ graph/vertex/b ◀──Label──▶ ...      messages go round in circles
//!                  │                          │
//!                  └───────── Labelled ───────┴──▶ graph/labels, a window of the module
//! ```
//!
//! A vertex begins with its own name as its label and takes any lesser one it hears of, which it tells its neighbours.
//! When nobody has anything to tell any more, all vertices of a component have the same label.

use serde::{Deserialize, Serialize};
use statefun_sdk::Typed;
use statefun_sdk::prelude::*;

static VERTEX: FunctionName = FunctionName::new(Vertex::TYPE);
static LABELS: FunctionName = FunctionName::new("graph/labels");

/// To a vertex: it has this neighbour. An edge is told to both of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("graph/Edge")]
pub struct Edge {
    /// The neighbour.
    pub to: String,
}

/// To a vertex: a neighbour has this label now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("graph/Label")]
pub struct Label {
    /// The label.
    pub label: String,
}

/// To whom it may concern: a vertex has a new label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
#[typed("graph/Labelled")]
pub struct Labelled {
    /// The vertex.
    pub vertex: String,
    /// Its label.
    pub label: String,
}

/// A vertex; its id is its name.
#[derive(Debug)]
pub struct Vertex {
    label: Value<String>,
    neighbours: Map<String, bool>,
}

impl Vertex {
    /// Declares its state.
    #[must_use]
    pub fn new(states: &mut States<'_>) -> Self {
        Self { label: states.value("label"), neighbours: states.map("neighbours") }
    }

    /// Its label; its own name before it heard of a lesser one.
    fn label(&self, context: &mut Context<'_>) -> Result<String, FunctionError> {
        if let Some(label) = self.label.get(context)? {
            return Ok(label);
        }
        let name = context.id().to_string();
        self.take(context, &name)?;
        Ok(name)
    }

    fn take(&self, context: &mut Context<'_>, label: &str) -> Result<(), FunctionError> {
        self.label.set(context, &label.to_owned())?;
        let vertex = context.id().to_string();
        let told = Labelled { vertex: vertex.clone(), label: label.to_owned() };
        context.send(&LABELS, vertex, &told)?;
        Ok(())
    }

    fn meet(&self, context: &mut Context<'_>, neighbour: &str) -> Result<(), FunctionError> {
        let label = self.label(context)?;
        self.neighbours.insert(context, &neighbour.to_owned(), &true)?;
        context.send(&VERTEX, neighbour, &Label { label })?;
        Ok(())
    }

    fn hear(&self, context: &mut Context<'_>, heard: &str) -> Result<(), FunctionError> {
        if self.label(context)?.as_str() <= heard {
            return Ok(());
        }
        self.take(context, heard)?;
        for (neighbour, _) in self.neighbours.to_vec(context)? {
            context.send(&VERTEX, neighbour, &Label { label: heard.to_owned() })?;
        }
        Ok(())
    }
}

impl StatefulFunction for Vertex {
    const TYPE: &'static str = "graph/vertex";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        if message.is::<Edge>() {
            self.meet(context, &message.get::<Edge>()?.to)
        } else {
            self.hear(context, &message.get::<Label>()?.label)
        }
    }
}

/// The functions of this application.
#[must_use]
pub fn functions() -> Functions {
    Functions::new().with(Vertex::new)
}
