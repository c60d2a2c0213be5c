//! The application bound for the engine: who serves a type, where an egress leads, how a remote function is reached.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use hashbrown::HashMap;
use prost::Message;
use statefun::{Address, EgressId, EgressRecord, FunctionType, KafkaRecord, SinkId, Symbol, TypedValue};
use statefun_engine::{Directory, EgressError, FunctionBinding};
use statefun_ports::remote::RemoteTransport;
use statefun_protocol::egress;

use crate::application::{EgressKind, FunctionHome, FunctionPattern};

/// See the [module documentation](self).
pub(crate) struct Universe {
    functions: RwLock<Vec<(FunctionPattern, FunctionHome)>>,
    /// By [`Symbol::index`]: records are many and names are few.
    egresses: Vec<Option<(SinkId, EgressKind)>>,
    replies: Option<(FunctionType, SinkId)>,
    /// Ingresses that tell event time.
    timed: Vec<Symbol>,
}

impl Universe {
    pub(crate) fn new(
        functions: Vec<(FunctionPattern, FunctionHome)>,
        egresses: HashMap<EgressId, (SinkId, EgressKind)>,
        replies: Option<(FunctionType, SinkId)>,
        timed: Vec<Symbol>,
    ) -> Self {
        let len = egresses.keys().map(|egress| egress.0.index() + 1).max().unwrap_or_default();
        let mut by_index = vec![None; len];
        for (egress, binding) in egresses {
            by_index[egress.0.index()] = Some(binding);
        }
        Self { functions: RwLock::new(functions), egresses: by_index, replies, timed }
    }

    fn home(&self, function: FunctionType) -> Option<FunctionHome> {
        let functions = self.functions.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let exact = functions.iter().find(|(pattern, _)| *pattern == FunctionPattern::Exact(function));
        exact.or_else(|| functions.iter().find(|(pattern, _)| pattern.matches(function))).map(|(_, home)| home.clone())
    }

    /// How to reach a remote function.
    pub(crate) fn transport(&self, function: FunctionType) -> Option<Arc<dyn RemoteTransport>> {
        match self.home(function)? {
            FunctionHome::Remote { transport, .. } => Some(transport),
            FunctionHome::Embedded { .. } => None,
        }
    }

    /// Whether anybody serves a type.
    pub(crate) fn serves(&self, function: FunctionType) -> bool {
        match self.home(function) {
            None => false,
            Some(FunctionHome::Remote { .. }) => true,
            Some(FunctionHome::Embedded { factory, .. }) => factory(function).is_some(),
        }
    }

    /// Binds or rebinds a pattern.
    pub(crate) fn bind(&self, pattern: FunctionPattern, home: FunctionHome) {
        let mut functions = self.functions.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        functions.retain(|(known, _)| *known != pattern);
        functions.push((pattern, home));
    }

    /// Unbinds a pattern; whether it was bound.
    pub(crate) fn unbind(&self, pattern: &FunctionPattern) -> bool {
        let mut functions = self.functions.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = functions.len();
        functions.retain(|(known, _)| known != pattern);
        functions.len() != before
    }

    /// Everything bound: the pattern, and the URL of remote ones.
    pub(crate) fn bindings(&self) -> Vec<(FunctionPattern, Option<String>)> {
        let functions = self.functions.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let url = |home: &FunctionHome| match home {
            FunctionHome::Remote { url, .. } => Some(url.clone()),
            FunctionHome::Embedded { .. } => None,
        };
        functions.iter().map(|(pattern, home)| (pattern.clone(), url(home))).collect()
    }
}

impl Directory for Universe {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        // Whatever namespace is bound, answers are not messages.
        if self.replies.is_some_and(|(replies, _)| replies == function) {
            return None;
        }
        match self.home(function)? {
            FunctionHome::Remote { policy, .. } => Some(FunctionBinding::Remote(policy)),
            FunctionHome::Embedded { factory, failure } => {
                factory(function).map(|function| FunctionBinding::Embedded(function, failure))
            }
        }
    }

    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
        records: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError> {
        let refuse = |why: String| EgressError { egress, why };
        let Some((sink, kind)) = self.egresses.get(egress.0.index()).and_then(Option::as_ref) else {
            return Err(refuse("the module declares no egress of that id".to_owned()));
        };
        match kind {
            EgressKind::Kafka => records.push((*sink, kafka(value).map_err(refuse)?)),
            EgressKind::Playground { topics } => records.push((*sink, playground(value, topics).map_err(refuse)?)),
            EgressKind::Value => records.push((*sink, EgressRecord::Value { source: source.clone(), value })),
        }
        Ok(())
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        self.replies
    }

    fn timed(&self) -> Vec<Symbol> {
        self.timed.clone()
    }
}

fn kafka(value: TypedValue) -> Result<EgressRecord, String> {
    let found = value.value_type.as_str();
    if found != egress::KAFKA_RECORD_TYPENAME {
        return Err(format!("takes records of type {}, not {found}", egress::KAFKA_RECORD_TYPENAME));
    }
    let record = egress::KafkaProducerRecord::decode(value.bytes.to_bytes())
        .map_err(|error| format!("the record cannot be decoded: {error}"))?;
    let topic = String::from_utf8(record.topic.to_vec()).map_err(|_| "the topic's name is not UTF-8".to_owned())?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 || !topic.chars().all(legal) || topic == "." || topic == ".." {
        return Err(format!("{topic:?} is no topic's name: 1 to 249 of letters, digits, '.', '_' and '-'"));
    }
    // An empty key means a record without one, as in StateFun.
    let key = (!record.key.is_empty()).then_some(record.key);
    Ok(EgressRecord::Kafka(KafkaRecord { topic, key, value: record.value_bytes }))
}

/// The typename of records for the playground egress.
const PLAYGROUND_RECORD: &str = "io.statefun.playground/EgressRecord";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaygroundRecord {
    topic: String,
    payload: String,
}

fn playground(value: TypedValue, topics: &BTreeSet<String>) -> Result<EgressRecord, String> {
    let found = value.value_type.as_str();
    if found != PLAYGROUND_RECORD {
        return Err(format!("takes records of type {PLAYGROUND_RECORD}, not {found}"));
    }
    let record: PlaygroundRecord =
        serde_json::from_slice(&value.bytes).map_err(|error| format!("the record is not as it should be: {error}"))?;
    if !topics.contains(&record.topic) {
        return Err(format!("the module lists no topic {:?}", record.topic));
    }
    let topic = Symbol::intern(&record.topic).map_err(|error| error.to_string())?;
    Ok(EgressRecord::Playground { topic, payload: Bytes::from(record.payload) })
}
