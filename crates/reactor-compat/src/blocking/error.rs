//! The errors of waiting for a reactor.
//!
//! Mirrors the exceptions of `crochet`. Tested in `tests/runtime/blocking.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::eventual_result::EventualResult;
use super::store::{ResultId, STASH_LIMIT};

/// The time to wait was over, and there was no result.
///
/// It says nothing about what was waited for, which goes on and may be waited
/// for again. That is why it is not the [`deferred::TimeoutError`], which is a
/// result: what was waited for has given up. One who gets a Failure from
/// [`wait`](super::EventualResult::wait) has to tell the two apart; crochet's
/// is a class of its own as well.
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::blocking::{EventLoop, WaitTimeout};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new();
/// event_loop.setup()?;
/// let failure = event_loop.wait_for(Duration::ZERO, || Deferred::<()>::new().0).unwrap_err();
/// assert_eq!(failure.check(), Some(&WaitTimeout::new(Duration::ZERO)));
/// # Ok::<(), reactor_compat::blocking::SetupError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "crochet.TimeoutError")]
#[error("there was no result after {timeout:?}")]
pub struct WaitTimeout {
    timeout: Duration,
}

impl WaitTimeout {
    /// An error that says `timeout` went by.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let error = reactor_compat::blocking::WaitTimeout::new(Duration::from_secs(2));
    /// assert_eq!(error.to_string(), "there was no result after 2s");
    /// ```
    pub fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// The time that went by.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let error = reactor_compat::blocking::WaitTimeout::new(Duration::from_secs(2));
    /// assert_eq!(error.timeout(), Duration::from_secs(2));
    /// ```
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// There is no reactor to run anything in: nobody has called
/// [`setup`](super::setup) or [`no_setup`](super::no_setup).
///
/// ```
/// use reactor_compat::blocking::{EventLoop, NotSetUp};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new();
/// let failure = event_loop.wait_for(Duration::MAX, || Ok(1)).unwrap_err();
/// assert!(failure.is::<NotSetUp>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("no reactor has been set up")]
pub struct NotSetUp;

/// [`no_setup`](super::no_setup) came too late, or twice.
///
/// ```
/// use reactor_compat::blocking::{AlreadySetUp, EventLoop};
///
/// let event_loop = EventLoop::new();
/// event_loop.setup()?;
/// assert_eq!(event_loop.no_setup(), Err(AlreadySetUp));
/// # Ok::<(), reactor_compat::blocking::SetupError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("no_setup() is to be called once, by the program, before any library calls setup()")]
pub struct AlreadySetUp;

/// The operating system gave no thread to [`setup`](super::setup).
///
/// ```
/// use reactor_compat::blocking::SetupError;
///
/// let error = SetupError::from(std::io::ErrorKind::OutOfMemory);
/// assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("no thread for the reactor")]
pub struct SetupError {
    source: Arc<io::Error>,
}

impl SetupError {
    /// The error of the operating system.
    ///
    /// See the [type's example](Self).
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl From<io::ErrorKind> for SetupError {
    fn from(kind: io::ErrorKind) -> Self {
        io::Error::from(kind).into()
    }
}

impl From<io::Error> for SetupError {
    fn from(error: io::Error) -> Self {
        Self { source: Arc::new(error) }
    }
}

/// Two are one if they are of one kind.
impl PartialEq for SetupError {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind()
    }
}

impl Eq for SetupError {}

impl From<SetupError> for io::Error {
    fn from(error: SetupError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Why [`retrieve_result`](super::retrieve_result) gave nothing.
///
/// ```
/// use reactor_compat::blocking::{EventLoop, ResultId, RetrieveError};
///
/// let id = ResultId::from(7);
/// let error = EventLoop::new().retrieve_result::<()>(id).unwrap_err();
/// assert_eq!(error, RetrieveError::Unknown(id));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetrieveError {
    /// There is none of that id, or it was retrieved before.
    #[error("there is no stashed result {0}")]
    Unknown(ResultId),
    /// It is the result of something else, and stays where it is.
    #[error("the stashed result {0} is of another type")]
    OfAnotherType(ResultId),
}

/// There are [`STASH_LIMIT`] results in the stash; it gives back the one that
/// was to be the next.
///
/// ```
/// use reactor_compat::blocking::{EventLoop, StashFull};
/// use std::time::Duration;
///
/// let background = EventLoop::new();
/// background.setup()?;
/// let error = StashFull(background.run_in_reactor(|| Ok(7)));
/// assert!(error.to_string().starts_with("there are 65536 results"));
/// assert_eq!(error.0.wait(Duration::from_secs(10))?, 7);
/// background.shutdown();
/// # Ok::<(), deferred::Failure>(())
/// ```
pub struct StashFull<T: Send + 'static>(pub EventualResult<T>);

impl<T: Send + 'static> fmt::Debug for StashFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StashFull").field(&self.0).finish()
    }
}

impl<T: Send + 'static> fmt::Display for StashFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {STASH_LIMIT} results in the stash already")
    }
}

impl<T: Send + 'static> Error for StashFull<T> {}
