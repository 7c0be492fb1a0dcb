//! The protection of a connection: what a handshake found out about the peer.
//!
//! Mirrors `ISSLTransport` and `INegotiated` of
//! `twisted.internet.interfaces`. Tested in `tests/network/tls.rs`.

use std::rc::Rc;

use super::Transport;
use crate::network::{Certificate, Security};

impl Transport {
    /// Whether the connection speaks TLS, and the handshake is over.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert!(!StringTransport::new(Silent).is_secure());
    /// ```
    pub fn is_secure(&self) -> bool {
        self.secured().is_some()
    }

    /// The certificate that the peer proved to be its own; `None` before the
    /// handshake is over, without TLS, and of clients that were not asked.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).peer_certificate(), None);
    /// ```
    #[doc(alias = "getPeerCertificate")]
    #[doc(alias = "ISSLTransport")]
    pub fn peer_certificate(&self) -> Option<Certificate> {
        self.secured()?.certificate().cloned()
    }

    /// The protocol that both sides agreed on (ALPN); `None` where they did not.
    ///
    /// ```
    /// use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// struct Polyglot(Reactor);
    ///
    /// impl Protocol for Polyglot {
    ///     fn handshake_completed(&mut self, transport: &Connection<Self>) {
    ///         assert_eq!(transport.negotiated_protocol().unwrap(), b"chat/2");
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// # let identity = Identity::from_pem(&certificate, &key)?;
    /// # let roots = TrustRoots::from_pem(&certificate)?;
    ///
    /// let server = ServerOptions::new(identity)?.protocols(["chat/2", "chat/1"]);
    /// let client =
    ///     ClientOptions::new("localhost")?.trust_roots(roots).protocols(["chat/1", "chat/2"]);
    /// # let reactor = Reactor::new();
    /// # let polyglot = reactor.clone();
    /// # let port = reactor.listen_ssl(("127.0.0.1", 0), |_: Address| Silent, server)?;
    /// # let address = port.get_host().socket_addr().unwrap();
    /// # reactor.connect_ssl(address, move |_: Address| Polyglot(polyglot.clone()), client)?;
    /// # reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "negotiatedProtocol")]
    pub fn negotiated_protocol(&self) -> Option<Vec<u8>> {
        self.secured()?.protocol().map(Into::into)
    }

    /// The name by which a client asked for us (SNI), on a server.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).server_name(), None);
    /// ```
    pub fn server_name(&self) -> Option<String> {
        self.secured()?.server_name().map(Into::into)
    }

    fn secured(&self) -> Option<Rc<Security>> {
        self.link().security()
    }
}
