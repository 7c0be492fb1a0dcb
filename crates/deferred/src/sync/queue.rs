//! [`DeferredQueue`]: values from those who have them to those who wait.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::primitive::{MAX_DEPTH, Place};
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

struct Inner<T> {
    /// The values that nobody has, under numbers that rise.
    pending: RefCell<VecDeque<(u32, T)>>,
    next_number: Cell<u32>,
    waiting: Waiters<T>,
    size: Option<usize>,
    backlog: Option<usize>,
    /// How many hand-overs are inside one another.
    depth: Cell<usize>,
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
        };
        Self { inner: Rc::new(inner) }
    }

    /// Gives `value` to the first who waits, which runs before this returns,
    /// or keeps it.
    ///
    /// # Errors
    ///
    /// [`QueueOverflow`], with the value, if the queue is full.
    ///
    /// ```
    /// let queue = deferred::DeferredQueue::new();
    /// queue.put("a")?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), deferred::QueueOverflow<&str>>(())
    /// ```
    #[track_caller]
    pub fn put(&self, value: T) -> Result<(), QueueOverflow<T>> {
        let full = || self.inner.size.is_some_and(|size| self.len() >= size);
        if self.inner.waiting.is_empty() && full() {
            return Err(QueueOverflow(value));
        }
        let number = self.inner.next_number.get();
        self.inner.next_number.set(number.wrapping_add(1));
        Inner::give(&self.inner, number, value, Some(Location::caller()));
        Ok(())
    }

    /// The next value: now, or when there is one.
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
        let next = self.inner.pending.borrow_mut().pop_front();
        if let Some((number, value)) = next {
            return Ok(Deferred::lent(value, Inner::origin(&self.inner), number));
        }
        if self.inner.backlog.is_some_and(|backlog| self.waiting() >= backlog) {
            return Err(QueueUnderflow);
        }
        Ok(self.inner.waiting.wait())
    }

    /// How many values are in it.
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

    /// How many wait for a value.
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

    /// Gives a value to the first who waits, which is run, or keeps it.
    fn give(this: &Rc<Self>, number: u32, value: T, place: Place) {
        let depth = this.depth.get();
        this.depth.set(depth + 1);
        Self::hand_over(this, number, value, place);
        // What came back too deep inside.
        while depth == 0 && !this.waiting.is_empty() {
            let next = this.pending.borrow_mut().pop_front();
            let Some((number, value)) = next else { break };
            Self::hand_over(this, number, value, None);
        }
        this.depth.set(depth);
    }

    fn hand_over(this: &Rc<Self>, number: u32, value: T, place: Place) {
        let Some(first) = this.waiting.pop_first() else { return this.keep(number, value) };
        let head = first.head();
        // It stood in the line, so it was not fired.
        if let Ok(Some(core)) = head.prepare_lent(value, Self::origin(this), number) {
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

/// A value that nobody has taken comes back, and goes to the next who waits.
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
        Self { inner: Rc::clone(&self.inner) }
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

/// The queue is full; here is the value back.
///
/// ```
/// use deferred::{DeferredQueue, QueueOverflow};
///
/// let queue = DeferredQueue::bounded(Some(0), None);
/// assert_eq!(queue.put("no room"), Err(QueueOverflow("no room")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueOverflow<T>(pub T);

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueOverflow(..)")
    }
}

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full")
    }
}

impl<T> Error for QueueOverflow<T> {}

/// Too many wait for a value already.
///
/// ```
/// use deferred::{DeferredQueue, QueueUnderflow};
///
/// let queue = DeferredQueue::<u8>::bounded(None, Some(0));
/// assert_eq!(queue.get().unwrap_err(), QueueUnderflow);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueUnderflow;

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many are waiting for the queue")
    }
}

impl Error for QueueUnderflow {}

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
