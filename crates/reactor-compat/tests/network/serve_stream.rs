//! Streams that are given to a protocol with all that they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::support::{Event, Log, Recorder, drive, turns, until};
use deferred::Failure;
use reactor_compat::{Address, Connection, Protocol, Reactor, Security, Stream, StreamEnd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// How far a [`Staged`] is from being open.
enum Opening {
    Open,
    Waiting(Option<Waker>),
    Refused,
}

/// What a test knows of a [`Staged`].
struct Seen {
    opening: Opening,
    resets: usize,
}

/// A stream with addresses, that is open when it is told so, and notes that it is
/// reset.
struct Staged {
    stream: DuplexStream,
    seen: Rc<RefCell<Seen>>,
    security: Option<Rc<Security>>,
}

impl Staged {
    fn new(stream: DuplexStream, opening: Opening) -> (Self, Rc<RefCell<Seen>>) {
        let seen = Rc::new(RefCell::new(Seen { opening, resets: 0 }));
        (Self { stream, seen: seen.clone(), security: None }, seen)
    }
}

/// Has it be open, or fail, now.
fn decide(seen: &RefCell<Seen>, decision: Opening) {
    let before = std::mem::replace(&mut seen.borrow_mut().opening, decision);
    if let Opening::Waiting(Some(waker)) = before {
        waker.wake();
    }
}

impl AsyncRead for Staged {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, room)
    }
}

impl AsyncWrite for Staged {
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

impl Stream for Staged {
    fn get_host(&self) -> Address {
        Address::Tcp(([192, 0, 2, 1], 1).into())
    }

    fn get_peer(&self) -> Address {
        Address::Tcp(([192, 0, 2, 2], 2).into())
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.seen.borrow_mut().opening {
            Opening::Open => Poll::Ready(Ok(())),
            Opening::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Opening::Refused => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
        }
    }

    fn reset_on_drop(&mut self) {
        self.seen.borrow_mut().resets += 1;
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.security.clone()
    }
}

#[test]
fn a_stream_keeps_its_addresses() {
    drive(|reactor| async move {
        let (ours, _theirs) = duplex(10);
        let (stream, _) = Staged::new(ours, Opening::Open);
        let connection = reactor.serve_stream(stream, Recorder::default());
        assert_eq!(connection.get_host().to_string(), "192.0.2.1:1");
        assert_eq!(connection.get_peer().to_string(), "192.0.2.2:2");
    });
}

#[test]
fn an_abort_resets_it_and_a_close_does_not() {
    drive(|reactor| async move {
        for (aborts, resets) in [(true, 1), (false, 0)] {
            let log = Log::default();
            let (ours, _theirs) = duplex(10);
            let (stream, seen) = Staged::new(ours, Opening::Open);
            let connection = reactor.serve_stream(stream, Recorder::new(&log));
            turns(3).await;
            if aborts {
                connection.abort_connection();
            } else {
                connection.lose_connection();
            }
            log.ended().await;
            assert_eq!(seen.borrow().resets, resets);
        }
    });
}

#[test]
fn what_is_written_waits_until_it_is_open() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(10);
        let (stream, seen) = Staged::new(ours, Opening::Waiting(None));
        let connection = reactor.serve_stream(stream, Recorder::new(&log));
        connection.write("hello");
        turns(5).await;
        assert_eq!(log.events(), [Event::Made]);
        assert_eq!(connection.unsent(), 5);
        decide(&seen, Opening::Open);
        let mut heard = [0; 5];
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
    });
}

#[test]
fn one_that_will_never_be_open_is_lost() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, _theirs) = duplex(10);
        let (stream, seen) = Staged::new(ours, Opening::Waiting(None));
        reactor.serve_stream(stream, Recorder::new(&log));
        turns(5).await;
        decide(&seen, Opening::Refused);
        assert_eq!(log.ended().await, Event::Lost);
    });
}

#[test]
fn one_that_is_not_open_yet_can_be_closed_and_aborted() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, _theirs) = duplex(10);
        let (stream, _seen) = Staged::new(ours, Opening::Waiting(None));
        let connection = reactor.serve_stream(stream, Recorder::new(&log));
        turns(3).await;
        connection.lose_connection();
        turns(3).await;
        assert_eq!(log.end(), None, "it waits, for no longer than its grace");
        connection.abort_connection();
        assert_eq!(log.ended().await, Event::Aborted(None));
    });
}

/// Notes when it is told of its protection.
struct Protected(Rc<RefCell<Vec<&'static str>>>);

impl Protocol for Protected {
    fn connection_made(&mut self, _: &Connection<Self>) {
        self.0.borrow_mut().push("made");
    }

    fn handshake_completed(&mut self, _: &Connection<Self>) {
        self.0.borrow_mut().push("protected");
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.0.borrow_mut().push("lost");
    }
}

#[test]
fn what_protects_it_is_told_of() {
    drive(|reactor: Reactor| async move {
        let events = Rc::new(RefCell::new(Vec::new()));
        let (ours, _theirs) = duplex(10);
        let (mut stream, seen) = Staged::new(ours, Opening::Waiting(None));
        stream.security = Some(Rc::new(Security::new().with_protocol("h2")));
        let connection = reactor.serve_stream(stream, Protected(events.clone()));
        turns(3).await;
        assert_eq!(*events.borrow(), ["made"]);
        decide(&seen, Opening::Open);
        let inner = events.clone();
        until(move || inner.borrow().len() == 2).await;
        assert_eq!(*events.borrow(), ["made", "protected"]);
        #[cfg(feature = "tls")]
        assert_eq!(connection.negotiated_protocol().as_deref(), Some(&b"h2"[..]));
        connection.lose_connection();
    });
}

/// A stream whose peer is gone when it is told of the end.
struct Gone(StreamEnd);

impl AsyncRead for Gone {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Gone {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl Stream for Gone {
    fn get_host(&self) -> Address {
        Address::Pipe
    }

    fn get_peer(&self) -> Address {
        Address::Pipe
    }

    fn end(&self) -> StreamEnd {
        self.0
    }
}

/// Where the peer's answer belongs to a close, one that is gone before has not given it.
#[test]
fn a_peer_that_is_gone_when_it_is_told_of_the_end() {
    for (end, expected) in [(StreamEnd::Answered, Event::Lost), (StreamEnd::ShutDown, Event::Done)]
    {
        drive(move |reactor| async move {
            let log = Log::default();
            let connection = reactor.serve_stream(Gone(end), Recorder::new(&log));
            until(|| !log.events().is_empty()).await;
            connection.lose_connection();
            assert_eq!(log.ended().await, expected, "{end:?}");
        });
    }
}
