//! [`DeferredQueue`]: values from those who have them to those who wait.
//!
//! Mirrors `twisted.internet.defer.DeferredQueue`. Tested in
//! `tests/chains/sync.rs` and `tests/chains/queue.rs`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use thiserror::Error;

use super::primitive::{MAX_DEPTH, Place};
use super::queue_sink::QueueSink;
use super::queue_stream::QueueStream;
use crate::chain::{Origin, run};
use crate::deferred::Deferred;
use crate::trigger::note_firing;
use crate::waiters::Waiters;

/// A queue whose `get` gives a Deferred when there is nothing yet.
///
/// Unless it is [`bounded`](Self::bounded) it grows as its users make it grow,
/// as in Twisted.
///
/// # Cancellation
///
/// Cancelling a Deferred from [`get`](Self::get) takes it out of the line, and
/// so does dropping it, unless a callback was added that waits for the value.
/// One that has its value, and is dropped before that was taken by a callback
/// or an `.await`, puts it back where it was. So no value is lost when a future
/// that awaits `get` is dropped, by a timeout or a `select!`.
///
/// Mirrors `twisted.internet.defer.DeferredQueue`.
///
/// ```
/// use deferred::{DeferredQueue, testing::{assert_no_result, success_result_of}};
///
/// let queue = DeferredQueue::new();
/// let job = queue.get()?;
/// assert_no_result(&job);
/// queue.put("a job")?;
/// assert_eq!(success_result_of(job), "a job");
/// # Ok::<(), deferred::Failure>(())
/// ```
pub struct DeferredQueue<T> {
    inner: Rc<Inner<T>>,
}

pub(super) struct Inner<T> {
    /// The values in it, under numbers that rise.
    pending: RefCell<VecDeque<(u32, T)>>,
    next_number: Cell<u32>,
    waiting: Waiters<T>,
    size: Option<usize>,
    backlog: Option<usize>,
    /// Number of hand-overs that are inside one another.
    depth: Cell<usize>,
    /// Sinks that wait for a permit.
    sinks: Waiters<Permit>,
    /// Number of values that sinks have permits for.
    reserved: Cell<usize>,
    closed: Cell<bool>,
    /// Number of `DeferredQueue`s; without one nobody puts anything.
    handles: Cell<usize>,
    /// Call for when the last of them goes, where there are streams.
    at_last_handle: Cell<Option<fn(&Self)>>,
}

