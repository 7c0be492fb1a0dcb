//! [`QueueStream`]: the values of a queue as a stream.
//!
//! Has no counterpart in Twisted. Tested in `tests/chains/queue.rs`.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::stream::FusedStream;
use futures::{FutureExt, Stream};

use super::queue::Inner;
use crate::deferred::Deferred;

/// The values of a [`DeferredQueue`](super::DeferredQueue), as a [`Stream`]: as
/// they come, until no value is left and the queue is closed, or nobody has a
/// handle to it any more.
///
/// It waits in the queue's line as a [`get`](super::DeferredQueue::get) does, but is
/// never refused for the backlog. Several streams of one queue, and `get`s, take
/// turns; each value goes to one of them.
///
/// # Cancellation
///
/// No value is lost when a future that awaits the next one is dropped, nor when
/// the stream itself is: a value that it was given, and has not yielded, goes back
/// to its place in the queue.
///
/// ```
/// use deferred::{DeferredQueue, ensure_deferred, testing::success_result_of};
/// use futures::StreamExt;
///
/// let jobs = DeferredQueue::new();
/// let mut stream = jobs.stream();
/// let worker = ensure_deferred(async move {
///     let mut done = Vec::new();
///     while let Some(job) = stream.next().await {
///         done.push(job);
///     }
///     Ok(done)
/// });
/// jobs.put("wash")?;
/// jobs.put("dry")?;
/// jobs.close();
/// assert_eq!(success_result_of(worker), ["wash", "dry"]);
/// # Ok::<(), deferred::QueueOverflow<&str>>(())
/// ```
#[must_use = "streams do nothing unless they are polled"]
pub struct QueueStream<T: 'static> {
    queue: Rc<Inner<T>>,
    state: State<T>,
}

/// ```text
///          nothing there          closed
///   Idle ─────────────▶ Waiting ─────────▶ Ended
///     ▲   a value          │                 ▲
///     └────────────────────┘    closed       │
///   Idle ────────────────────────────────────┘
/// ```
enum State<T: 'static> {
    Idle,
    Waiting(Deferred<T>),
    Ended,
}

impl<T: 'static> QueueStream<T> {
    pub(super) fn new(queue: &Rc<Inner<T>>) -> Self {
        Self { queue: Rc::clone(queue), state: State::Idle }
    }
}

impl<T: 'static> Stream for QueueStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let waiting = match &mut this.state {
            State::Ended => return Poll::Ready(None),
            State::Waiting(waiting) => waiting,
            State::Idle => {
                if let Some((_, value)) = Inner::take(&this.queue) {
                    return Poll::Ready(Some(value));
                }
                this.state = State::Waiting(Inner::wait(&this.queue));
                let State::Waiting(waiting) = &mut this.state else { return Poll::Pending };
                waiting
            }
        };
        // It fails only where the queue is closed.
        let next = ready!(waiting.poll_unpin(context)).ok();
        this.state = if next.is_some() { State::Idle } else { State::Ended };
        Poll::Ready(next)
    }
}

impl<T: 'static> FusedStream for QueueStream<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// Handles the failure of a queue that was closed while the stream waited.
impl<T: 'static> Drop for QueueStream<T> {
    fn drop(&mut self) {
        if let State::Waiting(waiting) = &mut self.state {
            waiting.handle_failure();
        }
    }
}

impl<T: 'static> fmt::Debug for QueueStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueStream").field("ended", &self.is_terminated()).finish_non_exhaustive()
    }
}
