//! From descriptions to functions.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use statefun::function::TimeRole;
use statefun::{FunctionType, Symbol};

use super::aggregates::{JsonAggregates, Prepared};
use super::expression::{Expression, ExpressionError, Expressions, Variable};
use super::spec::{ComponentSpec, InputSpec, OperatorSpec, WindowComponent};
use super::target::{self, EmitJson, text};
use crate::cep::{Accepted, Condition, Match, Pattern, PatternError};
use crate::function::{
    EmitMatch, FlowFunction, Input, IntervalJoinFunction, KeyByFunction, LateEvent, Pair, PatternFunction,
    PatternOutputs, Side, WindowFunction, WindowOutputs, WindowResult,
};
use crate::join::{CoGrouped, IntervalJoin, IntervalSpecError, Sided, cogroup};
use crate::json::Json;
use crate::window::{Assigner, SpecError, Window, WindowOperator, WindowSpec};

/// A description that cannot become a function.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// A name that is none.
    #[error("{0}")]
    Name(String),
    /// Too few or too many inputs.
    #[error("{operator} has {wanted}, this one has {found}")]
    Inputs {
        /// What it is.
        operator: &'static str,
        /// How many inputs it has.
        wanted: &'static str,
        /// How many were given.
        found: usize,
    },
    /// An input of a join that does not exist.
    #[error("a join has the inputs 0 (left) and 1 (right), not {0}")]
    Input(u8),
    /// Nothing to compute.
    #[error("windows need at least one aggregate")]
    NoAggregate,
    /// A name given twice, or one that every result has.
    #[error("the aggregate {0} needs another name: results have a field of that name already")]
    AggregateName(String),
    /// An expression that is none.
    #[error("{what}: {error}")]
    Expression {
        /// What it is for.
        what: &'static str,
        /// The expression.
        expression: String,
        /// What is wrong.
        #[source]
        error: ExpressionError,
    },
    /// Windows that make no sense.
    #[error(transparent)]
    Window(#[from] SpecError),
    /// An interval that makes no sense.
    #[error(transparent)]
    Interval(#[from] IntervalSpecError),
    /// A pattern that contradicts itself.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// An expression, compiled, if there is one.
pub(super) fn compiled(
    source: Option<&str>,
    what: &'static str,
    variables: &[Variable],
    expressions: &dyn Expressions,
) -> Result<Option<Arc<dyn Expression>>, ComponentError> {
    let Some(source) = source else { return Ok(None) };
    match expressions.compile(source, variables) {
        Ok(expression) => Ok(Some(Arc::from(expression))),
        Err(error) => Err(ComponentError::Expression { what, expression: source.to_owned(), error }),
    }
}

pub(super) use super::target::named as function_type;

impl ComponentSpec {
    /// The function type that messages of an input are to be sent to: the component, or what brings its events to their keys.
    ///
    /// # Errors
    /// If the name is none.
    pub fn entry(&self, input: usize) -> Result<FunctionType, ComponentError> {
        let by_key = self.inputs.get(input).is_some_and(|input| input.key.is_some());
        match (by_key, self.inputs.len(), input) {
            (false, ..) => function_type(&self.name),
            (true, 2, 0) => function_type(&format!("{}-left-by-key", self.name)),
            (true, 2, 1) => function_type(&format!("{}-right-by-key", self.name)),
            (true, ..) => function_type(&format!("{}-{input}-by-key", self.name)),
        }
    }

    /// The component as functions: itself first, then one for each input that has a key, which brings its events there.
    ///
    /// # Errors
    /// If it makes no sense; the error says what.
    pub fn build(&self, expressions: &dyn Expressions) -> Result<Vec<FlowFunction>, ComponentError> {
        let function = function_type(&self.name)?;
        let inputs = self.inputs.iter().map(|input| self.input(input, expressions)).collect::<Result<Vec<_>, _>>()?;
        let mut functions = vec![self.component(function, &inputs, expressions)?];
        for (number, spec) in self.inputs.iter().enumerate() {
            let Some(key) = compiled(spec.key.as_deref(), "the key", &[Variable::Event], expressions)? else {
                continue;
            };
            let side = match (self.is_join(), number) {
                (false, _) => None,
                (true, 0) => Some(Side::Left),
                (true, _) => Some(Side::Right),
            };
            let key_of = move |event: &Json| {
                let value = key.evaluate(&[(Variable::Event, &event.0)]).and_then(|value| text(&value));
                value.map_err(|error| format!("the event has no key: {error}"))
            };
            let by_key = KeyByFunction::new(inputs[number].clone(), key_of, function, side);
            functions.push(FlowFunction::new(self.entry(number)?, 0, move || by_key.clone()));
        }
        Ok(functions)
    }

    fn is_join(&self) -> bool {
        match self.operator {
            OperatorSpec::Window(_) | OperatorSpec::Pattern { .. } => false,
            OperatorSpec::WindowJoin { .. } | OperatorSpec::Cogroup { .. } | OperatorSpec::IntervalJoin(_) => true,
        }
    }

    fn role(&self) -> Result<TimeRole, ComponentError> {
        let inputs = self.ingresses.iter().map(|ingress| Symbol::intern(ingress)).collect::<Result<_, _>>();
        Ok(TimeRole {
            level: self.level.max(1),
            inputs: inputs.map_err(|error| ComponentError::Name(error.to_string()))?,
        })
    }

    /// The events of an input, as they come from outside.
    fn input(&self, spec: &InputSpec, expressions: &dyn Expressions) -> Result<Input<Json>, ComponentError> {
        let mut input = Input::json();
        if let Some(time) = compiled(spec.time.as_deref(), "the time", &[Variable::Event], expressions)? {
            input = input.timed_by(move |event| {
                let at = time.evaluate(&[(Variable::Event, &event.0)]).map_err(|error| error.to_string())?;
                at.as_i64()
                    .ok_or_else(|| format!("the time of an event must be a number of milliseconds, this is {at}"))
            });
        }
        if let Some(filter) = compiled(spec.filter.as_deref(), "the condition", &[Variable::Event], expressions)? {
            input = input.only(move |event| {
                let passes = filter.evaluate(&[(Variable::Event, &event.0)]).map_err(|error| error.to_string())?;
                passes.as_bool().ok_or_else(|| format!("a condition must be true or false, this is {passes}"))
            });
        }
        Ok(input)
    }

    /// The input of the component itself: what comes through a key is timed and filtered already.
    fn own_input(&self, inputs: &[Input<Json>], number: usize) -> Input<Json> {
        if self.inputs[number].key.is_some() { Input::json() } else { inputs[number].clone() }
    }

    fn one_input(&self, operator: &'static str, inputs: &[Input<Json>]) -> Result<Input<Json>, ComponentError> {
        if inputs.is_empty() {
            return Err(ComponentError::Inputs { operator, wanted: "one input or more", found: 0 });
        }
        // Several inputs are merged; those that need a look of their own get it where they are brought to their keys.
        Ok(self.own_input(inputs, 0))
    }

    fn two_inputs(
        &self,
        operator: &'static str,
        inputs: &[Input<Json>],
    ) -> Result<Input<Sided<Json, Json>>, ComponentError> {
        if inputs.len() != 2 {
            return Err(ComponentError::Inputs { operator, wanted: "two inputs", found: inputs.len() });
        }
        let from = [self.inputs[0].from.clone(), self.inputs[1].from.clone()];
        let tell = move |incoming: crate::function::Incoming<'_>| {
            let caller = incoming.caller?.function;
            let sides = [Side::Left, Side::Right];
            from.iter().position(|from| caller.as_str() == from).map(|number| sides[number])
        };
        Ok(Input::sides(self.own_input(inputs, 0), self.own_input(inputs, 1), tell))
    }

    fn component(
        &self,
        function: FunctionType,
        inputs: &[Input<Json>],
        expressions: &dyn Expressions,
    ) -> Result<FlowFunction, ComponentError> {
        let (role, level) = (self.role()?, self.level.max(1));
        let to = target::all(&self.to, expressions)?;
        let late = self.late_to.as_ref().map(|late| target::one(late, expressions)).transpose()?;
        match &self.operator {
            OperatorSpec::Window(windows) => {
                let input = prepare(self.one_input("a window", inputs)?, windows, expressions)?;
                let spec = WindowSpec { late_output: late.is_some(), ..windows.spec.clone() };
                let operator = WindowOperator::builder(spec, aggregates(windows)?)
                    .gap(|event: &Prepared| event.gap)
                    .measure(|event: &Prepared| event.measure);
                let operator = Arc::new(operator.build()?);
                let outputs = WindowOutputs {
                    results: Arc::new(move |out, result: WindowResult<Map<String, Value>>| {
                        let mut fields = window_fields(&result.key, result.window);
                        fields.extend(result.result);
                        to(out, Value::Object(fields));
                    }),
                    late: late.map(|late| -> crate::function::Emit<LateEvent<Prepared>> {
                        Arc::new(move |out, event| late(out, event.event.event.0))
                    }),
                };
                Ok(FlowFunction::new(function, level, move || {
                    WindowFunction::new(Arc::clone(&operator), input.clone(), outputs.clone(), role.clone())
                }))
            }
            OperatorSpec::WindowJoin { spec, gap } | OperatorSpec::Cogroup { spec, gap } => {
                let pairs = matches!(self.operator, OperatorSpec::WindowJoin { .. });
                let input = self.two_inputs(if pairs { "a window join" } else { "a co-group" }, inputs)?;
                let spec = WindowSpec { late_output: late.is_some(), ..spec.clone() };
                let gap = compiled(gap.as_deref(), "the gap", &[Variable::Event], expressions)?;
                if gap.is_none() && spec.assigner == Assigner::SessionDynamic {
                    return Err(SpecError::FunctionMissing { what: "a session with dynamic gap", to: "its gap" }.into());
                }
                let gap_of = move |event: &Sided<Json, Json>| {
                    let (Sided::Left(event) | Sided::Right(event)) = event;
                    let gap = gap.as_ref().and_then(|gap| gap.evaluate(&[(Variable::Event, &event.0)]).ok());
                    gap.and_then(|gap| gap.as_i64()).unwrap_or(1)
                };
                let operator = Arc::new(cogroup::<Json, Json>(spec).gap(gap_of).build()?);
                let outputs = WindowOutputs {
                    results: Arc::new(move |out, result: WindowResult<CoGrouped<Json, Json>>| {
                        let mut emit = |left: Value, right: Value| {
                            let mut fields = window_fields(&result.key, result.window);
                            fields.insert("left".to_owned(), left);
                            fields.insert("right".to_owned(), right);
                            to(out, Value::Object(fields));
                        };
                        if pairs {
                            result.result.pairs().for_each(|(left, right)| emit(left.0.clone(), right.0.clone()));
                        } else {
                            emit(json!(result.result.left), json!(result.result.right));
                        }
                    }),
                    late: late.map(|late| -> crate::function::Emit<LateEvent<Sided<Json, Json>>> {
                        Arc::new(move |out, event| late(out, either(event.event)))
                    }),
                };
                Ok(FlowFunction::new(function, level, move || {
                    WindowFunction::new(Arc::clone(&operator), input.clone(), outputs.clone(), role.clone())
                }))
            }
            OperatorSpec::IntervalJoin(spec) => {
                let input = self.two_inputs("an interval join", inputs)?;
                let join =
                    IntervalJoin::new(&crate::join::IntervalSpec { late_output: late.is_some(), ..spec.clone() })?;
                let pairs: crate::function::Emit<Pair<Json, Json>> = Arc::new(move |out, pair| {
                    let key = out.key().as_str();
                    let (left_at, right_at) = (pair.left_at, pair.right_at);
                    let result = json!({"key": key, "left": pair.left, "right": pair.right, "left_at": left_at, "right_at": right_at});
                    to(out, result);
                });
                let late = late.map(|late| -> crate::function::Emit<LateEvent<Sided<Json, Json>>> {
                    Arc::new(move |out, event| late(out, either(event.event)))
                });
                let function_of_it = IntervalJoinFunction::new(join, input, pairs, late, role);
                Ok(FlowFunction::new(function, level, move || function_of_it.clone()))
            }
            OperatorSpec::Pattern { pattern, on_change } => {
                let input = self.one_input("a pattern", inputs)?;
                let timeouts = self.timeout_to.as_ref().map(|to| target::one(to, expressions)).transpose()?;
                let overflow = self.overflow_to.as_ref().map(|to| target::one(to, expressions)).transpose()?;
                let mut pattern = pattern.clone();
                pattern.late_output = late.is_some();
                pattern.timeout_output = timeouts.is_some();
                compile_conditions(&mut pattern, expressions)?;
                let matcher = Arc::new(pattern.build()?);
                let outputs = PatternOutputs {
                    matches: emit_match(to),
                    timeouts: timeouts.map(emit_match),
                    late: late.map(|late| -> crate::function::Emit<LateEvent<Json>> {
                        Arc::new(move |out, event| late(out, event.event.0))
                    }),
                    overflow: overflow.map(emit_match),
                };
                let on_change = *on_change;
                Ok(FlowFunction::new(function, level, move || {
                    let (matcher, role) = (Arc::clone(&matcher), role.clone());
                    PatternFunction::new(matcher, input.clone(), outputs.clone(), on_change, role)
                }))
            }
        }
    }
}

fn either(event: Sided<Json, Json>) -> Value {
    let (Sided::Left(event) | Sided::Right(event)) = event;
    event.0
}

fn window_fields(key: &str, window: Window) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("key".to_owned(), key.into());
    if !window.is_global() {
        fields.insert("start".to_owned(), window.start.into());
        fields.insert("end".to_owned(), window.end.into());
    }
    fields
}

