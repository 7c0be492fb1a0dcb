//! [`add_observer`]: looking on.
//!
//! Mirrors `addObserver` and `removeObserver` of `twisted.python.log`. Tested
//! in `tests/logging/log_observer.rs`.

use std::fmt;
use std::sync::Arc;

use super::error::LoggingError;
use super::event::LogEvent;
use super::global::{self, LogHandle};
use super::hub::Hub;
use super::layer::LogLayer;
use super::logging::Logging;

/// Calls `observer` for all that is logged, of level `INFO` and up, until the
/// guard is dropped.
///
/// It looks on wherever this thread logs to: in a thread's own log or
/// [`LogCapture`](super::LogCapture) if it has one; in a subscriber of your
/// own that has a [`layer`](super::layer()) of ours; or in the log of the
/// process, started or not.
///
/// An observer that panics is called again for the next event; the others get
/// to know of it.
///
/// # Errors
///
/// [`LoggingError::OtherSubscriber`] if none of them is there, and the
/// process has a subscriber that is not ours.
///
/// # Re-entrancy
///
/// An observer may do anything, adding and removing observers included. What
/// it logs itself it is not shown; others are, in the log of a process. In
/// that of a thread, `tracing` drops it.
///
/// ```
/// use reactor_compat::log;
/// use std::sync::mpsc;
///
/// let (send, receive) = mpsc::channel();
/// let guard = log::add_observer(move |event| send.send(event.text()).unwrap())?;
/// log::msg("hello");
/// drop(guard);
/// log::msg("bye");
/// assert_eq!(receive.iter().collect::<Vec<_>>(), ["hello"]);
/// # Ok::<(), log::LoggingError>(())
/// ```
#[doc(alias = "addObserver")]
#[doc(alias = "ILogObserver")]
pub fn add_observer(
    observer: impl Fn(&LogEvent) + Send + Sync + 'static,
) -> Result<ObserverGuard, LoggingError> {
    Logging::observer(observer).add()
}

impl Logging {
    /// Adds the log to those that this thread logs to, without a first line,
    /// until the guard is dropped; see [`add_observer`].
    ///
    /// # Errors
    ///
    /// As [`add_observer`].
    ///
    /// ```
    /// use reactor_compat::log::{LogCapture, Logging};
    /// use std::sync::mpsc;
    ///
    /// let capture = LogCapture::start();
    /// let (send, receive) = mpsc::channel();
    /// let guard = Logging::observer(move |event| send.send(event.text()).unwrap())
    ///     .targets("off,clock=debug")?
    ///     .add()?;
    /// tracing::debug!(target: "clock", "tick");
    /// tracing::info!("tock");
    /// drop(guard);
    /// assert_eq!(receive.iter().collect::<Vec<_>>(), ["tick"]);
    /// assert_eq!(capture.messages(), ["tock"]);
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    pub fn add(self) -> Result<ObserverGuard, LoggingError> {
        let hub = match current() {
            Some(hub) => hub,
            None => global::hub()?,
        };
        Ok(ObserverGuard { handle: LogHandle::begin(&hub, self) })
    }
}

/// The hub that this thread logs to, if it is one of ours.
fn current() -> Option<Arc<Hub>> {
    tracing::dispatcher::get_default(|dispatch| {
        dispatch.downcast_ref::<LogLayer>().map(|layer| layer.hub.clone())
    })
}

/// Ends an [observation](add_observer) when dropped.
///
/// See the example of [`add_observer`].
#[doc(alias = "removeObserver")]
#[must_use = "dropping the guard ends the observation"]
pub struct ObserverGuard {
    handle: LogHandle,
}

impl ObserverGuard {
    /// Lets the observation go on, for good or until the handle is stopped.
    ///
    /// ```
    /// use reactor_compat::log;
    ///
    /// let handle = log::add_observer(|event| drop(event.text()))?.detach();
    /// assert!(handle.active());
    /// # Ok::<(), log::LoggingError>(())
    /// ```
    pub fn detach(self) -> LogHandle {
        let handle = self.handle.clone();
        std::mem::forget(self);
        handle
    }
}

impl Drop for ObserverGuard {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

impl fmt::Debug for ObserverGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserverGuard").finish_non_exhaustive()
    }
}
