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

mod client;
mod error;
mod handshake;
mod identity;
mod peer;
mod roots;
mod server;
mod start;
mod stream;

use std::sync::Arc;
use std::time::Duration;

pub use client::ClientOptions;
pub use error::{StartTlsError, TlsConfigError, TlsError};
pub use identity::Identity;
pub use roots::TrustRoots;
use rustls::pki_types::ServerName;
pub use server::ServerOptions;
pub use start::TlsOptions;
pub use stream::TlsStream;

use crate::address::{Destination, Interface, Target};
use crate::connecting::{self, Plan};
use crate::connection;
use crate::connector::Connector;
use crate::error::CannotListenError;
use crate::factory::{ClientFactory, Factory};
pub use crate::network::Certificate;
use crate::network::{ListenTarget, SharedStream};
use crate::options::{ConnectOptions, ListenOptions};
use crate::port::{self, Port};
use crate::reactor::Reactor;

/// How long a handshake may take unless the options say otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Which end of a handshake we are, and what we bring to it.
#[derive(Clone)]
struct Options {
    role: Role,
    timeout: Duration,
}

#[derive(Clone)]
enum Role {
    Server(Arc<rustls::ServerConfig>),
    Client(Arc<rustls::ClientConfig>, ServerName<'static>),
}

/// TLS over each socket of a port or a connector.
fn over_each(options: Options) -> connection::Security {
    connection::Security::new(move |below| {
        SharedStream::new(TlsStream::with(below, options.clone()))
    })
}

impl Reactor {
    /// Listens for TCP connections that speak TLS from the start.
    ///
    /// A protocol's `connection_made` is called before the handshake, and may
    /// write at once: it goes out when the handshake is over, of which
    /// [`handshake_completed`](crate::Protocol::handshake_completed) tells.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened.
    ///
    /// See the example of the [module](crate::tls).
    #[doc(alias = "listenSSL")]
    #[doc(alias = "IReactorSSL")]
    #[track_caller]
    pub fn listen_ssl(
        &self,
        interface: impl Into<Interface>,
        factory: impl Factory,
        options: ServerOptions,
    ) -> Result<Port, CannotListenError> {
        let target = ListenTarget::Tcp(interface.into(), ListenOptions::new());
        port::open(self, target, over_each(options.into()), factory)
    }

    /// Connects to a TCP port that speaks TLS from the start.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] if the options come to nothing: the system's
    /// authorities, say, cannot be read. What goes wrong later, the handshake
    /// included, the protocol hears as the reason of its `connection_lost`:
    /// [`TlsError`].
    ///
    /// See the example of the [module](crate::tls).
    #[doc(alias = "connectSSL")]
    pub fn connect_ssl<F: ClientFactory>(
        &self,
        destination: impl Into<Destination>,
        factory: F,
        options: ClientOptions,
    ) -> Result<Connector<F::Protocol>, TlsConfigError> {
        let mut plan = Plan::new(Target::Tcp(destination.into()), ConnectOptions::new());
        plan.security = over_each(options.try_into()?);
        Ok(connecting::begin(self, plan, factory))
    }
}
