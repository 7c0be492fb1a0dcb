//! [`Driver`]: the task of a connection.
//!
//! Each time that it is woken it takes steps until there is nothing left to
//! do: it sends what was written, reads once, gives the protocol what it read,
//! sends what that wrote, and so on. What it may do is in the link's
//! `State`; how far it is itself, in its [`Stage`].
//! User code runs only inside [`Driver::tell`], [`Link::relax`] and
//! [`Link::stop_producer`], with nothing borrowed but the protocol itself.
//! [`close`](super::close) has the steps of a connection that is closing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use deferred::Failure;
use tokio::io::AsyncWrite;
use tracing::Span;

#[cfg(unix)]
use super::read::Descriptors;
use super::wait::{Timer, Wait};
use super::{Connection, ProtocolCell};
#[cfg(unix)]
use crate::error::FileDescriptorOverrun;
use crate::error::{ConnectionAborted, ConnectionEnded, ConnectionLost};
use crate::guard;
use crate::network::{SharedStream, Stream, StreamEnd};
use crate::protocol::{ConnectionEvent, Protocol};
use crate::reactor::{Registered, Registration};
use crate::transport::{Close, Event, Input, Link, Pressure, Sending, Switch};

/// How many steps are taken before others have their turn. Streams of Tokio's
/// own keep a budget besides.
const STEPS: usize = 64;

/// A listener for the beginning and the end of a connection.
pub(crate) trait ConnectionObserver<P> {
    /// `connection_made` has returned.
    fn made(&self, connection: &Connection<P>);

    /// `connection_lost` has returned.
    fn lost(&self, reason: Failure);
}

/// The parts of a connection that its driver is made of.
pub(crate) struct Setup<P> {
    pub(crate) stream: SharedStream,
    pub(crate) connection: Connection<P>,
    pub(crate) cell: Rc<ProtocolCell<P>>,
    pub(crate) observer: Option<Rc<dyn ConnectionObserver<P>>>,
    pub(crate) span: Span,
}

/// How far the driver is.
///
/// ```text
/// New ──connection_made──▶ Running ──connection_lost──▶ Lingering ──▶ Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// `connection_made` is to be called.
    New,
    /// The protocol is there.
    Running,
    /// The protocol is gone; what the peer still sends is read, so that it is
    /// not answered by a reset that overtakes what we sent.
    Lingering,
    Over,
}

/// The end of a step: take another at once, or wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Again,
    Wait,
}

/// How sending went.
pub(super) enum Sent {
    /// All is sent; whether that was any.
    All { progress: bool },
    /// The stream takes no more for now; whether it took anything.
    Some { progress: bool },
    /// The stream broke.
    Broken(io::Error),
}

/// The task of a connection.
pub(crate) struct Driver<P: Protocol> {
    pub(super) setup: Setup<P>,
    /// The connection's, at hand.
    pub(super) link: Rc<Link>,
    pub(super) stage: Stage,
    /// How the stream is ended.
    pub(super) end: StreamEnd,
    /// The stream is flushed in every step.
    acts_alone: bool,
    /// Descriptors: may any come?
    #[cfg(unix)]
    pub(super) descriptors: Descriptors,
    /// How much a stream that acts alone had passed on when it was last looked at.
    passed: u64,
    /// Something was given to the stream that it may not have passed on.
    unflushed: bool,
    pub(super) timer: Timer,
    registration: Option<Registration>,
}

