//! [`LoggingError`], [`UnknownZone`]: reasons why a log could not be started.
//!
//! Tested in `tests/logging/log.rs`.

use thiserror::Error;

/// Reasons why logging could not be started.
///
/// ```
/// use reactor_compat::log::{self, LoggingError};
///
/// tracing_subscriber::fmt().init();
/// let started = log::start_logging(std::io::stdout());
/// assert_eq!(started.unwrap_err(), LoggingError::OtherSubscriber);
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggingError {
    /// The process has a global `tracing` subscriber that is not ours. Add a
    /// [`layer`](super::layer()) to it instead.
    #[error("the process has a tracing subscriber already")]
    OtherSubscriber,
    /// This text is not a list of targets and levels.
    #[error("{0:?} is not a list of targets and levels")]
    BadTargets(String),
}

/// The name of a time zone that there is not.
///
/// ```
/// use reactor_compat::log::{UnknownZone, Zone};
///
/// let error = Zone::named("Middle/Earth").unwrap_err();
/// assert_eq!(error, UnknownZone("Middle/Earth".to_owned()));
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no time zone {0:?}")]
pub struct UnknownZone(
    /// The name.
    pub String,
);
