//! [`Address`]: one end of a connection.
//!
//! Mirrors `twisted.internet.address`. Tested in `tests/tcp.rs`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One end of a connection.
///
/// ```
/// use reactor_compat::Address;
///
/// let address = Address::Tcp("127.0.0.1:8000".parse()?);
/// assert_eq!(address.to_string(), "127.0.0.1:8000");
/// assert_eq!(address.port(), Some(8000));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address, of IPv4 or IPv6.
    #[doc(alias = "IPv4Address")]
    #[doc(alias = "IPv6Address")]
    Tcp(SocketAddr),
    /// The end of something that has no address: a pipe, or memory.
    #[doc(alias = "PipeAddress")]
    Pipe,
}

impl Address {
    /// The socket address, if it is one.
    ///
    /// ```
    /// assert_eq!(reactor_compat::Address::Pipe.socket_addr(), None);
    /// ```
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Pipe => None,
        }
    }

    /// The IP address, if there is one.
    ///
    /// ```
    /// let address = reactor_compat::Address::Tcp(([127, 0, 0, 1], 80).into());
    /// assert!(address.ip().unwrap().is_loopback());
    /// ```
    #[doc(alias = "host")]
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|address| address.ip())
    }

    /// The port number, if there is one.
    ///
    /// ```
    /// assert_eq!(reactor_compat::Address::Pipe.port(), None);
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|address| address.port())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Pipe => f.write_str("pipe"),
        }
    }
}
