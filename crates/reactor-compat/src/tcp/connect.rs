//! Making a connection.

use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};

use super::address::Destination;
use crate::error::ConnectError;

pub(crate) async fn dial(_: &crate::reactor::Reactor, destination: &Destination) -> Result<TcpStream, ConnectError> {
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

