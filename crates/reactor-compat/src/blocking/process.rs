//! The event loop of the process, and its methods as functions.
//!
//! Mirrors the functions of the package `crochet`. Tested in
//! `tests/runtime/blocking.rs`.

use std::time::Duration;

use deferred::{CallbackResult, Failure};

use super::error::{AlreadySetUp, RetrieveError, SetupError};
use super::event_loop::EventLoop;
use super::eventual_result::EventualResult;
use super::store::ResultId;

static EVENT_LOOP: EventLoop = EventLoop::new();

/// Starts a reactor on a thread of its own, if that has not been done: any
/// number of libraries may call it.
///
/// If the program has said [`no_setup`], it has no effect. The reactor handles
/// no signals. It ends with the process, or at [`shutdown`]; after that this
/// starts another.
///
/// # Errors
///
/// [`SetupError`] if there is no thread to be had.
///
/// ```
/// use reactor_compat::{blocking::{setup, wait_for}, reactor};
/// use std::time::Duration;
///
/// setup()?;
/// setup()?;
/// assert!(wait_for(Duration::from_secs(10), || Ok(reactor().running()))?);
/// # Ok::<(), deferred::Failure>(())
/// ```
#[doc(alias = "crochet.setup")]
pub fn setup() -> Result<(), SetupError> {
    EVENT_LOOP.setup()
}

/// For a program that runs a reactor itself: everything is to run in the
/// reactor of this thread, and [`setup`] shall do nothing.
///
/// To be called once, before any library calls [`setup`]. What is asked for
/// before the reactor runs waits until it does.
///
/// # Errors
///
/// [`AlreadySetUp`] if it, or [`setup`], was called before.
///
/// ```
/// use reactor_compat::{blocking::{no_setup, setup, wait_for}, reactor};
/// use std::{thread, time::Duration};
///
/// no_setup()?;
/// let library = thread::spawn(|| {
///     setup().unwrap();
///     wait_for(Duration::from_secs(10), || Ok(reactor().stop()?))
/// });
/// reactor().run()?;
/// library.join().unwrap()?;
/// # Ok::<(), deferred::Failure>(())
/// ```
#[doc(alias = "crochet.no_setup")]
pub fn no_setup() -> Result<(), AlreadySetUp> {
    EVENT_LOOP.no_setup()
}

/// Stops the reactor that [`setup`] started, and waits until it has stopped:
/// connections are closed, and whoever waits for a result is told
/// [`ReactorStopped`](crate::ReactorStopped). Failures in the stash that nobody
/// has been given are logged.
///
/// crochet does so when the main thread ends. A process of Rust's ends then,
/// with all that runs in it, so call this at the end of `main` if that is too
/// abrupt. It does nothing where there is no such reactor; on the reactor's own
/// thread it stops it and does not wait.
///
/// ```
/// use reactor_compat::{ReactorStopped, blocking::{run_in_reactor, setup, shutdown}};
/// use std::time::Duration;
///
/// setup()?;
/// shutdown();
/// let failure = run_in_reactor(|| Ok(())).wait(Duration::ZERO).unwrap_err();
/// assert!(failure.is::<ReactorStopped>());
/// # Ok::<(), reactor_compat::blocking::SetupError>(())
/// ```
pub fn shutdown() {
    EVENT_LOOP.shutdown();
}

/// Has the reactor call `function` on its thread, and returns at once with its
/// result, which is there when `function`, or the Deferred it returned, is
/// done.
///
/// A panic is a failure, a [`Panic`](deferred::Panic). If there is no reactor,
/// or it has stopped, the result is a failure that says so. It may be called on
/// the reactor's own thread, too, where the result can be awaited.
///
/// There may be as many calls waiting as memory holds.
///
/// ```
/// use deferred::ensure_deferred;
/// use reactor_compat::blocking::{run_in_reactor, setup};
/// use std::time::Duration;
///
/// setup()?;
/// let result = run_in_reactor(|| {
///     ensure_deferred(async {
///         tokio::task::yield_now().await;
///         Ok("from the reactor")
///     })
/// });
/// assert_eq!(result.wait(Duration::from_secs(10))?, "from the reactor");
/// # Ok::<(), deferred::Failure>(())
/// ```
#[doc(alias = "crochet.run_in_reactor")]
pub fn run_in_reactor<R>(function: impl FnOnce() -> R + Send + 'static) -> EventualResult<R::Value>
where
    R: CallbackResult<Value: Send>,
{
    EVENT_LOOP.run_in_reactor(function)
}

/// Has the reactor call `function` on its thread, and waits for the result, but
/// not longer than `timeout`; then it is cancelled.
///
/// # Errors
///
/// As [`EventualResult::wait`].
///
/// ```
/// use reactor_compat::{blocking::{setup, wait_for}, reactor, task::defer_later};
/// use std::time::Duration;
///
/// setup()?;
/// let nap = || defer_later(&reactor(), Duration::from_millis(2), || Ok("rested"));
/// assert_eq!(wait_for(Duration::from_secs(10), nap)?, "rested");
/// # Ok::<(), deferred::Failure>(())
/// ```
#[doc(alias = "crochet.wait_for")]
pub fn wait_for<R>(
    timeout: Duration,
    function: impl FnOnce() -> R + Send + 'static,
) -> Result<R::Value, Failure>
where
    R: CallbackResult<Value: Send>,
{
    EVENT_LOOP.wait_for(timeout, function)
}

/// Takes a result out of the stash, where
/// [`EventualResult::stash`] has put it.
///
/// # Errors
///
/// [`RetrieveError`] if there is none of that id and type.
///
/// ```
/// use reactor_compat::blocking::{RetrieveError, retrieve_result, run_in_reactor, setup};
///
/// setup()?;
/// let id = run_in_reactor(|| Ok(1)).stash()?;
/// assert_eq!(retrieve_result::<()>(id).unwrap_err(), RetrieveError::OfAnotherType(id));
/// assert!(retrieve_result::<i32>(id).is_ok());
/// assert_eq!(retrieve_result::<i32>(id).unwrap_err(), RetrieveError::Unknown(id));
/// # Ok::<(), deferred::Failure>(())
/// ```
#[doc(alias = "crochet.retrieve_result")]
pub fn retrieve_result<T: Send + 'static>(
    id: ResultId,
) -> Result<EventualResult<T>, RetrieveError> {
    EVENT_LOOP.retrieve_result(id)
}