impl<T: 'static> DeferredQueue<T> {
    /// A queue without limits.
    ///
    /// ```
    /// assert!(deferred::DeferredQueue::<u8>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::bounded(None, None)
    }

    /// A queue that holds at most `size` values, and lets at most `backlog`
    /// wait for one; `None` is no limit.
    ///
    /// ```
    /// use deferred::DeferredQueue;
    ///
    /// let queue = DeferredQueue::bounded(Some(1), Some(0));
    /// assert!(queue.get().is_err());
    /// queue.put(1).unwrap();
    /// assert_eq!(queue.put(2).unwrap_err().0, 2);
    /// ```
    pub fn bounded(size: Option<usize>, backlog: Option<usize>) -> Self {
        let inner = Inner {
            pending: RefCell::new(VecDeque::new()),
            next_number: Cell::new(0),
            waiting: Waiters::new(),
            size,
            backlog,
            depth: Cell::new(0),
            sinks: Waiters::new(),
            reserved: Cell::new(0),
            closed: Cell::new(false),
            handles: Cell::new(1),
            at_last_handle: Cell::new(None),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Gives `value` to the first waiter, which runs before this returns, or keeps
    /// it.
    ///
    /// # Errors
    ///
    /// [`QueueOverflow`], with the value, if the queue is full, or
    /// [closed](Self::close).
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::new();
    /// queue.put("a")?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), deferred::QueueOverflow<&str>>(())
    /// ```
    #[track_caller]
    pub fn put(&self, value: T) -> Result<(), QueueOverflow<T>> {
        let inner = &self.inner;
        if inner.closed.get() || (inner.waiting.is_empty() && !inner.has_capacity()) {
            return Err(QueueOverflow(value));
        }
        Inner::accept(inner, value, Location::caller());
        Ok(())
    }

    /// The next value: now, or when there is one. When the queue is
    /// [closed](Self::close), and no value is left, the Deferred fails with
    /// [`QueueClosed`].
    ///
    /// # Errors
    ///
    /// [`QueueUnderflow`] if there is none, and too many wait already.
    ///
    /// ```
    /// use deferred::{DeferredQueue, testing::success_result_of};
    ///
    /// let queue = DeferredQueue::new();
    /// queue.put(1).unwrap();
    /// assert_eq!(success_result_of(queue.get()?), 1);
    /// # Ok::<(), deferred::QueueUnderflow>(())
    /// ```
    #[track_caller]
    pub fn get(&self) -> Result<Deferred<T>, QueueUnderflow> {
        if let Some((number, value)) = Inner::take(&self.inner) {
            return Ok(Deferred::succeed_returnable(value, Inner::origin(&self.inner), number));
        }
        let may_wait = |backlog| self.inner.closed.get() || self.waiting() < backlog;
        if !self.inner.backlog.is_none_or(may_wait) {
            return Err(QueueUnderflow);
        }
        Ok(Inner::wait(&self.inner))
    }

    /// Closes the queue: it takes no more values, and those who wait for one,
    /// and whoever comes when none is left, fail with [`QueueClosed`].
    ///
    /// What is in the queue can still be had. Twisted's queues have no end; it is
    /// here for [`stream`](Self::stream).
    ///
    /// ```
    /// use deferred::{DeferredQueue, QueueClosed};
    /// use deferred::testing::{failure_result_of, success_result_of};
    ///
    /// let queue = DeferredQueue::new();
    /// queue.put("the last")?;
    /// queue.close();
    /// assert!(queue.put("one more").is_err());
    /// assert_eq!(success_result_of(queue.get()?), "the last");
    /// assert!(failure_result_of(queue.get()?).is::<QueueClosed>());
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    pub fn close(&self) {
        self.inner.close();
    }

    /// Whether the queue was closed.
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::<u8>::new();
    /// queue.close();
    /// assert!(queue.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.inner.closed.get()
    }

    /// The values of the queue as a [`Stream`](futures::Stream), which ends when
    /// the queue is closed, or when its last `DeferredQueue` is dropped.
    ///
    /// ```
    /// use deferred::DeferredQueue;
    /// use futures::{StreamExt, executor::block_on};
    ///
    /// let queue = DeferredQueue::new();
    /// let values = queue.stream();
    /// (1..=3).try_for_each(|n| queue.put(n))?;
    /// queue.close();
    /// assert_eq!(block_on(values.collect::<Vec<_>>()), [1, 2, 3]);
    /// # Ok::<(), deferred::QueueOverflow<i32>>(())
    /// ```
    pub fn stream(&self) -> QueueStream<T> {
        self.inner.at_last_handle.set(Some(Inner::close));
        QueueStream::new(&self.inner)
    }

    /// The queue as a [`Sink`](futures::Sink), which waits for room.
    ///
    /// ```
    /// use deferred::DeferredQueue;
    /// use futures::{FutureExt, SinkExt};
    ///
    /// let queue = DeferredQueue::bounded(Some(1), None);
    /// let mut sink = queue.sink();
    /// assert!(sink.send("fits").now_or_never().is_some());
    /// assert!(sink.send("does not").now_or_never().is_none());
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn sink(&self) -> QueueSink<T> {
        QueueSink::new(self.clone())
    }

    pub(super) fn inner(&self) -> &Rc<Inner<T>> {
        &self.inner
    }

    /// The number of values in it.
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::new();
    /// queue.put("a")?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), deferred::QueueOverflow<&str>>(())
    /// ```
    pub fn len(&self) -> usize {
        self.inner.pending.borrow().len()
    }

    /// Whether no value is in it.
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::new();
    /// queue.put("a")?;
    /// assert!(!queue.is_empty());
    /// # Ok::<(), deferred::QueueOverflow<&str>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of waiters.
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::<u8>::new();
    /// let _job = queue.get()?;
    /// assert_eq!(queue.waiting(), 1);
    /// # Ok::<(), deferred::QueueUnderflow>(())
    /// ```
    pub fn waiting(&self) -> usize {
        self.inner.waiting.len()
    }
}

