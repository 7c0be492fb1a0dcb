//! [`Network`]: opens a reactor's ports and connections.
//!
//! Mirrors `IReactorTCP`, `IReactorUDP`, `IReactorUNIX` and `IReactorSocket` of
//! `twisted.internet.interfaces`, as far as they reach the operating system.
//! Tested in `tests/network/own_network.rs`.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::pin::Pin;

#[cfg(unix)]
use super::ChildProcess;
use super::{Datagrams, DialRequest, ListenRequest, Listener, SharedStream};
use super::{dial::dial, listen::listen};
#[cfg(unix)]
use crate::address::Address;
use crate::address::{Interface, UnixAddress};
#[cfg(unix)]
use crate::error::process::SpawnError;
use crate::error::{CannotListenError, ConnectError};
use crate::options::{ConnectOptions, DatagramOptions, ListenOptions};
#[cfg(unix)]
use crate::options::{ProcessCommand, UnixOptions};
use crate::resolver::{DnsLookupError, Resolution};

/// A connection that is being made. Dropping it gives the attempt up.
///
/// See the example of [`Network`].
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<SharedStream, ConnectError>> + 'a>>;

/// Opens a reactor's ports and connections, and looks its names up.
///
/// A reactor has one from the start, [`SystemNetwork`](super::SystemNetwork);
/// [`Reactor::with_network`](crate::Reactor::with_network) takes another. All
/// above it stays as it is: protocols and factories, connectors and their
/// timeouts, names and the race of their addresses.
///
/// Every method has a default. That of a network which stands
/// [over another](Self::below) passes on what it is asked for to that one; any
/// other says that there is no such thing, with an error of the kind
/// [`Unsupported`](io::ErrorKind::Unsupported). So a network implements what it
/// is about.
///
/// # Re-entrancy
///
/// Nothing of the reactor is borrowed while a method runs.
///
/// ```
/// use reactor_compat::network::{Connecting, Network, SystemNetwork};
/// use reactor_compat::{Address, ConnectOptions, Connection, Protocol, Reactor};
/// use std::{cell::Cell, net::SocketAddr, rc::Rc};
///
/// /// Counts the TCP connections that are made.
/// #[derive(Default)]
/// struct Counting {
///     system: SystemNetwork,
///     made: Cell<usize>,
/// }
///
/// impl Network for Counting {
///     fn below(&self) -> Option<&dyn Network> {
///         Some(&self.system)
///     }
///
///     fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
///         let options = *options;
///         Box::pin(async move {
///             let stream = self.system.connect_tcp(to, &options).await?;
///             self.made.set(self.made.get() + 1);
///             Ok(stream)
///         })
///     }
/// }
///
/// struct Leave(Reactor);
///
/// impl Protocol for Leave {
///     fn connection_made(&mut self, _: &Connection<Self>) {
///         self.0.stop().unwrap();
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let network = Rc::new(Counting::default());
/// let reactor = Reactor::with_network(network.clone());
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
/// let address = port.get_host().socket_addr().unwrap();
/// let inner = reactor.clone();
/// reactor.connect_tcp(address, move |_: Address| Leave(inner.clone()));
/// reactor.run()?;
/// assert_eq!(network.made.get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IReactorTCP")]
#[doc(alias = "IReactorUDP")]
pub trait Network: 'static {
    /// The network that this one stands over, if it does.
    ///
    /// See the [trait's example](Self).
    fn below(&self) -> Option<&dyn Network> {
        None
    }

    /// Says whether the network can be used here and now: inside a runtime that
    /// has what it needs. It is asked before anything is opened.
    ///
    /// # Errors
    ///
    /// What keeps it from being used, which is what opening fails with.
    ///
    /// ```
    /// use reactor_compat::network::{Network, SystemNetwork};
    /// use std::io::ErrorKind;
    ///
    /// // One without `enable_io`; Tokio's own panic is printed.
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// let ready = runtime.block_on(async { SystemNetwork::new().ready() });
    /// assert_eq!(ready.unwrap_err().kind(), ErrorKind::Unsupported);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn ready(&self) -> io::Result<()> {
        self.below().map_or(Ok(()), Network::ready)
    }

    /// Opens a TCP port on one address, where port number 0 stands for any that
    /// is free.
    ///
    /// # Errors
    ///
    /// As the system's: the address is taken, or not ours, or not allowed.
    ///
    /// See the example of [`Listener`].
    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        match self.below() {
            Some(below) => below.bind_tcp(address, options),
            None => Err(unsupported("TCP ports")),
        }
    }

    /// Connects to one address, from a certain one of ours if that is said.
    ///
    /// It takes as long as it takes; the caller sees to the timeout.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which an `io::Error` turns into.
    ///
    /// See the [trait's example](Self).
    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        match self.below() {
            Some(below) => below.connect_tcp(to, options),
            None => refused("TCP connections"),
        }
    }

    /// Opens a port at the name of a UNIX socket.
    ///
    /// # Errors
    ///
    /// As the system's: the name is taken, or not allowed.
    ///
    /// See the example of [`Listener`].
    #[cfg(unix)]
    fn bind_unix(
        &self,
        address: &UnixAddress,
        options: &UnixOptions,
    ) -> io::Result<Box<dyn Listener>> {
        match self.below() {
            Some(below) => below.bind_unix(address, options),
            None => Err(unsupported("UNIX sockets")),
        }
    }

    /// Connects to the name of a UNIX socket, whose server has to hold its lock
    /// if that is to be checked.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which an `io::Error` turns into.
    ///
    /// See the [trait's example](Self).
    fn connect_unix(&self, address: &UnixAddress, check_lock: bool) -> Connecting<'_> {
        match self.below() {
            Some(below) => below.connect_unix(address, check_lock),
            None => refused("UNIX sockets"),
        }
    }

    /// Opens a UDP port on one address.
    ///
    /// # Errors
    ///
    /// As the system's: the address is taken, or not ours, or not allowed.
    ///
    /// See the example of [`Datagrams`].
    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        match self.below() {
            Some(below) => below.bind_udp(address, options),
            None => Err(unsupported("UDP ports")),
        }
    }

    /// Opens a UNIX socket for datagrams, which has no name if the address has
    /// none.
    ///
    /// # Errors
    ///
    /// As the system's: the name is taken, or not allowed.
    ///
    /// See the example of [`Datagrams`].
    #[cfg(unix)]
    fn bind_unix_datagrams(
        &self,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams<UnixAddress>>> {
        match self.below() {
            Some(below) => below.bind_unix_datagrams(address, options),
            None => Err(unsupported("UNIX sockets")),
        }
    }

    /// Looks a host's name up, for a reactor that no resolver was
    /// [installed](crate::Reactor::install_resolver) in.
    ///
    /// # Errors
    ///
    /// [`DnsLookupError`] if there are no addresses.
    ///
    /// ```
    /// use reactor_compat::network::{Network, SystemNetwork};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let addresses = SystemNetwork::new().resolve("localhost", 80).await.unwrap();
    /// assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    /// # }
    /// ```
    fn resolve(&self, name: &str, port: u16) -> Resolution {
        if let Some(below) = self.below() {
            return below.resolve(name, port);
        }
        let error = DnsLookupError::new(name, "this network knows no names");
        Box::pin(std::future::ready(Err(error)))
    }

    /// The addresses of our own that `interface` stands for, which are tried in
    /// turn when a port is opened.
    ///
    /// # Errors
    ///
    /// What keeps a name from being looked up.
    ///
    /// ```
    /// use reactor_compat::network::{Network, SystemNetwork};
    ///
    /// let addresses = SystemNetwork::new().interfaces(&80.into())?;
    /// assert!(addresses[0].ip().is_unspecified());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn interfaces(&self, interface: &Interface) -> io::Result<Vec<SocketAddr>> {
        match (self.below(), interface.literal()) {
            (Some(below), _) => below.interfaces(interface),
            (None, Some(address)) => Ok(vec![address]),
            (None, None) => Err(unsupported("names of interfaces")),
        }
    }

    /// Takes a stream socket that listens for a port. It does not block.
    ///
    /// # Errors
    ///
    /// As the system's.
    ///
    /// See the example of [`adopt_stream_port`](crate::Reactor::adopt_stream_port).
    #[cfg(unix)]
    fn adopt_listener(&self, socket: OwnedFd, host: &Address) -> io::Result<Box<dyn Listener>> {
        match self.below() {
            Some(below) => below.adopt_listener(socket, host),
            None => Err(unsupported("adopted ports")),
        }
    }

    /// Takes a stream socket that is connected, to `peer`. It does not block.
    /// The stream has to be open.
    ///
    /// # Errors
    ///
    /// As the system's.
    ///
    /// See the example of
    /// [`adopt_stream_connection`](crate::Reactor::adopt_stream_connection).
    #[cfg(unix)]
    fn adopt_stream(
        &self,
        socket: OwnedFd,
        host: &Address,
        peer: &Address,
    ) -> io::Result<SharedStream> {
        match self.below() {
            Some(below) => below.adopt_stream(socket, host, peer),
            None => Err(unsupported("adopted connections")),
        }
    }

    /// Takes a UDP socket that exists, and may be connected. It does not block.
    ///
    /// # Errors
    ///
    /// As the system's.
    ///
    /// See the example of
    /// [`adopt_datagram_port`](crate::Reactor::adopt_datagram_port).
    fn adopt_udp(
        &self,
        socket: UdpSocket,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        match self.below() {
            Some(below) => below.adopt_udp(socket, options),
            None => Err(unsupported("adopted ports")),
        }
    }

    /// Starts a process.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] says why it cannot be.
    ///
    /// See the example of [`ChildProcess`].
    #[cfg(unix)]
    fn spawn_process(&self, command: &ProcessCommand) -> Result<Box<dyn ChildProcess>, SpawnError> {
        match self.below() {
            Some(below) => below.spawn_process(command),
            None => Err(SpawnError::new(command, unsupported("processes"))),
        }
    }

    /// Gives the process's standard input and output, as a stream.
    ///
    /// # Errors
    ///
    /// As the system's; of the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy) while
    /// somebody has them.
    ///
    /// See the example of [`standard_io`](crate::Reactor::standard_io).
    fn standard_io(&self) -> io::Result<SharedStream> {
        match self.below() {
            Some(below) => below.standard_io(),
            None => Err(unsupported("standard input and output")),
        }
    }

    /// Makes the connection that a connector wants.
    ///
    /// Unless it is overridden it looks the name up, where there is one, with
    /// the reactor's resolver; connects to its addresses by
    /// [`happy_eyeballs`](crate::happy_eyeballs()); and gives the first
    /// connection that is made. A network that is to see names, to record them
    /// or to have somebody else look them up, overrides it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], of all addresses the one that says most.
    ///
    /// See the example of [`DialRequest`].
    fn dial<'a>(&'a self, request: &'a DialRequest) -> Connecting<'a> {
        Box::pin(dial(self, request))
    }

    /// Opens the port that a reactor was told to open.
    ///
    /// Unless it is overridden it opens a port on the first of the
    /// [addresses](Self::interfaces) that can be had.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`], of the last address.
    ///
    /// See the example of [`ListenRequest`].
    fn listen(&self, request: &ListenRequest) -> Result<Box<dyn Listener>, CannotListenError> {
        listen(self, request)
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("this network has no {what}"))
}

fn refused<'a>(what: &str) -> Connecting<'a> {
    Box::pin(std::future::ready(Err(unsupported(what).into())))
}
