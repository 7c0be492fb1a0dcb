//! TLS: ports and connectors that speak it from the start, and connections
//! that turn to it on the way (feature `tls`).
//!
//! Mirrors `twisted.internet.ssl`, `IReactorSSL` and `ITLSTransport`, on
//! [rustls]. Tested in `tests/network/tls.rs`.
//!
//! A client verifies the server's certificate and name against the system's
//! authorities unless told [otherwise](ClientOptions::trust_roots); versions
//! before TLS 1.2 are not spoken. What cannot be said with the options here can
//! be with a configuration of [rustls] itself, which both kinds can be made of.
//!
//! ```
//! use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
//! use reactor_compat::{Address, Connection, Protocol, Reactor};
//!
//! struct Greet;
//!
//! impl Protocol for Greet {
//!     fn connection_made(&mut self, transport: &Connection<Self>) {
//!         transport.write("hello");
//!         transport.lose_connection();
//!     }
//! }
//!
//! struct Hear(Reactor);
//!
//! impl Protocol for Hear {
//!     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
//!         assert_eq!(data, b"hello");
//!         assert_eq!(transport.negotiated_protocol(), None);
//!         self.0.stop().unwrap();
//!     }
//! }
//!
//! // In earnest the two are files: `Identity::from_pem_files`.
//! let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//!
//! let reactor = Reactor::new();
//! let server = ServerOptions::new(Identity::from_pem(&certificate, &key)?)?;
//! let port = reactor.listen_ssl(("127.0.0.1", 0), |_: Address| Greet, server)?;
//! let client = ClientOptions::new("localhost")?.trust_roots(TrustRoots::from_pem(&certificate)?);
//! let hear = reactor.clone();
//! reactor.connect_ssl(
//!     port.get_host().socket_addr().unwrap(),
//!     move |_: Address| Hear(hear.clone()),
//!     client,
//! )?;
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod certificates;
mod client;
mod error;
mod handshake;
mod identity;
mod options;
mod peer;
mod roots;
mod server;
mod stream;

use std::sync::Arc;
use std::time::Duration;

pub use certificates::Certificates;
pub use client::ClientOptions;
pub use error::{StartTlsError, TlsConfigError, TlsError};
pub use identity::Identity;
pub use options::TlsOptions;
pub use roots::TrustRoots;
use rustls::pki_types::ServerName;
pub use server::ServerOptions;
pub use stream::TlsStream;

pub use crate::network::Certificate;

/// How long a handshake may take unless the options say otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// A configuration that rustls has taken, for one end of a handshake.
#[derive(Clone)]
pub(crate) struct Config {
    role: Role,
    timeout: Duration,
}

#[derive(Clone)]
enum Role {
    Server(Arc<rustls::ServerConfig>),
    Client(Arc<rustls::ClientConfig>, ServerName<'static>),
}
