//! [`Plan`]: what a connector does each time that it connects.

use tokio::time::timeout;

use super::Target;
use crate::connection::Security;
use crate::error::ConnectError;
use crate::reactor::Reactor;
use crate::socket::Socket;
use crate::tcp::{ConnectOptions, dial};

/// What a connector does each time that it connects.
pub(crate) struct Plan {
    pub(crate) target: Target,
    options: ConnectOptions,
    /// What is to be between the socket and the protocol from the start.
    pub(crate) security: Security,
}

impl Plan {
    /// A connection with nothing between socket and protocol.
    pub(crate) fn new(target: Target, options: ConnectOptions) -> Self {
        Self { target, options, security: Security::default() }
    }

    /// Makes a connection, within the time that the options allow.
    pub(super) async fn dial(&self, reactor: &Reactor) -> Result<Socket, ConnectError> {
        let dialled = timeout(self.options.get_timeout(), self.dial_unbounded(reactor)).await;
        dialled.map_err(|_| ConnectError::Timeout)?
    }

    async fn dial_unbounded(&self, reactor: &Reactor) -> Result<Socket, ConnectError> {
        match &self.target {
            Target::Tcp(destination) => {
                Ok(Socket::Tcp(dial(reactor, destination, &self.options).await?))
            }
            #[cfg(unix)]
            Target::Unix(address) => Ok(Socket::Unix(crate::unix::dial(address).await?)),
            #[cfg(not(unix))]
            Target::Unix(_) => Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into()),
        }
    }
}
