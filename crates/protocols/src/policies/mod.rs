//! Watchers over connections, whatever is spoken on them: limits of time, of
//! number and of bandwidth, and records of the traffic.
//!
//! Mirrors `twisted.protocols.policies`. Tested in
//! `tests/policies/policies.rs`.
//!
//! # Layout
//!
//! - [`TimeoutMixin`]: a protocol that closes its own connection when nothing
//!   has come for a while.
//! - [`WrappingFactory`], [`ProtocolWrapper`]: a protocol within another, with a
//!   [`Watcher`] that sees all and decides nothing. All that follow are made of
//!   it, but for the last, and any factory can be wrapped in any number of them:
//!   - [`TimeoutFactory`]: idle connections are closed;
//!   - [`ThrottlingFactory`]: so many bytes a second, so many connections;
//!   - [`LimitConnectionsByPeer`]: so many connections from one host;
//!   - [`TrafficLoggingFactory`]: what was said, in a file for each connection;
//!   - [`SpewingFactory`]: what was said, in the log.
//! - [`LimitTotalConnectionsFactory`]: so many connections, and what is said
//!   to the rest.
//!
//! ```
//! use protocols::policies::{LimitConnectionsByPeer, TimeoutFactory};
//! use protocols::wire::Echo;
//! use reactor_compat::{Address, Reactor};
//! use std::time::Duration;
//!
//! let reactor = Reactor::new();
//! let patient = TimeoutFactory::new(|_: Address| Echo, &reactor, Duration::from_secs(60));
//! let factory = LimitConnectionsByPeer::new(patient, 5);
//! let port = reactor.listen_tcp(("127.0.0.1", 0), factory)?;
//! # drop(port);
//! # Ok::<(), reactor_compat::CannotListenError>(())
//! ```

mod by_peer;
mod count;
mod idle;
mod meter;
mod protocols;
mod repr;
mod spew;
mod throttle;
mod timeout;
mod total;
mod traffic;
mod watcher;
mod wrapper;

pub use by_peer::{CountedPeer, LimitConnectionsByPeer, PeerLimit};
pub use count::ConnectionCount;
pub use idle::{IdleTimeouts, TimeoutFactory, TimeoutProtocol};
pub use protocols::Protocols;
pub use spew::{Spew, SpewingFactory};
pub use throttle::{Throttle, ThrottlingFactory, ThrottlingProtocol};
pub use timeout::{Timeout, TimeoutMixin};
pub use total::{LimitTotalConnectionsFactory, NeverMade, NoOverflow, OrOverflow};
pub use traffic::{TrafficLog, TrafficLoggingFactory, TrafficLoggingProtocol};
pub use watcher::{Watcher, WatcherFactory};
pub use wrapper::{ProtocolWrapper, WrappingFactory};
