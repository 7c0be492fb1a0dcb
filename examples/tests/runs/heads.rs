//! Each example says how to run it, and is run by a test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::path::Path;

/// The Rust files of a folder of this package: their names, and what is in them.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    sources.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn each_example_says_what_it_shows_how_to_run_it_and_what_to_expect() {
    let examples = sources("examples");
    assert!(examples.len() > 50, "only {} were found", examples.len());
    for (name, text) in examples {
        let head: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let command = format!("//! cargo run --example {name}");
        let runs = |line: &&str| {
            line.strip_prefix(&command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let place = head.iter().position(runs).expect(&name);
        assert!(place >= 3, "{name} does not say what it shows");
        assert!(head.len() > place + 3, "{name} does not say what to expect");
    }
}

#[test]
fn each_example_is_run_by_a_test() {
    let tests: String = sources("tests/runs").into_iter().map(|(_, text)| text).collect();
    for (name, _) in sources("examples") {
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is run by no test");
    }
}
