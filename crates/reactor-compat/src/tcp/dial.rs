//! [`ConnectOptions`], and making a connection with them.
//!
//! Mirrors `timeout`, `bindAddress` and `attemptDelay` of `connectTCP` and of
//! `twisted.internet.endpoints.HostnameEndpoint`. Tested in
//! `tests/network/happy_eyeballs.rs`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use super::Destination;
use super::happy_eyeballs::happy_eyeballs;
use crate::error::ConnectError;
use crate::reactor::{Reactor, need_io};

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
    bind_address: Option<SocketAddr>,
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
            attempt_delay: Duration::from_millis(250),
        }
    }

    /// How long it may take in all, the lookup of a name included, until it
    /// fails with [`ConnectError::Timeout`].
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

    /// How long it may take in all.
    pub(crate) const fn get_timeout(&self) -> Duration {
        self.timeout
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a connection to `destination`, looking its name up if it has one.
///
/// However long it takes: the caller has to see to the timeout. Dropping the
/// future ends the lookup and all attempts.
pub(crate) async fn dial(
    reactor: &Reactor,
    destination: &Destination,
    options: &ConnectOptions,
) -> Result<TcpStream, ConnectError> {
    let local = options.bind_address;
    if let Some(address) = destination.literal() {
        return connect(address, local).await;
    }
    let resolver = reactor.name_resolver();
    let mut addresses = resolver.look_up(destination.host(), destination.port()).await?;
    if let Some(local) = local {
        addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
    }
    let connected =
        happy_eyeballs(addresses, options.attempt_delay, |address| connect(address, local)).await;
    connected.map_err(|failures| the_one_that_tells(failures, destination))
}

/// Makes a connection to one address.
async fn connect(
    address: SocketAddr,
    local: Option<SocketAddr>,
) -> Result<TcpStream, ConnectError> {
    need_io()?;
    let Some(local) = local else {
        return Ok(TcpStream::connect(address).await?);
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(local).map_err(|error| cannot_bind(local, &error))?;
    Ok(socket.connect(address).await?)
}

fn cannot_bind(local: SocketAddr, error: &io::Error) -> ConnectError {
    ConnectError::Bind(error.kind(), format!("{local}: {error}"))
}

/// Which of the failures to tell: the last one, as in Twisted; but that there
/// is no way to a host is all that one hears of IPv6 on most machines, and
/// says least.
fn the_one_that_tells(mut failures: Vec<ConnectError>, destination: &Destination) -> ConnectError {
    let telling = failures.iter().rposition(|failure| *failure != ConnectError::NoRoute);
    let at = telling.or(failures.len().checked_sub(1));
    at.map(|at| failures.swap_remove(at)).unwrap_or_else(|| {
        let why = format!("{} has no address that can be reached from there", destination.host());
        ConnectError::UnknownHost(why)
    })
}

#[cfg(test)]
mod tests {
    use super::{ConnectError, the_one_that_tells};
    use ConnectError::{ConnectionRefused, NoRoute, TcpTimedOut};

    fn told<const N: usize>(failures: [ConnectError; N]) -> ConnectError {
        the_one_that_tells(failures.into(), &("name.test", 80).into())
    }

    #[test]
    fn the_last_failure_is_told() {
        assert_eq!(told([ConnectionRefused, TcpTimedOut]), TcpTimedOut);
        assert_eq!(told([TcpTimedOut, ConnectionRefused]), ConnectionRefused);
    }

    #[test]
    fn that_there_is_no_route_is_told_where_there_is_nothing_else_to_tell() {
        assert_eq!(told([ConnectionRefused, NoRoute]), ConnectionRefused);
        assert_eq!(told([TcpTimedOut, ConnectionRefused, NoRoute, NoRoute]), ConnectionRefused);
        assert_eq!(told([NoRoute, NoRoute]), NoRoute);
    }
}
