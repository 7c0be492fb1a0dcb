//! [`blocking_call_from_thread`]: waiting for a reactor on another thread.
//!
//! Mirrors `twisted.internet.threads.blockingCallFromThread`. Tested in
//! `tests/runtime/threads.rs`.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use deferred::{CallbackResult, CancelledError, Deferred, Failure, Outcome};

use super::Remote;
use super::mailbox::CloseWatch;
use crate::error::{ReactorStopped, WouldDeadlock};
use crate::guard;

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
        let answer = Arc::new(Answer::default());
        let sender = AnswerSender { answer: Some(answer.clone()), called: false };
        let remote = self.clone();
        self.call_from_thread(move || sender.call(&remote, call))?;
        answer.wait()
    }
}

/// The state of an [`Answer`].
///
/// ```text
/// Pending ──set──▶ Ready ──taken──▶ Taken
/// ```
#[derive(Default)]
enum State<T> {
    #[default]
    Pending,
    Ready(Result<T, Failure>),
    Taken,
}

/// The result of a call: it is set once, and one thread waits for it.
struct Answer<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self { state: Mutex::default(), ready: Condvar::new() }
    }
}

impl<T> Answer<T> {
    /// Sets the answer; gives it back if there was one before.
    fn set(&self, result: Result<T, Failure>) -> Result<(), Result<T, Failure>> {
        let mut state = self.state();
        if !matches!(*state, State::Pending) {
            drop(state);
            return Err(result);
        }
        *state = State::Ready(result);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The answer, when it has been set.
    fn wait(&self) -> Result<T, Failure> {
        let pending = |state: &mut State<T>| matches!(state, State::Pending);
        let waited = self.ready.wait_while(self.state(), pending);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *state, State::Taken) {
            State::Ready(result) => result,
            // Only one thread waits, and only once.
            State::Pending | State::Taken => Err(ReactorStopped.into()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets an answer. If there will be none, its drop says so.
struct AnswerSender<T> {
    answer: Option<Arc<Answer<T>>>,
    /// Whether the reactor has made the call.
    called: bool,
}

impl<T: Send + 'static> AnswerSender<T> {
    /// Makes the call, and sends its result when that is there.
    fn call<R>(mut self, reactor: &Remote, call: impl FnOnce() -> R)
    where
        R: CallbackResult<Value = T> + 'static,
    {
        self.called = true;
        let result = match guard::catch(|| call().into_outcome()) {
            Ok(Outcome::Done(result)) => result,
            Ok(Outcome::Wait(deferred)) => match deferred.take_result() {
                Ok(result) => result,
                Err(deferred) => return self.send_later(reactor, deferred),
            },
            Err(failure) => Err(failure),
        };
        // Nobody else can have answered so far.
        let _ = self.send(result);
    }

    /// Sends a result that is not there yet.
    fn send_later(self, reactor: &Remote, deferred: Deferred<T>) {
        // Only who has to wait need hear of the reactor's end.
        let watch = self.watch(reactor);
        // If nobody waits any more a failure is left here, and reported.
        drop(deferred.add_both(move |result| {
            drop(watch);
            self.send(result)
        }));
    }

    /// Has the end of the reactor said, if it comes first.
    fn watch(&self, reactor: &Remote) -> Option<CloseWatch> {
        let answer = self.answer.clone()?;
        let late = answer.clone();
        let watch = reactor.on_close(move || drop(answer.set(Err(ReactorStopped.into()))));
        if watch.is_err() {
            drop(late.set(Err(ReactorStopped.into())));
        }
        watch.ok()
    }

    fn send(mut self, result: Result<T, Failure>) -> Result<(), Failure> {
        let Some(answer) = self.answer.take() else { return Ok(()) };
        answer.set(result).or_else(|too_late| too_late.map(drop))
    }
}

impl<T> Drop for AnswerSender<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let why = if self.called { CancelledError.into() } else { ReactorStopped.into() };
            let _ = answer.set(Err(why));
        }
    }
}
