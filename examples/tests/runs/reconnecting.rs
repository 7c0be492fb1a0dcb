//! The reconnecting client, and a server that is killed and started again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![cfg(unix)]

mod support;

use support::run;
use tokio::net::TcpSocket;

#[test]
fn the_client_comes_back_when_the_server_does() {
    // Keeps the port for the server while that is away.
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = reserved.local_addr().unwrap();
    let description = format!("tcp:{}:interface=127.0.0.1", address.port());

    let mut client = run("reconnecting_client", [&address.to_string(), "1"]);
    client.says("connection failed: connection was refused by other side");
    for number in 1..=3 {
        let mut server = run("echoserv", [&description]);
        server.says("listening on");
        client.says("connected to");
        assert_eq!(client.says("received: "), format!("Hello, number {number}"));
        server.kill();
        client.says("connection lost");
    }

    client.signal("TERM");
    client.finish(); // a signal is a proper end
}
