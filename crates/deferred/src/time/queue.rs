//! [`TimerQueue`]: the calls that a clock has yet to make.
//!
//! Mirrors the list of calls of `twisted.internet.task.Clock`, and the heap of
//! `twisted.internet.base.ReactorBase`. Tested in `tests/chains/time.rs`.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::calls::{Calls, SlotId};
use super::{Call, DelayedCall, DelayedCallError};

/// Pending calls, by time: what a clock or a reactor keeps them in.
///
/// It does nothing by itself: its owner asks when to [look](Self::look_at), and
/// when that time has come makes the calls that [`drain_due`](Self::drain_due)
/// or [`pop_due`](Self::pop_due) gives. Cancelling and moving a call cost the
/// same however many there are, taking the next one the logarithm of their
/// number; what a cancelled call holds is dropped at once. Clones are the same
/// queue.
///
/// Calls of one time are made in the order in which they were scheduled; one
/// that was moved to a later time comes before those that were there, and one
/// that was moved to an earlier time behind them. That is what Twisted's
/// `Clock` does, which sorts its list.
///
/// ```
/// use deferred::time::TimerQueue;
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let now = Rc::new(Cell::new(Duration::ZERO));
/// let read = now.clone();
/// let queue = TimerQueue::new(move || read.get());
/// queue.call_later(Duration::from_secs(5), Box::new(|| ()));
///
/// assert_eq!(queue.next_due(), Some(Duration::from_secs(5)));
/// assert!(queue.pop_due().is_none());
/// now.set(Duration::from_secs(5));
/// assert!(queue.pop_due().is_some());
/// assert!(queue.is_empty());
/// ```
#[derive(Clone)]
pub struct TimerQueue {
    inner: Rc<Inner>,
}

pub(super) struct Inner {
    now: Box<dyn Fn() -> Duration>,
    calls: RefCell<Calls>,
}

impl TimerQueue {
    /// An empty queue on a clock that `now` reads.
    ///
    /// ```
    /// let queue = deferred::time::TimerQueue::new(|| std::time::Duration::ZERO);
    /// assert!(queue.is_empty());
    /// ```
    pub fn new(now: impl Fn() -> Duration + 'static) -> Self {
        Self { inner: Rc::new(Inner { now: Box::new(now), calls: RefCell::default() }) }
    }

    /// Schedules a call.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let queue = deferred::time::TimerQueue::new(|| Duration::from_secs(1));
    /// let call = queue.call_later(Duration::from_secs(2), Box::new(|| ()));
    /// assert_eq!(call.get_time(), Duration::from_secs(3));
    /// ```
    pub fn call_later(&self, delay: Duration, call: Call) -> DelayedCall {
        let due = nanoseconds((self.inner.now)().saturating_add(delay));
        let slot = self.inner.calls.borrow_mut().insert(due, call);
        DelayedCall::new(Rc::downgrade(&self.inner), slot)
    }

    /// The time at which the next call is due.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::from_secs(4), Box::new(|| ()));
    /// assert_eq!(queue.next_due(), Some(Duration::from_secs(4)));
    /// ```
    pub fn next_due(&self) -> Option<Duration> {
        self.inner.calls.borrow_mut().next_due().map(Duration::from_nanos)
    }

    /// The time at which the owner has to look again: no call is due before. It may be
    /// earlier than the next call, if the one of that time was cancelled or
    /// moved; asking costs little.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// assert_eq!(queue.look_at(), None);
    /// let call = queue.call_later(Duration::from_secs(4), Box::new(|| ()));
    /// assert_eq!(queue.look_at(), Some(Duration::from_secs(4)));
    /// call.reset(Duration::from_secs(9))?;
    /// assert!(queue.look_at() <= queue.next_due());
    /// # Ok::<(), deferred::time::DelayedCallError>(())
    /// ```
    pub fn look_at(&self) -> Option<Duration> {
        self.inner.calls.borrow().not_before().map(Duration::from_nanos)
    }

    /// The next call, if it is due. It counts as made.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert!(queue.pop_due().is_some());
    /// assert!(queue.pop_due().is_none());
    /// ```
    pub fn pop_due(&self) -> Option<Call> {
        let now = nanoseconds((self.inner.now)());
        self.inner.calls.borrow_mut().pop_due(now, i64::MAX)
    }

