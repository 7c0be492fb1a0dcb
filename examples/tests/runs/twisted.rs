//! Each example and Twisted's own version of it, in both directions. Skipped
//! where there is no Python with Twisted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;

use crate::support::{NONE, run, text};
use interop::{Certificate, Peer, python};

const OURS: &str = "tcp:0:interface=127.0.0.1";

/// What our echo clients say.
const WE_SAY: [&str; 4] = [
    "received: Hello, world!",
    "received: What a fine day it is.",
    "received: Bye-bye!",
    "connection lost: connection was closed cleanly",
];

/// What Twisted's say.
const TWISTED_SAYS: [&str; 4] = [
    "receive: b'Hello, world!'",
    "receive: b'What a fine day it is.'",
    "receive: b'Bye-bye!'",
    "connection lost: ConnectionDone",
];

#[test]
fn echo_from_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("echoserv", [OURS]);
    let endpoint = format!("tcp:127.0.0.1:{}", server.port());
    assert_eq!(Peer::script(python, "echo_client.py", [endpoint]).finish(), TWISTED_SAYS);
}

#[test]
fn echo_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = Peer::script(python, "echo_server.py", [OURS]);
    let lines = run("echoclient", [format!("tcp:{}", server.address())]).finish();
    assert!(lines[0].starts_with("connected to"), "{lines:?}");
    assert_eq!(lines[1..], WE_SAY);
}

#[test]
fn echo_over_tls_from_twisted() {
    let Some(python) = python() else { return };
    let certificate = Certificate::new();
    let mut server = run("echoserv_ssl", [text(certificate.server()), "127.0.0.1:0"]);
    let endpoint = certificate.client_endpoint(server.port());
    assert_eq!(Peer::script(python, "echo_client.py", [endpoint]).finish(), TWISTED_SAYS);
}

#[test]
fn echo_over_tls_to_twisted() {
    let Some(python) = python() else { return };
    let certificate = Certificate::new();
    let mut server = Peer::script(python, "echo_server.py", [certificate.server_endpoint()]);
    let public = certificate.public();
    let client = run("echoclient_ssl", [text(&public), "localhost", &server.port()]);
    assert_eq!(client.finish(), WE_SAY);
}

#[test]
fn starttls_from_twisted() {
    let Some(python) = python() else { return };
    let certificate = Certificate::new();
    let mut server = run("starttls_server", [text(certificate.server()), "127.0.0.1:0"]);
    let public = certificate.public();
    let client = Peer::script(python, "starttls_client.py", [text(&public), &server.port()]);
    assert_eq!(client.finish(), ["received: b'READY'", "connection lost: ConnectionDone"]);
    assert_eq!(server.line(), "received: plain text");
    assert_eq!(server.line(), "received: STARTTLS");
    assert_eq!(server.line(), "-- switching to TLS");
    assert_eq!(server.line(), "received: secure text");
}

#[test]
fn starttls_to_twisted() {
    let Some(python) = python() else { return };
    let certificate = Certificate::new();
    let mut server = Peer::script(python, "starttls_server.py", [certificate.server()]);
    let public = certificate.public();
    let client = run("starttls_client", [text(&public), "localhost", &server.port()]);
    assert_eq!(client.finish(), ["received: READY"]);
    assert_eq!(server.line(), "received: b'plain text'");
    assert_eq!(server.line(), "received: b'STARTTLS'");
    assert_eq!(server.line(), "-- Switching to TLS");
    assert_eq!(server.line(), "received: b'secure text'");
    assert_eq!(server.line(), "connection lost: ConnectionDone");
}

#[test]
fn simple_from_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("simpleserv", ["127.0.0.1:0"]);
    let client = Peer::script(python, "simple_client.py", [server.port()]);
    assert_eq!(
        client.finish(),
        ["Server said: b'hello, world!'", "connection lost", "Connection lost - goodbye!"]
    );
}

#[test]
fn simple_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = Peer::script(python, "echo_server.py", [OURS]);
    let client = run("simpleclient", ["127.0.0.1", &server.port()]);
    assert_eq!(client.finish()[0], "server said: hello, world!");
}

#[test]
fn datagrams_from_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("echoserv_udp", ["127.0.0.1:0"]);
    let client = Peer::script(python, "udp_echo_client.py", [server.port()]);
    assert_eq!(
        client.finish(),
        [
            "Datagram received: b'Hello, world!'",
            "Datagram received: b'What a fine day it is.'",
            "Datagram received: b'Bye-bye!'"
        ]
    );
}

#[test]
fn datagrams_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = Peer::script(python, "udp_echo_server.py", NONE);
    let client = run("echoclient_udp", [server.address().to_string()]);
    assert_eq!(client.finish(), WE_SAY[..3]);
}

#[test]
fn multicast_from_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("multicast_server", ["0", "127.0.0.1"]);
    let client = Peer::script(python, "multicast_client.py", [server.port()]);
    assert_eq!(client.finish(), ["Datagram received: b'Server: Pong'"]);
}

#[test]
fn multicast_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = Peer::script(python, "multicast_server.py", NONE);
    let lines = run("multicast_client", [&server.port(), "127.0.0.1"]).finish();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("datagram Server: Pong received from"), "{lines:?}");
}

/// Twisted has no client for it but telnet; this one stops reading at the first
/// number, until the server's producer has been paused.
#[test]
fn numbers_stream_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("streaming", ["127.0.0.1:0"]);
    let mut client = Peer::script(python, "streaming_client.py", [&server.port(), "2000000"]);
    client.says("paused");
    server.says("pausing connection from");
    client.tell("go on");
    assert_eq!(client.finish(), ["2000000 numbers, ConnectionDone"]);
}

#[test]
fn a_descriptor_goes_to_twisted() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (socket, content) = (folder.path().join("socket"), folder.path().join("content"));
    fs::write(&content, "what the file says").unwrap();
    let mut server = run("sendfd", [&socket, &content]);
    server.says("listening on");
    assert_eq!(
        Peer::script(python, "recvfd.py", [&socket]).finish(),
        [
            format!("Received b'{}'", content.display()),
            "First 80 bytes are: b'what the file says'".to_owned()
        ]
    );
}

#[test]
fn a_descriptor_comes_from_twisted() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (socket, content) = (folder.path().join("socket"), folder.path().join("content"));
    fs::write(&content, "what the file says").unwrap();
    let mut server = Peer::script(python, "sendfd.py", [&socket, &content]);
    server.says("listening on");
    let lines = run("recvfd", [&socket]).finish();
    assert_eq!(lines[1], format!("received {content:?} from the server"));
    assert_eq!(lines[2..], ["first 80 bytes are:", "what the file says"]);
}

#[test]
fn math_from_twisted() {
    let Some(python) = python() else { return };
    let mut server = run("ampserver", [OURS]);
    let client = Peer::script(python, "ampclient.py", [server.port()]);
    let lines = client.finish();
    assert_eq!(lines, ["Divided by zero: returning INF", "Done with math: [94, inf]"]);
    assert_eq!(server.line(), "Did a sum: 13 + 81 = 94");
}

#[test]
fn math_to_twisted() {
    let Some(python) = python() else { return };
    let mut server = Peer::script(python, "ampserver.py", NONE);
    let lines = run("ampclient", [format!("tcp:{}", server.address())]).finish();
    assert_eq!(lines, ["Divided by zero: returning INF", "Done with math: [94.0, inf]"]);
    assert_eq!(server.line(), "Did a sum: 13 + 81 = 94");
}
