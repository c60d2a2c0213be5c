//! The modules beside this serve what the functions are and need.
#![allow(clippy::unwrap_used, reason = "in tests")]

use statefun::spec::{Binding, Module, Options, SourceFile, parse};

fn module(name: &str, text: &str) -> Module {
    let file = SourceFile { name: name.to_owned(), text: text.to_owned() };
    let (module, warnings) = parse(&[file], Options::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    module
}

#[test]
fn one_module_embeds_all_functions_and_the_other_calls_them() {
    let embedded = module("module.yaml", include_str!("../module.yaml"));
    let remote = module("module-remote.yaml", include_str!("../module-remote.yaml"));
    for function in example_shopping_cart::functions().types() {
        let binding = embedded.binding(function.namespace(), function.name());
        assert!(matches!(binding, Some(Binding::Embedded(_))), "{function}: {binding:?}");
        let binding = remote.binding(function.namespace(), function.name());
        assert!(matches!(binding, Some(Binding::Remote(_))), "{function}: {binding:?}");
    }
}

#[test]
fn the_modules_differ_in_nothing_but_the_home() {
    let embedded = module("a", include_str!("../module.yaml"));
    let remote = module("a", include_str!("../module-remote.yaml"));
    assert_eq!(embedded.ingresses.len(), remote.ingresses.len());
    let ids = |module: &Module| module.egresses.iter().map(|egress| egress.id().to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&embedded), ["io.statefun.playground/egress"]);
    assert_eq!(ids(&embedded), ids(&remote));
}
