//! [`Slot`]: a result that the reactor puts in, and another thread waits for.
//!
//! Tested in `tests/runtime/blocking.rs`.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use deferred::{CancelledError, Failure};

use super::registry::Registry;
use crate::error::ReactorStopped;
use crate::guard;
use crate::reactor::ResultSlot;

/// A result that the reactor puts in, and another thread waits for.
///
/// It belongs to one [`EventualResult`](super::EventualResult); what goes on
/// in the reactor has a weak reference.
pub(super) struct Slot<T> {
    result: ResultSlot<T>,
    /// The number of the operation, and where it goes on.
    operation: Option<(u64, Arc<Registry>)>,
}

impl<T> Slot<T> {
    pub(super) fn new(operation: Option<(u64, Arc<Registry>)>) -> Arc<Self> {
        Arc::new(Self { result: ResultSlot::new(), operation })
    }

    pub(super) fn operation(&self) -> Option<&(u64, Arc<Registry>)> {
        self.operation.as_ref()
    }

    /// Puts a result in, unless there is one; what is not put in is dropped.
    pub(super) fn fill(&self, result: Result<T, Failure>) {
        drop(self.result.fill(result));
    }
}

impl<T> Deref for Slot<T> {
    type Target = ResultSlot<T>;

    fn deref(&self) -> &ResultSlot<T> {
        &self.result
    }
}

/// A failure that nobody has been given is logged.
impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if let Some(failure) = self.unobserved_failure() {
            guard::log("EventualResult", &failure);
        }
        if let Some((number, registry)) = self.operation.as_ref().filter(|_| self.is_pending()) {
            registry.release(*number);
        }
    }
}

/// The result of an operation, on its way to a slot. If there will be none, its
/// drop says so.
pub(super) struct Delivery<T> {
    slot: Weak<Slot<T>>,
    state: State,
}

/// The states of a delivery.
///
/// ```text
/// Waiting ──the reactor calls the function──▶ Called ──▶ Delivered
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Called,
    Delivered,
}

impl<T> Delivery<T> {
    pub(super) fn to(slot: &Arc<Slot<T>>) -> Self {
        Self { slot: Arc::downgrade(slot), state: State::Waiting }
    }

    /// Says that the function is being called.
    pub(super) fn set_called(&mut self) {
        self.state = State::Called;
    }

    /// Whether somebody still waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        self.slot.strong_count() > 0
    }

    /// Delivers a result. If nobody waits for it any more a failure is logged.
    pub(super) fn deliver(mut self, result: Result<T, Failure>) {
        self.state = State::Delivered;
        match self.slot.upgrade() {
            Some(slot) => slot.fill(result),
            None => {
                if let Err(failure) = result {
                    guard::log("EventualResult", &failure);
                }
            }
        }
    }
}

impl<T> Drop for Delivery<T> {
    fn drop(&mut self) {
        let why: Failure = match self.state {
            State::Delivered => return,
            State::Waiting => ReactorStopped.into(),
            State::Called => CancelledError.into(),
        };
        if let Some(slot) = self.slot.upgrade() {
            slot.fill(Err(why));
        }
    }
}

/// Something that waits for a reactor, whatever its result.
pub(super) trait Waiting: Send + Sync {
    fn reactor_stopped(&self);
}

impl<T: Send> Waiting for Slot<T> {
    fn reactor_stopped(&self) {
        self.fill(Err(ReactorStopped.into()));
    }
}
