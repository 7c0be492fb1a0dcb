//! Closing a connection: all is sent, the stream is shut down, the protocol told;
//! and none of it takes for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deferred::Failure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Driver;
use super::driver::{Sent, Stage, Step};
use super::wait::Wait;
use crate::error::{ConnectionAborted, ConnectionDone, ConnectionEnded, ConnectionLost};
use crate::guard;
use crate::network::{Stream, StreamEnd};
use crate::protocol::Protocol;
use crate::transport::{Event, Input};

/// How long a peer may take to end after we have.
const LINGER: Duration = Duration::from_secs(5);

/// Whether a stream has a reason of its own, beside that the peer is gone.
fn has_name(error: &io::Error) -> bool {
    let peer_is_gone = |reason: &Failure| {
        reason.is::<ConnectionDone>()
            || reason.is::<ConnectionLost>()
            || reason.is::<ConnectionAborted>()
    };
    ConnectionEnded::of(error).is_some_and(|ended| !peer_is_gone(ended.reason()))
}

impl<P: Protocol> Driver<P> {
    /// Sends what is left, then shuts down, then tells the protocol.
    pub(super) fn close(&mut self, cx: &mut Context<'_>) -> Step {
        match self.switch(cx) {
            None => {}
            Some(Step::Wait) => return self.wait_for_peer(cx, false),
            Some(Step::Again) => return Step::Again,
        }
        let peer_ended = self.link.state().input == Input::Ended;
        if peer_ended && self.link.has_producer() {
            return self.stop_producer();
        }
        match self.send(cx) {
            Sent::Broken(error) => self.broken_while_closing(error),
            Sent::All { .. } if self.link.sendable() == 0 => Step::Again,
            Sent::All { progress } if self.link.has_producer() => self.produce(cx, progress),
            Sent::All { .. } if peer_ended && self.end == StreamEnd::Drop => {
                // Both have ended: there is nobody to be told.
                self.end(ConnectionDone)
            }
            Sent::All { .. } => self.shut_down(cx),
            Sent::Some { progress } => self.produce(cx, progress),
        }
    }

    /// The peer reads no more, or will not know: the producer is in vain.
    fn stop_producer(&mut self) -> Step {
        match guard::catch(|| self.link.stop_producer()) {
            Ok(()) => Step::Again,
            Err(failure) => self.panicked(failure),
        }
    }

    /// Has the producer go on, if there is one, or else waits.
    fn produce(&mut self, cx: &mut Context<'_>, progress: bool) -> Step {
        if progress {
            self.timer.clear();
        }
        match guard::catch(|| self.link.relax()) {
            Ok(true) => Step::Again,
            Ok(false) => self.watch(cx),
            Err(failure) => self.panicked(failure),
        }
    }

    fn shut_down(&mut self, cx: &mut Context<'_>) -> Step {
        let talking = self.link.state().input != Input::Ended;
        match Pin::new(&mut self.setup.stream).poll_shutdown(cx) {
            Poll::Pending => self.watch(cx),
            Poll::Ready(Ok(())) if talking && self.end == StreamEnd::Answered => {
                self.link.apply(Event::ShutDown);
                self.timer.clear();
                Step::Again
            }
            // Its answer will not come.
            Poll::Ready(Err(error)) if talking && self.end == StreamEnd::Answered => {
                self.broken_while_closing(error)
            }
            Poll::Ready(Err(error)) if has_name(&error) => self.broken(error),
            // A peer that is gone already cannot be told; all was sent.
            Poll::Ready(_) => {
                let sends = talking || self.setup.stream.ended_inside();
                self.end(ConnectionDone);
                self.timer.clear();
                if sends {
                    self.stage = Stage::Lingering;
                }
                Step::Again
            }
        }
    }

    /// Waits for the peer to answer our end with its own.
    pub(super) fn await_answer(&mut self, cx: &mut Context<'_>) -> Step {
        match self.discard(cx) {
            Poll::Ready(Ok(0)) => self.end(ConnectionDone),
            Poll::Ready(Ok(_)) => Step::Again,
            Poll::Ready(Err(error)) => self.broken_while_closing(error),
            Poll::Pending => self.wait_for_peer(cx, false),
        }
    }

    /// Waits for the peer to take something, and notices if it is gone.
    fn watch(&mut self, cx: &mut Context<'_>) -> Step {
        if self.wait_for_peer(cx, false) == Step::Again {
            return Step::Again;
        }
        if !self.link.state().discards() || self.link.holds_too_much() {
            return Step::Wait;
        }
        match self.discard(cx) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Ok(0)) => {
                self.link.apply(Event::PeerEnded);
                Step::Again
            }
            Poll::Ready(Ok(_)) => Step::Again,
            Poll::Ready(Err(error)) => self.broken_while_closing(error),
        }
    }

    /// Waits for the peer to take something, for no longer than the grace.
    fn wait_for_peer(&mut self, cx: &mut Context<'_>, progress: bool) -> Step {
        if progress {
            self.timer.clear();
        }
        if self.timer.is_over(cx, Wait::Grace, self.link.grace()) {
            return self.abort(ConnectionAborted { unsent: Some(self.link.unsent_in_all()) });
        }
        Step::Wait
    }

    /// The stream broke while we were closing: the end is not clean, but it was
    /// asked for.
    fn broken_while_closing(&mut self, error: io::Error) -> Step {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.end(ConnectionLost::from(error));
        }
        self.broken(error)
    }

    /// Reads what the peer still sends, and lets it go: how much it was, none at
    /// its end.
    fn discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = self.link.shared.buffers.lend();
        let mut room = ReadBuf::new(&mut buffer);
        let read = Pin::new(&mut self.setup.stream).poll_read(cx, &mut room);
        let count = room.filled().len();
        self.link.shared.buffers.give_back(buffer);
        ready!(read)?;
        Poll::Ready(Ok(count))
    }

    /// Reads and forgets, until the peer has ended or its time is up.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) -> Step {
        debug_assert!(self.ended());
        let read = self.discard(cx);
        // The time is all that it may take, however much it sends.
        let over = self.timer.is_over(cx, Wait::Linger, LINGER);
        match read {
            Poll::Pending if !over => Step::Wait,
            Poll::Ready(Ok(1..)) if !over => Step::Again,
            // A layer found an end; the peer has not come to its own.
            Poll::Ready(Ok(0)) if !over && self.setup.stream.ended_inside() => Step::Again,
            Poll::Pending | Poll::Ready(_) => {
                self.stage = Stage::Over;
                Step::Again
            }
        }
    }
}
