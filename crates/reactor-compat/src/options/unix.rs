//! [`UnixOptions`] and [`UnixConnectOptions`].
//!
//! Mirrors the arguments of `listenUNIX` and `connectUNIX`. Tested in
//! `tests/network/unix.rs`.

use std::time::Duration;

/// How the socket of a UNIX port is opened.
///
/// ```
/// use reactor_compat::{Address, Protocol, Reactor, UnixOptions};
/// use std::os::unix::fs::PermissionsExt;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("echo.sock");
/// let reactor = Reactor::new();
/// let options = UnixOptions::new().mode(0o600).backlog(16).lock(true);
/// reactor.listen_unix_with(&path, options, |_: Address| Silent)?;
/// assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
///
/// // The lock is held, so nobody else can have the address.
/// let error = reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap_err();
/// assert!(error.to_string().contains("cannot acquire lock"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct UnixOptions {
    mode: u32,
    lock: bool,
    backlog: u32,
}

impl UnixOptions {
    /// The file's mode 0666, no lock, and a backlog of 1,024.
    ///
    /// ```
    /// use reactor_compat::UnixOptions;
    ///
    /// assert_eq!(UnixOptions::new(), UnixOptions::new().mode(0o666).lock(false).backlog(1024));
    /// ```
    pub const fn new() -> Self {
        Self { mode: 0o666, lock: false, backlog: 1024 }
    }

    /// The mode that the socket's file gets before anybody can connect: who
    /// may. An abstract name has none.
    ///
    /// See the [type's example](Self).
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Sets whether a lock is held for as long as the port is open: a file
    /// beside the socket's own, with `.lock` at the end of its name.
    ///
    /// A server that was killed leaves both files behind, and nobody can
    /// listen there any more. With the lock it is seen that the server is no
    /// longer there; the old socket is removed, and the new one opened.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "wantPID")]
    pub const fn lock(mut self, lock: bool) -> Self {
        self.lock = lock;
        self
    }

    /// How many connections may wait to be accepted; the system has a limit of
    /// its own. Twisted's default is 50.
    ///
    /// See the [type's example](Self).
    pub const fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// The mode of the socket's file, for a
    /// [`Network`](crate::network::Network) that opens the port, as all of
    /// these are.
    ///
    /// ```
    /// use reactor_compat::UnixOptions;
    ///
    /// let options = UnixOptions::new();
    /// assert_eq!((options.get_mode(), options.get_lock()), (0o666, false));
    /// assert_eq!(options.get_backlog(), 1024);
    /// ```
    pub const fn get_mode(&self) -> u32 {
        self.mode
    }

    /// Whether a lock is held.
    ///
    /// See the example of [`get_mode`](Self::get_mode).
    pub const fn get_lock(&self) -> bool {
        self.lock
    }

    /// How many connections may wait to be accepted.
    ///
    /// See the example of [`get_mode`](Self::get_mode).
    pub const fn get_backlog(&self) -> u32 {
        self.backlog
    }
}

impl Default for UnixOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How a connection to a UNIX socket is made.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::{Address, ConnectError, Protocol, Reactor, UnixConnectOptions};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("echo.sock");
/// let reactor = Reactor::new();
/// let options = UnixConnectOptions::new().check_lock(true);
/// let stop = reactor.clone();
/// let connected = reactor
///     .connect_unix_with(&path, options, |_: Address| Silent)
///     .when_connected()
///     .add_errback(move |failure| {
///         stop.stop()?;
///         Err(failure)
///     });
/// reactor.run()?;
/// assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::BadFile));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct UnixConnectOptions {
    timeout: Duration,
    check_lock: bool,
}

impl UnixConnectOptions {
    /// 30 seconds, and no look at the lock.
    ///
    /// ```
    /// use reactor_compat::UnixConnectOptions;
    /// use std::time::Duration;
    ///
    /// let spelt_out = UnixConnectOptions::new().timeout(Duration::from_secs(30)).check_lock(false);
    /// assert_eq!(UnixConnectOptions::new(), spelt_out);
    /// ```
    pub const fn new() -> Self {
        Self { timeout: Duration::from_secs(30), check_lock: false }
    }

    /// How long it may take: a server whose backlog is full lets one wait.
    ///
    /// See the example of [`new`](Self::new).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether the server has to hold the [lock](UnixOptions::lock) of its
    /// address; if it does not, connecting fails with
    /// [`ConnectError::BadFile`](crate::ConnectError::BadFile).
    ///
    /// See the [type's example](Self).
    #[doc(alias = "checkPID")]
    pub const fn check_lock(mut self, check: bool) -> Self {
        self.check_lock = check;
        self
    }

    /// How long it may take.
    ///
    /// ```
    /// use reactor_compat::UnixConnectOptions;
    /// use std::time::Duration;
    ///
    /// let options = UnixConnectOptions::new();
    /// assert_eq!(options.get_timeout(), Duration::from_secs(30));
    /// assert!(!options.get_check_lock());
    /// ```
    pub const fn get_timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the server has to hold the lock of its address.
    ///
    /// See the example of [`get_timeout`](Self::get_timeout).
    pub const fn get_check_lock(&self) -> bool {
        self.check_lock
    }
}

impl Default for UnixConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}
