//! The data form of conditions: one JSON object each, told apart by its keys.
//!
//! ```json
//! {"and": [{"type": "a"}, {"cmp": ">", "l": {"f": "v"}, "r": {"agg": "avg", "of": "a", "f": "v"}}]}
//! ```

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Aggregate, Comparison, Condition, Number};

/// Every key a condition may have. Reading all as optional and then looking which ones came gives errors that name
/// the key, where an untagged enum would only say that nothing fitted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
struct Keys<E> {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    and: Option<Vec<Condition<E>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    or: Option<Vec<Condition<E>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not: Option<Box<Condition<E>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cmp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<Number>,
}

impl<E> Keys<E> {
    fn none() -> Self {
        Self {
            kind: None,
            text: None,
            is: None,
            and: None,
            or: None,
            not: None,
            expr: None,
            cmp: None,
            l: None,
            r: None,
        }
    }
}

impl<'de, E> Deserialize<'de> for Condition<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Keys::deserialize(deserializer)?;
        let text = keys.text.is_some() || keys.is.is_some();
        let compare = keys.cmp.is_some() || keys.l.is_some() || keys.r.is_some();
        let forms = [
            keys.kind.is_some(),
            text,
            keys.and.is_some(),
            keys.or.is_some(),
            keys.not.is_some(),
            keys.expr.is_some(),
            compare,
        ];
        if forms.into_iter().filter(|form| *form).count() != 1 {
            return Err(D::Error::custom(
                "a condition is exactly one of {type}, {text, is}, {and}, {or}, {not}, {expr} and {cmp, l, r}",
            ));
        }
        match keys {
            Keys { kind: Some(kind), .. } => Ok(Self::Kind(kind)),
            Keys { text: Some(field), is: Some(is), .. } => Ok(Self::Text { field, is }),
            Keys { and: Some(parts), .. } => Ok(Self::All(parts)),
            Keys { or: Some(parts), .. } => Ok(Self::Any(parts)),
            Keys { not: Some(part), .. } => Ok(Self::Not(part)),
            Keys { expr: Some(source), .. } => Ok(Self::expression(source)),
            Keys { cmp: Some(sign), l: Some(l), r: Some(r), .. } => match comparison(&sign) {
                Some(comparison) => Ok(Self::Compare(comparison, l, r)),
                None => Err(D::Error::custom(format!("comparison {sign:?} is none of < <= > >= == !="))),
            },
            _ if text => Err(D::Error::custom("a text condition needs both `text` and `is`")),
            _ => Err(D::Error::custom("a comparison needs `cmp`, `l` and `r`")),
        }
    }
}

fn comparison(sign: &str) -> Option<Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    [Less, AtMost, Greater, AtLeast, Equal, Unequal].into_iter().find(|comparison| comparison.sign() == sign)
}

impl<E> Serialize for Condition<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys::none();
        match self.clone() {
            Self::Kind(kind) => keys.kind = Some(kind),
            Self::Text { field, is } => (keys.text, keys.is) = (Some(field), Some(is)),
            Self::All(parts) => keys.and = Some(parts),
            Self::Any(parts) => keys.or = Some(parts),
            Self::Not(part) => keys.not = Some(part),
            Self::Expression(expression) => keys.expr = Some(expression.source),
            Self::Compare(comparison, l, r) => {
                (keys.cmp, keys.l, keys.r) = (Some(comparison.sign().to_owned()), Some(l), Some(r));
            }
            Self::Custom(_) => return Err(S::Error::custom("a condition written in Rust has no data form")),
        }
        keys.serialize(serializer)
    }
}

/// Every key a number may have.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberKeys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    add: Option<Vec<Number>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    f: Option<String>,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberKeys::deserialize(deserializer)? {
            NumberKeys { c: Some(constant), add: None, agg: None, of: None, f: None } => Ok(Self::Constant(constant)),
            NumberKeys { c: None, add: Some(parts), agg: None, of: None, f: None } => Ok(Self::Sum(parts)),
            NumberKeys { c: None, add: None, agg: None, of: None, f: Some(field) } => Ok(Self::Field(field)),
            NumberKeys { c: None, add: None, agg: Some(name), of: Some(stage), f } => {
                use Aggregate::{Avg, Count, First, Last, Max, Min, Sum};
                let aggregate = [Sum, Count, Min, Max, Avg, First, Last]
                    .into_iter()
                    .find(|aggregate| aggregate.name() == name)
                    .ok_or_else(|| {
                        D::Error::custom(format!("aggregate {name:?} is none of sum count min max avg first last"))
                    })?;
                match f {
                    Some(field) => Ok(Self::Of { aggregate, stage, field }),
                    None if aggregate == Count => Ok(Self::Of { aggregate, stage, field: String::new() }),
                    None => Err(D::Error::custom(format!("{name} of {stage} needs a field `f`"))),
                }
            }
            _ => Err(D::Error::custom("a number is one of {c}, {f}, {add} and {agg, of, f}")),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = NumberKeys::default();
        match self.clone() {
            Self::Constant(constant) => keys.c = Some(constant),
            Self::Field(field) => keys.f = Some(field),
            Self::Sum(parts) => keys.add = Some(parts),
            Self::Of { aggregate, stage, field } => {
                (keys.agg, keys.of) = (Some(aggregate.name().to_owned()), Some(stage));
                keys.f = (!field.is_empty()).then_some(field);
            }
        }
        keys.serialize(serializer)
    }
}
