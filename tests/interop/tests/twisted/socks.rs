//! Our SOCKS server, and a client that many programs use: PySocks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::path::Path;

use interop::{Peer, drive, listen_on, python};
use protocols::socks::SocksFactory;
use reactor_compat::{Connection, Protocol};

/// Sends back whatever comes.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

/// What a client says that asks for an echo server at `host`.
fn ask(python: &'static Path, host: &'static str, allowed: bool) -> String {
    drive(move |reactor| async move {
        let echo = listen_on(&reactor, None, |_| Echo);
        let socks = SocksFactory::new(&reactor, move |_| Ok(allowed));
        let socks = listen_on(&reactor, None, socks);
        let ports = [socks, echo].map(|port| port.get_host().port().unwrap().to_string());
        let arguments = [&ports[0], host, &ports[1]];
        let peer = Peer::script(python, "socks_client.py", arguments);
        reactor.defer_to_thread(move || Ok(peer.finish().concat())).await
    })
}

#[test]
fn it_connects_to_an_address_and_to_a_name() {
    let Some(python) = python() else { return };
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(ask(python, host, true), "heard: over there", "{host}");
    }
}

#[test]
fn it_refuses_what_is_not_allowed() {
    let Some(python) = python() else { return };
    let said = ask(python, "127.0.0.1", false);
    assert!(said.starts_with("refused: "), "{said}");
}
