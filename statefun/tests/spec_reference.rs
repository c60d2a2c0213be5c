//! The user's reference and the code say the same.

use statefun::spec::{Code, Options, SourceFile, known_kinds, parse};

const REFERENCE: &str = include_str!("../../docs/module-yaml.md");

#[test]
fn every_kind_and_every_code_is_described() {
    for kind in known_kinds() {
        assert!(REFERENCE.lines().any(|line| line.starts_with(&format!("### {kind}"))), "no section on {kind}");
    }
    for code in Code::ALL {
        assert!(REFERENCE.contains(&format!("| `{code}` |")), "no row for {code}");
    }
}

#[test]
fn every_example_is_read_without_complaint() {
    let examples = REFERENCE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let options = Options { functions_from_code: true, ingress_from_code: true };
    let mut count = 0;
    for text in examples {
        let file = SourceFile { name: "module-yaml.md".into(), text: text.into() };
        let (_, warnings) = parse(&[file], options).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
        assert_eq!(warnings, [], "{text}");
        count += 1;
    }
    assert!(count >= 10, "only {count} examples found");
}
