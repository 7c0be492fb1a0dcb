//! [`Driver`]: the task of a connection, over any `AsyncRead + AsyncWrite`.
//!
//! Each time that it is woken it takes steps until there is nothing left to
//! do: it sends what was written, reads once, gives the protocol what it read,
//! sends what that wrote, and so on. User code runs only inside
//! [`Driver::callback`] and [`Link::relax`], with nothing borrowed but the
//! protocol itself.
//!
//! ```text
//! New ──connection_made──▶ Open ──to be closed──▶ Closing ──closed──▶ Lingering
//!                           │                        │                    │
//!                           └──── broken or cut ─────┴──────▶ Over ◀──────┘
//! ```

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use deferred::Failure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tracing::Span;

use super::{Connection, Layer, Residence};
use crate::connection_event::ConnectionEvent;
#[cfg(unix)]
use crate::error::FileDescriptorOverrun;
use crate::error::{ConnectionAborted, ConnectionLost};
use crate::guard;
use crate::protocol::Protocol;
use crate::reactor::{Registered, Registration};
use crate::transport::{Link, Wish};

/// How many steps are taken before others have their turn. Streams of Tokio's
/// own keep a budget besides.
const STEPS: usize = 64;

/// Somebody who is told how a connection fares.
pub(crate) trait Attendant<P> {
    /// `connection_made` has returned.
    fn made(&self, connection: &Connection<P>);

    /// `connection_lost` has returned.
    fn lost(&self, reason: Failure);
}

/// What a driver has to be told about its stream.
pub(crate) struct Setup<S, P> {
    pub(crate) stream: Layer<S>,
    /// Has the peer see a reset when the stream is dropped.
    pub(crate) reset: fn(&S),
    /// Whether dropping the stream is as good as shutting it down, once the
    /// peer has ended.
    pub(crate) drop_ends: bool,
    pub(crate) connection: Connection<P>,
    pub(crate) residence: Rc<Residence<P>>,
    pub(crate) attendant: Option<Rc<dyn Attendant<P>>>,
    pub(crate) span: Span,
}

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Call `connection_made`.
    New,
    /// Send and read.
    Open,
    /// Send what is left, and shut the stream down.
    Closing,
    /// The protocol is gone; read what the peer still sends, so that it is not
    /// answered by a reset that overtakes what we sent.
    Lingering,
    /// Nothing.
    Over,
}

/// What the peer has said of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Talking,
    Ended,
}

/// Whether there is a step to take right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Again,
    Wait,
}

/// How sending went.
pub(super) enum Sent {
    /// All is sent.
    All,
    /// The stream takes no more for now; whether it took anything.
    Some { progress: bool },
    /// The stream broke.
    Broken(io::Error),
}

