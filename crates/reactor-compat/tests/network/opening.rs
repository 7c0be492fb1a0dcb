//! Streams that are not open at once: what comes before the first byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::support::{Event, Log, Recorder};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use reactor_compat::network::{
    Connecting, DialRequest, ListenRequest, Listener, Network, SharedStream,
};
use reactor_compat::testing::{MemoryNetwork, MemoryReactor, Peer};
use reactor_compat::{Address, CannotListenError, ConnectError, ConnectOptions, Stream, StreamEnd};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose peer says who it is in its first line, such as
/// `192.0.2.7:4000`.
struct Introduced {
    stream: SharedStream,
    line: Vec<u8>,
    peer: Option<SocketAddr>,
}

impl Introduced {
    fn new(stream: SharedStream) -> Self {
        Self { stream, line: Vec::new(), peer: None }
    }
}

impl Stream for Introduced {
    fn get_host(&self) -> Address {
        self.stream.get_host()
    }

    fn get_peer(&self) -> Address {
        self.peer.map_or_else(|| self.stream.get_peer(), Address::Tcp)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A byte at a time, so as to take none of what comes behind.
        loop {
            let mut byte = [0];
            let mut room = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
            match room.filled() {
                [] => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                b"\n" => break,
                [other, ..] => self.line.push(*other),
            }
        }
        let line = String::from_utf8_lossy(&self.line);
        assert_ne!(line, "panic", "as it was told");
        let peer = line.parse().map_err(|_| io::Error::new(ErrorKind::InvalidData, "no address"));
        self.peer = Some(peer?);
        Poll::Ready(Ok(()))
    }

    fn reset_on_drop(&mut self) {
        self.stream.reset_on_drop();
    }

    fn end(&self) -> StreamEnd {
        self.stream.end()
    }
}

impl AsyncRead for Introduced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Introduced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Has all streams introduce themselves, those that are accepted and those
/// that are made.
struct Introducing(MemoryNetwork);

struct IntroducingListener(Box<dyn Listener>);

impl Listener for IntroducingListener {
    fn get_host(&self) -> Address {
        self.0.get_host()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let accepted = self.0.poll_accept(cx);
        accepted.map_ok(|stream| SharedStream::new(Introduced::new(stream)))
    }
}

impl Network for Introducing {
    fn below(&self) -> Option<&dyn Network> {
        Some(&self.0)
    }

    fn listen(&self, request: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
        Ok(Box::new(IntroducingListener(self.0.listen(request)?)))
    }

    fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
        Box::pin(async move { Ok(SharedStream::new(Introduced::new(self.0.dial(request).await?))) })
    }
}

fn introducing() -> MemoryReactor {
    MemoryReactor::with_network(|memory| Rc::new(Introducing(memory)))
}

/// A port, what its protocols hear, and how many there were, by their peers.
fn listening(reactor: &MemoryReactor) -> (Log, Rc<Cell<usize>>) {
    let (log, count) = (Log::default(), Rc::new(Cell::new(0)));
    let (its, built) = (log.clone(), count.clone());
    reactor
        .listen_tcp(80, move |peer: Address| {
            built.set(built.get() + 1);
            assert_eq!(peer.to_string(), "192.0.2.7:4000");
            Recorder::echo(&its)
        })
        .unwrap();
    reactor.settle().unwrap();
    (log, count)
}

fn client(reactor: &MemoryReactor) -> Peer {
    reactor.tcp_servers()[0].connect().unwrap()
}