impl<P: Protocol> Driver<P> {
    pub(crate) fn new(setup: Setup<P>) -> Self {
        let link = setup.connection.link().clone();
        link.set_socket(setup.stream.clone());
        let live: Rc<dyn Registered> = link.clone();
        let registration = Registration::new(&link.shared, Rc::downgrade(&live));
        Self {
            end: setup.stream.end(),
            acts_alone: setup.stream.acts_alone(),
            setup,
            stage: Stage::New,
            #[cfg(unix)]
            descriptors: Descriptors::of(&link),
            link,
            passed: 0,
            unflushed: false,
            timer: Timer::default(),
            registration: Some(registration),
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        match self.stage {
            Stage::New => self.make(),
            Stage::Running => match self.link.state().close {
                Close::Open => self.converse(cx),
                Close::Closing => self.close(cx),
                Close::Answering => self.await_answer(cx),
                Close::Aborting | Close::Stopping | Close::Lost => self.cut(cx),
            },
            Stage::Lingering => self.linger(cx),
            Stage::Over => Step::Wait,
        }
    }

    fn make(&mut self) -> Step {
        self.stage = Stage::Running;
        self.setup.cell.begin();
        self.tell(ConnectionEvent::ConnectionMade);
        // One that panicked has ended already.
        if let Some(observer) = self.setup.observer.as_ref().filter(|_| !self.ended()) {
            observer.made(&self.setup.connection);
        }
        Step::Again
    }

    fn converse(&mut self, cx: &mut Context<'_>) -> Step {
        if self.link.state().switch != Switch::None
            && let Some(step) = self.switch(cx)
        {
            return step;
        }
        let sent = self.send(cx);
        match sent {
            Sent::Broken(error) => return self.broken(error),
            Sent::All { .. } if self.link.sendable() == 0 => return Step::Again,
            Sent::All { .. } if self.link.output_ends() => return self.end_output(cx),
            Sent::All { .. } | Sent::Some { progress: true } => self.timer.clear(),
            Sent::Some { progress: false } => {}
        }
        match guard::catch(|| self.link.relax()) {
            Ok(false) => {}
            Ok(true) => return Step::Again,
            Err(failure) => return self.panicked(failure),
        }
        if self.link.state().input == Input::Interrupted && self.link.reads() {
            self.link.apply(Event::Told);
            self.tell(ConnectionEvent::Resumed);
            return Step::Again;
        }
        if matches!(sent, Sent::Some { .. })
            && let Some(step) = self.under_pressure(cx)
        {
            return step;
        }
        self.listen(cx)
    }

    /// Reads, if anything may come and is wanted.
    fn listen(&mut self, cx: &mut Context<'_>) -> Step {
        if self.link.reads() { self.read(cx) } else { Step::Wait }
    }

    /// Puts in a layer that was pushed, and goes on with its opening, if there is
    /// one. A step, if that is all that can be done for now.
    #[inline]
    pub(super) fn switch(&mut self, cx: &mut Context<'_>) -> Option<Step> {
        match self.link.state().switch {
            Switch::None => None,
            Switch::Draining if self.link.sendable() > 0 => None,
            Switch::Draining => Some(self.put_layer(cx)),
            Switch::Opening => Some(self.open_layer(cx)),
        }
    }

    fn put_layer(&mut self, cx: &mut Context<'_>) -> Step {
        match self.flush(cx, false) {
            Sent::All { .. } => {}
            Sent::Some { .. } => return Step::Wait,
            Sent::Broken(error) => return self.broken(error),
        }
        // The protocol gives the layer what it has kept.
        self.tell(ConnectionEvent::LayerPushed);
        if self.ended() {
            return Step::Again;
        }
        let below = self.setup.stream.clone();
        match guard::catch(|| self.link.put_layer(below)) {
            Ok(Ok(stream)) => {
                self.end = stream.end();
                self.acts_alone = stream.acts_alone();
                self.setup.stream = stream;
                self.link.set_socket(self.setup.stream.clone());
                Step::Again
            }
            Ok(Err(error)) => self.broken(error),
            Err(failure) => self.panicked(failure),
        }
    }

    fn open_layer(&mut self, cx: &mut Context<'_>) -> Step {
        match self.setup.stream.poll_open(cx) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Ready(Ok(())) => {
                self.end = self.setup.stream.end();
                if self.link.layer_is_open(self.setup.stream.security()) {
                    self.tell(ConnectionEvent::HandshakeCompleted);
                }
                Step::Again
            }
        }
    }

