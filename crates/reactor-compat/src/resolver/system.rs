//! [`SystemResolver`]: asks the operating system.
//!
//! Mirrors `twisted.internet._resolver.GAIResolver`. Tested in
//! `tests/network/resolver.rs`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::{DnsLookupError, Resolution, Resolver};

/// How many lookups there are at a time: as many as Twisted's reactor has
/// threads for them.
const LOOKUPS: usize = 10;

/// Asks the operating system, by `getaddrinfo`, which looks into its tables
/// and asks its name servers. A reactor has one from the start.
///
/// Ten names are looked up at a time, each on a thread of Tokio's blocking
/// pool, since the system lets its caller wait; others wait for their turn.
///
/// # Cancellation
///
/// A lookup that waits for its turn is taken back. One that has begun goes on,
/// and its result is thrown away.
///
/// ```
/// use reactor_compat::resolver::{Resolver, SystemResolver};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let addresses = SystemResolver::new().resolve_host_name("localhost", 80).await.unwrap();
/// assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "GAIResolver")]
#[doc(alias = "getaddrinfo")]
#[doc(alias = "ThreadedResolver")]
pub struct SystemResolver {
    turns: Arc<Semaphore>,
}

impl SystemResolver {
    /// One that has ten lookups of its own.
    ///
    /// See the [type's example](Self).
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolver for SystemResolver {
    fn resolve_host_name(&self, name: &str, port: u16) -> Resolution {
        let turns = self.turns.clone();
        let name = name.to_owned();
        Box::pin(async move {
            let asked = name.clone();
            let found = async {
                let turn = turns.acquire_owned().await.map_err(io::Error::other)?;
                spawn_blocking(move || {
                    // It is over when the thread is free, not when nobody
                    // waits for it any more.
                    let _turn = turn;
                    get_addr_info(&asked, port)
                })
                .await?
            };
            found.await.map_err(|error| DnsLookupError::with_source(name, error))
        })
    }
}

fn get_addr_info(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((name, port).to_socket_addrs()?.collect())
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lookups = LOOKUPS.saturating_sub(self.turns.available_permits());
        f.debug_struct("SystemResolver").field("lookups", &lookups).finish_non_exhaustive()
    }
}
