//! Adopting sockets that exist: listening ones, and connections.
//!
//! Mirrors `IReactorSocket` of `twisted.internet.interfaces`. Tested in
//! `tests/network/adopt.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use socket2::{SockAddr, SockRef, Socket as RawSocket, Type};

use crate::address::{Address, UnixAddress};
use crate::connection::{Connection, FirstLayer};
use crate::error::ReactorNotDriven;
use crate::factory::Factory;
use crate::guard;
use crate::network::Listener;
use crate::port::{self, Port};
use crate::reactor::Reactor;
use crate::serve::{Origin, serve_socket};
use crate::shared_io_error::SharedIoError;

/// Why a socket was not adopted. It is closed.
///
/// ```
/// use reactor_compat::{Address, AdoptError, Protocol, Reactor};
/// use std::{fs::File, net::UdpSocket};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let error = reactor.adopt_stream_port(File::open("/dev/null")?, |_: Address| Silent);
/// assert_eq!(error.unwrap_err(), AdoptError::NotASocket);
/// let error = reactor.adopt_stream_port(UdpSocket::bind("127.0.0.1:0")?, |_: Address| Silent);
/// assert_eq!(error.unwrap_err(), AdoptError::NotAStream);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdoptError {
    /// It is the descriptor of something else.
    NotASocket,
    /// It is a socket for datagrams, or of another kind that does not stream.
    #[doc(alias = "UnsupportedSocketType")]
    NotAStream,
    /// It is neither of TCP nor of UNIX.
    #[doc(alias = "UnsupportedAddressFamily")]
    UnsupportedFamily,
    /// It is to be a port, and does not listen.
    NotListening,
    /// It is to be a connection, and has no other end.
    NotConnected,
    /// The factory built no protocol for the connection, or panicked.
    NoProtocol,
    /// Nothing will ever drive the reactor, as
    /// [`ReactorNotDriven`] says.
    ReactorNotDriven,
    /// The operating system refused; what it said.
    System(SharedIoError),
}

impl fmt::Display for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotASocket => "the descriptor is not that of a socket",
            Self::NotAStream => "the socket does not stream",
            Self::UnsupportedFamily => "the socket is neither of TCP nor of UNIX",
            Self::NotListening => "the socket does not listen",
            Self::NotConnected => "the socket is not connected",
            Self::NoProtocol => "the factory built no protocol for the connection",
            Self::ReactorNotDriven => return fmt::Display::fmt(&ReactorNotDriven, f),
            Self::System(error) => return error.fmt(f),
        })
    }
}

impl Error for AdoptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System(error) => Some(error.as_source()),
            _ => None,
        }
    }
}

impl From<io::Error> for AdoptError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotConnected => Self::NotConnected,
            _ => Self::System(error.into()),
        }
    }
}

impl Reactor {
    /// Listens on a socket that listens already: one that a supervisor opened,
    /// or another process sent.
    ///
    /// `listener` is one of `std`'s, or any descriptor of a TCP or UNIX socket.
    /// It belongs to the port from then on, and is closed with it; the file of
    /// a UNIX socket stays, for it is not ours.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] says what it is instead.
    ///
    /// ```
    /// use reactor_compat::{Address, Protocol, Reactor};
    /// use std::net::TcpListener;
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let port = Reactor::new().adopt_stream_port(listener, |_: Address| Silent)?;
    /// assert_eq!(port.get_host().socket_addr(), Some(address));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "adoptStreamPort")]
    #[doc(alias = "IReactorSocket")]
    #[track_caller]
    pub fn adopt_stream_port(
        &self,
        listener: impl Into<OwnedFd>,
        factory: impl Factory,
    ) -> Result<Port, AdoptError> {
        let listener = adopt_listener(self, listener.into())?;
        Ok(port::listen(self, listener, FirstLayer::default(), factory))
    }

