//! Runs the examples that speak by datagrams, as a user would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::net::UdpSocket;

use crate::support::run;

#[test]
fn the_echo_client_talks_to_the_echo_server() {
    let mut server = run("echoserv_udp", ["127.0.0.1:0"]);
    let client = run("echoclient_udp", [server.address().to_string()]);
    assert_eq!(
        client.finish_quietly(),
        ["received: Hello, world!", "received: What a fine day it is.", "received: Bye-bye!"]
    );
}

#[test]
fn the_echo_client_says_that_nobody_listens() {
    // Taken, and answering nobody but itself.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    nobody.connect(address).unwrap();
    let said = run("echoclient_udp", [address.to_string()]).complain();
    assert_eq!(said, "echoclient_udp: nobody listens there");
}

#[test]
fn the_multicast_client_finds_the_server() {
    let mut server = run("multicast_server", ["0", "127.0.0.1"]);
    let said = run("multicast_client", [&server.port(), "127.0.0.1"]).finish_quietly();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("datagram Server: Pong received from "), "{said:?}");
}
