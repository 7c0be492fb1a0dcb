//! [`Security`]: the protection of a stream, as its handshake found out.
//!
//! Mirrors `ISSLTransport` and `INegotiated` of `twisted.internet.interfaces`.
//! Tested in `tests/network/tls.rs`.

use std::fmt;

/// The protection of a stream, as its handshake found out.
///
/// ```
/// use reactor_compat::Security;
///
/// let security = Security::new().with_protocol("h2");
/// assert_eq!(security.protocol(), Some(&b"h2"[..]));
/// assert_eq!(security.certificate(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    certificate: Option<Certificate>,
    protocol: Option<Vec<u8>>,
    server_name: Option<String>,
}

impl Security {
    /// Protection of a peer that proved nothing, and with no protocol agreed on.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the certificate that the peer proved to be its own.
    ///
    /// ```
    /// use reactor_compat::{Certificate, Security};
    ///
    /// let security = Security::new().with_certificate(Certificate::from_der(vec![1, 2]));
    /// assert_eq!(security.certificate().unwrap().der(), [1, 2]);
    /// ```
    #[must_use]
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Notes the protocol that both sides agreed on.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn with_protocol(mut self, protocol: impl Into<Vec<u8>>) -> Self {
        self.protocol = Some(protocol.into());
        self
    }

    /// Notes the name by which a client asked for us.
    ///
    /// ```
    /// use reactor_compat::Security;
    ///
    /// let security = Security::new().with_server_name("example.org");
    /// assert_eq!(security.server_name(), Some("example.org"));
    /// ```
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The certificate that the peer proved to be its own.
    ///
    /// See the example of [`with_certificate`](Self::with_certificate).
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The protocol that both sides agreed on (ALPN).
    ///
    /// See the [type's example](Self).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.protocol.as_deref()
    }

    /// The name by which a client asked for us (SNI).
    ///
    /// See the example of [`with_server_name`](Self::with_server_name).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }
}

/// A peer's certificate.
///
/// ```
/// use reactor_compat::Certificate;
///
/// let certificate = Certificate::from_der(vec![0x30, 0x00]);
/// assert_eq!(certificate.der(), [0x30, 0x00]);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "twisted.internet.ssl.Certificate")]
pub struct Certificate {
    der: Vec<u8>,
}

impl Certificate {
    /// A certificate of its bytes (X.509 in DER), which are not looked at.
    ///
    /// See the [type's example](Self).
    pub fn from_der(der: impl Into<Vec<u8>>) -> Self {
        Self { der: der.into() }
    }

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
