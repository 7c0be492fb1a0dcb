//! [`DatagramOptions`]: how a port for datagrams is opened.
//!
//! Mirrors the keyword arguments of `listenUDP`, `listenMulticast`,
//! `listenUNIXDatagram` and `connectUNIXDatagram`. Tested in `tests/network/udp.rs`,
//! `tests/network/multicast.rs` and `tests/network/unix_datagram.rs`.

#[cfg(unix)]
use crate::address::UnixAddress;

/// How a port for datagrams is opened.
///
/// ```
/// use reactor_compat::{DatagramOptions, DatagramProtocol, Reactor};
///
/// struct Silent;
/// impl DatagramProtocol for Silent {}
///
/// let options = DatagramOptions::new().max_packet_size(1500).listen_multiple(true);
/// let reactor = Reactor::new();
/// let port = reactor.listen_multicast_with(("127.0.0.1", 0), options.clone(), Silent)?;
/// assert_eq!(port.max_packet_size(), 1500);
/// assert!(reactor.listen_multicast_with(port.get_host(), options, Silent).is_ok());
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct DatagramOptions {
    max_packet_size: usize,
    listen_multiple: bool,
    #[cfg(unix)]
    mode: u32,
    #[cfg(unix)]
    bind_address: UnixAddress,
}

impl DatagramOptions {
    /// Twisted's defaults: datagrams of up to 8,192 bytes, a port for
    /// one process alone, and a UNIX socket for everybody.
    ///
    /// ```
    /// use reactor_compat::DatagramOptions;
    ///
    /// assert_eq!(DatagramOptions::new(), DatagramOptions::default());
    /// ```
    pub fn new() -> Self {
        Self {
            max_packet_size: 8192,
            listen_multiple: false,
            #[cfg(unix)]
            mode: 0o666,
            #[cfg(unix)]
            bind_address: UnixAddress::Unnamed,
        }
    }

    /// How many bytes of a datagram are received; the rest of it is lost.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "maxPacketSize")]
    pub fn max_packet_size(mut self, bytes: usize) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// How many bytes of a datagram are received.
    ///
    /// ```
    /// assert_eq!(reactor_compat::DatagramOptions::new().get_max_packet_size(), 8192);
    /// ```
    pub fn get_max_packet_size(&self) -> usize {
        self.max_packet_size
    }

    /// Sets whether several sockets may listen on the same port, as programs
    /// that join the same group do.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "listenMultiple")]
    pub fn listen_multiple(mut self, allowed: bool) -> Self {
        self.listen_multiple = allowed;
        self
    }

    /// Whether several sockets may listen on the same port, for a
    /// [`Network`](crate::network::Network) that opens it.
    ///
    /// ```
    /// assert!(!reactor_compat::DatagramOptions::new().get_listen_multiple());
    /// ```
    pub fn get_listen_multiple(&self) -> bool {
        self.listen_multiple
    }

    /// The permissions of a UNIX socket's file.
    ///
    /// ```
    /// use reactor_compat::{DatagramOptions, DatagramProtocol, Reactor, UnixAddress};
    /// use std::os::unix::fs::PermissionsExt;
    ///
    /// struct Silent;
    /// impl DatagramProtocol<UnixAddress> for Silent {}
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("socket");
    /// let private = DatagramOptions::new().mode(0o600);
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_unix_datagram_with(&path, private, Silent)?;
    /// assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The permissions of a UNIX socket's file, for a
    /// [`Network`](crate::network::Network) that opens it.
    ///
    /// ```
    /// assert_eq!(reactor_compat::DatagramOptions::new().get_mode(), 0o666);
    /// ```
    #[cfg(unix)]
    pub fn get_mode(&self) -> u32 {
        self.mode
    }

    /// The name of our own end of a connected UNIX socket, which its peer
    /// needs to answer.
    ///
    /// ```
    /// use reactor_compat::{DatagramOptions, DatagramProtocol, Reactor, UnixAddress};
    ///
    /// struct Silent;
    /// impl DatagramProtocol<UnixAddress> for Silent {}
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let (here, there) = (directory.path().join("here"), directory.path().join("there"));
    /// let reactor = Reactor::new();
    /// let server = reactor.listen_unix_datagram(&there, Silent)?;
    /// let options = DatagramOptions::new().bind_address(&here);
    /// let client = reactor.connect_unix_datagram_with(&there, options, Silent)?;
    /// assert_eq!(client.get_host().path(), Some(&*here));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    #[doc(alias = "bindAddress")]
    pub fn bind_address(mut self, address: impl Into<UnixAddress>) -> Self {
        self.bind_address = address.into();
        self
    }

    /// The name of our own end of a connected UNIX socket; none unless one was
    /// set.
    ///
    /// ```
    /// use reactor_compat::{DatagramOptions, UnixAddress};
    ///
    /// assert_eq!(*DatagramOptions::new().get_bind_address(), UnixAddress::Unnamed);
    /// ```
    #[cfg(unix)]
    pub fn get_bind_address(&self) -> &UnixAddress {
        &self.bind_address
    }
}

impl Default for DatagramOptions {
    fn default() -> Self {
        Self::new()
    }
}
