//! Runs the examples, as a user would.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]
#![cfg(unix)]

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// A program that is running, ended with the test.
struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
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
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address that it says it listens on.
    fn address(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("listening on ").expect("it should say where it listens").to_owned()
    }

    /// Sends a signal, and waits for the end; whether that was a success.
    fn signal(mut self, signal: &str) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(name: &str) -> (Program, String) {
    let mut program = Program::start(name, &["tcp:0:interface=127.0.0.1"]);
    let address = program.address();
    (program, address)
}

fn client(address: &str) -> Output {
    Command::new(example("echoclient")).arg(format!("tcp:{address}")).output().unwrap()
}

const SAID: &str = "received: Hello, world!\nreceived: What a fine day it is.\nreceived: Bye-bye!\n\
                    connection lost: connection was closed cleanly\n";

#[test]
fn the_echo_client_talks_to_the_echo_server() {
    let (_server, address) = server("echoserv");
    let output = client(&address);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with(SAID), "{text}");
}

#[test]
fn sigint_and_sigterm_stop_it() {
    for signal in ["INT", "TERM"] {
        let (server, address) = server("echoserv");
        let mut connected = TcpStream::connect(address).unwrap();
        connected.write_all(b"x").unwrap();
        connected.read_exact(&mut [0]).unwrap();
        assert!(server.signal(signal), "SIG{signal} should be a clean end");
        assert_eq!(connected.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_connection_that_is_refused_is_said_so() {
    let (server, address) = server("echoserv");
    assert!(server.signal("TERM"));
    let output = client(&address);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "echoclient: connection failed: connection was refused by other side\n");
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let (_server, address) = server("echoserv");
    let port = address.rsplit(':').next().unwrap();
    let description = format!("tcp:{port}:interface=127.0.0.1");
    let output = Command::new(example("echoserv")).arg(description).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("couldn't listen on"));
}

#[test]
fn people_chat() {
    let (_server, address) = server("chatserver");
    let mut ada = Guest::join(&address, "ada");
    let mut bob = Guest::join(&address, "bob");
    assert_eq!(ada.hears(), "* bob has joined");
    bob.says("hi");
    assert_eq!(ada.hears(), "<bob> hi");
    drop(bob);
    assert_eq!(ada.hears(), "* bob has left");
}

/// Somebody at the chat server.
struct Guest(BufReader<TcpStream>);

impl Guest {
    fn join(address: &str, name: &str) -> Self {
        let mut guest = Self(BufReader::new(TcpStream::connect(address).unwrap()));
        assert_eq!(guest.hears(), "What's your name?");
        guest.says(name);
        assert_eq!(guest.hears(), format!("Welcome, {name}!"));
        guest
    }

    fn says(&mut self, text: &str) {
        self.0.get_mut().write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn a_forwarded_port_is_as_good_as_the_port() {
    let (_server, address) = server("echoserv");
    let target = format!("tcp:{address}");
    let mut forwarder = Program::start("portforward", &["tcp:0:interface=127.0.0.1", &target]);
    let output = client(&forwarder.address());
    assert!(String::from_utf8(output.stdout).unwrap().ends_with(SAID));

    // Much more than all the buffers on the way.
    let big = vec![5; 20_000_000];
    let mut forwarder = Program::start("portforward", &["tcp:0:interface=127.0.0.1", &target]);
    let stream = TcpStream::connect(forwarder.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sent = big.clone();
    let writing = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut heard = vec![0; big.len()];
    (&stream).read_exact(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == big);
}

/// What a server answers to `said`, up to its close, or to ours.
fn answer(name: &str, said: &[u8], closes: bool) -> Vec<u8> {
    let (_server, address) = server(name);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(said).unwrap();
    if !closes {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    heard
}

#[test]
fn the_line_server_shouts_until_it_is_told_to_quit() {
    let heard = answer("line_server", b"hello\r\nquit\r\nmore\r\n", true);
    assert_eq!(heard, b"What shall I shout?\r\nHELLO\r\nGoodbye.\r\n");
}

#[test]
fn strings_are_turned_round() {
    assert_eq!(answer("netstring_server", b"3:abc,0:,", false), b"3:cba,0:,");
    assert_eq!(answer("netstring_server", b"nonsense", true), b"");
    let heard = answer("int32_server", b"\0\0\0\x03abc\0\0\0\0", false);
    assert_eq!(heard, b"\0\0\0\x03cba\0\0\0\0");
}
