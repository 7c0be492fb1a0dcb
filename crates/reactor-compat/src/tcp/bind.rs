//! Opening the socket of a TCP port.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::Interface;
use crate::address::Address;
use crate::error::CannotListenError;
use crate::port::Bound;
use crate::reactor::{Reactor, need_io};

/// How the socket of a TCP port is opened.
///
/// ```
/// use reactor_compat::{Address, ListenOptions, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let options = ListenOptions::new().backlog(16).only_v6(true);
/// let port = reactor.listen_tcp_with(("::1", 0), options, |_: Address| Silent)?;
/// assert!(port.get_host().ip().unwrap().is_ipv6());
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ListenOptions {
    backlog: i32,
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl ListenOptions {
    /// A backlog of 1,024, and the address reused as soon as the port is
    /// closed (except on Windows, where that means something else).
    ///
    /// ```
    /// use reactor_compat::ListenOptions;
    ///
    /// assert_eq!(ListenOptions::new(), ListenOptions::default());
    /// ```
    pub const fn new() -> Self {
        Self { backlog: 1024, reuse_address: cfg!(unix), reuse_port: false, only_v6: None }
    }

    /// How many connections may wait to be accepted; the system has a limit of
    /// its own. Twisted's default is 50.
    ///
    /// See the [type's example](Self).
    pub const fn backlog(mut self, connections: u16) -> Self {
        self.backlog = connections as i32;
        self
    }

    /// Whether the port may be opened while connections of an earlier one on
    /// it are still dying (`SO_REUSEADDR`).
    ///
    /// ```
    /// use reactor_compat::ListenOptions;
    ///
    /// assert_ne!(ListenOptions::new().reuse_address(!cfg!(unix)), ListenOptions::new());
    /// ```
    pub const fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// Whether others who ask for the same may share the port, the system
    /// dealing connections out among them (`SO_REUSEPORT`): a reactor a
    /// thread, or a process.
    ///
    /// ```
    /// use reactor_compat::{Address, ListenOptions, Protocol, Reactor};
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let shared = ListenOptions::new().reuse_port(true);
    /// let (one, other) = (Reactor::new(), Reactor::new());
    /// let port = one.listen_tcp_with(("127.0.0.1", 0), shared, |_: Address| Silent)?;
    /// let address = port.get_host().socket_addr().unwrap();
    /// # #[cfg(target_os = "linux")]
    /// other.listen_tcp_with(address, shared, |_: Address| Silent)?;
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub const fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Whether a port on all IPv6 addresses leaves the IPv4 ones alone; as the
    /// system has it unless said.
    ///
    /// See the [type's example](Self).
    pub const fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a port on the first address of `interface` that can be had.
pub(crate) fn bind(
    reactor: &Reactor,
    interface: &Interface,
    options: ListenOptions,
) -> Result<(Bound, Address), CannotListenError> {
    let failed = |error: io::Error| CannotListenError::new(interface.to_string(), &error);
    reactor.check_drivable().map_err(|error| failed(error.into()))?;
    #[cfg(feature = "testing")]
    if let Some(network) = reactor.network() {
        let (listener, host) = network.bind_tcp(interface, options)?;
        return Ok((Bound::Memory(listener), host));
    }
    bind_first(interface, options).map_err(failed)
}

fn bind_first(interface: &Interface, options: ListenOptions) -> io::Result<(Bound, Address)> {
    need_io()?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in interface.socket_addrs()? {
        match open(address, options) {
            Ok(bound) => {
                let host = bound.host()?;
                return Ok((bound, host));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(address: SocketAddr, options: ListenOptions) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if options.reuse_address {
        socket.set_reuse_address(true)?;
    }
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if let (Some(only), true) = (options.only_v6, address.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(options.backlog)?;
    socket.set_nonblocking(true)?;
    Ok(Bound::Tcp(socket.into()))
}
