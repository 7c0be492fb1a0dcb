//! [`EventualResult`]: a result that a reactor on another thread will have.
//!
//! Mirrors `crochet.EventualResult`. Tested in `tests/runtime/blocking.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use deferred::Failure;

use super::error::{StashFull, WaitTimeout};
use super::event_loop::Inner;
use super::slot::Slot;
use super::store::{ResultId, Stashed};
use crate::error::WouldDeadlock;

/// A result that a reactor on another thread will have.
///
/// It can be [waited for](Self::wait), or awaited, since it is a [`Future`] for
/// any executor; a thread or a task that has it may pass it to others.
///
/// A value is given once; after that there is a
/// [`ResultTakenError`](deferred::ResultTakenError). A failure is given as
/// often as it is asked for.
///
/// # Dropping
///
/// Dropping it cancels nothing. A failure that nobody has been given is
/// logged, then, or when it comes.
///
/// # Cancellation
///
/// It may be awaited by `&mut`, and again after that was dropped. To end the
/// work [`cancel`](Self::cancel) it.
///
/// ```
/// use reactor_compat::blocking::{EventualResult, run_in_reactor, setup};
/// use std::time::Duration;
///
/// setup()?;
/// let answer: EventualResult<i32> = run_in_reactor(|| Ok(6 * 7));
/// assert_eq!(answer.wait(Duration::from_secs(10))?, 42);
///
/// let answer = run_in_reactor(|| Ok(6 * 7));
/// assert_eq!(futures::executor::block_on(answer)?, 42);
/// # Ok::<(), deferred::Failure>(())
/// ```
#[must_use = "dropping it drops the result"]
#[doc(alias = "crochet.EventualResult")]
pub struct EventualResult<T: Send + 'static> {
    slot: Arc<Slot<T>>,
    event_loop: Arc<Inner>,
}

impl<T: Send + 'static> EventualResult<T> {
    pub(super) fn new(slot: Arc<Slot<T>>, event_loop: Arc<Inner>) -> Self {
        Self { slot, event_loop }
    }

    /// Waits for the result, but not longer than `timeout`, and gives it.
    ///
    /// With [`Duration::MAX`] that is as long as it takes. When the time is up
    /// the work goes on, and can be waited for again.
    ///
    /// # Errors
    ///
    /// - The failure that is the result.
    /// - [`WaitTimeout`] if there is none in time.
    /// - [`ReactorStopped`](crate::ReactorStopped) if there will be none,
    ///   because the reactor has stopped.
    /// - [`WouldDeadlock`] on the reactor's own thread, at once.
    /// - [`NotSetUp`](super::NotSetUp) if there was no reactor.
    /// - [`ResultTakenError`](deferred::ResultTakenError) if the value was
    ///   given before.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::blocking::{WaitTimeout, run_in_reactor, setup};
    /// use std::time::Duration;
    ///
    /// setup()?;
    /// let never = run_in_reactor(|| Deferred::<()>::new().0);
    /// let failure = never.wait(Duration::from_millis(1)).unwrap_err();
    /// assert!(failure.is::<WaitTimeout>());
    /// # Ok::<(), reactor_compat::blocking::SetupError>(())
    /// ```
    pub fn wait(&self, timeout: Duration) -> Result<T, Failure> {
        let registry = self.slot.operation().map(|(_, registry)| registry);
        if registry.is_some_and(|registry| registry.remote().is_on_reactor_thread()) {
            return Err(WouldDeadlock.into());
        }
        self.slot.wait_for(timeout).unwrap_or_else(|| Err(WaitTimeout::new(timeout).into()))
    }

    /// Cancels the work, as [`Deferred::cancel`](deferred::Deferred::cancel)
    /// does, soon. If it is done, or was cancelled before, nothing happens.
    ///
    /// ```
    /// use deferred::{CancelledError, Deferred};
    /// use reactor_compat::blocking::{run_in_reactor, setup};
    /// use std::time::Duration;
    ///
    /// setup()?;
    /// let never = run_in_reactor(|| Deferred::<()>::new().0);
    /// never.cancel();
    /// let failure = never.wait(Duration::from_secs(10)).unwrap_err();
    /// assert!(failure.is::<CancelledError>());
    /// # Ok::<(), reactor_compat::blocking::SetupError>(())
    /// ```
    pub fn cancel(&self) {
        if let Some((number, registry)) = self.slot.operation() {
            registry.cancel(*number);
        }
    }

    /// Keeps it under a number, for
    /// [`retrieve_result`](super::retrieve_result).
    ///
    /// # Errors
    ///
    /// [`StashFull`], with itself, if there are
    /// [`STASH_LIMIT`](super::STASH_LIMIT) already.
    ///
    /// ```
    /// use reactor_compat::blocking::{retrieve_result, run_in_reactor, setup};
    /// use std::time::Duration;
    ///
    /// setup()?;
    /// let id = run_in_reactor(|| Ok("hello")).stash()?;
    /// // In another request:
    /// let result = retrieve_result::<&str>(id)?;
    /// assert_eq!(result.wait(Duration::from_secs(10))?, "hello");
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    pub fn stash(self) -> Result<ResultId, StashFull<T>> {
        let event_loop = self.event_loop.clone();
        event_loop.store().stash(self)
    }

    /// The failure, if there is a result and it is one. It does not wait.
    ///
    /// ```
    /// use reactor_compat::blocking::{run_in_reactor, setup};
    /// use std::time::Duration;
    ///
    /// setup()?;
    /// let result = run_in_reactor(|| Ok("seven".parse::<i32>()?));
    /// assert!(result.wait(Duration::from_secs(10)).is_err());
    /// let failure = result.original_failure().unwrap();
    /// assert!(failure.is::<std::num::ParseIntError>());
    /// # Ok::<(), reactor_compat::blocking::SetupError>(())
    /// ```
    pub fn original_failure(&self) -> Option<Failure> {
        self.slot.failure()
    }

    /// Cancels the work; what it fails with because of that is of no interest.
    pub(super) fn give_up(self) {
        if let Some((number, registry)) = self.slot.operation() {
            self.slot.ignore_failure();
            registry.cancel(*number);
            // It is there when the failure comes, and goes after that.
            let slot = self.slot.clone();
            let _ = registry.remote().call_from_thread(move || drop(slot));
        }
    }
}

/// See [`EventualResult`], section *Cancellation*; its errors are those of
/// [`wait`](Self::wait).
impl<T: Send + 'static> Future for EventualResult<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(context)
    }
}

impl<T: Send + 'static> Stashed for EventualResult<T> {
    fn unobserved_failure(&self) -> Option<Failure> {
        self.slot.unobserved_failure()
    }
}

impl<T: Send + 'static> fmt::Debug for EventualResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventualResult").finish_non_exhaustive()
    }
}
