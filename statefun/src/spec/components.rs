//! Components of drafts: names looked up, cycles refused, levels and ingresses found.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Declared, Draft, Nature, Reference, TargetDraft};
use super::read::{Fault, nearest};
use super::{Code, Component, Egress, Input, Module, Operator, Options, Origin, Output, Target, TypeNameText};

/// How deep components may feed each other: a level is a byte.
const LEVEL_MAX: usize = 200;

/// Makes components of all drafts and adds them to the module. Drafts with faults are left out.
pub(super) fn resolve(out: &mut Declared<'_, '_>, options: Options) {
    let drafts = std::mem::take(&mut out.drafts);
    for Reference { name, fault } in std::mem::take(&mut out.untargeted) {
        let mut taken = drafts.iter().flat_map(|draft| draft.from.iter().flatten());
        if !taken.any(|from| from.name == name) {
            out.faults.push(fault);
        }
    }
    let names: Vec<TypeNameText> = drafts.iter().map(|draft| draft.name.clone()).collect();
    let mut found = Vec::new();
    let mut faults = Vec::new();
    {
        let scope = Scope { module: &out.module, names: &names, options };
        for draft in drafts {
            found.push(scope.component(draft, &mut faults));
        }
    }
    let had = !faults.is_empty();
    for fault in faults {
        out.faults.push(fault);
    }
    // Half of a graph says nothing of the whole.
    if had || found.iter().any(Option::is_none) || out.faults.has_errors() {
        return;
    }
    let found: Vec<Resolved> = found.into_iter().flatten().collect();
    let graph = Graph::new(&out.module, &found);
    match graph.levels() {
        Err(cycle) => {
            let mut names: Vec<&str> = cycle.iter().map(|index| graph.names[*index].as_str()).collect();
            names.push(names[0]);
            let message = format!("components wait for each other's results: {}", names.join(" -> "));
            let help = "break the cycle: a result that must come back goes through a function that nobody waits for";
            let fault = found[cycle[0]].fault.clone().code(Code::Cycle).message(message).help(help);
            out.faults.push(fault);
        }
        Ok(levels) => {
            for (index, resolved) in found.into_iter().enumerate() {
                let follows = graph.follows(index);
                check_time(&follows, &resolved, options, out);
                let component = Component { level: levels[index], follows, ..resolved.component };
                if let Err(message) = out.faults.checker().component(&component) {
                    let code = match component.operator {
                        Operator::Pattern(_) => Code::InvalidPattern,
                        _ => Code::InvalidValue,
                    };
                    out.faults.push(resolved.fault.code(code).message(message));
                }
                out.module.components.push(component);
            }
        }
    }
}

