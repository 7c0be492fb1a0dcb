//! [`LogFileError`]: reasons why something could not be done with a log file.
//!
//! Tested in `tests/logging/logfile.rs`.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Reasons why something could not be done with a log file.
///
/// ```
/// use reactor_compat::log::{LogFile, LogFileError};
/// use std::io;
///
/// let error = LogFile::new("a.log", "/no/such/directory").unwrap_err();
/// assert!(matches!(error, LogFileError::Io { kind: io::ErrorKind::NotFound, .. }));
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFileError {
    /// There is no old log of this name.
    #[error("no such logfile exists: {}", .0.display())]
    NoSuchLog(PathBuf),
    /// An old log of this name is there already, and is not overwritten.
    #[error("{} exists already", .0.display())]
    AlreadyRotated(PathBuf),
    /// The log file was closed.
    #[error("the log file is closed")]
    Closed,
    /// The operating system says no.
    #[error("{}: {message}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The kind of the error.
        kind: io::ErrorKind,
        /// The system's own words.
        message: String,
    },
}

impl LogFileError {
    /// For `map_err`: what went wrong with `path`.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }
}

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
