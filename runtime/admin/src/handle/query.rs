//! The part of a URL behind `?`.

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// Name and value pairs, of which each name is known and stands once.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(Problem::bad("bad-query", format!("unknown parameter {name:?}; there is {known}")));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::bad("bad-query", format!("{name} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let number = |text: &str| {
            text.parse().map_err(|_| Problem::bad("bad-query", format!("{name}={text} is no whole number")))
        };
        self.get(name).map(number).transpose()
    }

    /// How many to list: `default` unless asked, never more than `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let asked = self.number("limit")?.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        match asked {
            Some(0) => Err(Problem::bad("bad-query", "limit=0 lists nothing")),
            asked => Ok(asked.unwrap_or(default).min(max)),
        }
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::bad("bad-query", "the query is not UTF-8")),
    }
}
