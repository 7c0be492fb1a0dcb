//! [`QueueSink`]: a queue as a sink, with backpressure.
//!
//! Has no counterpart in Twisted. Tested in `tests/chains/queue.rs`.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{FutureExt, Sink};
use thiserror::Error;

use super::queue::{DeferredQueue, Inner, Permit};
use crate::deferred::Deferred;

/// A [`DeferredQueue`] as a [`Sink`], which waits where
/// [`put`](DeferredQueue::put) refuses.
///
/// `poll_ready` is ready when the queue has room for one more value, and keeps
/// that for this sink. Several sinks of a full queue get room in the order in
/// which they asked for it. What has been sent is in the queue, so there is
/// nothing to flush.
///
/// Closing a sink closes the queue, so that `stream.forward(queue.sink())` has
/// an end; where several sinks feed one queue, use `send_all`.
///
/// # Cancellation
///
/// A `send` that is dropped has either put its value, or not: if it waited for
/// room, the value is dropped with it. Permit that a sink has, and does not use, is
/// given to the next when the sink is dropped.
///
/// ```
/// use deferred::{Deferred, DeferredQueue, ensure_deferred, testing::success_result_of};
/// use futures::{StreamExt, stream};
///
/// let queue = DeferredQueue::bounded(Some(2), None);
/// let producer = Deferred::from_future(stream::iter(0..100).map(Ok).forward(queue.sink()));
/// assert_eq!(queue.len(), 2);
/// let consumer = ensure_deferred(async move { Ok(queue.stream().count().await) });
/// assert_eq!(success_result_of(consumer), 100);
/// success_result_of(producer);
/// ```
#[must_use = "sinks do nothing unless they are polled"]
pub struct QueueSink<T> {
    queue: DeferredQueue<T>,
    state: State,
}

/// ```text
///          poll_ready               permit
///   Idle ─────────────▶ Waiting ─────────────▶ Ready
///     ▲                                          │
///     └──────────────────────────────────────────┘ start_send
/// ```
enum State {
    Idle,
    Waiting(Deferred<Permit>),
    Ready(Permit),
}

impl<T: 'static> QueueSink<T> {
    pub(super) fn new(queue: DeferredQueue<T>) -> Self {
        Self { queue, state: State::Idle }
    }
}

impl<T: 'static> Sink<T> for QueueSink<T> {
    type Error = QueueSinkError;

    fn poll_ready(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), QueueSinkError>> {
        let this = self.get_mut();
        if matches!(this.state, State::Ready(_)) && this.queue.is_closed() {
            this.state = State::Idle;
        }
        if matches!(this.state, State::Idle) {
            this.state = State::Waiting(Inner::reserve(this.queue.inner()));
        }
        if let State::Waiting(waiting) = &mut this.state {
            this.state = match ready!(waiting.poll_unpin(context)) {
                Ok(permit) => State::Ready(permit),
                Err(_closed) => State::Idle,
            };
        }
        Poll::Ready(match this.state {
            State::Ready(_) => Ok(()),
            State::Idle | State::Waiting(_) => Err(QueueSinkError::Closed),
        })
    }

    #[track_caller]
    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), QueueSinkError> {
        let this = self.get_mut();
        match mem::replace(&mut this.state, State::Idle) {
            State::Ready(permit) => Inner::fill(this.queue.inner(), permit, value)
                .map_err(|_closed| QueueSinkError::Closed),
            State::Idle | State::Waiting(_) => Err(QueueSinkError::NotReady),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), QueueSinkError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), QueueSinkError>> {
        self.queue.close();
        Poll::Ready(Ok(()))
    }
}

/// Handles the failure of a queue that was closed while the sink waited.
impl<T> Drop for QueueSink<T> {
    fn drop(&mut self) {
        if let State::Waiting(waiting) = &mut self.state {
            waiting.handle_failure();
        }
    }
}

impl<T: 'static> fmt::Debug for QueueSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSink")
            .field("queue", &self.queue)
            .field("ready", &matches!(self.state, State::Ready(_)))
            .finish()
    }
}

/// The error of a [`QueueSink`] whose value was not taken.
///
/// ```
/// use deferred::{DeferredQueue, QueueSinkError};
/// use futures::{FutureExt, SinkExt};
///
/// let queue = DeferredQueue::new();
/// let mut sink = queue.sink();
/// queue.close();
/// assert_eq!(sink.send(1).now_or_never(), Some(Err(QueueSinkError::Closed)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QueueSinkError {
    /// The queue is closed.
    #[error("the queue is closed")]
    Closed,
    /// A `start_send` came without a `poll_ready`, which the trait forbids.
    #[error("the queue has kept no room for a value")]
    NotReady,
}
