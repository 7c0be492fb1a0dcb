//! [`LogCapture`]: the events of a test, to be looked at.
//!
//! Mirrors what `twisted.trial` does with logged errors, `flushLoggedErrors`,
//! and `twisted.logger.capturedLogs`. Tested in `tests/logging/log_observer.rs`.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use deferred::Failure;
use tracing::Level;

use super::error::LoggingError;
use super::event::LogEvent;
use super::logging::Logging;
use super::thread::ThreadLog;

/// Collects what this thread logs, for a test; meanwhile it goes nowhere else.
///
/// Whatever errors have not been [flushed](Self::flush_logged_errors) or
/// [taken](Self::take) when it is dropped fail the test, as they do in trial.
///
/// ```
/// use reactor_compat::log::{self, LogCapture};
///
/// let capture = LogCapture::start();
/// log::msg("hello");
/// log::err(std::fmt::Error, "while printing");
/// assert_eq!(capture.messages(), ["hello", "while printing"]);
/// assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 1);
/// ```
#[must_use = "it collects until it is dropped"]
#[doc(alias = "capturedLogs")]
#[doc(alias = "EventLoggingObserver")]
pub struct LogCapture {
    events: Arc<Mutex<Vec<LogEvent>>>,
    log: Option<ThreadLog>,
}

impl LogCapture {
    /// Begins to collect what is of level `INFO` and up.
    ///
    /// ```should_panic
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let _capture = LogCapture::start();
    /// log::err(std::fmt::Error, "nobody expects it");
    /// ```
    pub fn start() -> Self {
        let events = Arc::default();
        let logging = collecting(&events);
        Self::begin(events, logging)
    }

    /// Begins to collect with a level for each target, as in
    /// [`Logging::targets`].
    ///
    /// # Errors
    ///
    /// [`LoggingError::BadTargets`] if it cannot be read so.
    ///
    /// ```
    /// use reactor_compat::log::LogCapture;
    ///
    /// let capture = LogCapture::of_targets("off,mail=debug")?;
    /// tracing::debug!(target: "mail", "one");
    /// tracing::info!(target: "news", "two");
    /// assert_eq!(capture.messages(), ["one"]);
    /// # Ok::<(), reactor_compat::log::LoggingError>(())
    /// ```
    pub fn of_targets(targets: &str) -> Result<Self, LoggingError> {
        let events = Arc::default();
        let logging = collecting(&events).targets(targets)?;
        Ok(Self::begin(events, logging))
    }

    fn begin(events: Arc<Mutex<Vec<LogEvent>>>, logging: Logging) -> Self {
        Self { events, log: Some(ThreadLog::begin(logging)) }
    }

    /// The events that were collected and not taken.
    ///
    /// ```
    /// let capture = reactor_compat::log::LogCapture::start();
    /// assert!(capture.events().is_empty());
    /// ```
    pub fn events(&self) -> Vec<LogEvent> {
        lock(&self.events).clone()
    }

    /// The messages of what was collected and not taken.
    ///
    /// ```
    /// let capture = reactor_compat::log::LogCapture::start();
    /// reactor_compat::log::msg("hello");
    /// assert_eq!(capture.messages(), ["hello"]);
    /// ```
    pub fn messages(&self) -> Vec<String> {
        lock(&self.events).iter().map(|event| event.message().to_owned()).collect()
    }

    /// Takes everything, errors included.
    ///
    /// ```
    /// let capture = reactor_compat::log::LogCapture::start();
    /// reactor_compat::log::msg("hello");
    /// assert_eq!(capture.take().len(), 1);
    /// assert!(capture.events().is_empty());
    /// ```
    pub fn take(&self) -> Vec<LogEvent> {
        std::mem::take(&mut *lock(&self.events))
    }

    /// Takes the errors of type `E` that [`err`](super::err) logged, and those
    /// that were left in a Deferred.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::log::{self, LogCapture};
    ///
    /// let capture = LogCapture::start();
    /// log::err(std::fmt::Error, "");
    /// drop(Deferred::<()>::fail(std::fmt::Error));
    /// assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 2);
    /// ```
    #[doc(alias = "flushLoggedErrors")]
    pub fn flush_logged_errors<E: Error + 'static>(&self) -> Vec<Failure> {
        let flushed = self.flush(|event| event.failure().is_some_and(Failure::is::<E>));
        flushed.iter().filter_map(|event| event.failure().cloned()).collect()
    }

    /// Takes the events that are `wanted`.
    ///
    /// ```
    /// use reactor_compat::log::LogCapture;
    ///
    /// let capture = LogCapture::start();
    /// tracing::error!("out of paper");
    /// assert_eq!(capture.flush(|event| event.message() == "out of paper").len(), 1);
    /// ```
    pub fn flush(&self, wanted: impl Fn(&LogEvent) -> bool) -> Vec<LogEvent> {
        // `wanted` is the test's own code, and may log.
        let (flushed, kept) = self.take().into_iter().partition(wanted);
        let mut events = lock(&self.events);
        let news = std::mem::replace(&mut *events, kept);
        events.extend(news);
        flushed
    }
}

/// A log that is collected in `events`.
fn collecting(events: &Arc<Mutex<Vec<LogEvent>>>) -> Logging {
    let events = events.clone();
    Logging::observer(move |event| lock(&events).push(event.clone()))
}

fn lock(events: &Mutex<Vec<LogEvent>>) -> std::sync::MutexGuard<'_, Vec<LogEvent>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        drop(self.log.take());
        let errors = self.flush(|event| event.level() == Level::ERROR);
        let texts: Vec<String> = errors.iter().map(LogEvent::text).collect();
        assert!(
            texts.is_empty() || thread::panicking(),
            "errors were logged that nobody expected:\n{}",
            texts.join("\n")
        );
    }
}

impl fmt::Debug for LogCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}
