//! [`LogFileError`]: reasons why something could not be done with a log file.
//!
//! Tested in `tests/logging/logfile.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::shared_io_error::SharedIoError;

/// Reasons why something could not be done with a log file.
///
/// ```
/// use reactor_compat::log::{LogFile, LogFileError};
/// use std::io;
///
/// let error = LogFile::new("a.log", "/no/such/directory").unwrap_err();
/// let LogFileError::Io { error, .. } = error else { unreachable!() };
/// assert_eq!(error.kind(), io::ErrorKind::NotFound);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFileError {
    /// There is no old log of this name.
    NoSuchLog(PathBuf),
    /// An old log of this name is there already, and is not overwritten.
    AlreadyRotated(PathBuf),
    /// The log file was closed.
    Closed,
    /// The operating system says no.
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: SharedIoError,
    },
}

impl LogFileError {
    /// For `map_err`: what went wrong with `path`.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), error: error.into() }
    }
}

impl fmt::Display for LogFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchLog(path) => write!(f, "no such logfile exists: {}", path.display()),
            Self::AlreadyRotated(path) => write!(f, "{} exists already", path.display()),
            Self::Closed => f.write_str("the log file is closed"),
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Error for LogFileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error.as_source()),
            Self::NoSuchLog(_) | Self::AlreadyRotated(_) | Self::Closed => None,
        }
    }
}

impl From<LogFileError> for io::Error {
    fn from(error: LogFileError) -> Self {
        let kind = match &error {
            LogFileError::NoSuchLog(_) => io::ErrorKind::NotFound,
            LogFileError::AlreadyRotated(_) => io::ErrorKind::AlreadyExists,
            LogFileError::Closed => io::ErrorKind::NotConnected,
            LogFileError::Io { error, .. } => error.kind(),
        };
        Self::new(kind, error)
    }
}
