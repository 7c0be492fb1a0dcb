//! [`DnsLookupError`]: a name that has no address.
//!
//! Mirrors `twisted.internet.error.DNSLookupError`. Tested in
//! `tests/network/resolver.rs`.

use std::error::Error;
use std::fmt;
use std::io;

use deferred::Failure;

use super::ConnectError;
use crate::shared_io_error::SharedIoError;

/// A name has no address, or nobody could be asked.
///
/// A connection that is not made because of it fails with
/// [`ConnectError::UnknownHost`].
///
/// ```
/// use reactor_compat::resolver::DnsLookupError;
///
/// let error = DnsLookupError::new("nowhere.test", "there is no such name");
/// assert_eq!(error.name(), "nowhere.test");
/// assert_eq!(error.to_string(), "DNS lookup of nowhere.test failed: there is no such name");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.DNSLookupError")]
pub struct DnsLookupError {
    name: String,
    why: Why,
}

/// The reason of a lookup's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Detail(String),
    Io(SharedIoError),
}

impl DnsLookupError {
    /// The lookup of `name` failed, because of what `detail` says.
    ///
    /// See the [type's example](Self).
    pub fn new(name: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self { name: name.into(), why: Why::Detail(detail.to_string()) }
    }

    /// The lookup of `name` failed with `error`, which is the
    /// [source](Error::source).
    ///
    /// ```
    /// use reactor_compat::resolver::DnsLookupError;
    /// use std::{error::Error, io};
    ///
    /// let error = DnsLookupError::with_source("a.test", io::ErrorKind::TimedOut.into());
    /// assert_eq!(error.to_string(), "DNS lookup of a.test failed: timed out");
    /// assert!(error.source().unwrap().is::<io::Error>());
    /// ```
    pub fn with_source(name: impl Into<String>, error: io::Error) -> Self {
        Self { name: name.into(), why: Why::Io(error.into()) }
    }

    /// The error of a lookup of `name` that failed with `failure`.
    pub(crate) fn from_failure(name: impl Into<String>, failure: &Failure) -> Self {
        failure.check::<Self>().cloned().unwrap_or_else(|| Self::new(name, failure))
    }

    /// The name that was looked up.
    ///
    /// See the [type's example](Self).
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for DnsLookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DNS lookup of {} failed: ", self.name)?;
        match &self.why {
            Why::Detail(detail) => f.write_str(detail),
            Why::Io(error) => error.fmt(f),
        }
    }
}

impl Error for DnsLookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Detail(_) => None,
            Why::Io(error) => Some(error.as_source()),
        }
    }
}

impl From<DnsLookupError> for ConnectError {
    fn from(error: DnsLookupError) -> Self {
        Self::UnknownHost(error)
    }
}
