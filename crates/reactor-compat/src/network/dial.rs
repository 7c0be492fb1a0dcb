//! How a connection is made, unless a network says otherwise: a name is looked
//! up, and its addresses are tried.
//!
//! Mirrors `twisted.internet.endpoints.HostnameEndpoint`. Tested in
//! `tests/network/happy_eyeballs.rs`.

use super::{DialRequest, Network, SharedStream};
use crate::address::{Destination, Target};
use crate::error::ConnectError;
use crate::happy_eyeballs::happy_eyeballs;
use crate::resolver::DnsLookupError;

/// Makes the connection, however long it takes. Dropping the future ends the
/// lookup and all attempts.
pub(super) async fn dial<N: Network + ?Sized>(
    network: &N,
    request: &DialRequest,
) -> Result<SharedStream, ConnectError> {
    let destination = match &request.target {
        Target::Tcp(destination) => destination,
        Target::Unix(address) => return network.connect_unix(address, request.check_lock).await,
        Target::Endpoint(_) => {
            return Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into());
        }
    };
    let options = &request.options;
    if let Some(address) = destination.literal() {
        return network.connect_tcp(address, options).await;
    }
    let (host, port) = (destination.host(), destination.port());
    let mut addresses = request.resolver.look_up(host, port).await?;
    if let Some(local) = options.get_bind_address() {
        addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
    }
    let connect = |address| network.connect_tcp(address, options);
    let connected = happy_eyeballs(addresses, options.get_attempt_delay(), connect).await;
    connected.map_err(|failures| the_one_that_tells(failures, destination))
}

/// Which of the failures to tell: the last one, as in Twisted; but that there
/// is no way to a host is all that one hears of IPv6 on most machines, and
/// says least.
fn the_one_that_tells(mut failures: Vec<ConnectError>, destination: &Destination) -> ConnectError {
    let telling = failures.iter().rposition(|failure| *failure != ConnectError::NoRoute);
    let at = telling.or(failures.len().checked_sub(1));
    at.map(|at| failures.swap_remove(at)).unwrap_or_else(|| {
        let why = "it has no address that can be reached from there";
        DnsLookupError::new(destination.host(), why).into()
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