/// Reports a component that waits for a time nobody tells.
fn check_time(follows: &[TypeNameText], resolved: &Resolved, options: Options, out: &mut Declared<'_, '_>) {
    let followed = |id: &TypeNameText| follows.is_empty() || follows.contains(id);
    let told = out.module.ingresses.iter().any(|it| it.event_time().is_some() && followed(it.id()));
    if resolved.needs_time && !told && !options.ingress_from_code {
        let whose = match follows {
            [] => "no ingress of the module".to_owned(),
            names => format!("none of {}", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{}` would never give a result: {whose} tells event time", resolved.component.name);
        let fault = resolved.fault.clone().code(Code::NoEventTime).message(message);
        out.faults.push(fault.help("give the ingress an `eventTime`, as in `eventTime: {field: $.at, delay: 5 s}`"));
    }
}

/// A component without level, and what is needed to find it.
struct Resolved {
    component: Component,
    after: Vec<TypeNameText>,
    needs_time: bool,
    fault: Fault,
}

/// All names that can be referred to.
struct Scope<'m> {
    module: &'m Module,
    names: &'m [TypeNameText],
    options: Options,
}

impl Scope<'_> {
    fn component(&self, draft: Draft, faults: &mut Vec<Fault>) -> Option<Resolved> {
        let Draft {
            name,
            mut operator,
            from,
            after,
            emit,
            to,
            late,
            timeout,
            overflow,
            needs_time,
            declared_at,
            fault,
        } = draft;
        let before = faults.len();
        let inputs: [Option<&mut Input>; 2] = match &mut operator {
            Operator::Window(it) => [Some(&mut it.input), None],
            Operator::Pattern(it) => [Some(&mut it.input), None],
            Operator::Join(it) => [Some(&mut it.left), Some(&mut it.right)],
            Operator::CoGroup(it) => [Some(&mut it.left), Some(&mut it.right)],
        };
        for (input, from) in inputs.into_iter().flatten().zip(from) {
            input.from = from.into_iter().filter_map(|reference| self.origin(reference, faults)).collect();
        }
        let after = after.into_iter().filter_map(|reference| self.upstream(reference, faults)).collect();
        let mut target = |draft: Option<TargetDraft>| draft.and_then(|draft| self.target(draft, faults));
        let output = Output {
            emit,
            late: target(late),
            timeout: target(timeout),
            overflow: target(overflow),
            to: to.into_iter().filter_map(|draft| target(Some(draft))).collect(),
        };
        if faults.len() > before {
            return None;
        }
        let component = Component { name, operator, output, level: 0, follows: Vec::new(), declared_at };
        Some(Resolved { component, after, needs_time, fault })
    }

    fn origin(&self, reference: Reference, faults: &mut Vec<Fault>) -> Option<Origin> {
        let Reference { name, fault } = reference;
        let ingress = self.module.ingress(&name);
        let component = self.names.contains(&name);
        match ingress {
            Some(_) if component => {
                let message = format!("`{name}` is an ingress and a component: one of them needs another name");
                faults.push(fault.code(Code::Conflict).message(message));
                None
            }
            Some(ingress) if !ingress.is_routed() => {
                let message = format!("messages of the ingress `{name}` name their target themselves");
                let help = "leave it out of `from`, and post to the component: POST /<namespace>/<name>/<key>";
                faults.push(fault.code(Code::Conflict).message(message).help(help));
                None
            }
            Some(_) => Some(Origin::Ingress(name)),
            None if component => Some(Origin::Component(name)),
            None if self.is_function(&name) => Some(Origin::Function(name)),
            None => {
                let message =
                    format!("nothing is called `{name}`: neither an ingress, nor a component, nor a function");
                let ingresses = self.module.ingresses.iter().map(super::Ingress::id);
                faults.push(self.unknown(&name, ingresses, fault.message(message)));
                None
            }
        }
    }

    fn upstream(&self, reference: Reference, faults: &mut Vec<Fault>) -> Option<TypeNameText> {
        let Reference { name, fault } = reference;
        if self.names.contains(&name) {
            return Some(name);
        }
        let message = format!("there is no component `{name}`");
        faults.push(self.unknown(&name, std::iter::empty(), fault.message(message)));
        None
    }

    fn target(&self, draft: TargetDraft, faults: &mut Vec<Fault>) -> Option<Target> {
        let TargetDraft { to: Reference { name, fault }, nature, id, topic, key, value_type } = draft;
        let egress = self.module.egress(&name);
        let function = self.names.contains(&name) || self.is_function(&name);
        let nature = match (nature, egress.is_some(), function) {
            (Some(nature), ..) => nature,
            (None, true, true) => {
                let message = format!("`{name}` is an egress and a function; say which is meant");
                let help = format!("write `{{egress: {name}}}` or `{{function: {name}}}`");
                faults.push(fault.code(Code::Conflict).message(message).help(help));
                return None;
            }
            (None, true, false) => Nature::Egress,
            (None, false, _) => Nature::Function,
        };
        match (nature, egress) {
            (Nature::Egress, Some(egress)) => match topic_fault(egress, topic.as_deref()) {
                Some(message) => {
                    faults.push(fault.code(Code::Conflict).message(message));
                    None
                }
                None => Some(Target::Egress { egress: name, topic, key }),
            },
            (Nature::Function, _) if function => Some(Target::Function { function: name, id, value_type }),
            (nature, _) => {
                let message = match nature {
                    Nature::Egress => format!("there is no egress `{name}`"),
                    Nature::Function => format!("nothing is called `{name}`: neither a function nor an egress"),
                };
                let egresses = self.module.egresses.iter().map(Egress::id);
                faults.push(self.unknown(&name, egresses, fault.message(message)));
                None
            }
        }
    }

    fn is_function(&self, name: &TypeNameText) -> bool {
        self.options.functions_from_code || self.module.binding(name.namespace(), name.name()).is_some()
    }

    /// The fault with the nearest name among those that fit and the components.
    fn unknown<'a>(
        &'a self,
        name: &TypeNameText,
        fitting: impl Iterator<Item = &'a TypeNameText>,
        fault: Fault,
    ) -> Fault {
        let known: Vec<String> = fitting.chain(self.names).map(ToString::to_string).collect();
        let meant = nearest(&name.to_string(), known.iter().map(String::as_str)).map(str::to_owned);
        fault.code(Code::UnknownName).suggest(meant)
    }
}

/// Whether the egress has the topics it is asked for.
fn topic_fault(egress: &Egress, topic: Option<&str>) -> Option<String> {
    let id = egress.id();
    match (egress, topic) {
        (Egress::Playground(_), _) => {
            Some(format!("the egress `{id}` takes texts of its own kind, which only functions write"))
        }
        (Egress::Kafka(_), None) => Some(format!("the egress `{id}` has topics: write `{{egress: {id}, topic: ...}}`")),
        (Egress::Kafka(_), Some(_)) | (_, None) => None,
        (_, Some(_)) => Some(format!("the egress `{id}` has no topics")),
    }
}

/// Who feeds whom.
struct Graph {
    names: Vec<String>,
    /// Per component, those whose results get there.
    upstream: Vec<BTreeSet<usize>>,
    /// Per component, the ingresses whose records get there without passing a component; `None`: any might.
    ingresses: Vec<Option<BTreeSet<TypeNameText>>>,
}

impl Graph {
    fn new(module: &Module, found: &[Resolved]) -> Self {
        let index: BTreeMap<&TypeNameText, usize> =
            found.iter().enumerate().map(|(index, it)| (&it.component.name, index)).collect();
        // Who sends to a name without being told to by its `from`.
        let mut results_to: BTreeMap<&TypeNameText, BTreeSet<usize>> = BTreeMap::new();
        for (sender, it) in found.iter().enumerate() {
            let Output { to, late, timeout, overflow, .. } = &it.component.output;
            for target in to.iter().chain(late).chain(timeout).chain(overflow) {
                if let Target::Function { function, .. } = target {
                    results_to.entry(function).or_default().insert(sender);
                }
            }
        }
        let records_to = |name: &TypeNameText| -> BTreeSet<TypeNameText> {
            let sends = |it: &&super::Ingress| it.targets().contains(&name);
            module.ingresses.iter().filter(sends).map(|it| it.id().clone()).collect()
        };
        let senders = |name: &TypeNameText| results_to.get(name).cloned().unwrap_or_default();
        let (mut upstream, mut ingresses) = (Vec::new(), Vec::new());
        for it in found {
            let name = &it.component.name;
            let mut from: BTreeSet<usize> = senders(name);
            from.extend(it.after.iter().filter_map(|name| index.get(name)));
            let mut reading = records_to(name);
            let inputs = it.component.operator.inputs();
            let origins: Vec<&Origin> = inputs.iter().flat_map(|input| &input.from).collect();
            // Somebody sends whom nobody named.
            let mut any = origins.is_empty() && reading.is_empty() && from.is_empty();
            for origin in origins {
                match origin {
                    Origin::Ingress(id) => {
                        reading.insert(id.clone());
                    }
                    Origin::Component(name) => from.extend(index.get(name)),
                    Origin::Function(name) => {
                        let (feeding, records) = (senders(name), records_to(name));
                        any |= feeding.is_empty() && records.is_empty();
                        from.extend(feeding);
                        reading.extend(records);
                    }
                }
            }
            upstream.push(from);
            ingresses.push((!any).then_some(reading));
        }
        Self { names: found.iter().map(|it| it.component.name.to_string()).collect(), upstream, ingresses }
    }

    /// The level of each component, or a cycle: each member feeds the next.
    fn levels(&self) -> Result<Vec<u8>, Vec<usize>> {
        let mut levels: Vec<Option<u8>> = vec![None; self.upstream.len()];
        for start in 0..self.upstream.len() {
            self.level(start, &mut Vec::new(), &mut levels)?;
        }
        Ok(levels.into_iter().map(Option::unwrap_or_default).collect())
    }

    fn level(&self, index: usize, path: &mut Vec<usize>, levels: &mut Vec<Option<u8>>) -> Result<u8, Vec<usize>> {
        if let Some(level) = levels[index] {
            return Ok(level);
        }
        if let Some(from) = path.iter().position(|passed| *passed == index) {
            // The path leads against the results.
            let mut cycle: Vec<usize> = path[from..].iter().rev().copied().collect();
            let first = cycle.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(at, _)| at);
            cycle.rotate_left(first);
            return Err(cycle);
        }
        if path.len() >= LEVEL_MAX {
            return Err(path.clone());
        }
        path.push(index);
        let mut level = 0;
        for upstream in &self.upstream[index] {
            level = level.max(self.level(*upstream, path, levels)?);
        }
        path.pop();
        levels[index] = Some(level + 1);
        Ok(level + 1)
    }

    /// The ingresses whose time a component follows; empty: all.
    fn follows(&self, index: usize) -> Vec<TypeNameText> {
        let (mut todo, mut seen, mut follows) = (vec![index], BTreeSet::new(), BTreeSet::new());
        while let Some(next) = todo.pop() {
            if !seen.insert(next) {
                continue;
            }
            match &self.ingresses[next] {
                None => return Vec::new(),
                Some(ingresses) => follows.extend(ingresses.iter().cloned()),
            }
            todo.extend(&self.upstream[next]);
        }
        follows.into_iter().collect()
    }
}
