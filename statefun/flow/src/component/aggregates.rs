//! Aggregates chosen at run time, over JSON values.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::spec::AggregateKind;
use crate::json::Json;
use crate::time::Millis;
use crate::window::aggregate::{Aggregate, DistinctSketch, QuantileSketch, hash_of};

/// An event with all that expressions make of it, so that nothing can fail any more once a state is touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prepared {
    pub(super) event: Json,
    /// What each aggregate is about; null is left out.
    pub(super) of: Vec<Json>,
    pub(super) gap: Millis,
    pub(super) measure: f64,
}

/// What is kept for one aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Cell {
    Count(u64),
    Sum(i64, f64, bool),
    Best(Option<Json>),
    Avg(f64, u64),
    Edge(Option<(Millis, Json)>),
    Distinct(BTreeSet<Json>),
    DistinctApprox(DistinctSketch),
    Quantiles(QuantileSketch),
    List(Vec<Json>),
}

/// Several aggregates, each under its name.
#[derive(Clone, Debug)]
pub(super) struct JsonAggregates(pub(super) Vec<(String, AggregateKind)>);

impl JsonAggregates {
    fn create_one(kind: &AggregateKind) -> Cell {
        match kind {
            AggregateKind::Count => Cell::Count(0),
            AggregateKind::Sum => Cell::Sum(0, 0.0, false),
            AggregateKind::Min | AggregateKind::Max => Cell::Best(None),
            AggregateKind::Avg => Cell::Avg(0.0, 0),
            AggregateKind::First | AggregateKind::Last => Cell::Edge(None),
            AggregateKind::Distinct => Cell::Distinct(BTreeSet::new()),
            AggregateKind::DistinctApprox => Cell::DistinctApprox(DistinctSketch::default()),
            AggregateKind::Quantiles { .. } => Cell::Quantiles(QuantileSketch::default()),
            AggregateKind::TopK { .. } | AggregateKind::Collect => Cell::List(Vec::new()),
        }
    }

    fn add_one(kind: &AggregateKind, cell: &mut Cell, at: Millis, value: &Json) {
        match (kind, cell) {
            (_, Cell::Count(count)) => *count += 1,
            (_, Cell::Sum(whole, real, is_real)) => match (value.as_i64(), value.as_f64()) {
                (Some(number), _) => *whole = whole.wrapping_add(number),
                (None, Some(number)) => (*real, *is_real) = (*real + number, true),
                (None, None) => {}
            },
            (_, Cell::Best(best)) => better(kind, best, value),
            (_, Cell::Avg(sum, count)) => {
                if let Some(number) = value.as_f64() {
                    (*sum, *count) = (*sum + number, *count + 1);
                }
            }
            (_, Cell::Edge(edge)) => nearer(kind, edge, (at, value)),
            (_, Cell::Distinct(seen)) => {
                seen.insert(value.clone());
            }
            (_, Cell::DistinctApprox(seen)) => seen.add(hash_of(&value.to_string())),
            (_, Cell::Quantiles(sketch)) => {
                if let Some(number) = value.as_f64() {
                    sketch.add(number);
                }
            }
            (AggregateKind::TopK { k }, Cell::List(top)) => rank(top, *k, value),
            (_, Cell::List(list)) => list.push(value.clone()),
        }
    }

