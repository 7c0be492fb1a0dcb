//! The options of a socket, through a connection's transport.
//!
//! Mirrors `ITCPTransport` of `twisted.internet.interfaces`. Tested in
//! `tests/network/tcp.rs`.

use std::error::Error;
use std::fmt;
use std::io;

use socket2::SockRef;

use super::Transport;
use crate::address::Address;
use crate::network::Stream;
use crate::shared_io_error::SharedIoError;

/// An option of a connection's socket could not be read or set.
///
/// ```
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Protocol, SocketError};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let transport = StringTransport::new(Silent);
/// assert_eq!(transport.set_tcp_no_delay(true), Err(SocketError::NotTcp));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketError {
    /// The connection is not, or no longer, a TCP connection.
    NotTcp,
    /// The operating system refused; what it said.
    System(SharedIoError),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTcp => f.write_str("the connection is not, or no longer, a TCP connection"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotTcp => None,
            Self::System(error) => Some(error.as_source()),
        }
    }
}

impl From<io::Error> for SocketError {
    fn from(error: io::Error) -> Self {
        Self::System(error.into())
    }
}

impl Transport {
    /// Whether small pieces are sent at once, rather than collected for a
    /// moment (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// [`SocketError`], as for the methods below.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, SocketError, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).get_tcp_no_delay(), Err(SocketError::NotTcp));
    /// ```
    #[doc(alias = "getTcpNoDelay")]
    pub fn get_tcp_no_delay(&self) -> Result<bool, SocketError> {
        self.tcp(|socket| socket.tcp_nodelay())
    }

    /// Sets whether small pieces are sent at once. What one callback writes
    /// goes out together in any case.
    ///
    /// # Errors
    ///
    /// [`SocketError`] if the connection is not one of TCP, or is lost, or the
    /// system refuses.
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// struct Prompt(Reactor);
    ///
    /// impl Protocol for Prompt {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.set_tcp_no_delay(true).unwrap();
    ///         assert_eq!(transport.get_tcp_no_delay(), Ok(true));
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_tcp(("127.0.0.1", 0), {
    ///     let reactor = reactor.clone();
    ///     move |_: Address| Prompt(reactor.clone())
    /// })?;
    /// struct Silent;
    /// impl Protocol for Silent {}
    /// reactor.connect_tcp(port.get_host().socket_addr().unwrap(), |_: Address| Silent);
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "setTcpNoDelay")]
    pub fn set_tcp_no_delay(&self, enabled: bool) -> Result<(), SocketError> {
        self.tcp(|socket| socket.set_tcp_nodelay(enabled))
    }

    /// Whether the system probes a connection on which nothing happens
    /// (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// [`SocketError`] if the connection is not one of TCP, or is lost.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, SocketError, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).get_tcp_keep_alive(), Err(SocketError::NotTcp));
    /// ```
    #[doc(alias = "getTcpKeepAlive")]
    pub fn get_tcp_keep_alive(&self) -> Result<bool, SocketError> {
        self.tcp(|socket| socket.keepalive())
    }

    /// Sets whether the system probes a connection on which nothing happens,
    /// so that a peer that is gone without a word is noticed in the end.
    ///
    /// # Errors
    ///
    /// As [`set_tcp_no_delay`](Self::set_tcp_no_delay).
    ///
    /// ```
    /// # use reactor_compat::{Protocol, SocketError, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// assert_eq!(transport.set_tcp_keep_alive(true), Err(SocketError::NotTcp));
    /// ```
    #[doc(alias = "setTcpKeepAlive")]
    pub fn set_tcp_keep_alive(&self, enabled: bool) -> Result<(), SocketError> {
        self.tcp(|socket| socket.set_keepalive(enabled))
    }

    /// Does something with the socket, if it is one of TCP.
    fn tcp<R>(&self, act: impl FnOnce(&SockRef<'_>) -> io::Result<R>) -> Result<R, SocketError> {
        let stream = self.link().socket().ok_or(SocketError::NotTcp)?;
        if !matches!(self.link().host, Address::Tcp(_)) {
            return Err(SocketError::NotTcp);
        }
        let (mut act, mut result) = (Some(act), Err(SocketError::NotTcp));
        // Inside a layer's callback the layer is in use, and the socket below is not.
        for stream in [Some(stream), self.link().bottom()].into_iter().flatten() {
            stream.with_socket(&mut |socket| {
                if let Some(act) = act.take() {
                    result = act(socket).map_err(SocketError::from);
                }
            });
        }
        result
    }
}
