//! The findings of a handshake about the peer.
//!
//! Mirrors what `twisted.internet._sslverify` takes from a connection. Tested in `tests/network/tls.rs`.

use tokio_rustls::TlsStream;

use crate::network::{Certificate, Security};

/// The findings of a handshake.
pub(super) fn security_of<S>(stream: &TlsStream<S>) -> Security {
    let (_, session) = stream.get_ref();
    let mut security = Security::new();
    if let Some(der) = session.peer_certificates().and_then(|chain| chain.first()) {
        security = security.with_certificate(Certificate::from_der(der.to_vec()));
    }
    if let Some(protocol) = session.alpn_protocol() {
        security = security.with_protocol(protocol);
    }
    match stream {
        TlsStream::Server(server) => match server.get_ref().1.server_name() {
            Some(name) => security.with_server_name(name),
            None => security,
        },
        TlsStream::Client(_) => security,
    }
}
