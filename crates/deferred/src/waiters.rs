//! [`Waiters`]: a list of Deferreds that wait for one result.
//!
//! Mirrors the lists of Deferreds that Twisted's own classes keep by hand, such
//! as `DeferredLock.waiting`. Tested in `tests/chains/waiters.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use crate::chain::{Line, drop_catching};
use crate::deferred::Deferred;
use crate::failure::Failure;
use crate::trigger::Trigger;

/// A list of Deferreds that wait for something, all of them or in turn.
///
/// Programs for Twisted keep such a list by hand: a method makes a Deferred,
/// appends it and returns it, and another fires all of them. This is the list,
/// with what is forgotten there: a Deferred that is cancelled is taken out at
/// once, and so is one that was dropped and has no callback.
///
/// It is a handle; clones are the same list.
///
/// # Re-entrancy
///
/// Firing runs the callbacks before it returns. A Deferred that joins meanwhile
/// waits for the next time.
///
/// ```
/// use deferred::{Deferred, Waiters, testing::{assert_no_result, success_result_of}};
///
/// #[derive(Default)]
/// struct Database {
///     opening: Waiters<&'static str>,
/// }
///
/// impl Database {
///     fn when_open(&self) -> Deferred<&'static str> {
///         self.opening.wait()
///     }
/// }
///
/// let database = Database::default();
/// let [first, second] = [database.when_open(), database.when_open()];
/// assert_no_result(&first);
/// database.opening.callback("open");
/// assert_eq!(success_result_of(first), "open");
/// assert_eq!(success_result_of(second), "open");
/// ```
pub struct Waiters<T> {
    inner: Rc<Inner<T>>,
}

struct Inner<T> {
    /// The first one first, under numbers that rise.
    line: RefCell<VecDeque<Waiter<T>>>,
    next_number: Cell<u32>,
}

type Canceller<T> = Box<dyn FnOnce(&Trigger<T>)>;

struct Waiter<T> {
    number: u32,
    trigger: Trigger<T>,
    canceller: Option<Canceller<T>>,
}

