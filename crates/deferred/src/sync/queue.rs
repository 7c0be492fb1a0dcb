//! [`DeferredQueue`]: values from those who have them to those who wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::waiting::Waiting;
use crate::deferred::Deferred;

/// A queue whose `get` gives a Deferred when there is nothing yet.
///
/// Unless it is [`bounded`](Self::bounded) it grows as its users make it grow,
/// as in Twisted.
///
/// # Cancellation
///
/// Cancelling a Deferred from [`get`](Self::get) takes it out of the line, and
/// no value is lost. Dropping it does not: it still gets its value.
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
    pending: RefCell<VecDeque<T>>,
    waiting: Waiting<T>,
    size: Option<usize>,
    backlog: Option<usize>,
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
        let pending = RefCell::new(VecDeque::new());
        Self { inner: Rc::new(Inner { pending, waiting: Waiting::new(), size, backlog }) }
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
        if let Some(first) = self.inner.waiting.first() {
            // It has a canceller that takes it out of the line: it was not
            // fired.
            let _ = first.callback(value);
            return Ok(());
        }
        let mut pending = self.inner.pending.borrow_mut();
        if self.inner.size.is_some_and(|size| pending.len() >= size) {
            return Err(QueueOverflow(value));
        }
        pending.push_back(value);
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
        if let Some(value) = next {
            return Ok(Deferred::succeed(value));
        }
        if self.inner.backlog.is_some_and(|backlog| self.waiting() >= backlog) {
            return Err(QueueUnderflow);
        }
        Ok(self.inner.waiting.join(Rc::downgrade(&self.inner), |inner| &inner.waiting))
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