    /// The calls that are due now, the first one first: each counts as made
    /// when it is taken. Those that are scheduled meanwhile, or moved to an
    /// earlier time, are not among them, however little their delay.
    ///
    /// It is what a main loop makes in one turn, for which it looks at the
    /// clock once.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// let again = queue.clone();
    /// queue.call_later(Duration::ZERO, Box::new(move || {
    ///     again.call_later(Duration::ZERO, Box::new(|| ()));
    /// }));
    /// queue.drain_due().for_each(|call| call());
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[doc(alias = "runUntilCurrent")]
    pub fn drain_due(&self) -> DueCalls {
        let now = nanoseconds((self.inner.now)());
        let last = self.inner.calls.borrow().last();
        DueCalls { queue: self.clone(), now, last }
    }

    /// The pending calls, the next one first.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert_eq!(queue.delayed_calls().len(), 1);
    /// ```
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        let mut calls = self.inner.calls.borrow_mut();
        let slots = calls.in_order();
        for &slot in &slots {
            calls.add_handle(slot);
        }
        let handle = |slot| DelayedCall::new(Rc::downgrade(&self.inner), slot);
        slots.into_iter().map(handle).collect()
    }

    /// The number of pending calls.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.calls.borrow().len()
    }

    /// Whether none is.
    ///
    /// ```
    /// use deferred::time::TimerQueue;
    /// use std::time::Duration;
    ///
    /// let queue = TimerQueue::new(|| Duration::ZERO);
    /// queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// assert!(!queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all pending calls; they count as cancelled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let queue = deferred::time::TimerQueue::new(|| Duration::ZERO);
    /// let call = queue.call_later(Duration::ZERO, Box::new(|| ()));
    /// queue.clear();
    /// assert!(!call.active());
    /// ```
    pub fn clear(&self) {
        for call in self.delayed_calls() {
            // One may cancel another as it is dropped.
            let _ = call.cancel();
        }
    }
}

impl fmt::Debug for TimerQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `next_due`, which settles the order of calls that were moved.
        f.debug_struct("TimerQueue")
            .field("len", &self.len())
            .field("look_at", &self.look_at())
            .finish()
    }
}

impl Inner {
    pub(super) fn cancel(&self, slot: SlotId) -> Result<(), DelayedCallError> {
        let call = self.calls.borrow_mut().end(slot, DelayedCallError::AlreadyCancelled)?;
        // Dropped here, where what it holds may use the queue.
        drop(call);
        Ok(())
    }

    pub(super) fn move_to(
        &self,
        slot: SlotId,
        due: impl FnOnce(Duration, Duration) -> Duration,
    ) -> Result<(), DelayedCallError> {
        let now = (self.now)();
        let mut calls = self.calls.borrow_mut();
        let old = Duration::from_nanos(calls.pending(slot)?.due);
        calls.move_to(slot, nanoseconds(due(now, old)));
        Ok(())
    }

    pub(super) fn is_active(&self, slot: SlotId) -> bool {
        self.calls.borrow().pending(slot).is_ok()
    }

    pub(super) fn due(&self, slot: SlotId) -> Duration {
        Duration::from_nanos(self.calls.borrow().due(slot))
    }

    pub(super) fn add_handle(&self, slot: SlotId) {
        self.calls.borrow_mut().add_handle(slot);
    }

    pub(super) fn drop_handle(&self, slot: SlotId) {
        self.calls.borrow_mut().drop_handle(slot);
    }
}

/// The calls that were due when the iteration began.
///
/// ```
/// use deferred::time::TimerQueue;
/// use std::time::Duration;
///
/// let queue = TimerQueue::new(|| Duration::ZERO);
/// queue.call_later(Duration::ZERO, Box::new(|| ()));
/// assert_eq!(queue.drain_due().count(), 1);
/// assert_eq!(queue.drain_due().count(), 0);
/// ```
#[must_use = "a call that is not taken stays pending"]
pub struct DueCalls {
    queue: TimerQueue,
    now: u64,
    last: i64,
}

impl Iterator for DueCalls {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        let mut calls = self.queue.inner.calls.borrow_mut();
        // As long as nothing can be due, nothing need be settled either.
        calls.not_before().filter(|&time| time <= self.now)?;
        calls.pop_due(self.now, self.last)
    }
}

impl fmt::Debug for DueCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DueCalls")
            .field("queue", &self.queue)
            .field("now", &Duration::from_nanos(self.now))
            .finish_non_exhaustive()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    // Five hundred years; what is beyond never comes.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
