//! Connecting to UNIX sockets.
//!
//! Mirrors `connectUNIX`. Tested in `tests/network/unix.rs`.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

use super::UnixConnectOptions;
use super::file::lock_path;
use crate::address::{Target, UnixAddress};
use crate::connector::{Connector, Plan};
use crate::error::ConnectError;
use crate::factory::ClientFactory;
use crate::lockfile::is_locked;
use crate::reactor::Reactor;
use crate::tcp::ConnectOptions;

/// How long to wait before a server whose backlog is full is asked again: the
/// system does not tell when there is room.
const FULL: Duration = Duration::from_millis(10);

impl Reactor {
    /// Connects to a UNIX socket, and gives the connection a protocol of
    /// `factory`.
    ///
    /// An attempt may take 30 seconds. The [`Connector`] stops it, tells when
    /// there is a connection, and connects again.
    ///
    /// See the example of [`listen_unix`](Self::listen_unix).
    #[doc(alias = "connectUNIX")]
    pub fn connect_unix<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: F,
    ) -> Connector<F::Protocol> {
        self.connect_unix_with(address, UnixConnectOptions::new(), factory)
    }

    /// [`connect_unix`](Self::connect_unix), with a say in how.
    ///
    /// See the example of [`UnixConnectOptions`].
    pub fn connect_unix_with<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        options: UnixConnectOptions,
        factory: F,
    ) -> Connector<F::Protocol> {
        let timeout = ConnectOptions::new().timeout(options.timeout);
        let plan = Plan::new(Target::Unix(address.into()), timeout);
        Connector::begin(self, plan.checking_lock(options.check_lock), factory)
    }
}

/// Connects to the socket of that name, whose server has to hold its lock if
/// that is to be checked.
pub(crate) async fn connect(
    address: &UnixAddress,
    check_lock: bool,
) -> Result<UnixStream, ConnectError> {
    let name = match address {
        UnixAddress::Path(path) => path.clone(),
        UnixAddress::Abstract(name) if cfg!(any(target_os = "linux", target_os = "android")) => {
            PathBuf::from(OsString::from_vec([&[0], name.as_slice()].concat()))
        }
        UnixAddress::Abstract(_) | UnixAddress::Unnamed => {
            return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
        }
    };
    // An abstract name has no lock, and so none that is held.
    if check_lock && !is_locked(lock_path(&name)).unwrap_or(false) {
        return Err(ConnectError::BadFile);
    }
    loop {
        match UnixStream::connect(&name).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL).await,
            connected => return Ok(connected?),
        }
    }
}
