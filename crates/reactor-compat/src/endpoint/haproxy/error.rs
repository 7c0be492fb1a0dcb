//! [`ProxyHeaderError`]: what is wrong with a PROXY header.

use thiserror::Error;

/// Why a connection was refused that should have begun with a PROXY header.
///
/// ```
/// use reactor_compat::endpoint::haproxy::{ProxyHeader, ProxyHeaderError};
///
/// let error = ProxyHeader::parse(b"GET / HTTP/1.1\r\n").unwrap_err();
/// assert_eq!(error, ProxyHeaderError::NotAHeader);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[doc(alias = "InvalidProxyHeader")]
pub enum ProxyHeaderError {
    /// What came does not begin as a header does.
    #[error("the connection does not begin with a PROXY header")]
    NotAHeader,
    /// The version, or the command, is none that there is.
    #[error("a PROXY header of a version or with a command that is unknown")]
    Unknown,
    /// The family or the transport is none that there is.
    #[error("a PROXY header for a network protocol that is unknown")]
    InvalidNetworkProtocol,
    /// Addresses or ports are missing.
    #[error("a PROXY header without all of its addresses")]
    MissingAddressData,
    /// An address or a port is none.
    #[error("a PROXY header with an address or a port that is none")]
    BadAddress,
    /// Something stands behind the addresses that is not part of a header.
    #[error("a PROXY header with something behind its addresses that is damaged")]
    Malformed,
    /// Its checksum is that of other bytes.
    #[error("a PROXY header whose checksum is wrong")]
    BadChecksum,
    /// It is longer than a header may be.
    #[error("a PROXY header that is too long")]
    TooLong,
    /// The connection ended within it.
    #[error("the connection ended within its PROXY header")]
    CutShort,
    /// It did not come in time.
    #[error("the PROXY header did not come in time")]
    TimedOut,
}
