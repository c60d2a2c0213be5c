//! Protobuf's text format on one line, as far as the messages of the request-reply protocol need it.
//!
//! Fields at their default are left out, messages that are there are not, fields stand in the order of their numbers.

use std::fmt::Write;

use statefun_protocol::request_reply::from_function::{self, ExpireMode, MutationType, Response};
use statefun_protocol::request_reply::to_function::{self, Request};
use statefun_protocol::request_reply::{Address, FromFunction, ToFunction, TypedValue};

/// A message being printed: `field field …`.
#[derive(Default)]
struct Fields(Vec<String>);

impl Fields {
    fn text(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(format!("{name}: \"{}\"", escape(value.as_bytes())));
        }
        self
    }

    fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        if !value.is_empty() {
            self.0.push(format!("{name}: \"{}\"", escape(value)));
        }
        self
    }

    fn scalar<T: PartialEq + Default + ToString>(mut self, name: &str, value: T) -> Self {
        if value != T::default() {
            self.0.push(format!("{name}: {}", value.to_string()));
        }
        self
    }

    fn symbol(mut self, name: &str, number: i32, symbol: &str) -> Self {
        if number != 0 {
            self.0.push(format!("{name}: {symbol}"));
        }
        self
    }

    fn messages<'a, T: 'a>(mut self, name: &str, all: impl IntoIterator<Item = &'a T>, print: fn(&T) -> Self) -> Self {
        for message in all {
            let inside = print(message).0.join(" ");
            self.0.push(if inside.is_empty() { format!("{name} {{ }}") } else { format!("{name} {{ {inside} }}") });
        }
        self
    }
}

/// What is no printable ASCII character is printed in octal.
fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, &byte| {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\'' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\{byte:03o}").unwrap(),
        }
        out
    })
}

fn address(address: &Address) -> Fields {
    Fields::default().text("namespace", &address.namespace).text("type", &address.r#type).text("id", &address.id)
}

fn value(value: &TypedValue) -> Fields {
    Fields::default()
        .text("typename", &value.typename)
        .scalar("has_value", value.has_value)
        .bytes("value", &value.value)
}

pub(crate) fn to_function(message: &ToFunction) -> String {
    let batch = message.request.as_ref().map(|Request::Invocation(batch)| batch);
    Fields::default().messages("invocation", batch, batch_fields).0.join(" ")
}

fn batch_fields(batch: &to_function::InvocationBatchRequest) -> Fields {
    Fields::default()
        .messages("target", &batch.target, address)
        .messages("state", &batch.state, |state| {
            Fields::default().text("state_name", &state.state_name).messages("state_value", &state.state_value, value)
        })
        .messages("invocations", &batch.invocations, |invocation| {
            Fields::default().messages("caller", &invocation.caller, address).messages(
                "argument",
                &invocation.argument,
                value,
            )
        })
}

pub(crate) fn from_function(message: &FromFunction) -> String {
    let fields = Fields::default();
    match &message.response {
        None => fields,
        Some(Response::InvocationResult(result)) => fields.messages("invocation_result", [result], result_fields),
        Some(Response::IncompleteInvocationContext(context)) => {
            fields.messages("incomplete_invocation_context", [context], |context| {
                Fields::default().messages("missing_values", &context.missing_values, spec_fields)
            })
        }
    }
    .0
    .join(" ")
}

fn result_fields(result: &from_function::InvocationResponse) -> Fields {
    Fields::default()
        .messages("state_mutations", &result.state_mutations, |mutation| {
            let symbol = match mutation.mutation_type() {
                MutationType::Delete => "DELETE",
                MutationType::Modify => "MODIFY",
            };
            Fields::default()
                .symbol("mutation_type", mutation.mutation_type, symbol)
                .text("state_name", &mutation.state_name)
                .messages("state_value", &mutation.state_value, value)
        })
        .messages("outgoing_messages", &result.outgoing_messages, |message| {
            Fields::default().messages("target", &message.target, address).messages(
                "argument",
                &message.argument,
                value,
            )
        })
        .messages("delayed_invocations", &result.delayed_invocations, |delayed| {
            Fields::default()
                .scalar("delay_in_ms", delayed.delay_in_ms)
                .messages("target", &delayed.target, address)
                .messages("argument", &delayed.argument, value)
                .scalar("is_cancellation_request", delayed.is_cancellation_request)
                .text("cancellation_token", &delayed.cancellation_token)
        })
        .messages("outgoing_egresses", &result.outgoing_egresses, |message| {
            Fields::default()
                .text("egress_namespace", &message.egress_namespace)
                .text("egress_type", &message.egress_type)
                .messages("argument", &message.argument, value)
        })
}

fn spec_fields(spec: &from_function::PersistedValueSpec) -> Fields {
    Fields::default()
        .text("state_name", &spec.state_name)
        .messages("expiration_spec", &spec.expiration_spec, |expiration| {
            let symbol = match expiration.mode() {
                ExpireMode::None => "NONE",
                ExpireMode::AfterWrite => "AFTER_WRITE",
                ExpireMode::AfterInvoke => "AFTER_INVOKE",
            };
            Fields::default()
                .symbol("mode", expiration.mode, symbol)
                .scalar("expire_after_millis", expiration.expire_after_millis)
        })
        .text("type_typename", &spec.type_typename)
}
