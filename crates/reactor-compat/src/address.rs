//! [`Address`]: one end of a connection; and where one is to go.
//!
//! Mirrors `twisted.internet.address`. Tested in `tests/network/address.rs`.

mod destination;
mod ip;
mod target;
mod unix;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub use destination::{Destination, Interface};
pub use ip::{is_ip_address, is_ipv6_address};
pub use target::Target;
pub use unix::UnixAddress;

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
#[doc(alias = "IAddress")]
#[non_exhaustive]
pub enum Address {
    /// A TCP address, of IPv4 or IPv6.
    #[doc(alias = "IPv4Address")]
    #[doc(alias = "IPv6Address")]
    Tcp(SocketAddr),
    /// A UDP address, of IPv4 or IPv6.
    Udp(SocketAddr),
    /// The end of a UNIX socket, of streams or datagrams.
    Unix(UnixAddress),
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
            Self::Tcp(address) | Self::Udp(address) => Some(*address),
            Self::Unix(_) | Self::Pipe => None,
        }
    }

    /// The path of the socket's file, if it is a UNIX socket that has one.
    ///
    /// ```
    /// use reactor_compat::{Address, UnixAddress};
    ///
    /// let address = Address::from(UnixAddress::from("/run/echo.sock"));
    /// assert_eq!(address.path(), Some("/run/echo.sock".as_ref()));
    /// assert_eq!(Address::Pipe.path(), None);
    /// ```
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(address) => address.path(),
            Self::Tcp(_) | Self::Udp(_) | Self::Pipe => None,
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

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Udp(address) => address.fmt(f),
            Self::Unix(address) => address.fmt(f),
            Self::Pipe => f.write_str("pipe"),
        }
    }
}
