//! [`ServerOptions`]: a server's side of a handshake.
//!
//! Mirrors `twisted.internet.ssl.CertificateOptions`. Tested in
//! `tests/network/tls.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;

use super::{Certificates, Config, HANDSHAKE_TIMEOUT, Identity, Role, TlsConfigError, TrustRoots};

/// A server's side of a handshake: who it is, whether clients have to say
/// who they are, and which protocols it speaks.
///
/// See the example of the [module](crate::tls).
#[derive(Clone)]
#[must_use]
#[doc(alias = "CertificateOptions")]
#[doc(alias = "contextFactory")]
pub struct ServerOptions {
    config: Arc<ServerConfig>,
    handshake_timeout: Duration,
}

impl ServerOptions {
    /// A server that is `identity`, and does not ask clients who they are.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::Rejected`] if certificate and key do not belong
    /// together, or are of a kind that is not supported.
    ///
    /// See the example of the [module](crate::tls).
    pub fn new(identity: Identity) -> Result<Self, TlsConfigError> {
        Self::build(identity, None)
    }

    /// A server that talks only to clients with a certificate that `roots`
    /// vouch for; [`peer_certificate`](crate::Transport::peer_certificate) says
    /// which.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use reactor_compat::tls::{Identity, ServerOptions, TrustRoots};
    ///
    /// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let identity = Identity::from_pem(&certificate, &key)?;
    /// ServerOptions::with_client_certificates(identity, &TrustRoots::from_pem(&certificate)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "requireCertificate")]
    #[doc(alias = "verify")]
    pub fn with_client_certificates(
        identity: Identity,
        roots: &TrustRoots,
    ) -> Result<Self, TlsConfigError> {
        Self::build(identity, Some(roots))
    }

    /// A server whose certificates may change while it runs, and are chosen by the name
    /// that a client wants.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::Rejected`] if rustls takes none of its own defaults.
    ///
    /// See the example of [`Certificates`].
    pub fn with_certificates(certificates: &Certificates) -> Result<Self, TlsConfigError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsConfigError::Rejected)?
            .with_no_client_auth();
        Ok(Self::from_config(builder.with_cert_resolver(certificates.resolver())))
    }

    fn build(identity: Identity, clients: Option<&TrustRoots>) -> Result<Self, TlsConfigError> {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsConfigError::Rejected)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.store()?, provider)
                        .build()
                        .map_err(|error| TlsConfigError::BadPem(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder
            .with_single_cert(identity.chain, identity.key)
            .map_err(TlsConfigError::Rejected)?;
        Ok(Self::from_config(config))
    }

    /// Options made of a configuration of rustls itself, for all that these
    /// options cannot say.
    ///
    /// ```
    /// use reactor_compat::tls::ServerOptions;
    /// use rustls::ServerConfig;
    ///
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    /// # let chain = vec![made.cert.der().clone()];
    /// # let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    /// let mut config = ServerConfig::builder_with_provider(provider)
    ///     .with_protocol_versions(&[&rustls::version::TLS13])?
    ///     .with_no_client_auth()
    ///     .with_single_cert(chain, key)?;
    /// config.max_fragment_size = Some(4096);
    /// let options = ServerOptions::from_config(config);
    /// # let _ = options;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_config(config: impl Into<Arc<ServerConfig>>) -> Self {
        Self { config: config.into(), handshake_timeout: HANDSHAKE_TIMEOUT }
    }

    /// The protocols that it speaks (ALPN), the one it likes best first.
    ///
    /// See the example of
    /// [`negotiated_protocol`](crate::Transport::negotiated_protocol).
    #[doc(alias = "acceptableProtocols")]
    pub fn protocols<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols =
            protocols.into_iter().map(Into::into).collect();
        self
    }

    /// How long a handshake may take; 30 seconds unless set.
    ///
    /// ```
    /// # use reactor_compat::tls::{Identity, ServerOptions};
    /// # use std::time::Duration;
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// # let identity = Identity::from_pem(&certificate, &key)?;
    /// let options = ServerOptions::new(identity)?.handshake_timeout(Duration::from_secs(5));
    /// assert!(format!("{options:?}").contains("5s"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_timeout = time;
        self
    }
}

impl From<ServerOptions> for Config {
    fn from(options: ServerOptions) -> Self {
        Self { role: Role::Server(options.config), timeout: options.handshake_timeout }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("handshake_timeout", &self.handshake_timeout)
            .finish_non_exhaustive()
    }
}
