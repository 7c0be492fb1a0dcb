//! [`HostsResolver`]: names and addresses in a table.
//!
//! Mirrors `twisted.names.hosts.Resolver`. Tested in `tests/network/resolver.rs`.

use std::collections::HashMap;
use std::fmt;
use std::future;
use std::net::{IpAddr, SocketAddr};

use super::{DnsLookupError, Resolution, Resolver, SharedResolver};

/// Has names and their addresses in a table: for tests, and for names that
/// must not depend on anybody else.
///
/// Upper and lower case are the same, with a dot at the end or without.
///
/// ```
/// use reactor_compat::resolver::{HostsResolver, Resolver, SystemResolver};
/// use std::net::{Ipv4Addr, Ipv6Addr};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hosts = HostsResolver::new()
///     .host("db.test", ["10.0.0.1".parse::<Ipv4Addr>().unwrap()])
///     .host("db.test", [Ipv6Addr::LOCALHOST])
///     .otherwise(SystemResolver::new());
/// let addresses = hosts.resolve_host_name("DB.test.", 5432).await.unwrap();
/// assert_eq!(addresses, ["10.0.0.1:5432".parse().unwrap(), "[::1]:5432".parse().unwrap()]);
/// assert!(hosts.resolve_host_name("localhost", 80).await.is_ok());
/// # }
/// ```
#[derive(Clone, Default)]
#[doc(alias = "SynchronousResolver")]
pub struct HostsResolver {
    table: HashMap<String, Vec<IpAddr>>,
    otherwise: Option<SharedResolver>,
}

impl HostsResolver {
    /// An empty table.
    ///
    /// ```
    /// use reactor_compat::resolver::{HostsResolver, Resolver};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = HostsResolver::new().resolve_host_name("db.test", 80).await.unwrap_err();
    /// assert_eq!(error.name(), "db.test");
    /// # }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds addresses to those of `name`.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn host<A: Into<IpAddr>>(
        mut self,
        name: &str,
        addresses: impl IntoIterator<Item = A>,
    ) -> Self {
        let entry = self.table.entry(canonical(name)).or_default();
        entry.extend(addresses.into_iter().map(Into::into));
        self
    }

    /// Asks `resolver` for names that are not in the table.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn otherwise(mut self, resolver: impl Resolver) -> Self {
        self.otherwise = Some(SharedResolver::new(resolver));
        self
    }
}

/// The name as it is in the table.
fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

impl Resolver for HostsResolver {
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        let found = match (self.table.get(&canonical(name)), &self.otherwise) {
            (Some(entry), _) => {
                Ok(entry.iter().map(|address| SocketAddr::new(*address, port)).collect())
            }
            (None, Some(otherwise)) => return otherwise.resolve_host_name(name, port),
            (None, None) => Err(DnsLookupError::new(name, "it is not in the table")),
        };
        Box::pin(future::ready(found))
    }
}

impl fmt::Debug for HostsResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostsResolver").field("table", &self.table).finish_non_exhaustive()
    }
}
