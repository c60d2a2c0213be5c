use compact_str::ToCompactString;

/// What an event carries: text with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// The event's number, from 0.
    Number,
    /// The event's key.
    Key,
    /// A random whole number that a JSON reader with doubles still reads exactly.
    Random,
    /// The event's time in Unix milliseconds; empty when it has none.
    Time,
}

/// What is filled in.
pub(super) struct Filling {
    pub(super) number: u64,
    pub(super) key: u64,
    pub(super) random: u64,
    pub(super) time_ms: Option<i64>,
}

const PLACEHOLDERS: [(&str, Part); 4] =
    [("{n}", Part::Number), ("{key}", Part::Key), ("{random}", Part::Random), ("{time}", Part::Time)];

impl Template {
    /// The template of these pieces.
    #[must_use]
    pub fn of(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// Finds the placeholders `{n}`, `{key}`, `{random}` and `{time}` in `text`. Every other brace stands for itself, so JSON
    /// can be written as it is, `{"user":"{key}","amount":{random}}`, and every text is a template.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((name, part)) = PLACEHOLDERS.iter().find(|(name, _)| rest.starts_with(name)) {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part.clone());
                rest = &rest[name.len()..];
            } else {
                literal.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self(parts)
    }

    pub(super) fn render(&self, filling: &Filling) -> String {
        let mut out = String::new();
        for part in &self.0 {
            let number = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Number => Some(filling.number.to_compact_string()),
                Part::Key => Some(filling.key.to_compact_string()),
                Part::Random => Some((filling.random % (1 << 53)).to_compact_string()),
                Part::Time => filling.time_ms.map(|millis| millis.to_compact_string()),
            };
            out.push_str(&number.unwrap_or_default());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLING: Filling = Filling { number: 7, key: 3, random: 99, time_ms: Some(1000) };

    #[test]
    fn placeholders_are_filled_in_and_other_braces_stay() {
        let template = Template::parse(r#"{"user":"{key}","n":{n},"r":{random},"t":{time},"x":{other}}"#);
        assert_eq!(template.render(&FILLING), r#"{"user":"3","n":7,"r":99,"t":1000,"x":{other}}"#);
    }

    #[test]
    fn a_template_without_placeholders_is_a_constant() {
        assert_eq!(Template::parse("grüße").render(&FILLING), "grüße");
        assert_eq!(Template::parse("").render(&FILLING), "");
    }
}
