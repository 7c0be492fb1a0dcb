//! The errors of running and stopping a reactor, and of reaching it from another
//! thread.

use std::io;
use std::sync::Arc;

/// The reactor was told to run, or to do what only an idle one can, while it
/// runs.
///
/// ```
/// use reactor_compat::{Reactor, RunError};
///
/// let reactor = Reactor::new();
/// let inner = reactor.clone();
/// reactor.call_when_running(move || {
///     assert!(matches!(inner.run(), Err(RunError::AlreadyRunning(_))));
///     inner.stop().unwrap();
/// });
/// reactor.run()?;
/// # Ok::<(), RunError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ReactorAlreadyRunning")]
#[error("the reactor is already running")]
pub struct ReactorAlreadyRunning;

/// The reactor was told to stop while it does not run, or twice.
///
/// ```
/// use reactor_compat::{Reactor, ReactorNotRunning};
///
/// assert_eq!(Reactor::new().stop(), Err(ReactorNotRunning));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ReactorNotRunning")]
#[error("the reactor is not running")]
pub struct ReactorNotRunning;

/// Nothing drives the reactor where it was asked for something: nobody runs it,
/// and it cannot start by itself in a runtime of several threads, or on a thread
/// of a pool.
///
/// Await [`run_until_stopped`](crate::Reactor::run_until_stopped), or give it a
/// thread of its own with [`spawn_thread`](crate::Reactor::spawn_thread).
///
/// ```
/// use reactor_compat::{ReactorNotDriven, reactor, task::defer_later};
/// use std::time::Duration;
///
/// #[tokio::main(flavor = "multi_thread")]
/// async fn main() {
///     let failure = defer_later(&reactor(), Duration::ZERO, || ()).await.unwrap_err();
///     assert!(failure.is::<ReactorNotDriven>());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing drives the reactor here; await `run_until_stopped`, or give it a thread with `Reactor::spawn_thread`"
)]
pub struct ReactorNotDriven;

impl From<ReactorNotDriven> for io::Error {
    fn from(error: ReactorNotDriven) -> Self {
        Self::new(io::ErrorKind::NotConnected, error)
    }
}

/// Why [`Reactor::run`](crate::Reactor::run) did not run.
///
/// ```
/// use reactor_compat::{ReactorAlreadyRunning, RunError};
///
/// let error = RunError::from(ReactorAlreadyRunning);
/// assert_eq!(error.to_string(), "the reactor is already running");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It runs already, on this same thread, further up the stack.
    #[error(transparent)]
    AlreadyRunning(#[from] ReactorAlreadyRunning),
    /// The thread is inside another Tokio runtime, which would be blocked.
    #[error("the reactor cannot run inside another Tokio runtime, which it would block")]
    InsideRuntime,
    /// The thread is not inside a Tokio runtime that the reactor could be
    /// attached to, or that has no local tasks.
    #[error("the reactor cannot be attached where there is no Tokio runtime with local tasks")]
    OutsideRuntime,
    /// The runtime that the reactor was to be attached to has no timer; build it
    /// with `enable_time`.
    #[error("the reactor cannot be attached to a Tokio runtime without a timer")]
    NoTimer,
    /// The operating system did not give what a runtime needs.
    #[error("the reactor's runtime could not be made")]
    Io(#[source] io::Error),
}

/// The reactor has stopped: what was asked of it, or waited for, will not come
/// to pass.
///
/// ```
/// use reactor_compat::{Reactor, ReactorStopped};
///
/// let reactor = Reactor::new();
/// let remote = reactor.remote();
/// drop(reactor);
/// assert_eq!(remote.call_from_thread(|| ()), Err(ReactorStopped));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "crochet.ReactorStopped")]
#[error("the reactor has stopped")]
pub struct ReactorStopped;

/// The reactor's own thread was to wait for the reactor, which would have
/// waited for ever.
///
/// ```
/// use reactor_compat::{Reactor, WouldDeadlock};
///
/// let remote = Reactor::new().remote();
/// let failure = remote.blocking_call_from_thread(|| Ok(1)).unwrap_err();
/// assert!(failure.is::<WouldDeadlock>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the reactor's own thread cannot wait for the reactor")]
pub struct WouldDeadlock;

/// An object was called from inside one of its own calls: see
/// [`RemoteObject::call`](crate::RemoteObject::call).
///
/// ```
/// let error = reactor_compat::RemoteObjectBusy;
/// assert_eq!(error.to_string(), "the object is in the middle of another call");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the object is in the middle of another call")]
pub struct RemoteObjectBusy;

/// Why a reactor's thread did not end well.
///
/// ```
/// use reactor_compat::{Reactor, ReactorThreadError, RunOptions};
///
/// let thread = Reactor::spawn_thread_with(RunOptions::new(), |_| panic!("on purpose"))?;
/// assert_eq!(thread.join(), Err(ReactorThreadError::Panicked));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReactorThreadError {
    /// The reactor could not run.
    #[error("the reactor of the thread could not run")]
    NotRun(#[source] Arc<RunError>),
    /// The function that was to be called before it runs panicked.
    #[error("the reactor's thread panicked")]
    Panicked,
    /// A thread cannot wait for its own end.
    #[error("{WouldDeadlock}")]
    WouldDeadlock,
}

/// Errors of the operating system are one if they say the same.
impl PartialEq for ReactorThreadError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NotRun(one), Self::NotRun(other)) => format!("{one:?}") == format!("{other:?}"),
            (Self::Panicked, Self::Panicked) | (Self::WouldDeadlock, Self::WouldDeadlock) => true,
            _ => false,
        }
    }
}

impl Eq for ReactorThreadError {}