/// The task of a connection.
pub(crate) struct Driver<S, P: Protocol> {
    pub(super) setup: Setup<S, P>,
    /// The connection's, at hand.
    link: Rc<Link>,
    pub(super) phase: Phase,
    pub(super) peer: Peer,
    /// Something was given to the stream that it may not have passed on.
    unflushed: bool,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    registration: Option<Registration>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, P: Protocol> Driver<S, P> {
    pub(crate) fn new(setup: Setup<S, P>) -> Self {
        let link = setup.connection.link().clone();
        let live: Rc<dyn Registered> = link.clone();
        let registration = Registration::new(&link.shared, Rc::downgrade(&live));
        Self {
            setup,
            link,
            phase: Phase::New,
            peer: Peer::Talking,
            unflushed: false,
            timer: None,
            registration: Some(registration),
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        match self.phase {
            Phase::New => self.make(),
            Phase::Open => self.converse(cx),
            Phase::Closing => self.close(cx),
            Phase::Lingering => self.linger(cx),
            Phase::Over => Step::Wait,
        }
    }

    fn make(&mut self) -> Step {
        self.phase = Phase::Open;
        self.tell(ConnectionEvent::ConnectionMade);
        // One that panicked has ended already.
        if let Some(attendant) = self.setup.attendant.as_ref().filter(|_| !self.ended()) {
            attendant.made(&self.setup.connection);
        }
        Step::Again
    }

    fn converse(&mut self, cx: &mut Context<'_>) -> Step {
        match self.link().wish() {
            Wish::Open => {}
            Wish::Closing if self.link().closes() => {
                self.phase = Phase::Closing;
                return Step::Again;
            }
            Wish::Closing => {}
            Wish::Aborting | Wish::Stopping | Wish::Lost => return self.cut(cx),
        }
        #[cfg(feature = "tls")]
        if let Some(step) = self.secure(cx) {
            return step;
        }
        let stuck = match self.send(cx) {
            Sent::Broken(error) => return self.broken(error),
            Sent::All if self.link().sendable() == 0 => return Step::Again,
            Sent::All if self.link().output_ends() => return self.end_output(cx),
            Sent::Some { progress: false } => true,
            sent => {
                self.timer = None;
                matches!(sent, Sent::Some { .. })
            }
        };
        match guard::catch(|| self.link.relax()) {
            Ok(false) => {}
            Ok(true) => return Step::Again,
            Err(failure) => return self.panicked(failure),
        }
        if self.link().take_resumed() {
            self.tell(ConnectionEvent::Resumed);
            return Step::Again;
        }
        if stuck && self.link.wish() == Wish::Closing {
            // The close waits for a producer, and that for the peer.
            return self.wait_for_peer(cx, false);
        }
        self.listen(cx)
    }

    /// Reads, if anything may come and is wanted.
    fn listen(&mut self, cx: &mut Context<'_>) -> Step {
        let listens = self.peer == Peer::Talking && self.link().wants_data();
        if listens { self.read(cx) } else { Step::Wait }
    }

    /// Tells the peer that we send no more; it may go on.
    fn end_output(&mut self, cx: &mut Context<'_>) -> Step {
        match Pin::new(&mut self.setup.stream).poll_shutdown(cx) {
            Poll::Pending => self.listen(cx),
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Ready(Ok(())) => {
                self.link().output_ended();
                self.tell(ConnectionEvent::WriteConnectionLost);
                Step::Again
            }
        }
    }

    /// Gives the stream what was written, as much as it takes.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Sent {
        #[cfg(unix)]
        if self.link().overrun() {
            return Sent::Broken(FileDescriptorOverrun.into());
        }
        if self.link.unsent() == 0 {
            return self.flush(cx, false);
        }
        if !self.link.sends() {
            return Sent::Some { progress: false };
        }
        let mut outbox = self.link().take_outbox();
        let mut stream = Pin::new(&mut self.setup.stream);
        let mut progress = false;
        let mut sent = Sent::All;
        let mut room = self.link.sendable();
        while !outbox.is_empty() && room > 0 {
            let data = outbox.unsent();
            sent = match stream.as_mut().poll_write(cx, &data[..data.len().min(room)]) {
                Poll::Ready(Ok(0)) => Sent::Broken(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    outbox.consume(count);
                    room = room.saturating_sub(count);
                    self.link.sent(count);
                    self.unflushed = true;
                    progress = true;
                    Sent::All
                }
                Poll::Ready(Err(error)) => Sent::Broken(error),
                Poll::Pending => Sent::Some { progress },
            };
            if !matches!(sent, Sent::All) {
                break;
            }
        }
        self.link().put_outbox(outbox);
        #[cfg(unix)]
        self.link().count_descriptors();
        if matches!(sent, Sent::All) { self.flush(cx, progress) } else { sent }
    }

    /// Has the stream pass on what it was given.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, progress: bool) -> Sent {
        if !self.unflushed {
            return Sent::All;
        }
        match Pin::new(&mut self.setup.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Sent::All
            }
            Poll::Ready(Err(error)) => Sent::Broken(error),
            Poll::Pending => Sent::Some { progress },
        }
    }

    /// Reads once, and gives the protocol what came.
    fn read(&mut self, cx: &mut Context<'_>) -> Step {
        let mut buffer = self.link().shared.buffers.lend();
        let mut room = ReadBuf::new(&mut buffer);
        let step = match Pin::new(&mut self.setup.stream).poll_read(cx, &mut room) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Ready(Ok(())) if room.filled().is_empty() => self.peer_ended(),
            Poll::Ready(Ok(())) => {
                let data = room.filled();
                #[cfg(unix)]
                self.hand_over_descriptors();
                self.tell(ConnectionEvent::DataReceived(data));
                Step::Again
            }
        };
        self.link().shared.buffers.give_back(buffer);
        step
    }

    /// Gives the protocol the descriptors that came with what was read.
    #[cfg(unix)]
    fn hand_over_descriptors(&mut self) {
        while let Some(descriptor) = self.link().take_descriptor() {
            self.tell(ConnectionEvent::FileDescriptorReceived(descriptor));
        }
    }

    /// The peer sends no more, and may still read.
    fn peer_ended(&mut self) -> Step {
        self.peer = Peer::Ended;
        self.tell(ConnectionEvent::ReadConnectionLost);
        Step::Again
    }

    /// The stream gave an error: the connection ends.
    pub(super) fn broken(&mut self, error: io::Error) -> Step {
        #[cfg(unix)]
        if let Some(overrun) = FileDescriptorOverrun::of(&error) {
            return self.end(overrun);
        }
        #[cfg(feature = "tls")]
        let reason = super::secure::reason_of(error);
        #[cfg(not(feature = "tls"))]
        let reason = ConnectionLost::from(error);
        self.end(reason)
    }

    /// Ends the connection without regard to what is unsent.
    pub(super) fn cut(&mut self, cx: &mut Context<'_>) -> Step {
        if self.link().wish() == Wish::Stopping {
            // What the kernel takes at once, the peer may have.
            let _ = self.send(cx);
            return self.end(ConnectionLost::because("the reactor stopped"));
        }
        self.abort(ConnectionAborted::default())
    }

    pub(super) fn abort(&mut self, reason: ConnectionAborted) -> Step {
        if let Some(stream) = self.setup.stream.stream() {
            (self.setup.reset)(stream);
        }
        self.end(reason)
    }

    /// Has the protocol handle an event; if it panics, ends the connection.
    pub(super) fn tell(&mut self, event: ConnectionEvent<'_>) {
        let connection = &self.setup.connection;
        let run = || self.setup.residence.enter(|protocol| protocol.handle(connection, event));
        if let Some(Err(failure)) = self.setup.span.in_scope(run) {
            self.panicked(failure);
        }
    }

    /// User code panicked: its connection ends.
    #[cold]
    fn panicked(&mut self, failure: Failure) -> Step {
        self.setup.span.in_scope(|| crate::log::err(failure.clone(), ""));
        self.end(failure)
    }

    /// The connection is gone: tells everybody who wants to know, once.
    pub(super) fn end(&mut self, reason: impl Into<Failure>) -> Step {
        self.phase = Phase::Over;
        let Some(registration) = self.registration.take() else { return Step::Again };
        drop(registration);
        let reason = reason.into();
        let Setup { connection, residence, attendant, span, .. } = &self.setup;
        span.in_scope(|| {
            tracing::debug!(%reason, "connection lost");
            guard::run("a producer", || connection.link().lost(&reason));
            let event = ConnectionEvent::ConnectionLost(reason.clone());
            let lost = residence.enter(|protocol| protocol.handle(connection, event));
            if let Some(Err(failure)) = lost {
                crate::log::err(failure, "");
            }
            residence.vacate();
        });
        if let Some(attendant) = attendant {
            attendant.lost(reason);
        }
        Step::Again
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, P: Protocol> Future for Driver<S, P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.link().begin();
        for _ in 0..STEPS {
            if this.phase == Phase::Over {
                return Poll::Ready(());
            }
            if this.step(cx) == Step::Wait {
                this.link().wait(cx.waker());
                return Poll::Pending;
            }
        }
        this.link().wait(cx.waker());
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A driver that is dropped with its runtime: the protocol hears of it even
/// so, unless it has never heard of the connection.
impl<S, P: Protocol> Drop for Driver<S, P> {
    fn drop(&mut self) {
        let Some(registration) = self.registration.take() else { return };
        drop(registration);
        let Setup { connection, residence, attendant, span, .. } = &self.setup;
        let reason = Failure::new(ConnectionLost::because("its runtime was dropped"));
        span.in_scope(|| {
            guard::run("a producer", || connection.link().lost(&reason));
            if self.phase != Phase::New {
                let event = ConnectionEvent::ConnectionLost(reason.clone());
                let lost = residence.enter(|protocol| protocol.handle(connection, event));
                if let Some(Err(failure)) = lost {
                    crate::log::err(failure, "");
                }
            }
            residence.vacate();
        });
        if let Some(attendant) = attendant {
            guard::run("a connector", || attendant.lost(reason));
        }
    }
}

impl<S, P: Protocol> Driver<S, P> {
    /// Whether the protocol has heard that its connection is gone.
    pub(super) fn ended(&self) -> bool {
        self.registration.is_none()
    }
}
