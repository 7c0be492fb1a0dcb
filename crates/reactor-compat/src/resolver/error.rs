//! [`DnsLookupError`]: a name that has no address.
//!
//! Mirrors `twisted.internet.error.DNSLookupError`. Tested in
//! `tests/network/resolver.rs`.

use std::error::Error;
use std::fmt;

use deferred::Failure;

use crate::error::ConnectError;

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
    detail: String,
}

impl DnsLookupError {
    /// The lookup of `name` failed, because of what `detail` says.
    ///
    /// See the [type's example](Self).
    pub fn new(name: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self { name: name.into(), detail: detail.to_string() }
    }

    /// The error of a lookup of `name` that failed with `failure`.
    pub(super) fn from_failure(name: impl Into<String>, failure: &Failure) -> Self {
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
        write!(f, "DNS lookup of {} failed: {}", self.name, self.detail)
    }
}

impl Error for DnsLookupError {}

impl From<DnsLookupError> for ConnectError {
    fn from(error: DnsLookupError) -> Self {
        Self::UnknownHost(error.to_string())
    }
}
