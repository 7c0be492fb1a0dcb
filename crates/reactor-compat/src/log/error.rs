//! What can be wrong with starting a log.
//!
//! Tested in `tests/logging/log.rs`.

use std::error::Error;
use std::fmt;

/// Why logging could not be started.
///
/// ```
/// use reactor_compat::log::{self, LoggingError};
///
/// tracing_subscriber::fmt().init();
/// let started = log::start_logging(std::io::stdout());
/// assert_eq!(started.unwrap_err(), LoggingError::OtherSubscriber);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggingError {
    /// The process has a global `tracing` subscriber that is not ours. Add a
    /// [`layer`](super::layer()) to it instead.
    OtherSubscriber,
    /// What was to say which targets are logged at which level does not.
    BadTargets(String),
}

impl fmt::Display for LoggingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSubscriber => f.write_str("the process has a tracing subscriber already"),
            Self::BadTargets(targets) => {
                write!(f, "{targets:?} is not a list of targets and levels")
            }
        }
    }
}

impl Error for LoggingError {}

/// There is no time zone of this name.
///
/// ```
/// use reactor_compat::log::{UnknownZone, Zone};
///
/// let error = Zone::named("Middle/Earth").unwrap_err();
/// assert_eq!(error, UnknownZone("Middle/Earth".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone(
    /// The name.
    pub String,
);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no time zone {:?}", self.0)
    }
}

impl Error for UnknownZone {}
