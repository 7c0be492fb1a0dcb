//! What the tests of this package have in common.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::net::SocketAddr;

use deferred::Failure;
use interop::Certificate;
use reactor_compat::{Address, Connection, Protocol, Reactor};

/// Connects `protocol`, with TLS if there is a certificate to believe.
pub(crate) async fn connect_to<P: Protocol>(
    reactor: &Reactor,
    address: SocketAddr,
    certificate: Option<&Certificate>,
    protocol: P,
) -> Result<Connection<P>, Failure> {
    let mut protocol = Some(protocol);
    let factory = move |_: Address| protocol.take();
    let connector = match certificate {
        None => reactor.connect_tcp(address, factory),
        Some(certificate) => reactor.connect_ssl(address, factory, certificate.client_options())?,
    };
    connector.when_connected().await
}
