//! [`ResultSlot`]: a result that one thread puts in, and another waits for.
//!
//! Tested in `tests/runtime/blocking.rs` and `tests/runtime/remote.rs`, and in all
//! orders of the threads' steps in the package `models`.

use std::mem;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use deferred::{Failure, ResultTakenError};

use crate::sync::{Condvar, Mutex, MutexGuard};

/// The states of a result.
///
/// ```text
/// Pending ──▶ Value ──taken──▶ Taken
///         └─▶ Failed
/// ```
enum State<T> {
    /// Not there; the waker of whoever waits.
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

/// A result that is put in once, and waited for by another thread or task.
pub(crate) struct ResultSlot<T> {
    content: Mutex<Content<T>>,
    filled: Condvar,
}

impl<T> ResultSlot<T> {
    pub(crate) fn new() -> Self {
        let content = Content { state: State::Pending(None), observed: false };
        Self { content: Mutex::new(content), filled: Condvar::new() }
    }

    /// Puts a result in; gives it back if there is one already.
    pub(crate) fn fill(&self, result: Result<T, Failure>) -> Result<(), Result<T, Failure>> {
        let mut content = self.content();
        let State::Pending(waker) = &mut content.state else {
            drop(content);
            return Err(result);
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
        Ok(())
    }

    /// Takes the result, waiting for it as long as it takes.
    pub(crate) fn wait(&self) -> Result<T, Failure> {
        let mut content = self.content();
        loop {
            if let Some(result) = content.take() {
                return result;
            }
            content = self.filled.wait(content).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the result, waiting for it no longer than `timeout`.
    pub(crate) fn wait_for(&self, timeout: Duration) -> Option<Result<T, Failure>> {
        let Some(end) = Instant::now().checked_add(timeout) else {
            return Some(self.wait());
        };
        let mut content = self.content();
        loop {
            if let Some(result) = content.take() {
                return Some(result);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.filled.wait_timeout(content, left);
            content = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<T, Failure>> {
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

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.content().state, State::Pending(_))
    }

    /// The failure, if there is one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let mut content = self.content();
        let State::Failed(failure) = &content.state else { return None };
        let failure = failure.clone();
        content.observed = true;
        Some(failure)
    }

    /// Says that nobody wants to hear of a failure.
    pub(crate) fn ignore_failure(&self) {
        self.content().observed = true;
    }

    /// The failure, if there is one that nobody has been given.
    pub(crate) fn unobserved_failure(&self) -> Option<Failure> {
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
