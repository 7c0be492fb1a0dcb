//! [`blocking_call_from_thread`]: waiting for a reactor on another thread.
//!
//! Mirrors `twisted.internet.threads.blockingCallFromThread`. Tested in
//! `tests/threads.rs`.

use std::sync::mpsc::{self, SyncSender};

use deferred::{CallbackResult, CancelledError, Failure, maybe_deferred};

use super::Remote;
use super::mailbox::Watch;
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
        // Two may say something, neither more than once: nobody has to wait.
        let (sender, receiver) = mpsc::sync_channel(2);
        let reply = Reply { sender: Some(sender), called: false };
        let remote = self.clone();
        self.call_from_thread(move || reply.call(&remote, call))?;
        receiver.recv().unwrap_or_else(|_gone| Err(ReactorStopped.into()))
    }
}

/// Where the result goes. If there will be none, that is said.
struct Reply<T> {
    sender: Option<SyncSender<Result<T, Failure>>>,
    /// Whether the reactor has made the call.
    called: bool,
}

impl<T: Send + 'static> Reply<T> {
    /// Makes the call, and sends its result when that is there.
    fn call<R>(mut self, reactor: &Remote, call: impl FnOnce() -> R)
    where
        R: CallbackResult<Value = T> + 'static,
    {
        self.called = true;
        let result = maybe_deferred(|| call().into_outcome());
        // Only who has to wait need hear of the reactor's end.
        let watch = (!result.has_result()).then(|| self.watch(reactor));
        // If nobody waits any more a failure is left here, and reported.
        drop(result.add_both(move |result| {
            drop(watch);
            self.send(result)
        }));
    }

    /// Has the end of the reactor said, if it comes first.
    fn watch(&self, reactor: &Remote) -> Option<Watch> {
        let sender = self.sender.clone()?;
        let late = sender.clone();
        let stopped = move || drop(sender.try_send(Err(ReactorStopped.into())));
        let watch = reactor.at_end(stopped);
        if watch.is_err() {
            let _ = late.try_send(Err(ReactorStopped.into()));
        }
        watch.ok()
    }

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
            let why = if self.called { CancelledError.into() } else { ReactorStopped.into() };
            let _ = sender.try_send(Err(why));
        }
    }
}
