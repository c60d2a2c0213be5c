//! What can be seen from outside: metrics, and spans of remote calls.

pub mod metrics;

use statefun::Address;
use statefun_ports::remote::CallOutcome;

/// Makes spans for remote calls. The CLI implements it over OpenTelemetry.
pub trait CallTracer: Send + Sync {
    /// A call of `invocations` messages begins.
    fn begin(&self, target: &Address, invocations: usize) -> Box<dyn CallSpan>;
}

/// The span of one remote call.
pub trait CallSpan: Send {
    /// The W3C `traceparent` by which the function continues the trace.
    fn traceparent(&self) -> String;
    /// The call ended.
    fn end(self: Box<Self>, outcome: &CallOutcome);
}
