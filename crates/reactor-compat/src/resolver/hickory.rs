//! [`HickoryResolver`]: asks name servers itself.
//!
//! Mirrors `twisted.names.client.Resolver`. Tested in `tests/network/resolver.rs`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use hickory_resolver::TokioResolver;

use super::{DnsLookupError, Resolution, Resolver};

/// Asks name servers itself, by [hickory](hickory_resolver): it needs no
/// threads, remembers answers for as long as they hold, and can be cancelled
/// at any time.
///
/// [`from_system`](Self::from_system) reads the system's configuration; a
/// resolver that hickory was told more about is [turned into](From) one.
///
/// ```
/// use hickory_resolver::config::ResolverConfig;
/// use hickory_resolver::net::runtime::TokioRuntimeProvider;
/// use reactor_compat::{Reactor, resolver::HickoryResolver};
///
/// let config = ResolverConfig::default(); // add name servers here
/// let hickory =
///     hickory_resolver::Resolver::builder_with_config(config, TokioRuntimeProvider::default());
/// Reactor::new().install_resolver(HickoryResolver::from(hickory.build()?));
/// # Ok::<(), hickory_resolver::net::NetError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.names.client.Resolver")]
pub struct HickoryResolver {
    hickory: TokioResolver,
}

impl HickoryResolver {
    /// One that asks the name servers that the system is configured to ask,
    /// after its table of hosts.
    ///
    /// # Errors
    ///
    /// [`DnsLookupError`] if the configuration cannot be read.
    ///
    /// ```no_run
    /// use reactor_compat::{reactor, resolver::HickoryResolver};
    ///
    /// reactor().install_resolver(HickoryResolver::from_system()?);
    /// # Ok::<(), reactor_compat::resolver::DnsLookupError>(())
    /// ```
    #[doc(alias = "createResolver")]
    pub fn from_system() -> Result<Self, DnsLookupError> {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        match built {
            Ok(hickory) => Ok(Self { hickory }),
            Err(error) => Err(DnsLookupError::with_source("any name", io::Error::other(error))),
        }
    }
}

impl From<TokioResolver> for HickoryResolver {
    fn from(hickory: TokioResolver) -> Self {
        Self { hickory }
    }
}

impl Resolver for HickoryResolver {
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        let hickory = self.hickory.clone();
        let name = name.to_owned();
        Box::pin(async move {
            match hickory.lookup_ip(&*name).await {
                Ok(found) => {
                    Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
                }
                Err(error) => Err(DnsLookupError::with_source(name, io::Error::other(error))),
            }
        })
    }
}

impl fmt::Debug for HickoryResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HickoryResolver").finish_non_exhaustive()
    }
}