fn emit_match(to: EmitJson) -> EmitMatch<Json> {
    Arc::new(move |out, found: &Match<'_, Json>| {
        let key = out.key().as_str();
        let result = json!({"key": key, "at": found.at, "match": stages(found.stages())});
        to(out, result);
    })
}

fn stages<'a>(stages: impl Iterator<Item = (&'a str, Vec<&'a Json>)>) -> Value {
    Value::Object(stages.map(|(stage, events)| (stage.to_owned(), json!(events))).collect())
}

fn compile_conditions(pattern: &mut Pattern<Json>, expressions: &dyn Expressions) -> Result<(), ComponentError> {
    let variables = [Variable::Event, Variable::Matched];
    pattern.compile(&mut |source| {
        let expression = compiled(Some(source), "a condition", &variables, expressions)?;
        let holds = move |event: &Json, matched: Option<&Value>| {
            let Some(expression) = &expression else { return false };
            let event = (Variable::Event, &event.0);
            let value = match matched {
                Some(matched) => expression.evaluate(&[event, (Variable::Matched, matched)]),
                None => expression.evaluate(&[event]),
            };
            // A condition about what is not there does not hold, as everywhere in patterns.
            value.is_ok_and(|value| value == Value::Bool(true))
        };
        let reads_matched = expressions.compile(source, &variables).is_ok_and(|it| it.reads(Variable::Matched));
        Ok(if reads_matched {
            Condition::test_with(move |event: &Json, accepted: &Accepted<'_, Json>| {
                holds(event, Some(&stages(accepted.stages())))
            })
        } else {
            Condition::test(move |event: &Json| holds(event, None))
        })
    })
}