impl<T: 'static> Waiters<T> {
    /// An empty list.
    ///
    /// ```
    /// assert!(deferred::Waiters::<()>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        let line = RefCell::new(VecDeque::new());
        Self { inner: Rc::new(Inner { line, next_number: Cell::new(0) }) }
    }

    /// A Deferred at the end of the list.
    ///
    /// # Cancellation
    ///
    /// Cancelling it takes it out of the list, and it fails with a
    /// [`CancelledError`](crate::CancelledError). Dropping it takes it out, too,
    /// unless a callback or an errback was added, which still waits for it.
    ///
    /// ```
    /// use deferred::{CancelledError, Waiters, testing::failure_result_of};
    ///
    /// let waiters = Waiters::<()>::new();
    /// let waiter = waiters.wait();
    /// waiter.cancel();
    /// assert!(failure_result_of(waiter).is::<CancelledError>());
    /// assert!(waiters.is_empty());
    ///
    /// drop(waiters.wait());
    /// assert!(waiters.is_empty());
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Deferred<T> {
        self.join(None)
    }

    /// As [`wait`](Self::wait), with a canceller as in
    /// [`Deferred::with_canceller`]; when it is called the Deferred has left the
    /// list.
    ///
    /// ```
    /// use deferred::{Waiters, testing::success_result_of};
    ///
    /// let waiters = Waiters::new();
    /// let waiter = waiters.wait_with_canceller(|trigger| {
    ///     let _ = trigger.callback("never mind");
    /// });
    /// waiter.cancel();
    /// assert_eq!(success_result_of(waiter), "never mind");
    /// ```
    #[track_caller]
    pub fn wait_with_canceller(
        &self,
        canceller: impl FnOnce(&Trigger<T>) + 'static,
    ) -> Deferred<T> {
        self.join(Some(Box::new(canceller)))
    }

    #[track_caller]
    fn join(&self, canceller: Option<Canceller<T>>) -> Deferred<T> {
        let number = self.inner.next_number.get();
        self.inner.next_number.set(number.wrapping_add(1));
        let line: Weak<Inner<T>> = Rc::downgrade(&self.inner);
        let (deferred, trigger) = Deferred::in_line(line, number);
        self.inner.line.borrow_mut().push_back(Waiter { number, trigger, canceller });
        deferred
    }

    /// Takes the first one out of the list, to be fired alone.
    ///
    /// ```
    /// use deferred::{Waiters, testing::success_result_of};
    ///
    /// let waiters = Waiters::new();
    /// let [first, second] = [waiters.wait(), waiters.wait()];
    /// waiters.pop_first().unwrap().callback(1)?;
    /// assert_eq!(success_result_of(first), 1);
    /// assert_eq!(waiters.len(), 1);
    /// # drop(second);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn pop_first(&self) -> Option<Trigger<T>> {
        let first = self.inner.line.borrow_mut().pop_front();
        first.map(Waiter::into_trigger)
    }

    /// Fires all that wait with an error, the first one first, and empties the
    /// list.
    ///
    /// ```
    /// use deferred::{Waiters, testing::failure_result_of};
    ///
    /// let waiters = Waiters::<()>::new();
    /// let waiter = waiters.wait();
    /// waiters.errback(std::fmt::Error);
    /// assert!(failure_result_of(waiter).is::<std::fmt::Error>());
    /// ```
    #[track_caller]
    pub fn errback(&self, failure: impl Into<Failure>) {
        let failure = failure.into();
        self.fire_with(|| Err(failure.clone()));
    }

    #[track_caller]
    fn fire_with(&self, result: impl Fn() -> Result<T, Failure>) {
        let line = self.inner.line.take();
        for waiter in line {
            // One that was cancelled meanwhile has its failure.
            let _ = waiter.into_trigger().fire(result());
        }
    }

    /// The number of waiters.
    ///
    /// ```
    /// let waiters = deferred::Waiters::<()>::new();
    /// let _waiter = waiters.wait();
    /// assert_eq!(waiters.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.inner.line.borrow().len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// let waiters = deferred::Waiters::<()>::new();
    /// let _waiter = waiters.wait();
    /// assert!(!waiters.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Clone + 'static> Waiters<T> {
    /// Fires all that wait with clones of `value`, the first one first, and
    /// empties the list.
    ///
    /// ```
    /// use deferred::{Waiters, testing::success_result_of};
    ///
    /// let waiters = Waiters::new();
    /// let waiter = waiters.wait();
    /// waiters.callback("ready");
    /// assert_eq!(success_result_of(waiter), "ready");
    /// ```
    #[track_caller]
    pub fn callback(&self, value: T) {
        self.fire(&Ok(value));
    }

    /// Fires all that wait with either; as [`callback`](Self::callback).
    ///
    /// A waiter that is cancelled by a callback of one before it is left as it
    /// is: it has failed with a [`CancelledError`](crate::CancelledError).
    ///
    /// ```
    /// use deferred::{Waiters, testing::success_result_of};
    ///
    /// let waiters = Waiters::new();
    /// let waiter = waiters.wait();
    /// waiters.fire(&Ok(3));
    /// assert_eq!(success_result_of(waiter), 3);
    /// assert!(waiters.is_empty());
    /// ```
    #[track_caller]
    pub fn fire(&self, result: &Result<T, Failure>) {
        // Where the value's own `clone` panics, the others are fired all the same.
        self.fire_with(|| {
            catch_unwind(AssertUnwindSafe(|| result.clone()))
                .unwrap_or_else(|payload| Err(Failure::from_panic(payload)))
        });
    }
}

impl<T> Waiter<T> {
    /// Gives its trigger, when there is nothing left to cancel.
    fn into_trigger(self) -> Trigger<T> {
        if let Some(canceller) = self.canceller {
            drop_catching(|| drop(canceller));
        }
        self.trigger
    }
}

impl<T> Inner<T> {
    fn remove(&self, number: u32) -> Option<Waiter<T>> {
        let mut line = self.line.borrow_mut();
        // They count round, so what rises is the distance from the first.
        let first = line.front()?.number;
        let distance = |number: u32| number.wrapping_sub(first);
        let place = line.binary_search_by_key(&distance(number), |waiter| distance(waiter.number));
        let place = place.ok()?;
        line.remove(place)
    }
}

impl<T: 'static> Line for Inner<T> {
    fn leave(&self, number: u32) {
        // Dropped when the borrow has ended.
        let _waiter = self.remove(number);
    }

    fn cancel(&self, number: u32) {
        if let Some(Waiter { trigger, canceller: Some(canceller), .. }) = self.remove(number) {
            canceller(&trigger);
        }
    }
}

impl<T> Clone for Waiters<T> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

impl<T: 'static> Default for Waiters<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> fmt::Debug for Waiters<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;

    #[test]
    fn numbers_count_round() {
        let waiters = Waiters::<u8>::new();
        waiters.inner.next_number.set(u32::MAX - 1);
        let waiting: Vec<_> = (0..5).map(|_| waiters.wait()).collect();
        for (gone, waiter) in waiting.into_iter().rev().enumerate() {
            drop(waiter);
            assert_eq!(waiters.len(), 4 - gone);
        }
    }
}