    /// Tells the peer that we send no more; it may go on.
    fn end_output(&mut self, cx: &mut Context<'_>) -> Step {
        match Pin::new(&mut self.setup.stream).poll_shutdown(cx) {
            Poll::Pending => self.listen(cx),
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Ready(Ok(())) => {
                self.link.apply(Event::OutputShut);
                self.tell(ConnectionEvent::WriteConnectionLost);
                Step::Again
            }
        }
    }

    /// Sees to a connection that can send nothing for now, and has too much
    /// unsent.
    fn under_pressure(&mut self, cx: &mut Context<'_>) -> Option<Step> {
        match self.link.pressure() {
            Pressure::None => self.timer.clear(),
            Pressure::ReadOn(time) if self.timer.is_over(cx, Wait::Stall, time) => {
                self.timer.clear();
                self.link.stalled();
                return Some(Step::Again);
            }
            Pressure::End(time) if self.timer.is_over_in_steps(cx, Wait::GiveUp, time) => {
                let error = self.link.too_much_unsent();
                return Some(self.abort(error));
            }
            Pressure::ReadOn(_) | Pressure::End(_) => {}
        }
        None
    }

    /// Gives the stream what was written, as much as it takes. Each step begins with
    /// it and most have nothing to send, hence in place.
    #[inline(always)]
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Sent {
        if self.link.unsent() > 0 || self.overrun() {
            return self.send_unsent(cx);
        }
        self.flush(cx, false)
    }

    /// Whether more descriptors are to be sent than bytes: they cannot go.
    #[inline]
    fn overrun(&self) -> bool {
        #[cfg(unix)]
        return self.descriptors != Descriptors::Never && self.link.overrun();
        #[cfg(not(unix))]
        false
    }