fn aggregates(windows: &WindowComponent) -> Result<JsonAggregates, ComponentError> {
    if windows.aggregates.is_empty() {
        return Err(ComponentError::NoAggregate);
    }
    let mut names = vec!["key", "start", "end"];
    for aggregate in &windows.aggregates {
        if names.contains(&aggregate.name.as_str()) {
            return Err(ComponentError::AggregateName(aggregate.name.clone()));
        }
        names.push(&aggregate.name);
    }
    Ok(JsonAggregates(
        windows.aggregates.iter().map(|aggregate| (aggregate.name.clone(), aggregate.kind.clone())).collect(),
    ))
}

/// Events with all that expressions make of them.
fn prepare(
    input: Input<Json>,
    windows: &WindowComponent,
    expressions: &dyn Expressions,
) -> Result<Input<Prepared>, ComponentError> {
    let compile = |source: Option<&str>, what| compiled(source, what, &[Variable::Event], expressions);
    let of = windows.aggregates.iter().map(|aggregate| compile(aggregate.of.as_deref(), "an aggregate"));
    let of = of.collect::<Result<Vec<_>, _>>()?;
    let gap = compile(windows.gap.as_deref(), "the gap")?;
    let measure = compile(windows.measure.as_deref(), "the measure")?;
    if gap.is_none() && windows.spec.assigner == Assigner::SessionDynamic {
        return Err(SpecError::FunctionMissing { what: "a session with dynamic gap", to: "its gap" }.into());
    }
    Ok(input.map(
        move |event: Json| {
            let evaluate = |expression: &Arc<dyn Expression>| {
                expression.evaluate(&[(Variable::Event, &event.0)]).map_err(|error| error.to_string())
            };
            let number = |value: Value| value.as_f64().ok_or_else(|| format!("a number is needed, this is {value}"));
            let of = of.iter().map(|of| of.as_ref().map_or_else(|| Ok(event.0.clone()), evaluate).map(Json));
            let of = of.collect::<Result<_, _>>()?;
            let gap = gap.as_ref().map_or(Ok(0.0), |gap| evaluate(gap).and_then(number))? as i64;
            let measure = measure.as_ref().map_or(Ok(0.0), |measure| evaluate(measure).and_then(number))?;
            Ok(Prepared { event, of, gap, measure })
        },
        |prepared| &prepared.event,
    ))
}
