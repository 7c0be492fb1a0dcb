//! How a connection is closed: all is sent, the stream is shut down, the
//! protocol told; and none of it takes for ever.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use super::Driver;
use super::driver::{Peer, Phase, Sent, Step};
use crate::error::{ConnectionAborted, ConnectionDone};
use crate::protocol::Protocol;
use crate::transport::Wish;

/// How long a peer may take to end after we have.
const LINGER: Duration = Duration::from_secs(5);

impl<S: AsyncRead + AsyncWrite + Unpin, P: Protocol> Driver<S, P> {
    /// Sends what is left, then shuts down, then tells the protocol.
    pub(super) fn close(&mut self, cx: &mut Context<'_>) -> Step {
        if self.link().wish() != Wish::Closing {
            return self.cut(cx);
        }
        #[cfg(feature = "tls")]
        match self.secure(cx) {
            None => {}
            Some(Step::Wait) => return self.wait_for_peer(cx, false),
            Some(Step::Again) => return Step::Again,
        }
        match self.send(cx) {
            Sent::All if self.link().sendable() == 0 => return Step::Again,
            // Both have ended: there is nobody to be told.
            Sent::All if self.peer == Peer::Ended && self.drop_ends() => {
                return self.end(ConnectionDone);
            }
            Sent::All => {}
            Sent::Some { progress } => return self.wait_for_peer(cx, progress),
            Sent::Broken(error) => return self.broken(error),
        }
        match Pin::new(&mut self.setup.stream).poll_shutdown(cx) {
            Poll::Pending => self.wait_for_peer(cx, false),
            // A peer that is gone already cannot be told; all was sent.
            Poll::Ready(_) => {
                self.end(ConnectionDone);
                self.timer = None;
                if self.peer == Peer::Talking {
                    self.phase = Phase::Lingering;
                }
                Step::Again
            }
        }
    }

    /// Whether dropping the stream tells the peer all that it has to know.
    fn drop_ends(&self) -> bool {
        self.setup.drop_ends && !self.setup.stream.says_goodbye()
    }

    /// Waits for the peer to take something, for no longer than the grace.
    pub(super) fn wait_for_peer(&mut self, cx: &mut Context<'_>, progress: bool) -> Step {
        if progress {
            self.timer = None;
        }
        if self.time_is_up(cx, self.link().grace()) {
            return self.abort(ConnectionAborted { unsent: Some(self.link().unsent()) });
        }
        Step::Wait
    }

    /// Reads and forgets, until the peer has ended or its time is up.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) -> Step {
        debug_assert!(self.ended());
        let mut buffer = self.link().shared.buffers.lend();
        let mut room = ReadBuf::new(&mut buffer);
        let read = Pin::new(&mut self.setup.stream).poll_read(cx, &mut room);
        let ended = room.filled().is_empty();
        self.link().shared.buffers.give_back(buffer);
        // The time is all that it may take, however much it sends.
        let over = self.time_is_up(cx, LINGER);
        match read {
            Poll::Pending if !over => Step::Wait,
            Poll::Ready(Ok(())) if !over && !ended => Step::Again,
            Poll::Pending | Poll::Ready(_) => {
                self.phase = Phase::Over;
                Step::Again
            }
        }
    }

    /// Whether `time` has passed since this was first asked, or the timer was
    /// let go.
    fn time_is_up(&mut self, cx: &mut Context<'_>, time: Duration) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(time)));
        timer.as_mut().poll(cx).is_ready()
    }
}