    /// Gives a connection that exists to a protocol of `factory`, which is
    /// called before this returns.
    ///
    /// `stream` is one of `std`'s, or any descriptor of a TCP or UNIX socket;
    /// it belongs to the connection from then on. The protocol's
    /// `connection_made` is called in the next turn, or when the reactor runs.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] says what it is instead, or that there is no protocol.
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    /// use std::{io::Read, os::unix::net::UnixStream};
    ///
    /// struct Greet(Reactor);
    ///
    /// impl Protocol for Greet {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
    ///         transport.lose_connection();
    ///     }
    ///
    ///     fn connection_lost(&mut self, _: &Connection<Self>, _: deferred::Failure) {
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let inner = reactor.clone();
    /// reactor.adopt_stream_connection(ours, move |_: Address| Greet(inner.clone()))?;
    /// reactor.run()?;
    /// let mut heard = String::new();
    /// theirs.read_to_string(&mut heard)?;
    /// assert_eq!(heard, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "adoptStreamConnection")]
    pub fn adopt_stream_connection<F: Factory>(
        &self,
        stream: impl Into<OwnedFd>,
        mut factory: F,
    ) -> Result<Connection<F::Protocol>, AdoptError> {
        self.check_drivable().map_err(|_| AdoptError::ReactorNotDriven)?;
        let (socket, host) = examine(stream.into())?;
        if listens(&socket)? {
            return Err(AdoptError::NotConnected);
        }
        let peer = address_of(&socket.peer_addr()?)?;
        let network = self.shared().network()?;
        let built = guard::catch(|| factory.build_protocol(peer.clone()));
        let protocol = built.unwrap_or_else(|failure| {
            guard::log("a factory", &failure);
            None
        });
        let protocol = protocol.ok_or(AdoptError::NoProtocol)?;
        let stream = network.adopt_stream(socket.into(), &host, &peer)?;
        let stream = (stream, peer, FirstLayer::default());
        Ok(serve_socket(self, stream, protocol, Origin::Accepted { number: 0 }, None))
    }
}

/// Has the reactor's network adopt a socket that listens.
pub(crate) fn adopt_listener(
    reactor: &Reactor,
    listener: OwnedFd,
) -> Result<Box<dyn Listener>, AdoptError> {
    reactor.check_drivable().map_err(|_| AdoptError::ReactorNotDriven)?;
    let (socket, host) = examine(listener)?;
    if !listens(&socket)? {
        return Err(AdoptError::NotListening);
    }
    Ok(reactor.shared().network()?.adopt_listener(socket.into(), &host)?)
}

/// Finds out what a descriptor is and where, and makes the socket ready for a
/// runtime.
fn examine(descriptor: OwnedFd) -> Result<(RawSocket, Address), AdoptError> {
    let kind = SockRef::from(&descriptor).r#type().map_err(|_| AdoptError::NotASocket)?;
    let socket = RawSocket::from(descriptor);
    if kind != Type::STREAM {
        return Err(AdoptError::NotAStream);
    }
    let host = address_of(&socket.local_addr()?)?;
    socket.set_nonblocking(true)?;
    socket.set_cloexec(true)?;
    Ok((socket, host))
}

/// The address of a socket of TCP or of UNIX.
fn address_of(address: &SockAddr) -> Result<Address, AdoptError> {
    if address.is_unix() {
        // A socket without a name is not `as_unix`.
        let named = address.as_unix().map(UnixAddress::from);
        return Ok(Address::Unix(named.unwrap_or(UnixAddress::Unnamed)));
    }
    address.as_socket().map(Address::Tcp).ok_or(AdoptError::UnsupportedFamily)
}

/// Whether a socket listens.
#[cfg(not(target_vendor = "apple"))]
fn listens(socket: &RawSocket) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(socket)?)
}

/// Whether a socket listens: there the system does not say, but one that has
/// no other end may well.
#[cfg(target_vendor = "apple")]
fn listens(socket: &RawSocket) -> io::Result<bool> {
    Ok(socket.peer_addr().is_err())
}
