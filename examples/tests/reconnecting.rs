//! The reconnecting client, and a server that is killed and started again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]
#![cfg(unix)]

use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use tokio::net::TcpSocket;

/// A program that is running, ended with the test.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Where Cargo put an example, which it builds together with this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run the tests of the whole package");
    path
}

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child =
            Command::new(example(name)).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on to a line that begins with `start`.
    fn says(&mut self, start: &str) -> String {
        let says = |line: &String| line.starts_with(start);
        let found = self.lines.by_ref().map(Result::unwrap).find(says);
        found.unwrap_or_else(|| panic!("it should say {start:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_client_comes_back_when_the_server_does() {
    // Keeps the port for the server while that is away.
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = reserved.local_addr().unwrap();
    let description = format!("tcp:{}:interface=127.0.0.1", address.port());
    let serve = || {
        let mut server = Program::start("echoserv", &[&description]);
        server.says("listening on");
        server
    };

    let mut client = Program::start("reconnecting_client", &[&address.to_string(), "1"]);
    client.says("connection failed: connection was refused by other side");
    for number in 1..=3 {
        let server = serve();
        client.says("connected to");
        assert_eq!(client.says("received"), format!("received: Hello, number {number}"));
        drop(server);
        client.says("connection lost");
    }

    let id = client.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    assert!(client.child.wait().unwrap().success(), "a signal is a proper end");
}
