//! Writing module texts without noise.

use std::fmt::Write;

/// Documents of a module, one after the other.
#[derive(Clone, Default)]
pub struct Documents(String);

impl Documents {
    /// An empty module.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A module that is written already.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Any document, from its `kind` and the lines below `spec:`, indented by two blanks here.
    #[must_use]
    pub fn document(mut self, kind: &str, spec: &str) -> Self {
        let _ = write!(self.0, "---\nkind: {kind}\nspec:\n");
        for line in spec.lines() {
            let _ = writeln!(self.0, "  {line}");
        }
        self
    }

    /// Remote functions at a port of loopback; `more` are further lines of the spec.
    #[must_use]
    pub fn endpoint(self, functions: &str, port: u16, more: &str) -> Self {
        let spec = format!("functions: {functions}\nurlPathTemplate: http://127.0.0.1:{port}/statefun\n{more}");
        self.document("io.statefun.endpoints.v2/http", &spec)
    }

    /// Our HTTP door.
    #[must_use]
    pub fn door(self, port: u16) -> Self {
        self.document("io.statefun.http.v1/ingress", &format!("port: {port}"))
    }

    /// The playground's two doors.
    #[must_use]
    pub fn playground(self, ingress: u16, egress: u16, topics: &[&str]) -> Self {
        self.document("io.statefun.playground.v1/ingress", &format!("port: {ingress}"))
            .document("io.statefun.playground.v1/egress", &format!("port: {egress}\ntopics: [{}]", topics.join(", ")))
    }

    /// A Kafka ingress `it/in`; `topics` are entries of the list, `more` further lines of the spec.
    #[must_use]
    pub fn kafka_in(self, address: &str, group: &str, topics: &[(&str, &str, &str)], more: &str) -> Self {
        let mut spec = format!("id: it/in\naddress: {address}\nconsumerGroupId: {group}\n{more}\ntopics:\n");
        for (topic, value_type, targets) in topics {
            let _ = write!(spec, "  - topic: {topic}\n    valueType: {value_type}\n    targets: [{targets}]\n");
        }
        self.document("io.statefun.kafka.v1/ingress", &spec)
    }

    /// A Kafka egress.
    #[must_use]
    pub fn kafka_out(self, id: &str, address: &str, delivery: &str) -> Self {
        let spec =
            format!("id: {id}\naddress: {address}\ndeliverySemantic:\n  type: {delivery}\n  transactionTimeout: 1min");
        self.document("io.statefun.kafka.v1/egress", &spec)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}