#[test]
fn the_factory_sees_the_peer_that_is_known_when_the_stream_is_open() {
    let reactor = introducing();
    let (log, built) = listening(&reactor);
    let peer = client(&reactor);
    peer.write("192.0.2.7:").unwrap();
    reactor.flush().unwrap();
    assert_eq!(built.get(), 0);
    peer.write("4000\nhello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(built.get(), 1);
    assert_eq!(log.data(), b"hello");
    assert_eq!(peer.read(), b"hello");
    let open = &reactor.inventory().connections[0];
    assert_eq!(open.peer.to_string(), "192.0.2.7:4000");
}

#[test]
fn one_that_is_open_at_once_is_served_at_once() {
    let reactor = introducing();
    let (log, _) = listening(&reactor);
    let peer = client(&reactor);
    peer.write("192.0.2.7:4000\nhello").unwrap();
    peer.wire().set_capacity(1024);
    reactor.flush().unwrap();
    assert_eq!(log.events(), [Event::Made, Event::Data(b"hello".to_vec())]);
}

#[test]
fn one_that_says_nothing_holds_up_nobody_and_is_closed_in_time() {
    let reactor = introducing();
    let (log, built) = listening(&reactor);
    let (silent, other) = (client(&reactor), client(&reactor));
    other.write("192.0.2.7:4000\nhello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"hello");
    reactor.advance(Duration::from_secs(29)).unwrap();
    reactor.flush().unwrap();
    assert!(!silent.ended());
    reactor.advance(Duration::from_secs(1)).unwrap();
    reactor.flush().unwrap();
    assert!(silent.ended());
    assert!(!other.ended());
    assert_eq!(built.get(), 1);
}

#[test]
fn one_that_cannot_be_opened_is_closed_and_the_next_one_served() {
    let reactor = introducing();
    let (_, built) = listening(&reactor);
    let (wrong, gone, panics) = (client(&reactor), client(&reactor), client(&reactor));
    reactor.flush().unwrap();
    wrong.write("somebody\n").unwrap();
    gone.end().unwrap();
    panics.write("panic\n").unwrap();
    reactor.flush().unwrap();
    assert!(wrong.ended() && gone.ended() && panics.ended());
    assert_eq!(built.get(), 0);
    let other = client(&reactor);
    other.write("192.0.2.7:4000\nhello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(other.read(), b"hello");
}

#[test]
fn of_too_many_the_oldest_one_is_closed() {
    let reactor = introducing();
    let (log, built) = listening(&reactor);
    let oldest = client(&reactor);
    reactor.flush().unwrap();
    let others: Vec<_> = (0..1023).map(|_| client(&reactor)).collect();
    reactor.flush().unwrap();
    assert!(!oldest.ended(), "1,024 may be opened at a time");
    let last = client(&reactor);
    last.write("192.0.2.7:4000\nhello").unwrap();
    reactor.flush().unwrap();
    assert!(oldest.ended());
    assert!(others.iter().all(|other| !other.ended()));
    assert_eq!((log.data(), built.get()), (b"hello".to_vec(), 1));
}

#[test]
fn those_that_are_not_open_end_with_the_port() {
    let reactor = introducing();
    let port = reactor.listen_tcp(80, |_: Address| Recorder::new(&Log::default())).unwrap();
    reactor.settle().unwrap();
    let peer = client(&reactor);
    reactor.flush().unwrap();
    let stopped = port.stop_listening();
    reactor.flush().unwrap();
    success_result_of(stopped);
    assert!(peer.ended());
}

/// A connection that is made, and whose server is the test.
fn connecting(
    reactor: &MemoryReactor,
) -> (deferred::Deferred<reactor_compat::Connection<Recorder>>, Log, Peer) {
    let log = Log::default();
    let its = log.clone();
    let options = ConnectOptions::new().timeout(Duration::from_secs(10));
    let connector =
        reactor.connect_tcp_with(("name.test", 80), options, move |_: Address| Recorder::new(&its));
    let connected = connector.when_connected();
    reactor.settle().unwrap();
    let peer = reactor.tcp_clients().last().unwrap().accept().unwrap();
    reactor.flush().unwrap();
    (connected, log, peer)
}

#[test]
fn a_connection_counts_as_made_when_it_is_open() {
    let reactor = introducing();
    let (connected, log, peer) = connecting(&reactor);
    assert_no_result(&connected);
    assert_eq!(log.events(), []);
    peer.write("192.0.2.7:4000\nhello").unwrap();
    reactor.flush().unwrap();
    let connection = success_result_of(connected);
    assert_eq!(connection.get_peer().to_string(), "192.0.2.7:4000");
    assert_eq!(log.data(), b"hello");
}

#[test]
fn the_connectors_timeout_covers_the_opening() {
    let reactor = introducing();
    let (connected, log, peer) = connecting(&reactor);
    reactor.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::Timeout));
    reactor.flush().unwrap();
    assert!(peer.ended());
    assert_eq!(log.events(), []);
}

#[test]
fn why_it_was_not_opened_is_said() {
    let reactor = introducing();
    let (connected, _, peer) = connecting(&reactor);
    peer.write("somebody\n").unwrap();
    reactor.flush().unwrap();
    let why = failure_result_of(connected);
    let no_address = io::Error::new(ErrorKind::InvalidData, "no address");
    let not_opened = ConnectError::NotOpened(no_address.into());
    assert_eq!(why.check(), Some(&not_opened));
    assert_eq!(why.to_string(), "the connection was not opened: no address");
}

/// A proxy that refuses to go on.
struct Refusing(MemoryNetwork);

impl Network for Refusing {
    fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
        Box::pin(async move {
            self.0.dial(request).await?;
            Err(io::Error::from(ErrorKind::ConnectionRefused).into())
        })
    }
}

#[test]
fn a_refusal_by_a_proxy_is_a_refusal() {
    let reactor = MemoryReactor::with_network(|memory| Rc::new(Refusing(memory)));
    let (connected, _, _peer) = connecting(&reactor);
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::ConnectionRefused));
}
