//! How a connection under TLS ends: with the peer's word that it was all, without it,
//! by a reset; asked for, and not. And plaintext that stands behind the word that TLS
//! begins.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use crate::support::connect_to;
use deferred::{Deferred, Failure, Trigger};
use interop::{Certificate, Peer, drive, listen_on, python};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::tls::{ServerOptions, TlsError};
use reactor_compat::{
    Address, Connection, ConnectionDone, ConnectionLost, Protocol, UnprotectedData,
};

/// Greets; may close when it has been greeted; says when it has been, and how it ends.
struct Greeter {
    closes: bool,
    greeted: Trigger<()>,
    ended: Trigger<&'static str>,
}

impl Protocol for Greeter {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello");
    }

    fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
        if self.closes {
            transport.lose_connection();
        }
        let _ = self.greeted.callback(());
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        let name = if reason.is::<ConnectionDone>() {
            "ConnectionDone"
        } else if reason.is::<ConnectionLost>() {
            "ConnectionLost"
        } else if reason.check() == Some(&TlsError::Truncated) {
            "Truncated"
        } else {
            "something else"
        };
        let _ = self.ended.callback(name);
    }
}

/// How a connection to Twisted ends for us, when that is told something after it has
/// greeted us and reads no more.
fn end(python: &'static Path, we_listen: bool, closes: bool, told: &'static str) -> &'static str {
    drive(move |reactor| async move {
        let (certificate, (greeted, greets), (ended, ends)) =
            (Certificate::new(), Deferred::new(), Deferred::new());
        let greeter = || Greeter { closes, greeted: greets.clone(), ended: ends.clone() };
        let mut peer;
        if we_listen {
            let mut greeter = Some(greeter());
            let factory = move |_: Address| greeter.take();
            let port = listen_on(&reactor, Some(&certificate), factory);
            let endpoint = certificate.client_endpoint(port.get_host().port().unwrap());
            peer = Peer::script(python, "tls_ending.py", ["client", &endpoint]);
        } else {
            let endpoint = certificate.server_endpoint();
            peer = Peer::script(python, "tls_ending.py", ["server", &endpoint]);
            let address = peer.address();
            connect_to(&reactor, address, Some(&certificate), greeter()).await?;
        }
        greeted.await?;
        peer.tell(told);
        let end = ended.await?;
        reactor.defer_to_thread(move || Ok(peer.finish())).await?;
        Ok(end)
    })
}

fn check(closes: bool, told: &'static str, expected: &str) {
    let Some(python) = python() else { return };
    for we_listen in [true, false] {
        assert_eq!(end(python, we_listen, closes, told), expected, "we listen: {we_listen}");
    }
}

#[test]
fn a_close_that_twisted_answers() {
    check(true, "read", "ConnectionDone");
}

#[test]
fn a_close_that_twisted_answers_by_a_reset() {
    check(true, "reset", "ConnectionLost");
}

#[test]
fn a_close_while_twisted_just_ends() {
    check(true, "end", "ConnectionLost");
}

#[test]
fn an_end_that_nobody_asked_for_without_the_word_that_it_was_all() {
    check(false, "end", "Truncated");
}

#[test]
fn a_reset_that_nobody_asked_for() {
    check(false, "reset", "ConnectionLost");
}

// ----- plaintext behind the word that TLS begins -----

/// Says what it hears; turns to TLS when it is told to.
struct Server {
    options: ServerOptions,
    heard: Vec<Vec<u8>>,
    ended: Trigger<(Vec<Vec<u8>>, Failure)>,
}

impl Protocol<LineTransport> for Server {
    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        let _ = self.ended.callback((std::mem::take(&mut self.heard), reason));
    }
}

impl LineReceiver for Server {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.heard.push(line.to_vec());
        if line == b"STARTTLS" {
            transport.send_line("READY");
            transport.start_tls(self.options.clone()).unwrap();
        }
    }
}

/// Sends plaintext behind the command, in one piece, and reads until the server ends.
fn inject(address: SocketAddr) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"STARTTLS\r\nMAIL FROM: <mallory>\r\n").unwrap();
    // The server may reset it.
    let _ = socket.read_to_end(&mut Vec::new());
}

#[test]
fn plaintext_behind_starttls_ends_our_connection() {
    let (heard, reason) = drive(|reactor| async move {
        let certificate = Certificate::new();
        let (ended, trigger) = Deferred::new();
        let options = certificate.server_options();
        let factory = move |_: Address| {
            let (options, ended) = (options.clone(), trigger.clone());
            Lines::new(Server { options, heard: Vec::new(), ended })
        };
        let address = listen_on(&reactor, None, factory).get_host().socket_addr().unwrap();
        let injected = reactor.defer_to_thread(move || {
            inject(address);
            Ok(())
        });
        let end = ended.await?;
        injected.await?;
        Ok(end)
    });
    assert_eq!(heard, [b"STARTTLS"]);
    assert_eq!(reason.check(), Some(&UnprotectedData { bytes: 22 }));
}

/// Twisted takes the line for one that came under TLS, unless the protocol itself
/// empties its buffer: what we do not want.
#[test]
fn plaintext_behind_starttls_is_heard_by_twisted() {
    let Some(python) = python() else { return };
    let certificate = Certificate::new();
    let mut peer = Peer::script(python, "starttls_server.py", [certificate.server()]);
    let address = peer.address();
    let injecting = std::thread::spawn(move || inject(address));
    assert_eq!(peer.says("received:"), "b'STARTTLS'");
    assert_eq!(peer.says("received:"), "b'MAIL FROM: <mallory>'");
    peer.kill();
    injecting.join().unwrap();
}
