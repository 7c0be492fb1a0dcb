//! Runs the examples that pass a descriptor, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![cfg(unix)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Where Cargo put an example, which it builds together with this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run the tests of the whole package");
    path
}

/// `sendfd`, listening, and ended with the test.
struct Sender(Child);

impl Sender {
    fn start(socket: &Path, content: &Path) -> Self {
        let mut child = Command::new(example("sendfd"))
            .args([socket, content])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, format!("listening on {}\n", socket.display()));
        Self(child)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(name: &str, arguments: &[&Path]) -> Output {
    Command::new(example(name)).args(arguments).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_file_that_only_the_sender_can_name_is_read_by_the_receiver() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, content) = (directory.path().join("socket"), directory.path().join("content"));
    fs::write(&content, "x".repeat(100)).unwrap();
    let _sender = Sender::start(&socket, &content);
    // As often as anybody asks.
    for _ in 0..2 {
        let output = run("recvfd", &[&socket]);
        assert!(output.status.success());
        let expected = format!(
            "connected to {}\nreceived {:?} from the server\nfirst 80 bytes are:\n{}\n",
            socket.display(),
            content.display().to_string(),
            "x".repeat(80)
        );
        assert_eq!(text(output.stdout), expected);
    }
}

#[test]
fn a_file_that_is_gone_is_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, content) = (directory.path().join("socket"), directory.path().join("content"));
    fs::write(&content, "x").unwrap();
    let _sender = Sender::start(&socket, &content);
    fs::remove_file(&content).unwrap();
    let output = run("recvfd", &[&socket]);
    assert_eq!(text(output.stdout), format!("connected to {}\n", socket.display()));
}

#[test]
fn what_cannot_be_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, content) = (directory.path().join("socket"), directory.path().join("content"));
    let failed = |name, arguments: &[&Path]| {
        let output = run(name, arguments);
        assert!(!output.status.success());
        text(output.stderr)
    };
    assert!(failed("sendfd", &[&socket]).contains("usage: sendfd SOCKET FILE"));
    assert!(failed("sendfd", &[&socket, &content]).contains("has to be a file"));
    assert!(failed("sendfd", &[directory.path(), &content]).contains("existing path"));
    assert!(failed("recvfd", &[]).contains("usage: recvfd SOCKET"));
    assert!(failed("recvfd", &[&socket]).contains("could not connect"));
}
