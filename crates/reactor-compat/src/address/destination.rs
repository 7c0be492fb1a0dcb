//! [`Interface`] and [`Destination`]: where to listen, and where to connect to.
//!
//! Tested in `tests/network/tcp.rs`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Where to listen: a port number on one address of this machine, or on all.
///
/// It is made of a port number, or of all that a [`Destination`] is made of.
///
/// ```
/// use reactor_compat::Interface;
/// use std::net::Ipv4Addr;
///
/// assert_eq!(Interface::from(8000).to_string(), "0.0.0.0:8000");
/// assert_eq!(Interface::from(("localhost", 8000)).to_string(), "localhost:8000");
/// assert_eq!(Interface::from((Ipv4Addr::LOCALHOST, 8000)).to_string(), "127.0.0.1:8000");
/// assert_eq!(Interface::from(([127, 0, 0, 1], 8000)).to_string(), "127.0.0.1:8000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    place: Destination,
}

impl Interface {
    /// The name or address of the machine's own.
    ///
    /// ```
    /// use reactor_compat::Interface;
    ///
    /// assert_eq!(Interface::from(8000).host(), "0.0.0.0");
    /// ```
    pub fn host(&self) -> &str {
        self.place.host()
    }

    /// The port number; 0 for any that is free.
    ///
    /// ```
    /// assert_eq!(reactor_compat::Interface::from(8000).port(), 8000);
    /// ```
    pub fn port(&self) -> u16 {
        self.place.port()
    }

    /// The address, where it is given by one.
    ///
    /// ```
    /// use reactor_compat::Interface;
    ///
    /// assert_eq!(Interface::from(("localhost", 80)).literal(), None);
    /// assert!(Interface::from(80).literal().is_some());
    /// ```
    pub fn literal(&self) -> Option<SocketAddr> {
        self.place.literal
    }
}

impl<D: Into<Destination>> From<D> for Interface {
    fn from(place: D) -> Self {
        let mut place = place.into();
        if place.host.is_empty() {
            place.literal = Some((Ipv4Addr::UNSPECIFIED, place.port).into());
        }
        Self { place }
    }
}

impl From<u16> for Interface {
    fn from(port: u16) -> Self {
        Self { place: (Ipv4Addr::UNSPECIFIED, port).into() }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.literal() {
            Some(address) => address.fmt(f),
            None => self.place.fmt(f),
        }
    }
}

/// Where to connect to: a host, by name or address, and a port number.
///
/// It is made of whatever a `SocketAddr` is made of, and of a name and a port number.
///
/// ```
/// use reactor_compat::Destination;
/// use std::net::Ipv4Addr;
///
/// let destination = Destination::from(("example.org", 80));
/// assert_eq!((destination.host(), destination.port()), ("example.org", 80));
/// assert_eq!(Destination::from((Ipv4Addr::LOCALHOST, 80)).to_string(), "127.0.0.1:80");
/// assert_eq!(Destination::from(([192, 0, 2, 7], 80)).to_string(), "192.0.2.7:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    host: String,
    port: u16,
    literal: Option<SocketAddr>,
}

impl Destination {
    /// The host's name or address.
    ///
    /// ```
    /// # use reactor_compat::Destination;
    /// assert_eq!(Destination::from(("::1", 80)).host(), "::1");
    /// ```
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port number.
    ///
    /// ```
    /// # use reactor_compat::Destination;
    /// assert_eq!(Destination::from(("::1", 80)).port(), 80);
    /// ```
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, where the host is given by one.
    ///
    /// ```
    /// # use reactor_compat::Destination;
    /// assert_eq!(Destination::from(("example.org", 80)).literal(), None);
    /// assert!(Destination::from(("::1", 80)).literal().is_some());
    /// ```
    pub fn literal(&self) -> Option<SocketAddr> {
        self.literal
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), literal: Some(address) }
    }
}

impl From<SocketAddrV4> for Destination {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<SocketAddrV6> for Destination {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(IpAddr, u16)> for Destination {
    fn from(address: (IpAddr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(Ipv4Addr, u16)> for Destination {
    fn from(address: (Ipv4Addr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(Ipv6Addr, u16)> for Destination {
    fn from(address: (Ipv6Addr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<([u8; 4], u16)> for Destination {
    fn from(address: ([u8; 4], u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<([u8; 16], u16)> for Destination {
    fn from(address: ([u8; 16], u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<([u16; 8], u16)> for Destination {
    fn from(address: ([u16; 8], u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(String, u16)> for Destination {
    fn from((host, port): (String, u16)) -> Self {
        let literal = match host.parse::<IpAddr>() {
            Ok(address) => Some(SocketAddr::new(address, port)),
            // With the number of its link, as in `fe80::1%2`.
            Err(_) => format!("[{host}]:{port}").parse().ok(),
        };
        Self { host, port, literal }
    }
}

impl From<(&str, u16)> for Destination {
    fn from((host, port): (&str, u16)) -> Self {
        (host.to_owned(), port).into()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}
