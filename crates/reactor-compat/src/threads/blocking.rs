//! [`blocking_call_from_thread`]: waiting for a reactor on another thread.
//!
//! Mirrors `twisted.internet.threads.blockingCallFromThread`. Tested in
//! `tests/runtime/threads.rs`.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use deferred::{CallbackResult, CancelledError, Deferred, Failure, Outcome};

use super::Remote;
use super::mailbox::Watch;
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
        let reply = Reply { answer: Some(answer.clone()), called: false };
        let remote = self.clone();
        self.call_from_thread(move || reply.call(&remote, call))?;
        answer.wait()
    }
}

/// What is to be heard of a call.
///
/// ```text
/// Awaited ──given──▶ Given ──heard──▶ Heard
/// ```
#[derive(Default)]
enum Word<T> {
    #[default]
    Awaited,
    Given(Result<T, Failure>),
    Heard,
}

/// Where the result of a call is put, once, and one thread waits for it.
struct Answer<T> {
    word: Mutex<Word<T>>,
    given: Condvar,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self { word: Mutex::default(), given: Condvar::new() }
    }
}

impl<T> Answer<T> {
    /// Gives the answer; gives it back if there was one before.
    fn give(&self, result: Result<T, Failure>) -> Result<(), Result<T, Failure>> {
        let mut word = self.word();
        if !matches!(*word, Word::Awaited) {
            drop(word);
            return Err(result);
        }
        *word = Word::Given(result);
        drop(word);
        self.given.notify_one();
        Ok(())
    }

    /// The answer, when it has been given.
    fn wait(&self) -> Result<T, Failure> {
        let awaited = |word: &mut Word<T>| matches!(word, Word::Awaited);
        let waited = self.given.wait_while(self.word(), awaited);
        let mut word = waited.unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *word, Word::Heard) {
            Word::Given(result) => result,
            // Only one thread waits, and only once.
            Word::Awaited | Word::Heard => Err(ReactorStopped.into()),
        }
    }

    fn word(&self) -> MutexGuard<'_, Word<T>> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who owes the answer. If there will be none, that is said.
struct Reply<T> {
    answer: Option<Arc<Answer<T>>>,
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
    fn watch(&self, reactor: &Remote) -> Option<Watch> {
        let answer = self.answer.clone()?;
        let late = answer.clone();
        let watch = reactor.at_end(move || drop(answer.give(Err(ReactorStopped.into()))));
        if watch.is_err() {
            drop(late.give(Err(ReactorStopped.into())));
        }
        watch.ok()
    }

    fn send(mut self, result: Result<T, Failure>) -> Result<(), Failure> {
        let Some(answer) = self.answer.take() else { return Ok(()) };
        answer.give(result).or_else(|too_late| too_late.map(drop))
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let why = if self.called { CancelledError.into() } else { ReactorStopped.into() };
            let _ = answer.give(Err(why));
        }
    }
}
