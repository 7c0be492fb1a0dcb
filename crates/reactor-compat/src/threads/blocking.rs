//! [`blocking_call_from_thread`]: waiting for a reactor on another thread.
//!
//! Mirrors `twisted.internet.threads.blockingCallFromThread`. Tested in
//! `tests/threads.rs`.

use std::sync::mpsc::{self, Sender};

use deferred::{CallbackResult, CancelledError, Failure, maybe_deferred};

use super::Remote;
use crate::error::{ReactorStopped, WouldDeadlock};

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
    R: CallbackResult<Value: Send> + 'static,
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
        R: CallbackResult<Value: Send> + 'static,
    {
        if self.is_on_reactor_thread() {
            return Err(WouldDeadlock.into());
        }
        let (sender, receiver) = mpsc::channel();
        let at_end = sender.clone();
        let _watch = self.at_end(move || drop(at_end.send(Err(ReactorStopped.into()))))?;
        let reply = Reply { sender: Some(sender) };
        self.call_from_thread(move || {
            let result = maybe_deferred(|| call().into_outcome());
            // If nobody waits any more a failure is left here, and reported.
            drop(result.add_both(move |result| reply.send(result)));
        })?;
        receiver.recv().unwrap_or_else(|_gone| Err(ReactorStopped.into()))
    }
}

/// Where the result goes. If there will be none, that is said.
struct Reply<T> {
    sender: Option<Sender<Result<T, Failure>>>,
}

impl<T: 'static> Reply<T> {
    fn send(mut self, result: Result<T, Failure>) -> Result<(), Failure> {
        match self.sender.take().map(|sender| sender.send(result)) {
            Some(Err(unsent)) => unsent.0.map(drop),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Err(CancelledError.into()));
        }
    }
}
