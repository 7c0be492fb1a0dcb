//! [`Slot`]: a result that the reactor puts in, and another thread waits for.
//!
//! Tested in `tests/runtime/blocking.rs`.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deferred::{Failure, ResultTakenError};

use super::error::WaitTimeout;
use super::registry::Registry;
use crate::error::ReactorStopped;
use crate::guard;

/// The states of a result.
///
/// ```text
/// Pending ──▶ Value ──taken──▶ Taken
///         └─▶ Failed
/// ```
enum State<T> {
    /// Nothing; whom to wake.
    Pending(Option<Waker>),
    Value(T),
    Taken,
    /// A failure, which can be looked at as often as one likes.
    Failed(Failure),
}

struct Content<T> {
    state: State<T>,
    /// Whether somebody has been given the failure, or is not to be.
    observed: bool,
}

/// A result that the reactor puts in, and another thread waits for.
///
/// It belongs to one [`EventualResult`](super::EventualResult); what goes on
/// in the reactor has a weak reference.
pub(super) struct Slot<T> {
    content: Mutex<Content<T>>,
    filled: Condvar,
    /// The number of the operation, and where it goes on.
    operation: Option<(u64, Arc<Registry>)>,
}

impl<T> Slot<T> {
    pub(super) fn new(operation: Option<(u64, Arc<Registry>)>) -> Arc<Self> {
        let content = Content { state: State::Pending(None), observed: false };
        Arc::new(Self { content: Mutex::new(content), filled: Condvar::new(), operation })
    }

    pub(super) fn operation(&self) -> Option<&(u64, Arc<Registry>)> {
        self.operation.as_ref()
    }

    /// Puts a result in, unless there is one; what is not put in is dropped.
    pub(super) fn fill(&self, result: Result<T, Failure>) {
        let mut content = self.content();
        let State::Pending(waker) = &mut content.state else {
            // Not while we hold the lock.
            drop(content);
            return drop(result);
        };
        let waker = waker.take();
        content.state = match result {
            Ok(value) => State::Value(value),
            Err(failure) => State::Failed(failure),
        };
        drop(content);
        self.filled.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the result, waiting for it as long as `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Result<T, Failure> {
        let pending = |content: &mut Content<T>| matches!(content.state, State::Pending(_));
        let waited = self.filled.wait_timeout_while(self.content(), timeout, pending);
        let (mut content, _) = waited.unwrap_or_else(PoisonError::into_inner);
        content.take().unwrap_or_else(|| Err(WaitTimeout::new(timeout).into()))
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Result<T, Failure>> {
        let mut content = self.content();
        if let Some(result) = content.take() {
            return Poll::Ready(result);
        }
        if let State::Pending(known) = &mut content.state
            && !known.as_ref().is_some_and(|known| known.will_wake(context.waker()))
        {
            let previous = known.replace(context.waker().clone());
            drop(content);
            drop(previous);
        }
        Poll::Pending
    }

    /// The failure, if there is one.
    pub(super) fn failure(&self) -> Option<Failure> {
        let mut content = self.content();
        let State::Failed(failure) = &content.state else { return None };
        let failure = failure.clone();
        content.observed = true;
        Some(failure)
    }

    /// Says that nobody wants to hear of a failure.
    pub(super) fn ignore_failure(&self) {
        self.content().observed = true;
    }

    /// The failure, if there is one that nobody has been given.
    pub(super) fn unobserved_failure(&self) -> Option<Failure> {
        let unobserved = !self.content().observed;
        if unobserved { self.failure() } else { None }
    }

    fn content(&self) -> MutexGuard<'_, Content<T>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Content<T> {
    /// The result, if there is one.
    fn take(&mut self) -> Option<Result<T, Failure>> {
        match mem::replace(&mut self.state, State::Taken) {
            State::Pending(waker) => {
                self.state = State::Pending(waker);
                None
            }
            State::Value(value) => Some(Ok(value)),
            State::Taken => Some(Err(ResultTakenError.into())),
            State::Failed(failure) => {
                self.observed = true;
                self.state = State::Failed(failure.clone());
                Some(Err(failure))
            }
        }
    }
}

/// A failure that nobody has been given is logged.
impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if let Some(failure) = self.unobserved_failure() {
            guard::log("EventualResult", &failure);
        }
        let pending = matches!(self.content().state, State::Pending(_));
        if let Some((number, registry)) = self.operation.as_ref().filter(|_| pending) {
            registry.release(*number);
        }
    }
}

/// A slot that something is on its way to.
pub(super) struct Delivery<T> {
    slot: Weak<Slot<T>>,
}

impl<T> Delivery<T> {
    pub(super) fn to(slot: &Arc<Slot<T>>) -> Self {
        Self { slot: Arc::downgrade(slot) }
    }

    /// Whether somebody still waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        self.slot.strong_count() > 0
    }

    /// Delivers a result. If nobody waits for it any more a failure is logged.
    pub(super) fn deliver(self, result: Result<T, Failure>) {
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

/// Something that waits for a reactor, whatever its result.
pub(super) trait Waiting: Send + Sync {
    fn reactor_stopped(&self);
}

impl<T: Send> Waiting for Slot<T> {
    fn reactor_stopped(&self) {
        self.fill(Err(ReactorStopped.into()));
    }
}