impl<T: 'static> Inner<T> {
    fn origin(this: &Rc<Self>) -> Weak<dyn Origin> {
        let this: Weak<Self> = Rc::downgrade(this);
        this
    }

    fn close(&self) {
        self.closed.set(true);
        self.waiting.errback(QueueClosed);
        self.sinks.errback(QueueClosed);
    }

    /// Takes the next value, and so makes room for another.
    pub(super) fn take(this: &Rc<Self>) -> Option<(u32, T)> {
        let next = this.pending.borrow_mut().pop_front();
        if next.is_some() {
            Rc::clone(this).offer_permits();
        }
        next
    }

    /// Waits for the next value, whatever the backlog.
    #[track_caller]
    pub(super) fn wait(this: &Rc<Self>) -> Deferred<T> {
        if this.closed.get() {
            return Deferred::fail(QueueClosed);
        }
        let next = this.waiting.wait();
        Rc::clone(this).offer_permits();
        next
    }

    /// Whether there is room for a value that no sink has a permit for.
    fn has_capacity(&self) -> bool {
        let taken = self.pending.borrow().len() + self.reserved.get();
        self.size.is_none_or(|size| taken < size.saturating_add(self.waiting.len()))
    }

    /// A permit for one value, now or when there is room.
    pub(super) fn reserve(this: &Rc<Self>) -> Deferred<Permit> {
        if this.closed.get() {
            return Deferred::fail(QueueClosed);
        }
        if !this.has_capacity() {
            return this.sinks.wait();
        }
        Deferred::succeed(Permit::new(this))
    }

    /// Puts a value for which there is a permit; fails if the queue has been
    /// closed.
    #[track_caller]
    pub(super) fn fill(this: &Rc<Self>, permit: Permit, value: T) -> Result<(), QueueClosed> {
        if this.closed.get() {
            return Err(QueueClosed);
        }
        Self::accept(this, value, Location::caller());
        drop(permit);
        Ok(())
    }

    /// Gives a new value to the first waiter, or keeps it, full or not.
    fn accept(this: &Rc<Self>, value: T, place: &'static Location<'static>) {
        let number = this.next_number.get();
        this.next_number.set(number.wrapping_add(1));
        Self::give(this, number, value, Some(place));
    }

    /// Gives a value to the first waiter, which is run, or keeps it; then does so
    /// with what came back too deep inside.
    fn give(this: &Rc<Self>, number: u32, value: T, place: Place) {
        let depth = this.depth.get();
        this.depth.set(depth + 1);
        Self::hand_over(this, number, value, place);
        while depth == 0 && !this.waiting.is_empty() {
            let next = this.pending.borrow_mut().pop_front();
            let Some((number, value)) = next else { break };
            Self::hand_over(this, number, value, None);
        }
        this.depth.set(depth);
    }

    /// Gives one value to the first waiter, or keeps it.
    fn hand_over(this: &Rc<Self>, number: u32, value: T, place: Place) {
        let Some(first) = this.waiting.pop_first() else { return this.keep(number, value) };
        let head = first.head();
        // It stood in the line, so it was not fired.
        if let Ok(Some(core)) = head.prepare_returnable(value, Self::origin(this), number) {
            if let Some(place) = place {
                note_firing(head, place);
            }
            run(core);
        }
    }

    /// Keeps a value where its number belongs.
    fn keep(&self, number: u32, value: T) {
        // They count round: one is before another if it is less than half way
        // round behind it.
        let is_before = |other: u32| number.wrapping_sub(other) <= u32::MAX / 2;
        let mut pending = self.pending.borrow_mut();
        let place = match pending.back() {
            Some(&(last, _)) if !is_before(last) => {
                pending.partition_point(|&(other, _)| is_before(other))
            }
            Some(_) | None => pending.len(),
        };
        pending.insert(place, (number, value));
    }
}

