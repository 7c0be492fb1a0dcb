//! [`ProxyHeader`]: the header, read and written.
//!
//! Tested in `tests/network/haproxy.rs`, and by the fuzz target `proxy_header`.

use super::{ProxyHeaderError, v1, v2};
use crate::address::Address;

/// A header of the PROXY protocol: the two ends of the connection that a proxy
/// accepted.
///
/// ```
/// use reactor_compat::Address;
/// use reactor_compat::endpoint::haproxy::{ProxyHeader, ProxyVersion};
///
/// let data = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\nhello";
/// let (header, length) = ProxyHeader::parse(data)?.unwrap();
/// assert_eq!(&data[length..], b"hello");
/// assert_eq!(header.version(), ProxyVersion::One);
/// assert_eq!(header.source(), Some(&Address::Tcp(([192, 0, 2, 7], 4000).into())));
/// assert_eq!(header.destination(), Some(&Address::Tcp(([192, 0, 2, 1], 80).into())));
///
/// // More of it has to come.
/// assert_eq!(ProxyHeader::parse(&data[..20])?, None);
/// # Ok::<(), reactor_compat::endpoint::haproxy::ProxyHeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "ProxyInfo")]
pub struct ProxyHeader {
    version: ProxyVersion,
    ends: Option<(Address, Address)>,
}

/// The two versions of the header.
///
/// See the example of [`ProxyHeader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    One,
    /// Binary.
    Two,
}

impl ProxyHeader {
    pub(super) fn new(version: ProxyVersion, ends: Option<(Address, Address)>) -> Self {
        Self { version, ends }
    }

    /// Reads a header off the front of some data, and tells its length; `None` if more
    /// of it has to come.
    ///
    /// A header of version one is at most 107 bytes, one of version two at most 4,112.
    ///
    /// # Errors
    ///
    /// [`ProxyHeaderError`], as soon as no more data could make a header of it.
    ///
    /// See the [type's example](Self).
    pub fn parse(data: &[u8]) -> Result<Option<(Self, usize)>, ProxyHeaderError> {
        if begins(data, v1::PREFIX) {
            v1::parse(data)
        } else if begins(data, v2::SIGNATURE) {
            v2::parse(data)
        } else {
            Err(ProxyHeaderError::NotAHeader)
        }
    }

    /// The version.
    ///
    /// See the [type's example](Self).
    pub fn version(&self) -> ProxyVersion {
        self.version
    }

    /// The client, if the proxy says who it is. It does not for connections of its own,
    /// and for those of a kind that it has no words for.
    ///
    /// See the [type's example](Self).
    pub fn source(&self) -> Option<&Address> {
        self.ends.as_ref().map(|(source, _)| source)
    }

    /// The address that the client connected to.
    ///
    /// See the [type's example](Self).
    pub fn destination(&self) -> Option<&Address> {
        self.ends.as_ref().map(|(_, destination)| destination)
    }

    /// The header that a proxy sends for a connection of TCP or of UNIX sockets; one
    /// without addresses for any other.
    ///
    /// ```
    /// use reactor_compat::Address;
    /// use reactor_compat::endpoint::haproxy::{ProxyHeader, ProxyVersion};
    ///
    /// let (from, to) = (([192, 0, 2, 7], 4000).into(), ([192, 0, 2, 1], 80).into());
    /// let (from, to) = (Address::Tcp(from), Address::Tcp(to));
    /// let text = ProxyHeader::encode(ProxyVersion::One, &from, &to);
    /// assert_eq!(text, b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n");
    /// let binary = ProxyHeader::encode(ProxyVersion::Two, &from, &to);
    /// let (header, length) = ProxyHeader::parse(&binary)?.unwrap();
    /// assert_eq!((header.source(), length), (Some(&from), 28));
    /// # Ok::<(), reactor_compat::endpoint::haproxy::ProxyHeaderError>(())
    /// ```
    pub fn encode(version: ProxyVersion, source: &Address, destination: &Address) -> Vec<u8> {
        match version {
            ProxyVersion::One => v1::encode(source, destination),
            ProxyVersion::Two => v2::encode(source, destination),
        }
    }
}

/// Whether the data begins with that, or does so far.
fn begins(data: &[u8], prefix: &[u8]) -> bool {
    data.iter().zip(prefix).all(|(a, b)| a == b)
}
