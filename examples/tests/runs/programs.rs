//! Runs the examples that serve, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use crate::support::{NONE, connect, run, server};
use interop::Peer;

fn client(address: SocketAddr) -> Peer {
    run("echoclient", [format!("tcp:{address}")])
}

/// What the client of an echo server says, once it is connected.
const SAID: [&str; 4] = [
    "received: Hello, world!",
    "received: What a fine day it is.",
    "received: Bye-bye!",
    "connection lost: connection was closed cleanly",
];

#[test]
fn the_readmes_program_says_where_it_listens_or_why_it_cannot() {
    let mut hello = run("hello", NONE);
    match hello.try_line() {
        Some(line) => {
            assert_eq!(line, "listening on 127.0.0.1:8000");
            let mut client = connect(([127, 0, 0, 1], 8000).into());
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
            assert_eq!(hello.line(), format!("{} is here", client.local_addr().unwrap()));
            hello.signal("INT");
            hello.finish_quietly();
        }
        // Something else of this computer's has the port.
        None => assert!(hello.complain().contains("couldn't listen on")),
    }
}

#[test]
fn the_echo_client_talks_to_the_echo_server() {
    let (_server, address) = server("echoserv");
    let said = client(address).finish_quietly();
    assert_eq!(said[0], format!("connected to {address}"));
    assert_eq!(said[1..], SAID);
}

#[test]
fn sigint_and_sigterm_stop_it() {
    for signal in ["INT", "TERM"] {
        let (mut server, address) = server("echoserv");
        let mut connected = connect(address);
        connected.write_all(b"x").unwrap();
        connected.read_exact(&mut [0]).unwrap();
        server.signal(signal);
        assert!(server.finish_quietly().is_empty());
        assert_eq!(connected.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_connection_that_is_refused_is_said_so() {
    // Taken, and not listening.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(
        client(taken.local_addr().unwrap()).complain(),
        "echoclient: connection failed: connection was refused by other side"
    );
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let (_server, address) = server("echoserv");
    let description = format!("tcp:{}:interface=127.0.0.1", address.port());
    assert!(run("echoserv", [description]).complain().contains("couldn't listen on"));
}

#[test]
fn people_chat() {
    let (_server, address) = server("chatserver");
    let mut ada = Guest::join(address, "ada");
    let mut bob = Guest::join(address, "bob");
    assert_eq!(ada.hears(), "* bob has joined");
    bob.says("hi");
    assert_eq!(ada.hears(), "<bob> hi");
    drop(bob);
    assert_eq!(ada.hears(), "* bob has left");
}

/// Somebody at the chat server.
struct Guest(BufReader<TcpStream>);

impl Guest {
    fn join(address: SocketAddr, name: &str) -> Self {
        let mut guest = Self(BufReader::new(connect(address)));
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
    let mut forwarder = run("portforward", ["tcp:0:interface=127.0.0.1", &target]);
    let address = forwarder.address();
    assert_eq!(client(address).finish_quietly()[1..], SAID);

    // Much more than all the buffers on the way.
    let big = vec![5; 20_000_000];
    let stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let sent = big.clone();
    let writing = thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut heard = vec![0; big.len()];
    (&stream).read_exact(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == big);
}

/// What a server answers to `said`, up to its close, or to ours.
fn answer(name: &str, said: &[u8], closes: bool) -> Vec<u8> {
    let (_server, address) = server(name);
    let mut stream = connect(address);
    stream.write_all(said).unwrap();
    if !closes {
        stream.shutdown(Shutdown::Write).unwrap();
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

#[test]
fn the_amp_client_has_the_server_add_and_divide() {
    let (mut server, address) = server("ampserver");
    let client = run("ampclient", [format!("tcp:{address}")]);
    let said = ["Divided by zero: returning INF", "Done with math: [94.0, inf]"];
    assert_eq!(client.finish_quietly(), said);
    assert_eq!(server.line(), "Did a sum: 13 + 81 = 94");
}

#[test]
fn an_amp_client_without_a_server_says_so() {
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("tcp:{}", taken.local_addr().unwrap());
    let text = run("ampclient", [endpoint]).complain();
    let said = text.lines().find(|line| line.starts_with("ampclient: "));
    assert!(said.is_some_and(|line| line.contains("connection was refused")), "{text}");
}

/// Requests of several threads share one connection on the reactor's.
#[test]
fn axum_stands_in_front_of_a_protocol() {
    let mut front = run("axum_front", ["127.0.0.1:0"]);
    let address = front.address();
    let clients: Vec<_> = ["Ada", "Grace", "Barbara"]
        .map(|name| {
            thread::spawn(move || {
                let mut stream = connect(address);
                let request = format!("GET /greet/{name} HTTP/1.0\r\nHost: localhost\r\n\r\n");
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                (name, answer)
            })
        })
        .into();
    for client in clients {
        let (name, answer) = client.join().unwrap();
        assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\nHello, {name}!")), "{answer}");
    }
    front.signal("INT");
    front.finish_quietly();
}
