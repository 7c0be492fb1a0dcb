//! What a handshake found out about the peer.
//!
//! Mirrors `ISSLTransport` and `INegotiated` of
//! `twisted.internet.interfaces`. Tested in `tests/network/tls.rs`.

use std::fmt;
use std::rc::Rc;

use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsStream;

use crate::transport::Transport;

/// What a handshake found out.
#[derive(Debug)]
pub(crate) struct Secured {
    certificate: Option<Certificate>,
    protocol: Option<Vec<u8>>,
    server_name: Option<String>,
}

impl Secured {
    pub(crate) fn of<S>(stream: &TlsStream<S>) -> Self {
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let server_name = match stream {
            TlsStream::Server(server) => server.get_ref().1.server_name(),
            TlsStream::Client(_) => None,
        };
        Self {
            certificate: certificate.map(|der| Certificate { der: der.clone().into_owned() }),
            protocol: session.alpn_protocol().map(Into::into),
            server_name: server_name.map(Into::into),
        }
    }
}

/// A peer's certificate.
///
/// ```
/// use reactor_compat::tls::Certificate;
///
/// fn describe(certificate: &Certificate) -> String {
///     format!("a certificate of {} bytes", certificate.der().len())
/// }
/// # let _ = describe;
/// ```
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "twisted.internet.ssl.Certificate")]
pub struct Certificate {
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Its bytes (X.509 in DER).
    ///
    /// See the [type's example](Self).
    #[doc(alias = "dump")]
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.der.len())
    }
}

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
        self.secured()?.certificate.clone()
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
        self.secured()?.protocol.clone()
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
        self.secured()?.server_name.clone()
    }

    fn secured(&self) -> Option<Rc<Secured>> {
        self.link().secured()
    }
}
