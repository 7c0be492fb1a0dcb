//! [`SharedIoError`]: an error of I/O that can be cloned and compared.
//!
//! The errors of this crate that can be cloned have it inside, so that the
//! system's own error stays their source. Tested in `tests/network/error.rs`.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// An [`io::Error`] that is shared, so that it can be cloned.
///
/// Two are equal if their kinds and their texts are. It is the `io::Error` for
/// all that reads one; an error that has it inside gives that as its
/// [source](std::error::Error::source).
///
/// ```
/// use reactor_compat::{ConnectError, SharedIoError};
/// use std::{error::Error, io};
///
/// let system = io::Error::from(io::ErrorKind::PermissionDenied);
/// let ConnectError::Other(error) = ConnectError::from(system) else { unreachable!() };
/// assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
/// assert_eq!(error, SharedIoError::from(io::ErrorKind::PermissionDenied));
/// let source = ConnectError::Other(error);
/// assert!(source.source().unwrap().is::<io::Error>());
/// ```
#[derive(Clone)]
pub struct SharedIoError(Arc<io::Error>);

impl SharedIoError {
    /// The error, as the source of one that has it inside.
    pub(crate) fn as_source(&self) -> &(dyn std::error::Error + 'static) {
        &*self.0
    }
}

impl From<io::Error> for SharedIoError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<io::ErrorKind> for SharedIoError {
    fn from(kind: io::ErrorKind) -> Self {
        io::Error::from(kind).into()
    }
}

impl Deref for SharedIoError {
    type Target = io::Error;

    fn deref(&self) -> &io::Error {
        &self.0
    }
}

impl PartialEq for SharedIoError {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

impl Eq for SharedIoError {}

impl fmt::Display for SharedIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SharedIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
