//! The reconnecting client, and a server that is killed and started again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use crate::support::run;
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
    let mut last = 0;
    for _ in 0..3 {
        let mut server = run("echoserv", [&description]);
        server.says("listening on");
        client.says("connected to");
        let said = client.says("received: ");
        let number: u32 = said.strip_prefix("Hello, number ").unwrap().parse().unwrap();
        // Not always the next: a server that is killed may still take a connection,
        // and lose that as well.
        assert!(number > last, "{number} after {last}");
        last = number;
        server.kill();
        client.says("connection lost");
    }

    client.signal("TERM");
    client.finish(); // a signal is a proper end
}
