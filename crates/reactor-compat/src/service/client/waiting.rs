//! [`Waiting`]: those who wait for a connection, each for as many failures as it bears.
//!
//! Tested in `tests/network/client_service.rs`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};

/// Those who wait for a connection, the first one first.
pub(super) struct Waiting<T> {
    queue: RefCell<Vec<Waiter<T>>>,
    next: Cell<u64>,
}

struct Waiter<T> {
    number: u64,
    trigger: Trigger<T>,
    /// How many more failures it bears, if not any number.
    failures: Option<u32>,
}

impl<T: Clone + 'static> Waiting<T> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { queue: RefCell::default(), next: Cell::new(0) })
    }

    /// One more, which is told of the last of `failures` in a row.
    #[track_caller]
    pub(super) fn add(self: &Rc<Self>, failures: Option<u32>) -> Deferred<T> {
        let number = self.next.get();
        self.next.set(number + 1);
        let queue = Rc::downgrade(self);
        let (waiting, trigger) = Deferred::with_canceller(move |_| {
            let left = queue.upgrade().and_then(|queue| queue.remove(number));
            drop(left);
        });
        self.queue.borrow_mut().push(Waiter { number, trigger, failures });
        waiting
    }

    fn remove(&self, number: u64) -> Option<Waiter<T>> {
        let mut queue = self.queue.borrow_mut();
        let place = queue.iter().position(|waiter| waiter.number == number)?;
        Some(queue.remove(place))
    }

    /// Tells all of them.
    pub(super) fn tell(&self, result: &Result<T, Failure>) {
        for waiter in self.queue.take() {
            // One that was cancelled meanwhile has results something already.
            let _ = waiter.trigger.fire(result.clone());
        }
    }

    /// An attempt has failed: tells those who bear no more.
    pub(super) fn fail(&self, failure: &Failure) {
        let waiting = self.queue.take().into_iter();
        let (told, left): (Vec<_>, Vec<_>) = waiting.partition(Waiter::bears_no_more);
        self.queue.replace(left.into_iter().map(Waiter::with_one_less).collect());
        for waiter in told {
            let _ = waiter.trigger.fire(Err(failure.clone()));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }
}

impl<T> Waiter<T> {
    fn bears_no_more(&self) -> bool {
        self.failures.is_some_and(|failures| failures <= 1)
    }

    fn with_one_less(mut self) -> Self {
        self.failures = self.failures.map(|failures| failures - 1);
        self
    }
}
