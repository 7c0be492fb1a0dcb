//! Making a connection, and giving it to a driver.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::address::Destination;
use crate::address::Address;
use crate::connection::{Attendant, Connection, Setup};
use crate::error::ConnectError;
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::serve::{label, serve_with};

/// How long an attempt may take, as in Twisted.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to the first address of `destination` that answers.
pub(super) async fn connect(destination: &Destination) -> Result<TcpStream, ConnectError> {
    timeout(TIMEOUT, connect_in_turn(destination)).await.map_err(|_| ConnectError::Timeout)?
}

async fn connect_in_turn(destination: &Destination) -> Result<TcpStream, ConnectError> {
    let mut last = None;
    for address in addresses(destination).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => error.into(),
        None => ConnectError::UnknownHost(format!("{} has no address", destination.host())),
    })
}

async fn addresses(destination: &Destination) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Some(address) = destination.literal() {
        return Ok(vec![address]);
    }
    match lookup_host((destination.host(), destination.port())).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(ConnectError::UnknownHost(error.to_string())),
    }
}

/// Gives a TCP connection to a driver; `number` tells it from others of the
/// same port in the log; a client's connection has none.
pub(super) fn serve<P: Protocol>(
    reactor: &Reactor,
    stream: TcpStream,
    peer: SocketAddr,
    protocol: P,
    number: Option<u64>,
    attendant: Option<Rc<dyn Attendant<P>>>,
) -> Connection<P> {
    let host = stream.local_addr().map_or(Address::Pipe, Address::from);
    let span = label::<P>(number, &peer.into());
    serve_with(reactor, host, peer.into(), protocol, |connection, residence| Setup {
        stream,
        reset: reset_on_drop,
        drop_ends: true,
        connection,
        residence,
        attendant,
        span,
    })
}

/// Has the peer see a reset when the socket is closed.
fn reset_on_drop(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        log_reset(&error);
    }
}

#[cold]
fn log_reset(error: &io::Error) {
    tracing::debug!(%error, "a connection cannot be reset; it is closed");
}