    #[inline(never)]
    fn send_unsent(&mut self, cx: &mut Context<'_>) -> Sent {
        #[cfg(unix)]
        if self.overrun() {
            return Sent::Broken(FileDescriptorOverrun.into());
        }
        if self.link.state().sending == Sending::Held {
            // A layer's own goes out.
            return match self.flush(cx, false) {
                Sent::All { progress } => Sent::Some { progress },
                sent => sent,
            };
        }
        if self.link.is_stuck() {
            self.setup.stream.insist();
        }
        let mut outbox = self.link.take_outbox();
        let mut stream = Pin::new(&mut self.setup.stream);
        let mut progress = false;
        let mut sent = Sent::All { progress };
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
                    Sent::All { progress }
                }
                Poll::Ready(Err(error)) => Sent::Broken(error),
                Poll::Pending => Sent::Some { progress },
            };
            if !matches!(sent, Sent::All { .. }) {
                break;
            }
        }
        self.link.put_outbox(outbox);
        #[cfg(unix)]
        if self.descriptors != Descriptors::Never {
            self.link.count_descriptors();
        }
        match sent {
            Sent::All { progress } => self.flush(cx, progress),
            Sent::Some { progress } if self.acts_alone => {
                Sent::Some { progress: self.count_backlog() || progress }
            }
            sent => sent,
        }
    }

    /// Notes how much the stream holds; whether it has passed on any of it.
    #[inline(never)]
    fn count_backlog(&mut self) -> bool {
        let backlog = self.setup.stream.backlog();
        self.link.hold(backlog.unsent);
        std::mem::replace(&mut self.passed, backlog.sent) != backlog.sent
    }

    /// Has the stream pass on what it was given.
    #[inline]
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, progress: bool) -> Sent {
        if !self.unflushed && !self.acts_alone {
            return Sent::All { progress };
        }
        let flushed = Pin::new(&mut self.setup.stream).poll_flush(cx);
        let progress = self.acts_alone && self.count_backlog() || progress;
        match flushed {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Sent::All { progress }
            }
            Poll::Ready(Err(error)) => Sent::Broken(error),
            Poll::Pending => Sent::Some { progress },
        }
    }

    /// The stream gave an error: the connection ends.
    pub(super) fn broken(&mut self, error: io::Error) -> Step {
        self.end(ConnectionEnded::reason_of(error))
    }

    /// Ends the connection without regard to what is unsent.
    fn cut(&mut self, cx: &mut Context<'_>) -> Step {
        if self.link.state().close == Close::Stopping {
            // What the kernel takes at once, the peer may have.
            let _ = self.send(cx);
            return self.end(ConnectionLost::because("the reactor stopped"));
        }
        match self.link.take_failure() {
            Some(failure) => self.abort(failure),
            None => self.abort(ConnectionAborted::default()),
        }
    }

    pub(super) fn abort(&mut self, reason: impl Into<Failure>) -> Step {
        self.setup.stream.reset_on_drop();
        self.end(reason)
    }

    /// Has the protocol handle an event; if it panics, ends the connection.
    #[inline(never)]
    pub(super) fn tell(&mut self, event: ConnectionEvent<'_>) {
        self.handle(event);
    }

    /// The same in place, so that the compiler knows which event it is: for data.
    #[inline(always)]
    pub(super) fn handle(&mut self, event: ConnectionEvent<'_>) {
        let connection = &self.setup.connection;
        let run = || self.setup.cell.enter(|protocol| protocol.handle(connection, event));
        if let Some(Err(failure)) = self.setup.span.in_scope(run) {
            self.panicked(failure);
        }
    }

    /// User code panicked: its connection ends.
    #[cold]
    pub(super) fn panicked(&mut self, failure: Failure) -> Step {
        self.setup.span.in_scope(|| crate::log::err(failure.clone(), ""));
        self.end(failure)
    }

    /// The connection is gone: tells everybody who wants to know, once.
    pub(super) fn end(&mut self, reason: impl Into<Failure>) -> Step {
        let told = self.stage != Stage::New;
        self.stage = Stage::Over;
        self.lose(reason.into(), told);
        Step::Again
    }

    /// Tells everybody that the connection is gone; the protocol, if it has heard
    /// of it.
    fn lose(&mut self, reason: Failure, made: bool) {
        let Some(registration) = self.registration.take() else { return };
        drop(registration);
        let Setup { connection, cell, observer, span, .. } = &self.setup;
        span.in_scope(|| {
            tracing::debug!(%reason, "connection lost");
            guard::run("a producer", || connection.link().lost(&reason));
            if made {
                let event = ConnectionEvent::ConnectionLost(reason.clone());
                let lost = cell.enter(|protocol| protocol.handle(connection, event));
                if let Some(Err(failure)) = lost {
                    crate::log::err(failure, "");
                }
            }
            cell.clear();
        });
        if let Some(observer) = observer {
            guard::run("a connector", || observer.lost(reason.clone()));
        }
        span.in_scope(|| connection.link().tell_lost(&reason));
    }

    /// Whether the protocol has heard that its connection is gone.
    pub(super) fn ended(&self) -> bool {
        self.registration.is_none()
    }
}

impl<P: Protocol> Future for Driver<P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.link.begin();
        for _ in 0..STEPS {
            if this.stage == Stage::Over {
                return Poll::Ready(());
            }
            if this.step(cx) == Step::Wait {
                this.link.wait(cx.waker());
                return Poll::Pending;
            }
        }
        this.link.wait(cx.waker());
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A driver that is dropped with its runtime: the protocol hears of it even
/// so, unless it has never heard of the connection.
impl<P: Protocol> Drop for Driver<P> {
    fn drop(&mut self) {
        let made = self.stage != Stage::New;
        self.lose(ConnectionLost::because("its runtime was dropped").into(), made);
    }
}
