//! Why a port could not be opened, or a connection not be made.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::ReactorNotDriven;
use super::dns::DnsLookupError;
use crate::address::Target;
use crate::shared_io_error::SharedIoError;

/// A port could not be opened: the address is taken, or not ours.
///
/// ```
/// use reactor_compat::{Address, CannotListenError, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
/// let taken = port.get_host().socket_addr().unwrap();
/// let error: CannotListenError =
///     reactor.listen_tcp(taken, |_: Address| Silent).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
/// # Ok::<(), CannotListenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.CannotListenError")]
#[doc(alias = "BindError")]
pub struct CannotListenError {
    address: String,
    error: SharedIoError,
}

impl CannotListenError {
    pub(crate) fn new(address: impl fmt::Display, error: io::Error) -> Self {
        Self { address: address.to_string(), error: error.into() }
    }

    /// The kind of error that the operating system gave.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// // 192.0.2.1 is nobody's address.
    /// let error = Reactor::new().listen_tcp(("192.0.2.1", 0), |_: Address| Silent).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrNotAvailable);
    /// ```
    pub fn kind(&self) -> io::ErrorKind {
        self.error.kind()
    }
}

impl fmt::Display for CannotListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "couldn't listen on {}: {}", self.address, self.error)
    }
}

impl Error for CannotListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.error.as_source())
    }
}

impl From<CannotListenError> for io::Error {
    fn from(error: CannotListenError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Why a connection was not made.
///
/// Each variant is one of Twisted's `ConnectError` classes.
///
/// ```
/// use reactor_compat::ConnectError;
/// use std::io;
///
/// let error = ConnectError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
/// assert_eq!(error, ConnectError::ConnectionRefused);
/// assert_eq!(error.to_string(), "connection was refused by other side");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "twisted.internet.error.ConnectError")]
#[doc(alias = "getConnectError")]
pub enum ConnectError {
    /// Nobody listens there.
    #[doc(alias = "ConnectionRefusedError")]
    ConnectionRefused,
    /// The address to connect from could not be had: which, and why.
    #[doc(alias = "ConnectBindError")]
    Bind(SocketAddr, SharedIoError),
    /// There is no way to that host.
    #[doc(alias = "NoRouteError")]
    NoRoute,
    /// The server of a UNIX socket does not hold
    /// [its lock](crate::UnixConnectOptions::check_lock).
    #[doc(alias = "BadFileError")]
    BadFile,
    /// The operating system gave up waiting for the peer.
    #[doc(alias = "TCPTimedOutError")]
    TcpTimedOut,
    /// There are no more file descriptors for this process, or in the system.
    TooManyFiles,
    /// The name has no address.
    #[doc(alias = "UnknownHostError")]
    #[doc(alias = "DNSLookupError")]
    UnknownHost(DnsLookupError),
    /// The connector's own timeout passed.
    #[doc(alias = "twisted.internet.error.TimeoutError")]
    Timeout,
    /// [`stop_connecting`](crate::Connector::stop_connecting) was called.
    #[doc(alias = "UserError")]
    UserAborted,
    /// The reactor stopped.
    ReactorStopped,
    /// Nothing drives the reactor: see [`ReactorNotDriven`].
    ReactorNotDriven,
    /// The connection was made, but the factory built no protocol for it.
    NoProtocol,
    /// The factory panicked; its message.
    FactoryPanicked(String),
    /// The connection was made, but its stream
    /// [could not be opened](crate::Stream::poll_open): a proxy said no, say.
    NotOpened(SharedIoError),
    /// Anything else that the operating system can say.
    Other(SharedIoError),
}

impl ConnectError {
    /// Whether no later attempt can fare better, because no reactor is there to make it:
    /// it has [stopped](Self::ReactorStopped), or nothing [drives](Self::ReactorNotDriven)
    /// it. A loop around [`when_connected`](crate::Connector::when_connected) ends here.
    ///
    /// ```
    /// use reactor_compat::ConnectError;
    ///
    /// assert!(ConnectError::ReactorStopped.is_final());
    /// assert!(!ConnectError::ConnectionRefused.is_final());
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(self, Self::ReactorStopped | Self::ReactorNotDriven)
    }

    /// Why a stream could not be opened: what a socket would have said, too, or
    /// something of its own.
    pub(crate) fn of_opening(error: io::Error) -> Self {
        match Self::from(error) {
            Self::Other(error) => Self::NotOpened(error),
            known => known,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionRefused => "connection was refused by other side",
            Self::Bind(address, error) => return write!(f, "couldn't bind: {address}: {error}"),
            Self::NoRoute => "no route to host",
            Self::BadFile => "file used for UNIX socket is no good",
            Self::TcpTimedOut => "TCP connection timed out",
            Self::TooManyFiles => "too many open files",
            Self::UnknownHost(error) => {
                return write!(f, "hostname couldn't be looked up: {error}");
            }
            Self::Timeout => "user timeout caused connection failure",
            Self::UserAborted => "user aborted connection",
            Self::ReactorStopped => "the reactor stopped while connecting",
            Self::ReactorNotDriven => return ReactorNotDriven.fmt(f),
            Self::NoProtocol => "the factory built no protocol for the connection",
            Self::FactoryPanicked(message) => return write!(f, "the factory panicked: {message}"),
            Self::NotOpened(error) => return write!(f, "the connection was not opened: {error}"),
            Self::Other(error) => {
                return write!(f, "an error occurred while connecting: {error}");
            }
        })
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind(_, error) | Self::NotOpened(error) | Self::Other(error) => {
                Some(error.as_source())
            }
            Self::UnknownHost(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        if is_out_of_descriptors(&error) {
            return Self::TooManyFiles;
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Self::NoRoute,
            io::ErrorKind::TimedOut => Self::TcpTimedOut,
            _ => Self::Other(error.into()),
        }
    }
}

/// The standard library has no public kind for it.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        Errno::from_io_error(error).is_some_and(|no| no == Errno::MFILE || no == Errno::NFILE)
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// The error of a connection being made whose Deferred was cancelled.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::{Address, ConnectingCancelledError, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let connected = reactor.connect_tcp(("127.0.0.1", 1), |_: Address| Silent).when_connected();
/// connected.cancel();
/// let failure = failure_result_of(connected);
/// assert_eq!(failure.check::<ConnectingCancelledError>().unwrap().destination().to_string(), "127.0.0.1:1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.ConnectingCancelledError")]
#[error("connecting to {destination} was cancelled")]
pub struct ConnectingCancelledError {
    pub(crate) destination: Target,
}

impl ConnectingCancelledError {
    /// Where the connection would have gone.
    ///
    /// See the [type's example](Self).
    pub fn destination(&self) -> &Target {
        &self.destination
    }
}

/// A connector was told to stop connecting while it does not connect.
///
/// ```
/// use reactor_compat::NotConnectingError;
///
/// assert_eq!(NotConnectingError.to_string(), "the connector is not connecting");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[doc(alias = "twisted.internet.error.NotConnectingError")]
#[error("the connector is not connecting")]
pub struct NotConnectingError;

/// A connector was told to connect while it connects or is connected.
///
/// ```
/// use reactor_compat::{Address, ConnectorBusy, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let connector = reactor.connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
/// assert_eq!(connector.connect(), Err(ConnectorBusy));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the connector is connecting or connected already")]
pub struct ConnectorBusy;
