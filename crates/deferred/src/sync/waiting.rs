//! The line of those who wait for something.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Weak;

use crate::deferred::Deferred;
use crate::trigger::Trigger;

/// Triggers, first come first served; a waiter that is cancelled leaves.
pub(super) struct Waiting<T> {
    line: RefCell<VecDeque<(u64, Trigger<T>)>>,
    next_number: Cell<u64>,
}

impl<T: 'static> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { line: RefCell::new(VecDeque::new()), next_number: Cell::new(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.line.borrow().len()
    }

    /// A Deferred at the end of the line; `home` is where the line is.
    #[track_caller]
    pub(super) fn join<H: 'static>(&self, home: Weak<H>, line_of: fn(&H) -> &Self) -> Deferred<T> {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        let (deferred, trigger) = Deferred::with_canceller(move |_trigger| {
            if let Some(home) = home.upgrade() {
                line_of(&home).leave(number);
            }
        });
        self.line.borrow_mut().push_back((number, trigger));
        deferred
    }

    /// The first in line.
    pub(super) fn first(&self) -> Option<Trigger<T>> {
        self.line.borrow_mut().pop_front().map(|(_, trigger)| trigger)
    }

    fn leave(&self, number: u64) {
        let mut line = self.line.borrow_mut();
        // Numbers rise along the line.
        let left = match line.binary_search_by_key(&number, |&(number, _)| number) {
            Ok(place) => line.remove(place),
            Err(_) => None,
        };
        drop(line);
        drop(left);
    }
}
