//! [`PendingResults`]: callbacks for what other threads will send.
//!
//! Tested in `tests/runtime/thread_pool.rs`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;

use super::{Core, Reactor};
use crate::guard;

/// A result that a thread has sent; `None` if the reactor stops before.
pub(crate) type Sent = Option<Box<dyn Any + Send>>;

type Callback = Box<dyn FnOnce(Sent)>;

/// Callbacks for what other threads will send. A callback stays on the
/// reactor's thread; only its number travels.
#[derive(Default)]
pub(super) struct PendingResults {
    callbacks: RefCell<BTreeMap<u64, Callback>>,
    /// The number of the next callback; none is used twice.
    next: Cell<u64>,
}

impl PendingResults {
    fn add(&self, callback: Callback) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.callbacks.borrow_mut().insert(number, callback);
        number
    }

    fn take(&self, number: u64) -> Option<Callback> {
        self.callbacks.borrow_mut().remove(&number)
    }
}

impl Reactor {
    /// Has `callback` called, on this thread, with what is
    /// [sent](super::Remote::complete) to the number that this gives. It does
    /// not panic.
    pub(crate) fn expect_result(&self, callback: impl FnOnce(Sent) + 'static) -> u64 {
        let callback: Callback = Box::new(callback);
        self.auto_start();
        self.core.pending.add(callback)
    }

    /// Drops a pending callback: what is sent to it will be dropped as well.
    pub(crate) fn forget_result(&self, number: u64) {
        drop(self.core.pending.take(number));
    }

    /// Calls a pending callback at once.
    pub(crate) fn complete(&self, number: u64, sent: Sent) {
        self.core.complete(number, sent);
    }
}

impl Core {
    pub(super) fn complete(&self, number: u64, sent: Sent) {
        if let Some(callback) = self.pending.take(number) {
            guard::run_logged("", || callback(sent));
        }
    }

    /// Tells all callbacks that nothing will come.
    pub(super) fn fail_pending(&self) {
        let callbacks = mem::take(&mut *self.pending.callbacks.borrow_mut());
        for callback in callbacks.into_values() {
            guard::run_logged("", || callback(None));
        }
    }
}
