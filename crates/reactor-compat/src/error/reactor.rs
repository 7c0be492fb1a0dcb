//! The errors of running and stopping a reactor, and of reaching it from another
//! thread.

use std::error::Error;
use std::fmt;
use std::io;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.ReactorAlreadyRunning")]
pub struct ReactorAlreadyRunning;

impl fmt::Display for ReactorAlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor is already running")
    }
}

impl Error for ReactorAlreadyRunning {}

/// The reactor was told to stop while it does not run, or twice.
///
/// ```
/// use reactor_compat::{Reactor, ReactorNotRunning};
///
/// assert_eq!(Reactor::new().stop(), Err(ReactorNotRunning));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.ReactorNotRunning")]
pub struct ReactorNotRunning;

impl fmt::Display for ReactorNotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor is not running")
    }
}

impl Error for ReactorNotRunning {}

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReactorNotDriven;

impl fmt::Display for ReactorNotDriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nothing drives the reactor here; await `run_until_stopped`, or give it a thread \
             with `Reactor::spawn_thread`",
        )
    }
}

impl Error for ReactorNotDriven {}

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
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// It runs already, on this same thread, further up the stack.
    AlreadyRunning(ReactorAlreadyRunning),
    /// The thread is inside another Tokio runtime, which would be blocked.
    InsideRuntime,
    /// The thread is not inside a Tokio runtime that the reactor could be
    /// attached to, or that has no local tasks.
    OutsideRuntime,
    /// The runtime that the reactor was to be attached to has no timer; build it
    /// with `enable_time`.
    NoTimer,
    /// The operating system did not give what a runtime needs.
    Io(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning(error) => error.fmt(f),
            Self::InsideRuntime => f.write_str(
                "the reactor cannot run inside another Tokio runtime, which it would block",
            ),
            Self::OutsideRuntime => f.write_str(
                "the reactor cannot be attached where there is no Tokio runtime with local tasks",
            ),
            Self::NoTimer => {
                f.write_str("the reactor cannot be attached to a Tokio runtime without a timer")
            }
            Self::Io(_) => f.write_str("the reactor's runtime could not be made"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::AlreadyRunning(_)
            | Self::InsideRuntime
            | Self::OutsideRuntime
            | Self::NoTimer => None,
            Self::Io(error) => Some(error),
        }
    }
}

impl From<ReactorAlreadyRunning> for RunError {
    fn from(error: ReactorAlreadyRunning) -> Self {
        Self::AlreadyRunning(error)
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "crochet.ReactorStopped")]
pub struct ReactorStopped;

impl fmt::Display for ReactorStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor has stopped")
    }
}

impl Error for ReactorStopped {}

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WouldDeadlock;

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor's own thread cannot wait for the reactor")
    }
}

impl Error for WouldDeadlock {}

/// An object was called from inside one of its own calls: see
/// [`RemoteObject::call`](crate::RemoteObject::call).
///
/// ```
/// let error = reactor_compat::RemoteObjectBusy;
/// assert_eq!(error.to_string(), "the object is in the middle of another call");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteObjectBusy;

impl fmt::Display for RemoteObjectBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object is in the middle of another call")
    }
}

impl Error for RemoteObjectBusy {}

/// Why a reactor's thread did not end well.
///
/// ```
/// use reactor_compat::{Reactor, ReactorThreadError, RunOptions};
///
/// let thread = Reactor::spawn_thread_with(RunOptions::new(), |_| panic!("on purpose"))?;
/// assert_eq!(thread.join(), Err(ReactorThreadError::Panicked));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReactorThreadError {
    /// The reactor could not run: what its [`RunError`] says.
    NotRun(String),
    /// The function that was to be called before it runs panicked.
    Panicked,
    /// A thread cannot wait for its own end.
    WouldDeadlock,
}

impl fmt::Display for ReactorThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(why) => f.write_str(why),
            Self::Panicked => f.write_str("the reactor's thread panicked"),
            Self::WouldDeadlock => WouldDeadlock.fmt(f),
        }
    }
}

impl Error for ReactorThreadError {}
