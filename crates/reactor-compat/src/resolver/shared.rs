//! [`SharedResolver`]: a resolver as a handle, and a lookup that always ends in
//! an address or an error.
//!
//! Mirrors `PluggableResolverMixin.nameResolver` of `twisted.internet.base`.
//! Tested in `tests/network/resolver.rs`.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

use deferred::Failure;

use super::{DnsLookupError, Resolution, Resolver, SystemResolver};
use crate::panics;

/// A resolver that a reactor has, or had. It is a handle, cheap to clone.
///
/// ```
/// use reactor_compat::{Reactor, resolver::HostsResolver};
///
/// let reactor = Reactor::new();
/// let before = reactor.install_resolver(HostsResolver::new());
/// // And back again.
/// reactor.install_resolver(before);
/// ```
#[derive(Clone)]
pub struct SharedResolver {
    resolver: Rc<dyn Resolver>,
}

impl SharedResolver {
    pub(crate) fn new(resolver: impl Resolver) -> Self {
        Self { resolver: Rc::new(resolver) }
    }

    /// Looks `name` up: one address at least, or an error, whatever the
    /// resolver does.
    pub(crate) async fn look_up(
        &self,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, DnsLookupError> {
        let panicked = |failure: Failure| DnsLookupError::from_failure(name, &failure);
        let mut resolution =
            panics::catch(|| self.resolve_host_name(name, port)).map_err(panicked)?;
        let found = poll_fn(|cx| match panics::catch(|| resolution.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(found)) => Poll::Ready(found),
            Err(failure) => Poll::Ready(Err(panicked(failure))),
        });
        match found.await {
            Ok(found) if found.is_empty() => Err(DnsLookupError::new(name, "no addresses")),
            found => found,
        }
    }
}

impl Default for SharedResolver {
    fn default() -> Self {
        Self::new(SystemResolver::new())
    }
}

impl Resolver for SharedResolver {
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        self.resolver.resolve_host_name(name, port)
    }
}

impl fmt::Debug for SharedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedResolver").finish_non_exhaustive()
    }
}
