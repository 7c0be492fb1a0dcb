//! `simpleserv`, `simpleclient` and `streaming`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;

use crate::support::{connect, run};

#[test]
fn the_simple_client_talks_to_the_simple_server() {
    let mut server = run("simpleserv", ["127.0.0.1:0"]);
    let client = run("simpleclient", ["127.0.0.1", &server.port()]);
    assert_eq!(
        client.finish(),
        [
            "server said: hello, world!",
            "connection lost",
            "connection lost (connection was closed cleanly) - goodbye!"
        ]
    );
}

#[test]
fn the_simple_client_says_that_nobody_listens() {
    // Taken, and not listening.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let client = run("simpleclient", ["127.0.0.1", &port]);
    let said = "connection failed (connection was refused by other side) - goodbye!";
    assert_eq!(client.finish(), [said]);
}

/// What `streaming` says to whoever connects and says `request`, until it
/// closes the connection.
fn ask(address: SocketAddr, request: &str) -> Vec<String> {
    let mut stream = connect(address);
    writeln!(stream, "{request}\r").unwrap();
    BufReader::new(stream).lines().map(Result::unwrap).collect()
}

#[test]
fn streaming_sends_as_many_numbers_as_it_is_asked_for() {
    let mut server = run("streaming", ["127.0.0.1:0"]);
    let address = server.address();
    for count in [0, 1, 100_000] {
        let said = ask(address, &count.to_string());
        assert_eq!(said[0], "How many random integers do you want?");
        assert_eq!(said.len(), 1 + count);
        assert!(said[1..].iter().all(|number| number.parse::<u16>().unwrap() < 10_000));
        assert_eq!(server.says("client requested"), format!("{count} random integers"));
    }
}

#[test]
fn streaming_does_not_serve_nonsense() {
    let mut server = run("streaming", ["127.0.0.1:0"]);
    assert_eq!(ask(server.address(), "many").len(), 1);
    assert_eq!(server.says("not served:"), "invalid digit found in string");
}
