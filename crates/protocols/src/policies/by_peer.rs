//! [`LimitConnectionsByPeer`]: so many connections from one host.
//!
//! Mirrors `LimitConnectionsByPeer` of `twisted.protocols.policies`. Tested in
//! `tests/policies/policies.rs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use reactor_compat::{Address, Connection, ConnectionEvent, Factory};

use super::watcher::{Watcher, WatcherFactory};
use super::wrapper::WrappingFactory;

/// A factory that takes so many connections from one host, and refuses the
/// rest.
///
/// Hosts are told apart by their IP address; peers that have none, such as
/// those of UNIX sockets, are one host.
///
/// ```
/// use protocols::policies::LimitConnectionsByPeer;
/// use protocols::wire::Echo;
/// use reactor_compat::{Address, Factory};
///
/// let here = Address::Tcp(([192, 0, 2, 1], 1000).into());
/// let there = Address::Tcp(([192, 0, 2, 2], 1000).into());
/// let mut factory = LimitConnectionsByPeer::new(|_: Address| Echo, 1);
/// let first = factory.build_protocol(here.clone());
/// assert!(first.is_some());
/// assert!(factory.build_protocol(here.clone()).is_none());
/// assert!(factory.build_protocol(there).is_some());
/// drop(first);
/// assert!(factory.build_protocol(here).is_some());
/// ```
pub type LimitConnectionsByPeer<F> = WrappingFactory<F, PeerLimit>;

impl<F: Factory> WrappingFactory<F, PeerLimit> {
    /// `wrapped`, with no more than `max` connections from one host at a time;
    /// Twisted's default is [`PeerLimit::MAX`].
    ///
    /// See the example of [`LimitConnectionsByPeer`].
    #[doc(alias = "maxConnectionsPerPeer")]
    pub fn new(wrapped: F, max: usize) -> Self {
        Self::with(wrapped, PeerLimit { max, peers: Rc::default() })
    }
}

/// A host; `None` for all peers that have no IP address.
type Host = Option<IpAddr>;

type Peers = Rc<RefCell<HashMap<Host, usize>>>;

/// Makes the watchers of [`LimitConnectionsByPeer`].
///
/// See the example of [`LimitConnectionsByPeer`].
#[derive(Debug)]
pub struct PeerLimit {
    max: usize,
    peers: Peers,
}

impl PeerLimit {
    /// Twisted's default, 5.
    ///
    /// ```
    /// assert_eq!(protocols::policies::PeerLimit::MAX, 5);
    /// ```
    pub const MAX: usize = 5;
}

impl WatcherFactory for PeerLimit {
    type Watcher = CountedPeer;

    fn build_watcher(&mut self, peer: Address) -> Option<CountedPeer> {
        let host = peer.ip().map(|ip| ip.to_canonical());
        let mut peers = self.peers.borrow_mut();
        let count = peers.get(&host).copied().unwrap_or(0);
        if count >= self.max {
            return None;
        }
        peers.insert(host, count + 1);
        Some(CountedPeer { counted: Some(Counted { host, peers: self.peers.clone() }) })
    }
}

/// The watcher of one connection: counts it until it is lost.
///
/// See the example of [`LimitConnectionsByPeer`].
#[derive(Debug)]
pub struct CountedPeer {
    counted: Option<Counted>,
}

impl Watcher for CountedPeer {
    fn watch(&mut self, _: &Connection<Self>, event: &ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionLost(_) = event {
            self.counted = None;
        }
    }
}

/// A connection that counts for its host, until it is dropped.
#[derive(Debug)]
struct Counted {
    host: Host,
    peers: Peers,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut peers = self.peers.borrow_mut();
        if let Some(count) = peers.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.host);
            }
        }
    }
}
