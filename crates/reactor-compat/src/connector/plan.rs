//! [`Plan`]: what a connector does each time that it connects.

use tokio::time::timeout;

use super::Target;
use crate::connection::Security;
use crate::error::ConnectError;
use crate::network::SharedStream;
use crate::reactor::Reactor;
use crate::socket::TcpSocket;
#[cfg(unix)]
use crate::socket::UnixSocket;
use crate::tcp::{ConnectOptions, dial};
#[cfg(feature = "testing")]
use crate::testing::Asked;

/// What a connector does each time that it connects.
pub(crate) struct Plan {
    pub(crate) target: Target,
    options: ConnectOptions,
    /// Whether the server of a UNIX socket has to hold its lock.
    #[cfg(unix)]
    check_lock: bool,
    /// What is to be between the socket and the protocol from the start.
    pub(crate) security: Security,
}

impl Plan {
    /// A connection with nothing between socket and protocol.
    pub(crate) fn new(target: Target, options: ConnectOptions) -> Self {
        Self {
            target,
            options,
            #[cfg(unix)]
            check_lock: false,
            security: Security::default(),
        }
    }

    /// The same, to a server that has to hold the lock of its UNIX socket.
    #[cfg(unix)]
    pub(crate) fn checking_lock(mut self, check: bool) -> Self {
        self.check_lock = check;
        self
    }

    /// Makes a connection, within the time that the options allow.
    pub(super) async fn dial(&self, reactor: &Reactor) -> Result<SharedStream, ConnectError> {
        let dialled = timeout(self.options.get_timeout(), self.dial_unbounded(reactor)).await;
        dialled.map_err(|_| ConnectError::Timeout)?
    }

    async fn dial_unbounded(&self, reactor: &Reactor) -> Result<SharedStream, ConnectError> {
        #[cfg(feature = "testing")]
        if let Some(network) = reactor.network() {
            let secure = !self.security.is_none();
            #[cfg(unix)]
            let lock = self.check_lock;
            #[cfg(not(unix))]
            let lock = false;
            return network.dial(&self.target, self.options, Asked { secure, lock }).await;
        }
        match &self.target {
            Target::Tcp(destination) => {
                let stream = dial(reactor, destination, &self.options).await?;
                Ok(SharedStream::new(TcpSocket::connected(stream)?))
            }
            #[cfg(unix)]
            Target::Unix(address) => {
                let stream = crate::unix::dial(address, self.check_lock).await?;
                Ok(SharedStream::new(UnixSocket::connected(stream)?))
            }
            #[cfg(not(unix))]
            Target::Unix(_) => Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into()),
        }
    }
}
