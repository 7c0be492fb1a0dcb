//! Lines, netstrings and strings behind their length, to and from Twisted, cut
//! anywhere; and a million lines.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::support::connect_to;
use deferred::{Deferred, Failure, Trigger};
use fastrand::Rng;
use interop::{Certificate, Peer, drive, listen_on, python};
use protocols::basic::{
    FramedTransport, Int8Strings, Int16Strings, Int32Strings, LineConnection, LineReceiver,
    LineTransport, Lines, Netstrings, StringConnection, StringReceiver,
};
use reactor_compat::{Connection, ConnectionDone, Port, Protocol, Reactor, Transport};

#[derive(Clone, Copy)]
enum Kind {
    Line,
    Netstring,
    Int8,
    Int16,
    Int32,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Line, Self::Netstring, Self::Int8, Self::Int16, Self::Int32];

    fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Netstring => "netstring",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
        }
    }

    /// How long one may be, if both sides keep to what they do of themselves.
    fn longest(self) -> usize {
        match self {
            Self::Line => 16384,
            Self::Int8 => 255,
            Self::Int16 => 65535,
            Self::Netstring | Self::Int32 => 99999,
        }
    }

    /// An item as it is on the wire, by the book and not by our own code.
    fn encode(self, item: &[u8]) -> Vec<u8> {
        let length = item.len();
        let (head, tail) = match self {
            Self::Line => (Vec::new(), "\r\n"),
            Self::Netstring => (format!("{length}:").into_bytes(), ","),
            Self::Int8 => (vec![u8::try_from(length).unwrap()], ""),
            Self::Int16 => (u16::try_from(length).unwrap().to_be_bytes().to_vec(), ""),
            Self::Int32 => (u32::try_from(length).unwrap().to_be_bytes().to_vec(), ""),
        };
        [&head, item, tail.as_bytes()].concat()
    }

    /// Short and long ones, and those that look like what is around them.
    fn items(self, chance: &mut Rng) -> Vec<Vec<u8>> {
        let (awkward, letters): (&[&[u8]], _) = match self {
            Self::Line => (&[b"", b"\r", b"\n", b"\n\r", b"\r\r", b"one\rtwo\nthree"], b'a'..=b'c'),
            _ => (&[b"", b"\0", b",", b"3:abc,", b"\0\0\0\x03", b"\r\n"], 0..=255),
        };
        let lengths =
            [1, 2, 100, self.longest()].into_iter().chain((0..50).map(|_| chance.usize(..50)));
        let lengths: Vec<_> = lengths.collect();
        let made = lengths
            .iter()
            .map(|length| (0..*length).map(|_| chance.u8(letters.clone())).collect::<Vec<u8>>());
        let mut items: Vec<_> = made.collect();
        items.extend(awkward.iter().map(|item| item.to_vec()));
        chance.shuffle(&mut items);
        items
    }
}

/// Sends everything back.
struct Echo;

impl Protocol<LineTransport> for Echo {}

impl LineReceiver for Echo {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        transport.send_line(line);
    }
}

impl Protocol<FramedTransport> for Echo {}

impl StringReceiver for Echo {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        transport.send_string(string).unwrap();
    }
}

fn listen(reactor: &Reactor, certificate: Option<&Certificate>, kind: Kind) -> Port {
    match kind {
        Kind::Line => listen_on(reactor, certificate, |_| Lines::new(Echo)),
        Kind::Netstring => listen_on(reactor, certificate, |_| Netstrings::new(Echo)),
        Kind::Int8 => listen_on(reactor, certificate, |_| Int8Strings::new(Echo)),
        Kind::Int16 => listen_on(reactor, certificate, |_| Int16Strings::new(Echo)),
        Kind::Int32 => listen_on(reactor, certificate, |_| Int32Strings::new(Echo)),
    }
}

/// Waits for what it expects, and for the end.
struct Checker {
    expected: VecDeque<Vec<u8>>,
    ended: Trigger<()>,
}

impl Checker {
    fn received(&mut self, transport: &Transport, item: &[u8]) {
        let expected = self.expected.pop_front();
        assert_eq!(expected.as_deref(), Some(item), "what comes back is what was sent");
        if self.expected.is_empty() {
            transport.lose_connection();
        }
    }

    fn lost(&self, reason: Failure) {
        let whole = self.expected.is_empty() && reason.is::<ConnectionDone>();
        let _ = self.ended.fire(if whole { Ok(()) } else { Err(reason) });
    }
}

impl Protocol<LineTransport> for Checker {
    fn connection_lost(&mut self, _: &LineConnection<Self>, reason: Failure) {
        self.lost(reason);
    }
}

impl LineReceiver for Checker {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        self.received(transport.transport(), line);
    }
}

impl Protocol<FramedTransport> for Checker {
    fn connection_lost(&mut self, _: &StringConnection<Self>, reason: Failure) {
        self.lost(reason);
    }
}

impl StringReceiver for Checker {
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        self.received(transport.transport(), string);
    }
}

/// Connects a checker.
async fn connect(
    reactor: &Reactor,
    to: SocketAddr,
    certificate: Option<&Certificate>,
    kind: Kind,
    checker: Checker,
) -> Result<Transport, Failure> {
    async fn connected<P: Protocol>(
        connecting: impl Future<Output = Result<Connection<P>, Failure>>,
    ) -> Result<Transport, Failure> {
        Ok(connecting.await?.transport().clone())
    }
    match kind {
        Kind::Line => connected(connect_to(reactor, to, certificate, Lines::new(checker))).await,
        Kind::Netstring => {
            connected(connect_to(reactor, to, certificate, Netstrings::new(checker))).await
        }
        Kind::Int8 => {
            connected(connect_to(reactor, to, certificate, Int8Strings::new(checker))).await
        }
        Kind::Int16 => {
            connected(connect_to(reactor, to, certificate, Int16Strings::new(checker))).await
        }
        Kind::Int32 => {
            connected(connect_to(reactor, to, certificate, Int32Strings::new(checker))).await
        }
    }
}

