//! [`TlsOptions`]: either end of a handshake.
//!
//! Mirrors the context factories of `ITLSTransport.startTLS`. Tested in
//! `tests/network/tls.rs`.

use super::{ClientOptions, Config, ServerOptions, TlsConfigError};

/// Which end of a handshake to be, and what to bring to it: what
/// [`start_tls`](crate::Transport::start_tls) takes.
///
/// ```
/// use reactor_compat::tls::{ClientOptions, TlsOptions};
///
/// let options = TlsOptions::from(ClientOptions::new("example.org")?);
/// assert!(matches!(options, TlsOptions::Client(_)));
/// # Ok::<(), reactor_compat::tls::TlsConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "IOpenSSLContextFactory")]
pub enum TlsOptions {
    /// The server's.
    Server(ServerOptions),
    /// The client's.
    Client(ClientOptions),
}

impl From<ServerOptions> for TlsOptions {
    fn from(options: ServerOptions) -> Self {
        Self::Server(options)
    }
}

impl From<ClientOptions> for TlsOptions {
    fn from(options: ClientOptions) -> Self {
        Self::Client(options)
    }
}

impl TryFrom<TlsOptions> for Config {
    type Error = TlsConfigError;

    fn try_from(options: TlsOptions) -> Result<Self, TlsConfigError> {
        match options {
            TlsOptions::Server(options) => Ok(options.into()),
            TlsOptions::Client(options) => options.try_into(),
        }
    }
}
