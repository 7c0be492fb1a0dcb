//! [`ListenOptions`]: how a TCP port is opened.
//!
//! Mirrors the arguments of `listenTCP`. Tested in `tests/network/tcp.rs`.

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
    backlog: u32,
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
    no_delay: bool,
    keep_alive: bool,
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
        Self {
            backlog: 1024,
            reuse_address: cfg!(unix),
            reuse_port: false,
            only_v6: None,
            no_delay: false,
            keep_alive: false,
        }
    }

    /// How many connections may wait to be accepted; the system has a limit of
    /// its own. Twisted's default is 50.
    ///
    /// See the [type's example](Self).
    pub const fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Sets whether the port may be opened while connections of an earlier one
    /// on it are still dying (`SO_REUSEADDR`).
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

    /// Sets whether others who ask for the same may share the port, the system
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

    /// Sets whether a port on all IPv6 addresses leaves the IPv4 ones alone; as
    /// the system has it unless said.
    ///
    /// See the [type's example](Self).
    pub const fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// Sets whether connections send what is written at once (`TCP_NODELAY`), though the
    /// peer has not confirmed what was sent before; not so unless set.
    ///
    /// ```
    /// use reactor_compat::ListenOptions;
    ///
    /// let options = ListenOptions::new().no_delay(true).keep_alive(true);
    /// assert!(options.get_no_delay() && options.get_keep_alive());
    /// ```
    #[doc(alias = "setTcpNoDelay")]
    pub const fn no_delay(mut self, set: bool) -> Self {
        self.no_delay = set;
        self
    }

    /// Sets whether the system asks peers that say nothing for two hours whether they
    /// are there (`SO_KEEPALIVE`); not so unless set.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    #[doc(alias = "setTcpKeepAlive")]
    pub const fn keep_alive(mut self, set: bool) -> Self {
        self.keep_alive = set;
        self
    }

    /// How many connections may wait to be accepted, for a
    /// [`Network`](crate::network::Network) that opens the port, as all of
    /// these are.
    ///
    /// ```
    /// use reactor_compat::ListenOptions;
    ///
    /// let options = ListenOptions::new().backlog(16).reuse_port(true).only_v6(true);
    /// assert_eq!(options.get_backlog(), 16);
    /// assert_eq!((options.get_reuse_address(), options.get_reuse_port()), (cfg!(unix), true));
    /// assert_eq!(options.get_only_v6(), Some(true));
    /// ```
    pub const fn get_backlog(&self) -> u32 {
        self.backlog
    }

    /// Whether the address is reused at once.
    ///
    /// See the example of [`get_backlog`](Self::get_backlog).
    pub const fn get_reuse_address(&self) -> bool {
        self.reuse_address
    }

    /// Whether others may share the port.
    ///
    /// See the example of [`get_backlog`](Self::get_backlog).
    pub const fn get_reuse_port(&self) -> bool {
        self.reuse_port
    }

    /// The choice of a port of IPv6 only, if one was made.
    ///
    /// See the example of [`get_backlog`](Self::get_backlog).
    pub const fn get_only_v6(&self) -> Option<bool> {
        self.only_v6
    }

    /// Whether connections send at once.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    pub const fn get_no_delay(&self) -> bool {
        self.no_delay
    }

    /// Whether the system asks after silent peers.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    pub const fn get_keep_alive(&self) -> bool {
        self.keep_alive
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self::new()
    }
}