/// A permit to put one value into a queue; unused, it is given up on drop.
pub(super) struct Permit {
    queue: Rc<dyn Permits>,
}

/// A queue as the source of permits, whatever its values are.
trait Permits {
    fn reserved(&self) -> &Cell<usize>;

    /// Gives permits to the sinks that wait, as far as there is room.
    fn offer_permits(self: Rc<Self>);
}

impl Permit {
    fn new<T: 'static>(queue: &Rc<Inner<T>>) -> Self {
        queue.reserved.set(queue.reserved.get() + 1);
        let queue: Rc<Inner<T>> = Rc::clone(queue);
        Self { queue }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let reserved = self.queue.reserved();
        reserved.set(reserved.get() - 1);
        Rc::clone(&self.queue).offer_permits();
    }
}

impl<T: 'static> Permits for Inner<T> {
    fn reserved(&self) -> &Cell<usize> {
        &self.reserved
    }

    fn offer_permits(self: Rc<Self>) {
        while !self.closed.get() && self.has_capacity() {
            let Some(sink) = self.sinks.pop_first() else { return };
            // It stood in the line; a permit that it does not take is given up.
            let _ = sink.callback(Permit::new(&self));
        }
    }
}

/// Return of a value that nobody has taken: it goes to the next waiter.
impl<T: 'static> Origin for Inner<T> {
    fn take_back(self: Rc<Self>, number: u32, value: &mut dyn Any) {
        let Some(value) = value.downcast_mut::<Option<T>>().and_then(Option::take) else { return };
        if self.depth.get() < MAX_DEPTH {
            Self::give(&self, number, value, None);
        } else {
            self.keep(number, value);
        }
    }
}

impl<T> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        self.inner.handles.set(self.inner.handles.get() + 1);
        Self { inner: Rc::clone(&self.inner) }
    }
}

/// Closes the queue with its last handle, for the streams that there may be.
impl<T> Drop for DeferredQueue<T> {
    fn drop(&mut self) {
        let left = self.inner.handles.get() - 1;
        self.inner.handles.set(left);
        if left == 0
            && let Some(close) = self.inner.at_last_handle.get()
        {
            close(&self.inner);
        }
    }
}

impl<T: 'static> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredQueue")
            .field("len", &self.len())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// The error of a queue that is full, or closed; it has the value.
///
/// ```
/// use deferred::{DeferredQueue, QueueOverflow};
///
/// let queue = DeferredQueue::bounded(Some(0), None);
/// assert_eq!(queue.put("no room"), Err(QueueOverflow("no room")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is full or closed")]
pub struct QueueOverflow<T>(pub T);

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueOverflow(..)")
    }
}

/// The error of a queue that was [closed](DeferredQueue::close), and has no values
/// left.
///
/// ```
/// use deferred::{DeferredQueue, QueueClosed, testing::failure_result_of};
///
/// let queue = DeferredQueue::<u8>::new();
/// let waiting = queue.get()?;
/// queue.close();
/// assert!(failure_result_of(waiting).is::<QueueClosed>());
/// # Ok::<(), deferred::QueueUnderflow>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the queue is closed")]
pub struct QueueClosed;

/// The error of a queue for which too many wait already.
///
/// ```
/// use deferred::{DeferredQueue, QueueUnderflow};
///
/// let queue = DeferredQueue::<u8>::bounded(None, Some(0));
/// assert_eq!(queue.get().unwrap_err(), QueueUnderflow);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("too many are waiting for the queue")]
pub struct QueueUnderflow;

#[cfg(test)]
mod tests {
    use super::DeferredQueue;
    use crate::testing::success_result_of;

    #[test]
    fn numbers_count_round() -> Result<(), crate::Failure> {
        let queue = DeferredQueue::new();
        queue.inner.next_number.set(u32::MAX - 1);
        for value in 0..5 {
            queue.put(value)?;
        }
        let unread = [queue.get()?, queue.get()?, queue.get()?];
        drop(unread);
        for value in 0..5 {
            assert_eq!(success_result_of(queue.get()?), value);
        }
        Ok(())
    }
}
