//! The vectors: each program gives the trace that the real Twisted gave.

#![expect(clippy::panic, reason = "a test that fails says why")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use conformance::{Program, Reply, Trace};
use serde_json::Value as Json;

/// The families that are run, each by a test below.
const RUN: [&str; 10] = [
    "amp",
    "client_service",
    "clock",
    "deferred",
    "endpoint",
    "framing",
    "pause",
    "strings",
    "sync",
    "triggers",
];

/// How many events before and after the first difference are shown.
const CONTEXT: usize = 4;

#[test]
fn amp() {
    check_family("amp");
}

#[test]
fn client_service() {
    check_family("client_service");
}

#[test]
fn clock() {
    check_family("clock");
}

#[test]
fn deferred() {
    check_family("deferred");
}

#[test]
fn endpoint() {
    check_family("endpoint");
}

#[test]
fn framing() {
    check_family("framing");
}

#[test]
fn pause() {
    check_family("pause");
}

#[test]
fn strings() {
    check_family("strings");
}

#[test]
fn sync() {
    check_family("sync");
}

#[test]
fn triggers() {
    check_family("triggers");
}

#[test]
fn no_vector_file_is_forgotten() {
    let files: BTreeSet<String> = fs::read_dir(vectors())
        .expect("the vectors are here")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    let known = RUN.iter().map(|family| format!("{family}.jsonl")).collect();
    assert_eq!(files, known);
}

#[test]
fn numbers_are_compared_by_value() {
    let json = |text| -> Json { serde_json::from_str(text).expect("JSON") };
    assert!(same(&json(r#"[0, {"a": [1.0]}]"#), &json(r#"[0.0, {"a": [1]}]"#)));
    assert!(!same(&json("[0]"), &json("[false]")));
    assert!(!same(&json("[1, 2]"), &json("[1]")));
    assert!(!same(&json(r#"{"a": 1}"#), &json(r#"{"b": 1}"#)));
}

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(family: &str) -> String {
    let path = vectors().join(format!("{family}.jsonl"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs all programs of a family and says what is different about the first
/// that differs.
fn check_family(family: &str) {
    let text = read(family);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(!lines.is_empty(), "the vectors of {family} are empty: nothing was checked");

    let mut ran = 0;
    let mut differing = Vec::new();
    let mut first = None;
    for line in &lines {
        let program = Program::parse(line.as_bytes()).expect("a vector is a program");
        assert_eq!(program.family(), family, "{} is in the wrong file", program.id());
        if let Some(difference) = check(&program) {
            differing.push(program.id().to_string());
            first.get_or_insert(difference);
        }
        ran += 1;
    }
    assert_eq!(ran, lines.len(), "some vectors of {family} were not run");
    if let Some(first) = first {
        let ids = differing.join(" ");
        panic!("{} of {ran} vectors differ: {ids}\nthe first:\n{first}", differing.len());
    }
}

/// What is different about a program, if anything is.
fn check(program: &Program) -> Option<String> {
    let expect = program.expect().expect("a vector has a trace");
    match program.run() {
        Ok(Reply::Trace(trace)) => compare(program, expect, &trace),
        Ok(Reply::Skipped) => Some(format!("{}: skipped", program.id())),
        Err(error) => Some(format!("{}: {error}", program.id())),
    }
}

fn compare(program: &Program, expect: &[Json], got: &Trace) -> Option<String> {
    let length = expect.len().max(got.len());
    let at = (0..length).find(|&n| match (expect.get(n), got.get(n)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    })?;
    Some(describe(program, expect, got, at))
}

/// The program, and the events around the first that differs.
fn describe(program: &Program, expect: &[Json], got: &[Json], at: usize) -> String {
    let mut text = format!("program {}\n", program.id());
    for (key, value) in program.body() {
        match value {
            Json::Array(items) => {
                let _ = writeln!(text, "  {key}:");
                items.iter().for_each(|item| {
                    let _ = writeln!(text, "    {item}");
                });
            }
            value => {
                let _ = writeln!(text, "  {key}: {value}");
            }
        }
    }
    let _ = writeln!(text, "differs at event {at}:");
    for (what, events) in [("expected", expect), ("got", got)] {
        let _ = writeln!(text, "  {what} ({} events):", events.len());
        for n in at.saturating_sub(CONTEXT)..(at + CONTEXT + 1) {
            if let Some(event) = events.get(n) {
                let mark = if n == at { "->" } else { "  " };
                let _ = writeln!(text, "  {mark} {n:3} {event}");
            }
        }
    }
    text
}

/// Equality of JSON in which `0` equals `0.0`.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
