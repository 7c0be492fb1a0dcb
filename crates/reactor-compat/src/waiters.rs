//! [`Waiters`]: Deferreds that wait for one result.
//!
//! Tested here, and in `tests/network/connector.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Waker;

use deferred::{Deferred, Failure, Trigger};

/// Wakes the task that waits, if one does.
pub(crate) fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Deferreds that wait for one result, the first one first. One that is
/// cancelled is to be [removed](Self::remove), so that none is kept in vain.
pub(crate) struct Waiters<T> {
    queue: RefCell<VecDeque<(u64, Trigger<T>)>>,
    next: Cell<u64>,
}

impl<T: 'static> Waiters<T> {
    /// One more. `cancelled` is called with its number when it is cancelled.
    #[track_caller]
    pub(crate) fn add(&self, cancelled: impl FnOnce(u64, &Trigger<T>) + 'static) -> Deferred<T> {
        let number = self.next.get();
        self.next.set(number + 1);
        let (waiting, trigger) =
            Deferred::with_canceller(move |trigger| cancelled(number, trigger));
        self.queue.borrow_mut().push_back((number, trigger));
        waiting
    }

    /// Gives back the one of that number, if it still waits.
    pub(crate) fn remove(&self, number: u64) -> Option<Trigger<T>> {
        let mut queue = self.queue.borrow_mut();
        // Numbers rise along the queue.
        let index = queue.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        queue.remove(index).map(|(_, trigger)| trigger)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Takes all of them, to be notified when nothing is borrowed.
    pub(crate) fn take(&self) -> Notified<T> {
        Notified(self.queue.take())
    }
}

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self { queue: RefCell::default(), next: Cell::default() }
    }
}

/// Deferreds that have their result now.
pub(crate) struct Notified<T>(VecDeque<(u64, Trigger<T>)>);

impl<T> Default for Notified<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Notified<T> {
    /// Lets those go that nobody has or waits for: they are not to be told that
    /// the reactor has stopped.
    pub(crate) fn held(mut self) -> Self
    where
        T: 'static,
    {
        self.0.retain(|(_, trigger)| trigger.is_held());
        self
    }
}

impl<T: Clone + 'static> Notified<T> {
    pub(crate) fn notify(self, result: &Result<T, Failure>) {
        for (_, trigger) in self.0 {
            // One that was cancelled meanwhile has results something already.
            let _ = trigger.fire(result.clone());
        }
    }
}

/// Cancels what nobody waits for any more; nobody hears what becomes of it.
pub(crate) fn abandon<T: 'static>(waiting: Deferred<T>) {
    waiting.cancel();
    drop(waiting.add_both(|_| Ok(())));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use deferred::testing::failure_result_of;
    use deferred::{CancelledError, Deferred};

    use super::Waiters;

    fn wait(waiters: &Rc<Waiters<u8>>) -> Deferred<u8> {
        let weak = Rc::downgrade(waiters);
        waiters.add(move |number, _| drop(weak.upgrade().unwrap().remove(number)))
    }

    #[test]
    fn all_are_notified_the_first_one_first() {
        let waiters = Rc::default();
        let results = Rc::new(RefCell::new(Vec::new()));
        for place in 0..3 {
            let results = results.clone();
            drop(wait(&waiters).add_callback(move |n| {
                results.borrow_mut().push((place, n));
                Ok(())
            }));
        }
        waiters.take().notify(&Ok(7));
        assert_eq!(results.take(), [(0, 7), (1, 7), (2, 7)]);
        assert!(waiters.is_empty());
    }

    #[test]
    fn who_is_cancelled_is_forgotten_at_once() {
        let waiters = Rc::default();
        for _ in 0..3 {
            let [first, second] = [wait(&waiters), wait(&waiters)];
            first.cancel();
            assert!(failure_result_of(first).is::<CancelledError>());
            second.cancel();
            assert!(failure_result_of(second).is::<CancelledError>());
            assert!(waiters.is_empty());
        }
    }

    #[test]
    fn those_that_nobody_has_are_let_go() {
        let waiters = Rc::default();
        let results = Rc::new(RefCell::new(Vec::new()));
        let [held, dropped] = ["held", "dropped"].map(|name| {
            let results = results.clone();
            wait(&waiters).add_callback(move |n| {
                results.borrow_mut().push((name, n));
                Ok(())
            })
        });
        drop(dropped);
        waiters.take().held().notify(&Ok(7));
        assert_eq!(results.take(), [("held", 7)]);
        drop(held);
    }

    #[test]
    fn one_may_be_cancelled_by_another_that_is_notified() {
        let waiters = Rc::default();
        let first = wait(&waiters);
        let second = wait(&waiters);
        let cancel = second.cancel_handle();
        drop(first.add_callback(move |_| {
            cancel.cancel();
            Ok(())
        }));
        waiters.take().notify(&Ok(7));
        assert!(failure_result_of(second).is::<CancelledError>());
    }
}