/// Sends in pieces of few bytes, one a turn of the reactor.
fn chop(reactor: &Reactor, transport: Transport, mut data: VecDeque<u8>, mut chance: Rng) {
    let size = chance.choice([1, 1, 2, 3, 5, 8, 5000]).unwrap().min(data.len());
    let piece: Vec<u8> = data.drain(..size).collect();
    transport.write(piece);
    if !data.is_empty() {
        let again = reactor.clone();
        let next = move || chop(&again, transport, data, chance);
        reactor.call_later(Duration::ZERO, next);
    }
}

/// Has our server talk to a Twisted client that chops.
fn serve(python: &'static Path, tls: bool, kind: Kind, seed: u64) {
    let lines = drive(move |reactor| async move {
        let certificate = tls.then(Certificate::new);
        let listening = listen(&reactor, certificate.as_ref(), kind);
        let port = listening.get_host().port().unwrap();
        let endpoint = match &certificate {
            Some(certificate) => certificate.client_endpoint(port),
            None => format!("tcp:127.0.0.1:{port}"),
        };
        let arguments = ["client", kind.name(), &endpoint, &seed.to_string()];
        let peer = Peer::script(python, "strings.py", arguments);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    });
    assert_eq!(lines, ["all came back", "connection lost: ConnectionDone"], "{}", kind.name());
}

/// Has our client, which chops, talk to a Twisted server that chops.
fn ask(python: &'static Path, tls: bool, kind: Kind, seed: u64) {
    let certificate = tls.then(Certificate::new);
    let endpoint = match &certificate {
        Some(certificate) => certificate.server_endpoint(),
        None => "tcp:0:interface=127.0.0.1".to_owned(),
    };
    let arguments = ["server", kind.name(), &endpoint, &seed.to_string()];
    let mut peer = Peer::script(python, "strings.py", arguments);
    let address = peer.address();
    drive(move |reactor| async move {
        let mut chance = Rng::with_seed(seed);
        let items = kind.items(&mut chance);
        let data: VecDeque<u8> = items.iter().flat_map(|item| kind.encode(item)).collect();
        let (ended, trigger) = Deferred::new();
        let checker = Checker { expected: items.into(), ended: trigger };
        let certificate = certificate.as_ref();
        let transport = connect(&reactor, address, certificate, kind, checker).await?;
        transport.set_tcp_no_delay(true)?;
        chop(&reactor, transport, data, chance);
        ended.await
    });
}

#[test]
fn a_twisted_client_chops() {
    let Some(python) = python() else { return };
    for kind in Kind::ALL {
        serve(python, false, kind, 1);
    }
}

#[test]
fn a_twisted_client_chops_under_tls() {
    let Some(python) = python() else { return };
    for kind in Kind::ALL {
        serve(python, true, kind, 2);
    }
}

#[test]
fn a_client_of_a_twisted_server_chops() {
    let Some(python) = python() else { return };
    for kind in Kind::ALL {
        ask(python, false, kind, 3);
    }
}

#[test]
fn a_client_of_a_twisted_server_chops_under_tls() {
    let Some(python) = python() else { return };
    for kind in Kind::ALL {
        ask(python, true, kind, 4);
    }
}

const MILLION: u32 = 1_000_000;

#[test]
fn a_million_lines_come_from_a_twisted_client_and_go_back() {
    let Some(python) = python() else { return };
    let lines = drive(move |reactor| async move {
        let listening = listen(&reactor, None, Kind::Line);
        let endpoint = format!("tcp:127.0.0.1:{}", listening.get_host().port().unwrap());
        let peer = Peer::script(python, "million.py", [endpoint]);
        reactor.defer_to_thread(move || Ok(peer.finish())).await
    });
    assert_eq!(lines, ["1000000 lines, ConnectionDone"]);
}

/// Counts a million lines.
struct Million {
    count: u32,
    ended: Trigger<u32>,
}

impl Protocol<LineTransport> for Million {
    fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
        let _ = self.ended.callback(self.count);
    }
}

impl LineReceiver for Million {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        assert_eq!(line, format!("line {}", self.count).as_bytes());
        self.count += 1;
        if self.count == MILLION {
            transport.lose_connection();
        }
    }
}

#[test]
fn a_million_lines_go_to_a_twisted_server_and_come_back() {
    let Some(python) = python() else { return };
    let mut peer = Peer::script(python, "line_server.py", ["tcp:0:interface=127.0.0.1"]);
    let address = peer.address();
    let count = drive(move |reactor| async move {
        let (ended, trigger) = Deferred::new();
        let million = Lines::new(Million { count: 0, ended: trigger });
        let transport = connect_to(&reactor, address, None, million).await?;
        for thousand in 0..MILLION / 1000 {
            let numbers = thousand * 1000..(thousand + 1) * 1000;
            let lines: String = numbers.map(|number| format!("line {number}\r\n")).collect();
            transport.write(lines);
            transport.drain().await?;
        }
        ended.await
    });
    assert_eq!(count, MILLION);
}
