//! [`SystemNetwork`]: the operating system's network.
//!
//! Mirrors what `twisted.internet.tcp`, `udp` and `unix` do with sockets.
//! Tested in `tests/network/`.

#[cfg(unix)]
mod adopted;
mod datagrams;
mod listener;
#[cfg(unix)]
mod process;
mod standard_io;
mod tcp;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
#[cfg(unix)]
use std::os::fd::OwnedFd;

#[cfg(unix)]
use adopted::AdoptedSocket;
use listener::TcpPort;
#[cfg(unix)]
use listener::UnixPort;
#[cfg(unix)]
use process::SystemProcess;
use standard_io::StandardIo;

#[cfg(unix)]
use super::ChildProcess;
use super::{Connecting, Datagrams, Listener, Network, PlainStream, SharedStream};
#[cfg(unix)]
use crate::address::Address;
use crate::address::{Interface, UnixAddress};
#[cfg(unix)]
use crate::error::process::SpawnError;
use crate::io_driver::need_io;
use crate::options::{ConnectOptions, DatagramOptions, ListenOptions};
#[cfg(unix)]
use crate::options::{ProcessCommand, UnixOptions};
use crate::resolver::{Resolution, Resolver, SystemResolver};

/// The operating system's network: that of every reactor that was not given
/// another.
///
/// Its sockets are Tokio's. Names are looked up by a
/// [`SystemResolver`].
///
/// ```
/// use reactor_compat::network::SystemNetwork;
/// use reactor_compat::{Address, Protocol, Reactor};
/// use std::rc::Rc;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// // What `Reactor::new()` gives.
/// let reactor = Reactor::with_network(Rc::new(SystemNetwork::new()));
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
/// assert_ne!(port.get_host().port(), Some(0));
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SystemNetwork {
    resolver: SystemResolver,
}

impl SystemNetwork {
    /// One whose names are looked up ten at a time.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self::default()
    }
}

impl Network for SystemNetwork {
    fn ready(&self) -> io::Result<()> {
        need_io()
    }

    fn bind_tcp(
        &self,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpPort::new(tcp::open(address, options)?, options)?))
    }

    fn connect_tcp(&self, to: SocketAddr, options: &ConnectOptions) -> Connecting<'_> {
        let options = *options;
        Box::pin(async move {
            let stream = tcp::connect(to, &options).await?;
            Ok(SharedStream::unguarded(tcp::TcpSocket::connected(stream)?))
        })
    }

    #[cfg(unix)]
    fn bind_unix(
        &self,
        address: &UnixAddress,
        options: &UnixOptions,
    ) -> io::Result<Box<dyn Listener>> {
        let (listener, file) = unix::open(address, options)?;
        Ok(Box::new(UnixPort::new(listener, file)?))
    }

    #[cfg(unix)]
    fn connect_unix(&self, address: &UnixAddress, check_lock: bool) -> Connecting<'_> {
        let address = address.clone();
        Box::pin(async move {
            let stream = unix::connect(&address, check_lock).await?;
            Ok(SharedStream::unguarded(unix::UnixSocket::connected(stream)?))
        })
    }

    fn bind_udp(
        &self,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams>> {
        datagrams::open_udp(address, options)
    }

    #[cfg(unix)]
    fn bind_unix_datagrams(
        &self,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagrams<UnixAddress>>> {
        datagrams::open_unix(address, options)
    }

    fn resolve(&self, name: &str, port: u16) -> Resolution {
        self.resolver.resolve_host_name(name, port)
    }

    /// A name is looked up in the system's own tables and servers, and this
    /// waits for it.
    fn interfaces(&self, interface: &Interface) -> io::Result<Vec<SocketAddr>> {
        match interface.literal() {
            Some(address) => Ok(vec![address]),
            None => Ok((interface.host(), interface.port()).to_socket_addrs()?.collect()),
        }
    }

    #[cfg(unix)]
    fn adopt_listener(&self, socket: OwnedFd, host: &Address) -> io::Result<Box<dyn Listener>> {
        Ok(match host {
            Address::Unix(_) => Box::new(UnixPort::new(socket.into(), None)?),
            _ => Box::new(TcpPort::new(socket.into(), &ListenOptions::new())?),
        })
    }

    #[cfg(unix)]
    fn adopt_stream(
        &self,
        socket: OwnedFd,
        _: &Address,
        peer: &Address,
    ) -> io::Result<SharedStream> {
        Ok(SharedStream::unguarded(AdoptedSocket::new(socket, peer)))
    }

    #[cfg(unix)]
    fn spawn_process(&self, command: &ProcessCommand) -> Result<Box<dyn ChildProcess>, SpawnError> {
        match SystemProcess::spawn(command) {
            Ok(process) => Ok(Box::new(process)),
            Err(error) => Err(SpawnError::new(command, error)),
        }
    }

    fn standard_io(&self) -> io::Result<SharedStream> {
        Ok(SharedStream::unguarded(PlainStream(StandardIo::take()?)))
    }

    fn adopt_udp(&self, socket: UdpSocket, _: &DatagramOptions) -> io::Result<Box<dyn Datagrams>> {
        datagrams::adopt_udp(socket)
    }
}
