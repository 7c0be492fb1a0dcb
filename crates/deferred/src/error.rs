//! Errors of Deferreds themselves: those they fail with, and those they return.
//!
//! Mirrors the exception classes of `twisted.internet.defer`. Those of the
//! lists are in [`list`](crate::DeferredList), [`race`](crate::race()) and
//! [`sync`](crate::sync). Tested in `tests/chains/error.rs`.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use thiserror::Error;

/// A Deferred was fired that had been fired before.
///
/// With [debugging](crate::set_debugging) on it knows where the Deferred was
/// made and where it was first fired.
///
/// ```
/// use deferred::Deferred;
///
/// let (_d, trigger) = Deferred::new();
/// trigger.callback(1)?;
/// assert!(trigger.callback(2).is_err());
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
pub struct AlreadyCalledError {
    pub(crate) created: Option<&'static Location<'static>>,
    pub(crate) fired: Option<&'static Location<'static>>,
}

impl AlreadyCalledError {
    /// The place where the Deferred was made; `None` unless debugging was on then.
    ///
    /// ```
    /// assert!(deferred::AlreadyCalledError::default().created().is_none());
    /// ```
    pub fn created(&self) -> Option<&'static Location<'static>> {
        self.created
    }

    /// The place where it was first fired; `None` unless debugging was on then.
    ///
    /// ```
    /// assert!(deferred::AlreadyCalledError::default().fired().is_none());
    /// ```
    pub fn fired(&self) -> Option<&'static Location<'static>> {
        self.fired
    }
}

impl fmt::Display for AlreadyCalledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Deferred was already called")?;
        if let Some(created) = self.created {
            write!(f, "; it was created at {created}")?;
        }
        if let Some(fired) = self.fired {
            write!(f, "; it was first fired at {fired}")?;
        }
        Ok(())
    }
}

/// The error of a Deferred that was cancelled.
///
/// ```
/// use deferred::{CancelledError, Deferred, testing::failure_result_of};
///
/// let (d, _trigger) = Deferred::<()>::new();
/// d.cancel();
/// assert!(failure_result_of(d).is::<CancelledError>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("cancelled")]
pub struct CancelledError;

/// The error of a Deferred whose time was up; see
/// [`add_timeout`](crate::Deferred::add_timeout).
///
/// ```
/// use deferred::{Deferred, TimeoutError, testing::failure_result_of, time::Clock};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let (d, _trigger) = Deferred::<()>::new();
/// let d = d.add_timeout(Duration::from_secs(2), &clock);
/// clock.advance(Duration::from_secs(2));
/// let failure = failure_result_of(d);
/// assert_eq!(failure.check::<TimeoutError>().unwrap().timeout(), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("timed out after {timeout:?}")]
pub struct TimeoutError {
    timeout: Duration,
}

impl TimeoutError {
    /// An error that says `timeout` went by.
    ///
    /// ```
    /// let error = deferred::TimeoutError::new(std::time::Duration::from_millis(1500));
    /// assert_eq!(error.to_string(), "timed out after 1.5s");
    /// ```
    pub fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// The time that went by.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let error = deferred::TimeoutError::new(Duration::from_secs(3));
    /// assert_eq!(error.timeout(), Duration::from_secs(3));
    /// ```
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// The result was looked for where it no longer is: it had been taken by an
/// earlier `.await` of `&mut deferred`.
///
/// ```
/// use deferred::{Deferred, ResultTakenError};
/// use futures::executor::block_on;
///
/// let mut d = Deferred::succeed(1);
/// assert_eq!(block_on(&mut d).unwrap(), 1);
/// assert!(block_on(&mut d).unwrap_err().is::<ResultTakenError>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the result of the Deferred was already taken")]
pub struct ResultTakenError;

/// A Deferred would have to wait for itself: a callback returned the Deferred
/// it was added to, or one that waits for it.
///
/// Twisted warns of the first and hangs on the second.
///
/// ```
/// use deferred::{ChainCycleError, Deferred, testing::success_result_of};
/// use std::{cell::Cell, rc::Rc};
///
/// let itself = Rc::new(Cell::new(None));
/// let (d, trigger) = Deferred::<()>::new();
/// let later = itself.clone();
/// let seen = Rc::new(Cell::new(false));
/// let see = seen.clone();
/// let d = d.add_callback(move |()| later.take().unwrap_or_else(|| Deferred::succeed(())));
/// itself.set(Some(d.add_errback(move |failure| {
///     see.set(failure.is::<ChainCycleError>());
/// })));
/// trigger.callback(())?;
/// assert!(seen.get());
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("the Deferred would wait for itself")]
pub struct ChainCycleError;
