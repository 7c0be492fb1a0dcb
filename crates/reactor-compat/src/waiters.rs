//! [`Waiters`]: those who wait for something that all of them are told.
//!
//! Tested here, and in `tests/network/connector.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use deferred::{Deferred, Failure, Trigger};

/// Those who wait for something, the first one first. One that is cancelled is
/// to [leave](Self::leave), so that nobody is remembered in vain.
pub(crate) struct Waiters<T> {
    line: RefCell<VecDeque<(u64, Trigger<T>)>>,
    next: Cell<u64>,
}

impl<T: 'static> Waiters<T> {
    /// One more. `cancelled` is called with its number when it is cancelled.
    #[track_caller]
    pub(crate) fn join(&self, cancelled: impl FnOnce(u64, &Trigger<T>) + 'static) -> Deferred<T> {
        let number = self.next.get();
        self.next.set(number + 1);
        let (told, trigger) = Deferred::with_canceller(move |trigger| cancelled(number, trigger));
        self.line.borrow_mut().push_back((number, trigger));
        told
    }

    /// Gives back the one of that number, if it still waits.
    pub(crate) fn leave(&self, number: u64) -> Option<Trigger<T>> {
        let mut line = self.line.borrow_mut();
        // Numbers rise along the line.
        let place = line.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        line.remove(place).map(|(_, trigger)| trigger)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.borrow().is_empty()
    }

    /// Takes all of them, to be told when nothing is borrowed.
    pub(crate) fn take(&self) -> Told<T> {
        Told(self.line.take())
    }
}

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self { line: RefCell::default(), next: Cell::default() }
    }
}

/// Those who are to be told now.
pub(crate) struct Told<T>(VecDeque<(u64, Trigger<T>)>);

impl<T: Clone + 'static> Told<T> {
    pub(crate) fn tell(self, result: &Result<T, Failure>) {
        for (_, trigger) in self.0 {
            // One that was cancelled meanwhile has heard something already.
            let _ = trigger.fire(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use deferred::testing::failure_result_of;
    use deferred::{CancelledError, Deferred};

    use super::Waiters;

    fn join(waiters: &Rc<Waiters<u8>>) -> Deferred<u8> {
        let line = Rc::downgrade(waiters);
        waiters.join(move |number, _| drop(line.upgrade().unwrap().leave(number)))
    }

    #[test]
    fn all_are_told_the_first_one_first() {
        let waiters = Rc::default();
        let heard = Rc::new(RefCell::new(Vec::new()));
        for place in 0..3 {
            let heard = heard.clone();
            drop(join(&waiters).add_callback(move |n| {
                heard.borrow_mut().push((place, n));
                Ok(())
            }));
        }
        waiters.take().tell(&Ok(7));
        assert_eq!(heard.take(), [(0, 7), (1, 7), (2, 7)]);
        assert!(waiters.is_empty());
    }

    #[test]
    fn who_is_cancelled_is_forgotten_at_once() {
        let waiters = Rc::default();
        for _ in 0..3 {
            let [first, second] = [join(&waiters), join(&waiters)];
            first.cancel();
            assert!(failure_result_of(first).is::<CancelledError>());
            second.cancel();
            assert!(failure_result_of(second).is::<CancelledError>());
            assert!(waiters.is_empty());
        }
    }

    #[test]
    fn one_may_be_cancelled_by_another_that_is_told() {
        let waiters = Rc::default();
        let first = join(&waiters);
        let second = join(&waiters);
        let cancel = second.cancel_handle();
        drop(first.add_callback(move |_| {
            cancel.cancel();
            Ok(())
        }));
        waiters.take().tell(&Ok(7));
        assert!(failure_result_of(second).is::<CancelledError>());
    }
}
