//! The table of `docs/compatibility.md` names tests; here is shown that there are such tests.

use std::path::Path;

/// `file::name` pairs in backticks.
fn named_tests(text: &str) -> Vec<(String, String)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| {
            let (file, name) = code.split_once("::")?;
            let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            (is_plain(file) && is_plain(name)).then(|| (file.to_owned(), name.to_owned()))
        })
        .collect()
}

#[test]
fn every_test_that_the_compatibility_table_names_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("../docs/compatibility.md")).unwrap();
    let named = named_tests(&text);
    assert!(named.len() > 30, "{named:?}");
    for (file, name) in named {
        let tests = here.join("tests");
        let source = std::fs::read_to_string(tests.join(format!("{file}.rs")))
            .or_else(|_| std::fs::read_to_string(tests.join(&file).join("main.rs")))
            .unwrap_or_else(|error| panic!("no tests {file}: {error}"));
        assert!(source.contains(&format!("fn {name}()")), "{file} has no test {name}");
    }
}

#[test]
fn the_table_has_every_row() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("../docs/compatibility.md")).unwrap();
    for row in 1..=34 {
        assert!(text.contains(&format!("\n| {row} | ")), "row {row} is missing");
    }
}