    fn merge_one(kind: &AggregateKind, cell: &mut Cell, other: &Cell) {
        match (cell, other) {
            (Cell::Count(count), Cell::Count(other)) => *count += other,
            (Cell::Sum(whole, real, is_real), Cell::Sum(other_whole, other_real, other_is_real)) => {
                *whole = whole.wrapping_add(*other_whole);
                *real += other_real;
                *is_real |= other_is_real;
            }
            (Cell::Best(best), Cell::Best(other)) => other.iter().for_each(|other| better(kind, best, other)),
            (Cell::Avg(sum, count), Cell::Avg(other_sum, other_count)) => {
                *sum += other_sum;
                *count += other_count;
            }
            (Cell::Edge(edge), Cell::Edge(other)) => {
                other.iter().for_each(|(at, value)| nearer(kind, edge, (*at, value)));
            }
            (Cell::Distinct(seen), Cell::Distinct(other)) => seen.extend(other.iter().cloned()),
            (Cell::DistinctApprox(seen), Cell::DistinctApprox(other)) => seen.merge(other),
            (Cell::Quantiles(sketch), Cell::Quantiles(other)) => sketch.merge(other),
            (Cell::List(top), Cell::List(other)) => match kind {
                AggregateKind::TopK { k } => other.iter().for_each(|value| rank(top, *k, value)),
                _ => top.extend_from_slice(other),
            },
            // A state of other aggregates is refused before it comes here.
            _ => {}
        }
    }

    fn result_one(kind: &AggregateKind, cell: &Cell) -> Value {
        match cell {
            Cell::Count(count) => (*count).into(),
            Cell::Sum(whole, _, false) => (*whole).into(),
            Cell::Sum(whole, real, true) => number(*whole as f64 + real),
            Cell::Best(best) => best.clone().map_or(Value::Null, |best| best.0),
            Cell::Avg(_, 0) => Value::Null,
            Cell::Avg(sum, count) => number(sum / *count as f64),
            Cell::Edge(edge) => edge.clone().map_or(Value::Null, |(_, value)| value.0),
            Cell::Distinct(seen) => seen.len().into(),
            Cell::DistinctApprox(seen) => seen.count().into(),
            Cell::Quantiles(sketch) => match kind {
                AggregateKind::Quantiles { q } => {
                    q.iter().map(|q| sketch.quantile(*q).map_or(Value::Null, number)).collect()
                }
                _ => Value::Null,
            },
            Cell::List(list) => list.iter().map(|value| value.0.clone()).collect(),
        }
    }
}

/// Doubles that JSON cannot hold are null.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn better(kind: &AggregateKind, best: &mut Option<Json>, value: &Json) {
    let wins = |best: &Json| if *kind == AggregateKind::Min { value < best } else { value > best };
    if best.as_ref().is_none_or(wins) {
        *best = Some(value.clone());
    }
}

fn nearer(kind: &AggregateKind, edge: &mut Option<(Millis, Json)>, (at, value): (Millis, &Json)) {
    let wins = |edge_at: Millis| if *kind == AggregateKind::First { at < edge_at } else { at >= edge_at };
    if edge.as_ref().is_none_or(|(edge_at, _)| wins(*edge_at)) {
        *edge = Some((at, value.clone()));
    }
}

fn rank(top: &mut Vec<Json>, k: usize, value: &Json) {
    let rank = top.partition_point(|better| better >= value);
    if rank < k {
        top.truncate(k.saturating_sub(1));
        top.insert(rank, value.clone());
    }
}

impl Aggregate for JsonAggregates {
    type Event = Prepared;
    type Accumulator = Vec<Cell>;
    type Output = Map<String, Value>;

    fn create(&self) -> Vec<Cell> {
        self.0.iter().map(|(_, kind)| Self::create_one(kind)).collect()
    }

    fn add(&self, cells: &mut Vec<Cell>, at: Millis, event: &Prepared) {
        for (((_, kind), cell), value) in self.0.iter().zip(cells).zip(&event.of) {
            if !value.is_null() {
                Self::add_one(kind, cell, at, value);
            }
        }
    }

    fn merge(&self, cells: &mut Vec<Cell>, others: &Vec<Cell>) {
        for (((_, kind), cell), other) in self.0.iter().zip(cells).zip(others) {
            Self::merge_one(kind, cell, other);
        }
    }

    fn result(&self, cells: &Vec<Cell>) -> Map<String, Value> {
        self.0.iter().zip(cells).map(|((name, kind), cell)| (name.clone(), Self::result_one(kind, cell))).collect()
    }

    fn shares(&self) -> bool {
        !self.0.iter().any(|(_, kind)| *kind == AggregateKind::Collect)
    }
}
