//! Why a datagram was not sent, and a group not joined.
//!
//! Mirrors `MessageLengthError`, `InvalidAddressError` and
//! `MulticastJoinError` of `twisted.internet.error`. Tested in `tests/network/udp.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;

use crate::shared_io_error::SharedIoError;

/// An error of a [`DatagramTransport`](crate::DatagramTransport).
///
/// ```
/// use reactor_compat::{DatagramError, DatagramProtocol, Reactor};
///
/// struct Silent;
/// impl DatagramProtocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
/// let here = port.get_host();
/// assert_eq!(port.write("hello", None), Err(DatagramError::NotConnected));
/// assert_eq!(port.write(vec![0; 70_000], here), Err(DatagramError::MessageLength(70_000)));
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatagramError {
    /// The datagram, of that many bytes, is longer than the system sends.
    #[doc(alias = "MessageLengthError")]
    MessageLength(usize),
    /// The address is none that this socket could send to.
    #[doc(alias = "InvalidAddressError")]
    InvalidAddress(String),
    /// It is not said to whom, and the transport is not connected.
    NotConnected,
    /// The transport is connected to somebody else.
    OtherPeer,
    /// The transport is connected already.
    AlreadyConnected,
    /// The system takes no more for now, and as much waits as may. The
    /// datagram is not sent.
    Busy,
    /// Nobody listens where the transport is connected to: an earlier datagram was
    /// refused. [`DatagramStream`](crate::DatagramStream) gives it as an item.
    Refused,
    /// The port is closed.
    Closed,
    /// Anything else that the operating system can say.
    Other(SharedIoError),
}

impl DatagramError {
    /// The error of sending a datagram of `length` bytes.
    pub(super) fn of_sending(error: io::Error, length: usize) -> Self {
        if is_too_long(&error) { Self::MessageLength(length) } else { error.into() }
    }
}

#[cfg(unix)]
fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}

#[cfg(not(unix))]
fn is_too_long(error: &io::Error) -> bool {
    /// `WSAEMSGSIZE`.
    const TOO_LONG: i32 = 10040;
    error.raw_os_error() == Some(TOO_LONG)
}

impl From<io::Error> for DatagramError {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageLength(length) => write!(f, "message too long: {length} bytes"),
            Self::InvalidAddress(detail) => write!(f, "invalid address: {detail}"),
            Self::NotConnected => f.write_str("no recipient, and not connected"),
            Self::OtherPeer => f.write_str("connected to another address"),
            Self::AlreadyConnected => f.write_str("already connected"),
            Self::Busy => f.write_str("the socket takes no more for now"),
            Self::Refused => f.write_str("an earlier datagram was refused"),
            Self::Closed => f.write_str("the port is closed"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for DatagramError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Other(error) => Some(error.as_source()),
            _ => None,
        }
    }
}

/// A group could not be joined or left.
///
/// ```
/// use reactor_compat::{DatagramProtocol, MulticastInterface, Reactor};
/// use std::net::Ipv4Addr;
///
/// struct Silent;
/// impl DatagramProtocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_multicast(("127.0.0.1", 0), Silent)?;
/// let error = port.join_group(Ipv4Addr::LOCALHOST, MulticastInterface::Any).unwrap_err();
/// assert!(error.to_string().starts_with("cannot join or leave 127.0.0.1: "));
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.MulticastJoinError")]
pub struct MulticastJoinError {
    group: IpAddr,
    error: DatagramError,
}

impl MulticastJoinError {
    pub(super) fn new(group: IpAddr, error: DatagramError) -> Self {
        Self { group, error }
    }

    /// The group.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, MulticastInterface, Reactor};
    /// # use std::net::{IpAddr, Ipv4Addr};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// # let port = Reactor::new().listen_multicast(("127.0.0.1", 0), Silent)?;
    /// let error = port.leave_group(Ipv4Addr::BROADCAST, MulticastInterface::Any).unwrap_err();
    /// assert_eq!(error.group(), IpAddr::V4(Ipv4Addr::BROADCAST));
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn group(&self) -> IpAddr {
        self.group
    }
}

impl fmt::Display for MulticastJoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot join or leave {}: {}", self.group, self.error)
    }
}

impl Error for MulticastJoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
