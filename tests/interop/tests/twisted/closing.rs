//! How connections end, seen from both sides: closed, cut, half-closed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::path::Path;

use crate::support::connect_to;
use deferred::{Deferred, Failure, Trigger};
use interop::{Certificate, Peer, drive, listen_on, python};
use reactor_compat::{
    Address, Connection, ConnectionAborted, ConnectionDone, ConnectionLost, Protocol,
};

#[derive(Clone, Copy)]
enum Act {
    Close,
    Abort,
    Wait,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Abort => "abort",
            Self::Wait => "wait",
        }
    }
}

/// Greets, and ends the connection when it has been greeted, or sees it end.
struct Ending {
    act: Act,
    ended: Trigger<&'static str>,
}

impl Protocol for Ending {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello");
    }

    fn data_received(&mut self, transport: &Connection<Self>, _: &[u8]) {
        match self.act {
            Act::Close => transport.lose_connection(),
            Act::Abort => transport.abort_connection(),
            Act::Wait => {}
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        let name = if reason.is::<ConnectionDone>() {
            "ConnectionDone"
        } else if reason.is::<ConnectionLost>() {
            "ConnectionLost"
        } else if reason.is::<ConnectionAborted>() {
            "ConnectionAborted"
        } else {
            "something else"
        };
        let _ = self.ended.callback(name);
    }
}

/// How a connection of our server to a Twisted client ends: for us, and there.
fn serve(python: &'static Path, tls: bool, ours: Act, theirs: Act) -> (&'static str, String) {
    drive(move |reactor| async move {
        let certificate = tls.then(Certificate::new);
        let (ended, trigger) = Deferred::new();
        let factory = move |_: Address| Ending { act: ours, ended: trigger.clone() };
        let listening = listen_on(&reactor, certificate.as_ref(), factory);
        let port = listening.get_host().port().unwrap();
        let endpoint = match &certificate {
            Some(certificate) => certificate.client_endpoint(port),
            None => format!("tcp:127.0.0.1:{port}"),
        };
        let peer = Peer::script(python, "ending.py", ["client", theirs.name(), &endpoint]);
        let here = ended.await?;
        let there = reactor.defer_to_thread(move || Ok(peer.finish().concat())).await?;
        Ok((here, there))
    })
}

/// How a connection of our client to a Twisted server ends: for us, and there.
fn ask(python: &'static Path, tls: bool, ours: Act, theirs: Act) -> (&'static str, String) {
    let certificate = tls.then(Certificate::new);
    let endpoint = match &certificate {
        Some(certificate) => certificate.server_endpoint(),
        None => "tcp:0:interface=127.0.0.1".to_owned(),
    };
    let mut peer = Peer::script(python, "ending.py", ["server", theirs.name(), &endpoint]);
    let address = peer.address();
    drive(move |reactor| async move {
        let (ended, trigger) = Deferred::new();
        let ending = Ending { act: ours, ended: trigger };
        connect_to(&reactor, address, certificate.as_ref(), ending).await?;
        let here = ended.await?;
        let there = reactor.defer_to_thread(move || Ok(peer.finish().concat())).await?;
        Ok((here, there))
    })
}

/// What has to come of it, whoever listens.
fn check(tls: bool, ours: Act, theirs: Act, here: &'static str, there: &str) {
    let Some(python) = python() else { return };
    let expected = (here, format!("connection lost: {there}"));
    assert_eq!(serve(python, tls, ours, theirs), expected, "a server");
    assert_eq!(ask(python, tls, ours, theirs), expected, "a client");
}

#[test]
fn we_close() {
    check(false, Act::Close, Act::Wait, "ConnectionDone", "ConnectionDone");
}

#[test]
fn twisted_closes() {
    check(false, Act::Wait, Act::Close, "ConnectionDone", "ConnectionDone");
}

#[test]
fn we_abort() {
    check(false, Act::Abort, Act::Wait, "ConnectionAborted", "ConnectionLost");
}

#[test]
fn twisted_aborts() {
    check(false, Act::Wait, Act::Abort, "ConnectionLost", "ConnectionAborted");
}

#[test]
fn we_close_under_tls() {
    check(true, Act::Close, Act::Wait, "ConnectionDone", "ConnectionDone");
}

#[test]
fn twisted_closes_under_tls() {
    check(true, Act::Wait, Act::Close, "ConnectionDone", "ConnectionDone");
}

#[test]
fn we_abort_under_tls() {
    check(true, Act::Abort, Act::Wait, "ConnectionAborted", "ConnectionLost");
}

/// Twisted itself then says that it is lost: its TLS finds that it was not
/// shut down.
#[test]
fn twisted_aborts_under_tls() {
    check(true, Act::Wait, Act::Abort, "ConnectionLost", "ConnectionLost");
}

/// Counts bytes, and answers when no more are to come.
struct Counter(usize);

impl Protocol for Counter {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.0 += data.len();
    }

    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        transport.write(self.0.to_string());
        transport.lose_connection();
    }
}

#[test]
fn twisted_ends_its_half() {
    let Some(python) = python() else { return };
    let lines = drive(move |reactor| async move {
        let listening = listen_on(&reactor, None, |_| Counter(0));
        let endpoint = format!("tcp:127.0.0.1:{}", listening.get_host().port().unwrap());
        let peer = Peer::script(python, "half_close.py", ["client", &endpoint]);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    });
    assert_eq!(
        lines,
        ["write connection lost", "heard: 1000000", "connection lost: ConnectionDone"]
    );
}

/// What an [`Asker`] hears, and whether it is told that its half has ended.
type Answer = (Vec<u8>, bool);

/// Sends much, ends its half, and waits for an answer.
struct Asker {
    answer: Answer,
    ended: Trigger<Answer>,
}

impl Protocol for Asker {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(vec![b'x'; 1_000_000]);
        transport.lose_write_connection();
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.answer.0.extend_from_slice(data);
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.answer.1 = true;
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        assert!(reason.is::<ConnectionDone>());
        let _ = self.ended.callback(self.answer.clone());
    }
}

#[test]
fn we_end_our_half() {
    let Some(python) = python() else { return };
    let arguments = ["server", "tcp:0:interface=127.0.0.1"];
    let mut peer = Peer::script(python, "half_close.py", arguments);
    let address = peer.address();
    let answer = drive(move |reactor| async move {
        let (ended, trigger) = Deferred::new();
        let asker = Asker { answer: Answer::default(), ended: trigger };
        connect_to(&reactor, address, None, asker).await?;
        ended.await
    });
    assert_eq!(answer, (b"1000000".to_vec(), true));
}
