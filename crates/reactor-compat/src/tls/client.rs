//! [`ClientOptions`]: a client's side of a handshake.
//!
//! Mirrors `twisted.internet.ssl.optionsForClientTLS`. Tested in
//! `tests/network/tls.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;

use super::{Config, HANDSHAKE_TIMEOUT, Identity, Role, TlsConfigError, TrustRoots};

/// A client's side of a handshake: whom it wants to talk to, whom it
/// believes, who it is itself, and which protocols it speaks.
///
/// See the example of the [module](crate::tls).
#[derive(Clone)]
#[must_use]
#[doc(alias = "optionsForClientTLS")]
pub struct ClientOptions {
    name: ServerName<'static>,
    basis: Basis,
    protocols: Vec<Vec<u8>>,
    handshake_timeout: Duration,
}

/// The source of the configuration.
#[derive(Clone)]
enum Basis {
    Options { roots: TrustRoots, identity: Option<Identity> },
    Config(Arc<ClientConfig>),
}

impl ClientOptions {
    /// A client that wants to talk to `name`, a host name or an IP address, for
    /// which a certificate has to be valid that the system's authorities vouch
    /// for.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::BadName`] if it is no name.
    ///
    /// ```
    /// use reactor_compat::tls::{ClientOptions, TlsConfigError};
    ///
    /// assert!(ClientOptions::new("example.org").is_ok());
    /// assert!(ClientOptions::new("192.0.2.1").is_ok());
    /// // One for each connection.
    /// let options = ClientOptions::new("example.org")?;
    /// let [first, second] = [options.clone(), options];
    /// # let _ = (first, second);
    /// let error = ClientOptions::new("no name").unwrap_err();
    /// assert_eq!(error, TlsConfigError::BadName("no name".to_owned()));
    /// # Ok::<(), TlsConfigError>(())
    /// ```
    pub fn new(name: &str) -> Result<Self, TlsConfigError> {
        let roots = TrustRoots::platform();
        Self::based_on(name, Basis::Options { roots, identity: None })
    }

    /// Options made of a configuration of rustls itself, for all that these
    /// options cannot say, such as believing anybody.
    ///
    /// [`trust_roots`](Self::trust_roots) and [`identity`](Self::identity) are
    /// then the configuration's business, and say nothing here.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::BadName`] if `name` is none.
    ///
    /// ```
    /// use reactor_compat::tls::ClientOptions;
    /// use rustls::{ClientConfig, RootCertStore};
    ///
    /// # let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    /// let config = ClientConfig::builder_with_provider(provider)
    ///     .with_protocol_versions(&[&rustls::version::TLS13])?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// let options = ClientOptions::from_config("example.org", config)?;
    /// # let _ = options;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_config(
        name: &str,
        config: impl Into<Arc<ClientConfig>>,
    ) -> Result<Self, TlsConfigError> {
        Self::based_on(name, Basis::Config(config.into()))
    }

    fn based_on(name: &str, basis: Basis) -> Result<Self, TlsConfigError> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsConfigError::BadName(name.to_owned()))?;
        Ok(Self { name, basis, protocols: Vec::new(), handshake_timeout: HANDSHAKE_TIMEOUT })
    }

    /// Whom it believes.
    ///
    /// See the example of the [module](crate::tls).
    #[doc(alias = "trustRoot")]
    pub fn trust_roots(mut self, believed: TrustRoots) -> Self {
        if let Basis::Options { roots, .. } = &mut self.basis {
            *roots = believed;
        }
        self
    }

    /// Sets the client's own identity, for servers that ask.
    ///
    /// ```
    /// use reactor_compat::tls::{ClientOptions, Identity};
    ///
    /// let made = rcgen::generate_simple_self_signed(["me".to_owned()])?;
    /// let me = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem())?;
    /// let options = ClientOptions::new("example.org")?.identity(me);
    /// # let _ = options;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "clientCertificate")]
    pub fn identity(mut self, me: Identity) -> Self {
        if let Basis::Options { identity, .. } = &mut self.basis {
            *identity = Some(me);
        }
        self
    }

    /// The protocols that it speaks (ALPN), the one it likes best first.
    ///
    /// See the example of
    /// [`negotiated_protocol`](crate::Transport::negotiated_protocol).
    #[doc(alias = "acceptableProtocols")]
    pub fn protocols<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// How long a handshake may take; 30 seconds unless set.
    ///
    /// ```
    /// # use reactor_compat::tls::ClientOptions;
    /// # use std::time::Duration;
    /// let options = ClientOptions::new("example.org")?.handshake_timeout(Duration::from_secs(5));
    /// assert!(format!("{options:?}").contains("5s"));
    /// # Ok::<(), reactor_compat::tls::TlsConfigError>(())
    /// ```
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_timeout = time;
        self
    }
}

fn configure(
    roots: &TrustRoots,
    identity: Option<Identity>,
) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsConfigError::Rejected)?
        .with_root_certificates(roots.store()?);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => {
            builder.with_client_auth_cert(chain, key).map_err(TlsConfigError::Rejected)?
        }
    };
    Ok(Arc::new(config))
}

impl TryFrom<ClientOptions> for Config {
    type Error = TlsConfigError;

    fn try_from(options: ClientOptions) -> Result<Self, TlsConfigError> {
        let mut config = match options.basis {
            Basis::Options { roots, identity } => configure(&roots, identity)?,
            Basis::Config(config) => config,
        };
        if !options.protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = options.protocols;
        }
        let role = Role::Client(config, options.name);
        Ok(Self { role, timeout: options.handshake_timeout })
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("name", &self.name)
            .field("handshake_timeout", &self.handshake_timeout)
            .finish_non_exhaustive()
    }
}
