//! The binary: a line for each program, and what it says of those it cannot run.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const FINE: &str = r#"{"id": "fine", "family": "deferred", "ops": [], "expect": "ignored"}"#;
const FINE_TRACE: &str = r#"{"id":"fine","trace":[["unhandled",[]]]}"#;

fn conformance(input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn run(lines: &[&str]) -> (Option<i32>, String, String) {
    let output = conformance(lines.join("\n").as_bytes());
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn one_line_for_each_program() {
    let other = r#"{"id": 7, "family": "sync", "ops": [{"op": "lock", "o": "l"},
        {"op": "acquire", "o": "l", "d": 1}]}"#
        .replace('\n', " ");
    let (code, stdout, stderr) = run(&[FINE, "", &other, FINE]);
    assert_eq!(stderr, "");
    assert_eq!(code, Some(0));
    let other_trace = r#"{"id":7,"trace":[["end",1,"object"],["unhandled",[]]]}"#;
    assert_eq!(stdout.lines().collect::<Vec<_>>(), [FINE_TRACE, other_trace, FINE_TRACE]);
}

/// A bad program is named, and those around it still run.
fn assert_complaint(line: &str, complaint: &str) {
    let (code, stdout, stderr) = run(&[FINE, line, FINE]);
    assert_eq!(code, Some(1), "{line}");
    assert_eq!(stdout.lines().collect::<Vec<_>>(), [FINE_TRACE; 2], "{line}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("conformance: line 2: "), "{stderr}");
    assert!(stderr.contains(complaint), "{stderr:?} does not say {complaint:?}");
}

#[test]
fn an_unknown_family_is_named() {
    assert_complaint(
        r#"{"id": "odd", "family": "marmalade"}"#,
        r#"program "odd": unknown family `marmalade`"#,
    );
}

#[test]
fn what_is_not_a_program_is_named() {
    assert_complaint("{", "not JSON");
    assert_complaint("[]", "not JSON");
    assert_complaint(r#"{"family": "deferred"}"#, "no `id`");
    assert_complaint(r#"{"id": 1, "family": 2}"#, "no `family`");
    assert_complaint(r#"{"id": 1, "family": "deferred"}"#, "malformed: missing field `ops`");
}

#[test]
fn bytes_that_are_not_text_are_named() {
    let mut input = FINE.as_bytes().to_vec();
    input.extend_from_slice(b"\n{\"id\": \"\xff\"}\n");
    let output = conformance(&input);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, format!("{FINE_TRACE}\n").as_bytes());
}

#[test]
fn ops_that_cannot_be_run_are_named() {
    let cases = [
        (r#"{"op": "fly", "d": 0}"#, "unknown variant `fly`"),
        (r#"{"op": "new", "d": 0, "speed": 3}"#, "unknown field `speed`"),
        (r#"{"op": "succeed", "d": 0, "value": [1]}"#, "does not write [1] as a value"),
        (r#"{"op": "drop", "d": 0}"#, "there is no Deferred 0"),
        (
            r#"{"op": "race", "d": 1, "of": []}, {"op": "callback", "d": 1, "value": 2}"#,
            "not the program's to fire",
        ),
        (
            r#"{"op": "new", "d": 0}, {"op": "race", "d": 1, "of": [0, 0]}"#,
            "Deferred 0 was handed over",
        ),
        (r#"{"op": "release", "o": "l"}"#, "there is no object `l`"),
        (r#"{"op": "lock", "o": "l"}, {"op": "put", "o": "l", "value": 1}"#, "object `l` cannot"),
        (r#"{"op": "semaphore", "o": "s", "tokens": 0}"#, "semaphore `s` has no tokens"),
    ];
    for (ops, complaint) in cases {
        let line = format!(r#"{{"id": "odd", "family": "deferred", "ops": [{ops}]}}"#);
        assert_complaint(&line, complaint);
    }
}

#[test]
fn what_a_callback_does_wrong_is_named_too() {
    let ops = r#"{"op": "succeed", "d": 0, "value": 1},
        {"op": "add", "d": 0, "id": 1, "on": "callback",
         "do": {"before": [{"op": "pause", "d": 0}]}}"#
        .replace('\n', " ");
    let line = format!(r#"{{"id": "odd", "family": "deferred", "ops": [{ops}]}}"#);
    assert_complaint(&line, "Deferred 0 is in the middle of another op");
}
