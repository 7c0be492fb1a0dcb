//! Runs `ampserver` and `ampclient`, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Where Cargo put an example, which it builds together with this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    built.join("examples").join(name)
}

/// A server that is running, ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_client_has_the_server_add_and_divide() {
    let mut server = Command::new(example("ampserver"));
    let server = server.arg("tcp:0:interface=127.0.0.1").stdout(Stdio::piped()).spawn();
    let mut server = Server(server.unwrap());
    let mut said = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let line = said.next().unwrap().unwrap();
    let address = line.strip_prefix("listening on ").expect("it says where it listens");

    let output = Command::new(example("ampclient")).arg(format!("tcp:{address}")).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "Divided by zero: returning INF\nDone with math: [94.0, inf]\n");
    assert_eq!(said.next().unwrap().unwrap(), "Did a sum: 13 + 81 = 94");
}

#[test]
fn a_client_without_a_server_says_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = Command::new(example("ampclient")).arg(format!("tcp:{closed}")).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let said = text.lines().find(|line| line.starts_with("ampclient: "));
    assert!(said.is_some_and(|line| line.contains("connection was refused")), "{text}");
}
