//! Windows, joins and patterns that the module declares.

use std::sync::Arc;

use statefun::FunctionType;
use statefun::spec::{Module, Origin};
use statefun_components::{Cel, describe_all};
use statefun_engine::FailurePolicy;
use statefun_runtime::{FunctionHome, FunctionPattern};

use super::{Composed, function_type, symbol};
use crate::Failure;

/// Binds the functions of all components, and routes to them what they take from ingresses. After the ingresses.
pub(super) fn bind(module: &Module, composed: &mut Composed) -> Result<(), Failure> {
    let specs = describe_all(module).map_err(Failure::usage)?;
    let language = Cel::default();
    for (spec, component) in specs.iter().zip(&module.components) {
        let refused = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{}: {}: {error}", component.declared_at, component.name))
        };
        for function in spec.build(&language).map_err(|error| refused(&error))? {
            let pattern = FunctionPattern::Exact(function.function);
            let factory = Arc::new(move |_: FunctionType| Some(function.embedded()));
            let home = FunctionHome::Embedded { factory, failure: FailurePolicy::default() };
            composed.application.functions.push((pattern, home));
        }
        let own = function_type(&component.name)?;
        for (side, input) in component.operator.inputs().into_iter().enumerate() {
            let entry = spec.entry(side).map_err(|error| refused(&error))?;
            if side == 0 {
                reroute(own, entry, composed);
            }
            for origin in &input.from {
                if let Origin::Ingress(id) = origin {
                    route(symbol(&id.to_string())?, entry, composed);
                }
            }
        }
    }
    Ok(())
}

/// What an ingress sends to a component by name comes in where the component takes events in.
fn reroute(component: FunctionType, entry: FunctionType, composed: &mut Composed) {
    let routes = composed.application.sources.iter_mut().flat_map(|source| &mut source.routes);
    for target in routes.flat_map(|route| &mut route.targets).filter(|target| **target == component) {
        *target = entry;
    }
}

/// Everything an ingress reads is sent to `entry` too, once.
fn route(ingress: statefun::Symbol, entry: FunctionType, composed: &mut Composed) {
    let sources = composed.application.sources.iter_mut().filter(|source| source.name == ingress);
    for route in sources.flat_map(|source| &mut source.routes) {
        if !route.targets.contains(&entry) {
            route.targets.push(entry);
        }
    }
}
