//! [`LogFileError`]: what can be wrong with a log file.
//!
//! Tested in `tests/logging/logfile.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a log file.
///
/// ```
/// use reactor_compat::log::{LogFile, LogFileError};
/// use std::io;
///
/// let error = LogFile::new("a.log", "/no/such/directory").unwrap_err();
/// assert!(matches!(error, LogFileError::Io { kind: io::ErrorKind::NotFound, .. }));
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
        /// To which file.
        path: PathBuf,
        /// What kind of error it is.
        kind: io::ErrorKind,
        /// What it says.
        message: String,
    },
}

impl LogFileError {
    /// For `map_err`: what went wrong with `path`.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }
}

impl fmt::Display for LogFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchLog(path) => write!(f, "no such logfile exists: {}", path.display()),
            Self::AlreadyRotated(path) => write!(f, "{} exists already", path.display()),
            Self::Closed => f.write_str("the log file is closed"),
            Self::Io { path, message, .. } => write!(f, "{}: {message}", path.display()),
        }
    }
}

impl Error for LogFileError {}

impl From<LogFileError> for io::Error {
    fn from(error: LogFileError) -> Self {
        let kind = match &error {
            LogFileError::NoSuchLog(_) => io::ErrorKind::NotFound,
            LogFileError::AlreadyRotated(_) => io::ErrorKind::AlreadyExists,
            LogFileError::Closed => io::ErrorKind::NotConnected,
            LogFileError::Io { kind, .. } => *kind,
        };
        Self::new(kind, error)
    }
}
