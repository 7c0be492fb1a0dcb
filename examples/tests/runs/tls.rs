//! The examples that speak TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::io::Write;

use crate::support::{connect, run, text};
use interop::Certificate;

#[test]
fn the_echo_client_talks_to_the_echo_server() {
    let certificate = Certificate::new();
    let mut server = run("echoserv_ssl", [text(certificate.server()), "127.0.0.1:0"]);
    let public = certificate.public();
    let client = run("echoclient_ssl", [text(&public), "localhost", &server.port()]);
    assert_eq!(
        client.finish(),
        [
            "received: Hello, world!",
            "received: What a fine day it is.",
            "received: Bye-bye!",
            "connection lost: connection was closed cleanly"
        ]
    );
}

#[test]
fn the_echo_client_talks_to_nobody_else() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let mut server = run("echoserv_ssl", [text(certificate.server()), "127.0.0.1:0"]);
    let port = server.port();
    let wrong_name = (certificate.public(), "127.0.0.1");
    let wrong_certificate = (other.public(), "localhost");
    for (public, host) in [wrong_name, wrong_certificate] {
        let lines = run("echoclient_ssl", [text(&public), host, &port]).fail();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("connection lost: the peer's certificate"), "{lines:?}");
    }
}

#[test]
fn the_starttls_client_talks_to_the_starttls_server() {
    let certificate = Certificate::new();
    let mut server = run("starttls_server", [text(certificate.server()), "127.0.0.1:0"]);
    let public = certificate.public();
    let client = run("starttls_client", [text(&public), "localhost", &server.port()]);
    assert_eq!(client.finish(), ["received: READY"]);
    assert_eq!(server.line(), "received: plain text");
    assert_eq!(server.line(), "received: STARTTLS");
    assert_eq!(server.line(), "-- switching to TLS");
    assert_eq!(server.line(), "received: secure text");
}

/// The program does not have to see to it.
#[test]
fn what_comes_in_the_clear_behind_starttls_ends_the_connection() {
    let certificate = Certificate::new();
    let mut server = run("starttls_server", [text(certificate.server()), "127.0.0.1:0"]);
    let mut stream = connect(server.address());
    stream.write_all(b"STARTTLS\r\nin the clear\r\n").unwrap();
    assert_eq!(server.line(), "received: STARTTLS");
    assert_eq!(server.line(), "-- switching to TLS");
    let lost = server.line();
    assert!(lost.starts_with("connection lost: 14 bytes came unprotected"), "{lost}");
}
