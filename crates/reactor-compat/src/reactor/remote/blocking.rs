//! [`blocking_call_from_thread`]: waiting for a reactor on another thread.
//!
//! Mirrors `twisted.internet.threads.blockingCallFromThread`. Tested in
//! `tests/runtime/threads.rs`.

#[cfg(doc)]
use deferred::CancelledError;
use deferred::{CallbackResult, Failure};

use super::Remote;
#[cfg(doc)]
use crate::error::ReactorStopped;
use crate::error::WouldDeadlock;

/// Calls `call` on the thread of `reactor`, and waits for its result; see
/// [`Remote::blocking_call_from_thread`].
///
/// ```
/// use reactor_compat::{Reactor, blocking_call_from_thread};
/// use std::thread;
///
/// let reactor = Reactor::new();
/// let remote = reactor.remote();
/// let other = thread::spawn(move || {
///     let sum = blocking_call_from_thread(&remote, || Ok(1 + 1));
///     remote.stop().unwrap();
///     sum
/// });
/// reactor.run()?;
/// assert_eq!(other.join().unwrap().unwrap(), 2);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
///
/// # Errors
///
/// As [`Remote::blocking_call_from_thread`].
#[doc(alias = "blockingCallFromThread")]
pub fn blocking_call_from_thread<R>(
    reactor: &Remote,
    call: impl FnOnce() -> R + Send + 'static,
) -> Result<R::Value, Failure>
where
    R: CallbackResult<Value: Send>,
{
    reactor.blocking_call_from_thread(call)
}

impl Remote {
    /// Has the reactor call `call` on its own thread, and waits for the result;
    /// if that is a Deferred, for the Deferred's.
    ///
    /// Before the reactor runs, this waits for it to do so.
    ///
    /// # Errors
    ///
    /// - What `call` fails with, or its Deferred; a panic is a
    ///   [`Panic`](deferred::Panic).
    /// - [`ReactorStopped`] if the reactor has stopped, or stops before there
    ///   is a result.
    /// - [`CancelledError`] if the Deferred goes away without a result.
    /// - [`WouldDeadlock`] at once, on the reactor's own thread.
    ///
    /// ```
    /// use reactor_compat::{Reactor, ReactorTime, reactor, task::defer_later};
    /// use std::{thread, time::Duration};
    ///
    /// let remote = reactor().remote();
    /// let other = thread::spawn(move || {
    ///     let answer = remote.blocking_call_from_thread(|| {
    ///         defer_later(&reactor(), Duration::from_millis(1), || Ok(42))
    ///     });
    ///     remote.stop().unwrap();
    ///     answer
    /// });
    /// reactor().run()?;
    /// assert_eq!(other.join().unwrap().unwrap(), 42);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "blockingCallFromThread")]
    pub fn blocking_call_from_thread<R>(
        &self,
        call: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R::Value, Failure>
    where
        R: CallbackResult<Value: Send>,
    {
        if self.is_on_reactor_thread() {
            return Err(WouldDeadlock.into());
        }
        // Nobody can cancel it: if its Deferred goes away, it has come to its end.
        self.start(None, |_reactor| call()).wait()
    }
}
