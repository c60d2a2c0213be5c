//! What a module means: plain data, defaults applied, nothing left to check.

mod component;
mod egress;
mod endpoint;
mod ingress;
mod kinesis;
mod pattern;
mod payload;
mod properties;
mod time;
mod typename;
mod url;
mod window;

use std::fmt;

use serde::Serialize;

pub use component::{
    CoGroupOperator, Component, Expression, Input, JoinOperator, Meeting, Operator, Origin, Output, PatternOperator,
    Target, WindowOperator,
};
pub use egress::{
    Backoff, Delivery, Egress, FileEgress, HttpEgress, KafkaEgress, KinesisEgress, LineFormat, PlaygroundEgress,
    StdoutEgress,
};
pub use endpoint::{
    AsyncTransport, ClientIdentity, EmbeddedFunctions, Endpoint, EventTimeMode, FailureAction, FileLocation,
    OkHttpTransport, OnFailure, Transport,
};
pub use ingress::{
    EventTimeFormat, FileFormat, FileIngress, GeneratorIngress, HttpIngress, HttpValueType, Ingress, KafkaIngress,
    KafkaStartup, KinesisIngress, KinesisStartup, OffsetReset, PartitionOffset, PlaygroundIngress, Route, TextKey,
};
pub use kinesis::{AwsCredentials, AwsRegion, KinesisClient};
pub use pattern::{Between, Link, OnChange, OnOverflow, PatternSpec, Skip, Stage, StageTimes};
pub use payload::{PayloadPart, PayloadTemplate, PayloadTemplateError};
pub use properties::{Properties, is_secret};
pub use time::{IngressTime, TimestampFrom, WatermarkKind};
pub use typename::{FunctionSelector, TypeNameError, TypeNameText};
pub use url::{UrlError, UrlScheme, UrlTemplate, check_http_url};
pub use window::{Gap, WindowAggregate, WindowEvictor, WindowShape, WindowTrigger, Windows};

/// An application: everything all its module files declare, in the order declared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Module {
    /// Remote functions.
    pub endpoints: Vec<Endpoint>,
    /// Functions compiled into the process.
    pub embedded: Vec<EmbeddedFunctions>,
    /// Windows, joins and patterns.
    pub components: Vec<Component>,
    /// Where messages come from.
    pub ingresses: Vec<Ingress>,
    /// Where records leave.
    pub egresses: Vec<Egress>,
}

/// Who serves a function type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Binding<'a> {
    /// A remote function.
    Remote(&'a Endpoint),
    /// A function of the process itself.
    Embedded(&'a EmbeddedFunctions),
    /// A window, join or pattern.
    Component(&'a Component),
}

impl Module {
    /// Who serves `namespace/name`: an exact declaration before one of the namespace.
    #[must_use]
    pub fn binding(&self, namespace: &str, name: &str) -> Option<Binding<'_>> {
        let declared = |it: &&Component| it.name.namespace() == namespace && it.name.name() == name;
        if let Some(component) = self.components.iter().find(declared) {
            return Some(Binding::Component(component));
        }
        let all = || {
            let remote = self.endpoints.iter().map(|it| (&it.functions, Binding::Remote(it)));
            remote.chain(self.embedded.iter().map(|it| (&it.functions, Binding::Embedded(it))))
        };
        let serving = |exact: bool| {
            all().find(|(functions, _)| {
                matches!(functions, FunctionSelector::Exact(_)) == exact && functions.matches(namespace, name)
            })
        };
        serving(true).or_else(|| serving(false)).map(|(_, binding)| binding)
    }

    /// The endpoint that serves `namespace/name`, if it is remote.
    #[must_use]
    pub fn endpoint(&self, namespace: &str, name: &str) -> Option<&Endpoint> {
        match self.binding(namespace, name)? {
            Binding::Remote(endpoint) => Some(endpoint),
            Binding::Embedded(_) | Binding::Component(_) => None,
        }
    }

    /// The ingress of this name.
    #[must_use]
    pub fn ingress(&self, id: &TypeNameText) -> Option<&Ingress> {
        self.ingresses.iter().find(|ingress| ingress.id() == id)
    }

    /// The component of this name.
    #[must_use]
    pub fn component(&self, name: &TypeNameText) -> Option<&Component> {
        self.components.iter().find(|component| component.name == *name)
    }

    /// The egress of this name.
    #[must_use]
    pub fn egress(&self, id: &TypeNameText) -> Option<&Egress> {
        self.egresses.iter().find(|egress| egress.id() == id)
    }
}

/// Where something is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
