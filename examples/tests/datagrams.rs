//! Runs the examples that speak by datagrams, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![cfg(unix)]

use std::env;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Where Cargo put an example, which it builds together with this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "{name} is not built: run the tests of the whole package");
    path
}

/// A server that is running, ended with the test.
struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    /// Where it says that it listens.
    address: String,
}

impl Server {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child =
            Command::new(example(name)).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap_or_default().to_owned();
        Self { child, _stdout: stdout, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(example(name)).args(arguments).output().unwrap()
}

#[test]
fn the_echo_client_talks_to_the_echo_server() {
    let server = Server::start("echoserv_udp", &["127.0.0.1:0"]);
    let output = run("echoclient_udp", &[&server.address]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "received: Hello, world!\nreceived: What a fine day it is.\nreceived: Bye-bye!\n"
    );
}

#[test]
fn the_echo_client_says_that_nobody_listens() {
    // Taken, and answering nobody but itself.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    nobody.connect(address).unwrap();
    let output = run("echoclient_udp", &[&address.to_string()]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "echoclient_udp: nobody listens there\n");
}

#[test]
fn the_multicast_client_finds_the_server() {
    let server = Server::start("multicast_server", &["0", "127.0.0.1"]);
    let port = server.address.rsplit(':').next().unwrap();
    let output = run("multicast_client", &[port, "127.0.0.1"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("datagram Server: Pong received from "), "{text}");
}
