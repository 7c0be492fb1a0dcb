//! [`Plan`]: the steps that a connector takes each time that it connects.
//!
//! Tested in `tests/network/connector.rs` and `tests/network/opening.rs`.

use std::future::poll_fn;

use tokio::time::timeout;

use super::Target;
use crate::connection::Security;
use crate::error::ConnectError;
use crate::network::{DialRequest, Network, SharedStream, Stream};
use crate::reactor::Reactor;
use crate::tcp::ConnectOptions;

/// The steps that a connector takes each time that it connects.
pub(crate) struct Plan {
    pub(crate) target: Target,
    options: ConnectOptions,
    /// The server of a UNIX socket has to hold its lock.
    check_lock: bool,
    /// The protection between the socket and the protocol from the start.
    pub(crate) security: Security,
}

impl Plan {
    /// A connection with nothing between socket and protocol.
    pub(crate) fn new(target: Target, options: ConnectOptions) -> Self {
        Self { target, options, check_lock: false, security: Security::default() }
    }

    /// The same, to a server that has to hold the lock of its UNIX socket.
    #[cfg(unix)]
    pub(crate) fn checking_lock(mut self, check: bool) -> Self {
        self.check_lock = check;
        self
    }

    /// Makes a connection, and opens it, within the time that the options allow.
    pub(super) async fn dial(&self, reactor: &Reactor) -> Result<SharedStream, ConnectError> {
        let request = DialRequest {
            target: self.target.clone(),
            options: self.options,
            check_lock: self.check_lock,
            secure: !matches!(self.security, Security::None),
            resolver: reactor.name_resolver(),
        };
        let network = reactor.shared().network()?;
        let dialled = timeout(self.options.get_timeout(), dial(network, &request)).await;
        dialled.map_err(|_| ConnectError::Timeout)?
    }
}

async fn dial(network: &dyn Network, request: &DialRequest) -> Result<SharedStream, ConnectError> {
    let mut stream = network.dial(request).await?;
    poll_fn(|cx| stream.poll_open(cx)).await.map_err(ConnectError::of_opening)?;
    Ok(stream)
}
