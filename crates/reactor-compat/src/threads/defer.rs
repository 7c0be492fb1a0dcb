//! [`defer_to_thread`]: the result of a function that blocks, as a Deferred.
//!
//! Mirrors `deferToThread`, `deferToThreadPool` and `callMultipleInThread` of
//! `twisted.internet.threads`, and `IReactorInThreads`. Tested in
//! `tests/runtime/thread_pool.rs`.

use std::cell::Cell;
use std::rc::Rc;

use deferred::{Deferred, Failure};

use super::{ThreadPool, ThreadPoolError};
use crate::error::ReactorStopped;
use crate::reactor::{Reactor, reactor};

/// Calls `function` on a thread of the pool of this thread's reactor; gives a
/// Deferred of its result, which fires on this thread.
///
/// [`Reactor::defer_to_thread`] does the same for any reactor.
///
/// ```
/// use reactor_compat::{defer_to_thread, reactor};
///
/// reactor().call_when_running(|| {
///     let length = defer_to_thread(|| Ok(std::fs::read("Cargo.toml")?.len()));
///     drop(length.add_callback(|length| {
///         assert_ne!(length, 0);
///         Ok(reactor().stop()?)
///     }));
/// });
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "deferToThread")]
#[track_caller]
pub fn defer_to_thread<T: Send + 'static>(
    function: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Deferred<T> {
    reactor().defer_to_thread(function)
}

/// Calls `function` on a thread of `pool`; gives a Deferred of its result,
/// which fires on the thread of `reactor`.
///
/// It fails with what `function` fails with or panics with; with a
/// [`ReactorNotDriven`](crate::ReactorNotDriven) if nobody runs `reactor`; with a
/// [`ThreadPoolError`] if the pool refuses it, or is stopped, with its reactor
/// for example, before its turn has come; and with [`ReactorStopped`] if the
/// reactor stops before there is a result. If nobody has the Deferred or waits
/// for it when the reactor stops, it is let go instead, with its callbacks, as in
/// Twisted.
///
/// # Cancellation
///
/// Nothing stops a function that runs: cancelling the Deferred lets it run on,
/// and throws its result away.
///
/// See the example of [`ThreadPool`].
#[doc(alias = "deferToThreadPool")]
#[track_caller]
pub fn defer_to_thread_pool<T: Send + 'static>(
    reactor: &Reactor,
    pool: &ThreadPool,
    function: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Deferred<T> {
    if let Err(error) = reactor.check_driven() {
        return Deferred::fail(error);
    }
    let expected = Rc::new(Cell::new(None));
    let (cancelled, its) = (expected.clone(), reactor.downgrade());
    let (result, trigger) = Deferred::with_canceller(move |_| {
        if let (Some(number), Some(reactor)) = (cancelled.get(), its.upgrade()) {
            reactor.forget_result(number);
        }
    });
    let its = reactor.downgrade();
    let number = reactor.expect_result(move |sent| {
        let sent = sent.and_then(|any| any.downcast::<Result<T, Failure>>().ok());
        let result = sent.map_or_else(|| Err(ReactorStopped.into()), |result| *result);
        // That the reactor stops is an error only for those who wait.
        let stopping = its.upgrade().is_none_or(|reactor| reactor.stopping());
        if stopping && is_of_stopping(&result) && !trigger.is_held() {
            return;
        }
        // It is not fired before: cancelling it comes first.
        let _ = trigger.fire(result);
    });
    expected.set(Some(number));
    let remote = reactor.remote();
    // If the reactor has stopped, it has said so to the Deferred.
    let deliver = move |result: Result<T, Failure>| {
        if let Err(Some(Err(failure))) = remote.complete(number, result) {
            crate::log::err(failure, "in a thread, after the reactor had stopped");
        }
    };
    if let Err(error) = pool.call_in_thread_with_callback(deliver, function) {
        reactor.complete(number, Some(Box::new(Err::<T, Failure>(error.into()))));
    }
    result
}

/// Whether a function has no result because the reactor or its pool has stopped.
fn is_of_stopping<T>(result: &Result<T, Failure>) -> bool {
    result.as_ref().is_err_and(|failure| {
        failure.is::<ReactorStopped>() || failure.check() == Some(&ThreadPoolError::Stopped)
    })
}

/// Calls functions one after the other on one thread of the pool of this
/// thread's reactor. One that panics ends that, and is logged.
///
/// # Errors
///
/// As [`Reactor::call_in_thread`].
///
/// ```
/// use reactor_compat::{call_multiple_in_thread, reactor};
///
/// let remote = reactor().remote();
/// call_multiple_in_thread([
///     Box::new(|| println!("first")) as Box<dyn FnOnce() + Send>,
///     Box::new(move || remote.stop().unwrap()),
/// ])?;
/// reactor().run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "callMultipleInThread")]
pub fn call_multiple_in_thread(
    functions: impl IntoIterator<Item = Box<dyn FnOnce() + Send>, IntoIter: Send + 'static>,
) -> Result<(), ThreadPoolError> {
    let functions = functions.into_iter();
    reactor().call_in_thread(move || functions.for_each(|function| function()))
}

impl Reactor {
    /// Calls `function` on a thread of the reactor's [pool](Self::get_thread_pool);
    /// once the reactor runs, if it does not yet.
    ///
    /// If it panics, or is never called because the reactor stops before, that
    /// is logged.
    ///
    /// # Errors
    ///
    /// [`ThreadPoolError`] if the reactor is closing down, too many functions
    /// wait, or nothing can drive the reactor here; then `function` is dropped.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let remote = reactor.remote();
    /// reactor.call_in_thread(move || {
    ///     assert!(!remote.is_on_reactor_thread());
    ///     remote.stop().unwrap();
    /// })?;
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "callInThread")]
    #[doc(alias = "IReactorInThreads")]
    pub fn call_in_thread(
        &self,
        function: impl FnOnce() + Send + 'static,
    ) -> Result<(), ThreadPoolError> {
        self.check_drivable().map_err(|_| ThreadPoolError::ReactorNotDriven)?;
        self.get_thread_pool().call_in_thread(function)
    }

    /// Calls `function` on a thread of the reactor's pool; gives a Deferred of
    /// its result. See [`defer_to_thread_pool`].
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let stop = reactor.clone();
    /// let answer = reactor.defer_to_thread(|| Ok(6 * 7)).add_callback(move |n| {
    ///     stop.stop()?;
    ///     Ok(n)
    /// });
    /// reactor.run()?;
    /// assert_eq!(deferred::testing::success_result_of(answer), 42);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "deferToThread")]
    #[track_caller]
    pub fn defer_to_thread<T: Send + 'static>(
        &self,
        function: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Deferred<T> {
        defer_to_thread_pool(self, &self.get_thread_pool(), function)
    }

    /// Sets how many threads the reactor's pool may use: 10 if nobody says
    /// otherwise.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// reactor.suggest_thread_pool_size(3);
    /// assert_eq!(reactor.get_thread_pool().size(), 3);
    /// ```
    #[doc(alias = "suggestThreadPoolSize")]
    #[doc(alias = "IReactorThreads")]
    pub fn suggest_thread_pool_size(&self, threads: usize) {
        self.get_thread_pool().adjust_pool_size(threads);
    }
}
