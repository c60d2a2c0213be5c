//! What a generated message carries: text with places for the key, the sequence number, a random number and the time.

use serde::{Serialize, Serializer};

/// One piece of a [`PayloadTemplate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadPart {
    /// As it stands.
    Text(String),
    /// `{{key}}`: the key of the message.
    Key,
    /// `{{sequence}}`: the number of the message, from 0.
    Sequence,
    /// `{{random}}`: a number below 2^53 drawn from the seed, exact in every JSON reader.
    Random,
    /// `{{time}}`: Unix milliseconds at which the message is made.
    Time,
}

/// A payload with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadTemplate {
    parts: Vec<PayloadPart>,
}

/// A place that nothing can be filled into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown placeholder `{found}`; there are {{{{key}}}}, {{{{sequence}}}}, {{{{random}}}} and {{{{time}}}}")]
pub struct PayloadTemplateError {
    /// The placeholder as written.
    pub found: String,
    /// Where it stands, in bytes of the text.
    pub at: usize,
}

impl PayloadTemplate {
    /// The names that may stand between double braces.
    pub const PLACEHOLDERS: [&'static str; 4] = ["key", "sequence", "random", "time"];

    /// Reads a text template.
    ///
    /// # Errors
    /// If something else than a known name stands between double braces.
    pub fn parse(text: &str) -> Result<Self, PayloadTemplateError> {
        let mut template = Self { parts: Vec::new() };
        template.append(text)?;
        Ok(template)
    }

    /// Reads a JSON template. Placeholders stand in strings; a string that is nothing but a number's placeholder
    /// becomes a number, so that `{"n": "{{sequence}}"}` gives `{"n":0}`.
    ///
    /// # Errors
    /// If something else than a known name stands between double braces.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, PayloadTemplateError> {
        let mut template = Self { parts: Vec::new() };
        template.append_json(json)?;
        Ok(template)
    }

    /// The pieces in order.
    #[must_use]
    pub fn parts(&self) -> &[PayloadPart] {
        &self.parts
    }

    /// The payload of one message.
    #[must_use]
    pub fn render(&self, key: &str, sequence: u64, random: u64, time_ms: u64) -> String {
        let mut payload = String::new();
        for part in &self.parts {
            match part {
                PayloadPart::Text(text) => payload.push_str(text),
                PayloadPart::Key => payload.push_str(key),
                PayloadPart::Sequence => payload.push_str(&sequence.to_string()),
                PayloadPart::Random => payload.push_str(&(random % (1 << 53)).to_string()),
                PayloadPart::Time => payload.push_str(&time_ms.to_string()),
            }
        }
        payload
    }

    fn push_text(&mut self, text: &str) {
        if let Some(PayloadPart::Text(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else if !text.is_empty() {
            self.parts.push(PayloadPart::Text(text.to_owned()));
        }
    }

    fn append(&mut self, text: &str) -> Result<(), PayloadTemplateError> {
        let mut from = 0;
        while let Some(open) = text[from..].find("{{").map(|at| from + at) {
            let Some(close) = text[open..].find("}}").map(|at| open + at) else { break };
            let part = match text[open + 2..close].trim() {
                "key" => PayloadPart::Key,
                "sequence" => PayloadPart::Sequence,
                "random" => PayloadPart::Random,
                "time" => PayloadPart::Time,
                _ => return Err(PayloadTemplateError { found: text[open..close + 2].to_owned(), at: open }),
            };
            self.push_text(&text[from..open]);
            self.parts.push(part);
            from = close + 2;
        }
        self.push_text(&text[from..]);
        Ok(())
    }

    fn append_json(&mut self, json: &serde_json::Value) -> Result<(), PayloadTemplateError> {
        match json {
            serde_json::Value::String(text) => self.append_json_string(text),
            serde_json::Value::Array(items) => {
                self.push_text("[");
                for (index, item) in items.iter().enumerate() {
                    self.push_text(if index == 0 { "" } else { "," });
                    self.append_json(item)?;
                }
                self.push_text("]");
                Ok(())
            }
            serde_json::Value::Object(fields) => {
                self.push_text("{");
                for (index, (name, value)) in fields.iter().enumerate() {
                    self.push_text(if index == 0 { "" } else { "," });
                    self.push_text(&quoted(name));
                    self.push_text(":");
                    self.append_json(value)?;
                }
                self.push_text("}");
                Ok(())
            }
            scalar => {
                self.push_text(&scalar.to_string());
                Ok(())
            }
        }
    }

    fn append_json_string(&mut self, text: &str) -> Result<(), PayloadTemplateError> {
        let alone = Self::parse(text)?;
        if let [PayloadPart::Sequence | PayloadPart::Random | PayloadPart::Time] = alone.parts.as_slice() {
            self.parts.extend(alone.parts);
            return Ok(());
        }
        self.push_text("\"");
        for part in alone.parts {
            match part {
                PayloadPart::Text(text) => {
                    let quoted = quoted(&text);
                    self.push_text(&quoted[1..quoted.len() - 1]);
                }
                // Keys of the generator are decimal numbers: nothing in them needs escaping.
                placeholder => self.parts.push(placeholder),
            }
        }
        self.push_text("\"");
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Serialize for PayloadTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                PayloadPart::Text(piece) => piece,
                PayloadPart::Key => "{{key}}",
                PayloadPart::Sequence => "{{sequence}}",
                PayloadPart::Random => "{{random}}",
                PayloadPart::Time => "{{time}}",
            });
        }
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_filled_in() {
        let template = PayloadTemplate::parse("{{key}}: {{ sequence }}, {{random}} at {{time}} {{").unwrap();
        assert_eq!(template.render("7", 3, (1 << 53) + 5, 99), "7: 3, 5 at 99 {{");
    }

    #[test]
    fn a_string_that_is_only_a_numbers_placeholder_becomes_a_number() {
        let json = serde_json::json!({"k": "{{key}}", "n": "{{sequence}}", "s": "no {{sequence}} \"x\"", "l": [1, null, true]});
        let text = PayloadTemplate::from_json(&json).unwrap().render("5", 2, 0, 0);
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, serde_json::json!({"k": "5", "n": 2, "s": "no 2 \"x\"", "l": [1, null, true]}));
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        let error = PayloadTemplate::parse("a {{kee}}").unwrap_err();
        assert_eq!((error.found.as_str(), error.at), ("{{kee}}", 2));
    }
}
