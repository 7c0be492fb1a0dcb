//! [`Resolver`]: finds the addresses of a host's name.
//!
//! A [`Reactor`](crate::Reactor) has one, which `connect_tcp` asks, and
//! [`install_resolver`](crate::Reactor::install_resolver) gives it another:
//!
//! - [`SystemResolver`], which asks the operating system, unless told otherwise;
//! - `HickoryResolver` (feature `hickory`), which asks name servers itself;
//! - [`HostsResolver`], which has a table;
//! - a closure, or whatever else is a [`Resolver`].
//!
//! Mirrors `IHostnameResolver` and `IReactorPluggableNameResolver` of
//! `twisted.internet.interfaces`. Tested in `tests/network/resolver.rs`.

#[cfg(feature = "hickory")]
mod hickory;
mod hosts;
mod shared;
mod system;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use deferred::Failure;

#[cfg(feature = "hickory")]
pub use hickory::HickoryResolver;
pub use hosts::HostsResolver;
pub use shared::SharedResolver;
pub use system::SystemResolver;

pub use crate::error::dns::DnsLookupError;

/// A lookup under way.
///
/// ```
/// use futures::executor::block_on;
/// use reactor_compat::resolver::Resolution;
///
/// let found: Resolution = Box::pin(async { Ok(vec![([192, 0, 2, 7], 80).into()]) });
/// assert_eq!(block_on(found).unwrap()[0].to_string(), "192.0.2.7:80");
/// ```
#[doc(alias = "IHostResolution")]
pub type Resolution = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, DnsLookupError>>>>;

/// Finds the addresses of a host's name.
///
/// A closure from a name and a port number to a future of addresses is one.
/// It may fail with any error, and the future may be a Deferred.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::{Reactor, resolver::DnsLookupError};
/// use std::net::{Ipv4Addr, SocketAddr};
///
/// let reactor = Reactor::new();
/// reactor.install_resolver(|name: String, port: u16| async move {
///     match &*name {
///         "here.test" => Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]),
///         _ => Err(DnsLookupError::new(name, "it is not here")),
///     }
/// });
/// let stop = reactor.clone();
/// let address = reactor.resolve("here.test").add_callback(move |address| {
///     stop.stop()?;
///     Ok(address)
/// });
/// reactor.run()?;
/// assert_eq!(success_result_of(address), Ipv4Addr::LOCALHOST);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "IHostnameResolver")]
#[doc(alias = "IResolverSimple")]
pub trait Resolver: 'static {
    /// Begins to look `name` up: its addresses, each with port number `port`,
    /// the one to try first in front.
    ///
    /// It is asked for names only, never for what is an address already. The
    /// lookup is cancelled by being dropped. Nobody but the caller limits how
    /// long it takes.
    ///
    /// # Errors
    ///
    /// The lookup fails with a [`DnsLookupError`] if there are no addresses.
    ///
    /// ```
    /// use reactor_compat::resolver::{HostsResolver, Resolver};
    /// use std::net::Ipv4Addr;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let resolver = HostsResolver::new().host("here.test", [Ipv4Addr::LOCALHOST]);
    /// let addresses = resolver.resolve_host_name("here.test", 80).await;
    /// assert_eq!(addresses, Ok(vec![(Ipv4Addr::LOCALHOST, 80).into()]));
    /// # }
    /// ```
    #[doc(alias = "resolveHostName")]
    #[doc(alias = "getHostByName")]
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution;
}

impl<F, R, E> Resolver for F
where
    F: Fn(String, u16) -> R + 'static,
    R: Future<Output = Result<Vec<SocketAddr>, E>> + 'static,
    E: Into<Failure>,
{
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        let found = self(name.to_owned(), port);
        let name = name.to_owned();
        Box::pin(async move {
            found.await.map_err(|error| DnsLookupError::from_failure(name, &error.into()))
        })
    }
}
