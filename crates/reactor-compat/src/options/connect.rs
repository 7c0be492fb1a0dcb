//! [`ConnectOptions`]: how a connection is made.
//!
//! Mirrors `timeout`, `bindAddress` and `attemptDelay` of `connectTCP` and of
//! `twisted.internet.endpoints.HostnameEndpoint`. Tested in
//! `tests/network/happy_eyeballs.rs`.

use std::net::SocketAddr;
use std::time::Duration;

/// RFC 8305 forbids less: that would be an attempt at every address at once.
const LEAST_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

/// How a connection is made: how long that may take, and from where.
///
/// ```
/// use reactor_compat::ConnectOptions;
/// use std::{net::Ipv4Addr, time::Duration};
///
/// let options = ConnectOptions::new()
///     .timeout(Duration::from_secs(5))
///     .bind_address((Ipv4Addr::LOCALHOST, 0))
///     .attempt_delay(Duration::from_millis(300));
/// assert_ne!(options, ConnectOptions::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ConnectOptions {
    timeout: Duration,
    pub(crate) bind_address: Option<SocketAddr>,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    no_delay: bool,
    keep_alive: bool,
    attempt_delay: Duration,
}

impl ConnectOptions {
    /// 30 seconds, from an address that the system chooses; 250 milliseconds
    /// from one attempt to the next.
    ///
    /// ```
    /// use reactor_compat::ConnectOptions;
    /// use std::time::Duration;
    ///
    /// let spelt_out = ConnectOptions::new()
    ///     .timeout(Duration::from_secs(30))
    ///     .attempt_delay(Duration::from_millis(250));
    /// assert_eq!(ConnectOptions::new(), spelt_out);
    /// ```
    pub const fn new() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            bind_address: None,
            reuse_address: false,
            reuse_port: false,
            no_delay: false,
            keep_alive: false,
            attempt_delay: Duration::from_millis(250),
        }
    }

    /// How long it may take in all, the lookup of a name included, until it
    /// fails with [`ConnectError::Timeout`](crate::ConnectError::Timeout).
    ///
    /// See the [type's example](Self).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The address and the port number to connect from; with port number 0
    /// the system chooses one. Only addresses of its family are connected to.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "bindAddress")]
    pub fn bind_address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.bind_address = Some(address.into());
        self
    }

    /// Sets whether the port to [connect from](Self::bind_address) may be one from which
    /// earlier connections are still dying (`SO_REUSEADDR`); not so unless set.
    ///
    /// ```
    /// use reactor_compat::ConnectOptions;
    ///
    /// let options = ConnectOptions::new().bind_address(([127, 0, 0, 1], 4000));
    /// assert!(!options.get_reuse_address());
    /// let options = options.reuse_address(true).reuse_port(true);
    /// assert!(options.get_reuse_address() && options.get_reuse_port());
    /// ```
    #[doc(alias = "reuseAddress")]
    #[doc(alias = "makeBinding")]
    pub const fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// Sets whether the port to [connect from](Self::bind_address) may be shared with
    /// others that are opened so (`SO_REUSEPORT`); not so unless set, and nowhere but
    /// on UNIX.
    ///
    /// See the example of [`reuse_address`](Self::reuse_address).
    #[doc(alias = "reusePort")]
    pub const fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Sets whether the connection sends what is written at once (`TCP_NODELAY`), though the
    /// peer has not confirmed what was sent before; not so unless set.
    ///
    /// ```
    /// use reactor_compat::ConnectOptions;
    ///
    /// let options = ConnectOptions::new().no_delay(true).keep_alive(true);
    /// assert!(options.get_no_delay() && options.get_keep_alive());
    /// ```
    #[doc(alias = "setTcpNoDelay")]
    pub const fn no_delay(mut self, set: bool) -> Self {
        self.no_delay = set;
        self
    }

    /// Sets whether the system asks a peer that says nothing for two hours whether it
    /// is there (`SO_KEEPALIVE`); not so unless set.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    #[doc(alias = "setTcpKeepAlive")]
    pub const fn keep_alive(mut self, set: bool) -> Self {
        self.keep_alive = set;
        self
    }

    /// How long an attempt at one address of a name may go without an answer
    /// before the next address is tried beside it: 10 milliseconds at least.
    ///
    /// ```
    /// use reactor_compat::ConnectOptions;
    /// use std::time::Duration;
    ///
    /// let least = ConnectOptions::new().attempt_delay(Duration::from_millis(10));
    /// assert_eq!(ConnectOptions::new().attempt_delay(Duration::ZERO), least);
    /// ```
    #[doc(alias = "attemptDelay")]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay.max(LEAST_ATTEMPT_DELAY);
        self
    }

    /// How long it may take in all, for a
    /// [`Network`](crate::network::Network) that makes the connection, as all
    /// of these are.
    ///
    /// ```
    /// use reactor_compat::ConnectOptions;
    /// use std::{net::Ipv4Addr, time::Duration};
    ///
    /// let options = ConnectOptions::new().bind_address((Ipv4Addr::LOCALHOST, 0));
    /// assert_eq!(options.get_timeout(), Duration::from_secs(30));
    /// assert_eq!(options.get_bind_address(), Some((Ipv4Addr::LOCALHOST, 0).into()));
    /// assert_eq!(options.get_attempt_delay(), Duration::from_millis(250));
    /// ```
    pub const fn get_timeout(&self) -> Duration {
        self.timeout
    }

    /// The address to connect from, if it is said.
    ///
    /// See the example of [`get_timeout`](Self::get_timeout).
    pub const fn get_bind_address(&self) -> Option<SocketAddr> {
        self.bind_address
    }

    /// Whether the port to connect from may be one of which connections are dying.
    ///
    /// See the example of [`reuse_address`](Self::reuse_address).
    pub const fn get_reuse_address(&self) -> bool {
        self.reuse_address
    }

    /// Whether the port to connect from may be shared.
    ///
    /// See the example of [`reuse_address`](Self::reuse_address).
    pub const fn get_reuse_port(&self) -> bool {
        self.reuse_port
    }

    /// Whether the connection sends at once.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    pub const fn get_no_delay(&self) -> bool {
        self.no_delay
    }

    /// Whether the system asks after a silent peer.
    ///
    /// See the example of [`no_delay`](Self::no_delay).
    pub const fn get_keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// How long an attempt at one address of a name may go without an answer
    /// before the next is tried beside it.
    ///
    /// See the example of [`get_timeout`](Self::get_timeout).
    pub const fn get_attempt_delay(&self) -> Duration {
        self.attempt_delay
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}
