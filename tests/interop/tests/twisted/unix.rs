//! UNIX sockets, with Twisted on the other end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use deferred::{Deferred, Failure, Trigger};
use interop::{Peer, drive, python};
use reactor_compat::{Address, Connection, ConnectionDone, Protocol};

/// Sends back whatever comes.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

#[test]
fn twisted_connects_to_us() {
    let Some(python) = python() else { return };
    let lines = drive(move |reactor| async move {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("socket");
        let _port = reactor.listen_unix(&socket, |_: Address| Echo)?;
        let endpoint = format!("unix:{}", socket.display());
        let peer = Peer::script(python, "echo_client.py", [endpoint]);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    });
    assert_eq!(lines[2..], ["receive: b'Bye-bye!'", "connection lost: ConnectionDone"]);
}

/// Sends much, and closes when it has all come back.
struct Much {
    heard: Vec<u8>,
    ended: Trigger<Vec<u8>>,
}

/// Much more than all the buffers on the way.
fn much() -> Vec<u8> {
    (0..5_000_000_u32).map(|number| (number % 251) as u8).collect()
}

impl Protocol for Much {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(much());
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.heard.extend_from_slice(data);
        if self.heard.len() == 5_000_000 {
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        assert!(reason.is::<ConnectionDone>(), "{reason}");
        let _ = self.ended.callback(std::mem::take(&mut self.heard));
    }
}

#[test]
fn we_connect_to_twisted() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let endpoint = format!("unix:{}", socket.display());
    let mut peer = Peer::script(python, "echo_server.py", [endpoint]);
    peer.says("listening on");
    let heard = drive(move |reactor| async move {
        let (ended, trigger) = Deferred::new();
        let factory = move |_: Address| Much { heard: Vec::new(), ended: trigger.clone() };
        let _connector = reactor.connect_unix(socket, factory);
        ended.await
    });
    assert!(heard == much(), "what comes back is what was sent");
}
