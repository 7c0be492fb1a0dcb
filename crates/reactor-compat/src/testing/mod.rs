//! Doubles for tests: of transports, reactors, networks and time.
//!
//! Mirrors `twisted.internet.testing` and `twisted.test.iosim`. Tested in
//! `tests/testing/kit.rs`.
//!
//! From the smallest to the largest:
//!
//! - [`Clock`](deferred::time::Clock): time alone, for whatever takes a
//!   `&impl ReactorTime`.
//! - [`StringTransport`]: one protocol, without a reactor and without a peer.
//!   The test says what comes, and looks at what was written.
#![cfg_attr(feature = "testing", doc = include_str!("more.md"))]

mod string_transport;

#[cfg(all(unix, feature = "testing"))]
mod adopted_connection;
#[cfg(feature = "testing")]
mod dirty;
#[cfg(feature = "testing")]
mod engine;
#[cfg(feature = "testing")]
mod error;
#[cfg(feature = "testing")]
mod memory_client;
#[cfg(feature = "testing")]
mod memory_datagrams;
#[cfg(feature = "testing")]
mod memory_network;
#[cfg(all(unix, feature = "testing"))]
mod memory_process;
#[cfg(feature = "testing")]
mod memory_reactor;
#[cfg(feature = "testing")]
mod memory_server;
#[cfg(feature = "testing")]
mod own_reactor;
#[cfg(feature = "testing")]
mod pair;
#[cfg(feature = "testing")]
mod peer;
#[cfg(feature = "testing")]
mod simulation;
#[cfg(feature = "testing")]
mod test_reactor;
#[cfg(feature = "testing")]
mod test_run;
#[cfg(feature = "testing")]
mod wire;

#[cfg(all(unix, feature = "testing"))]
pub use adopted_connection::AdoptedConnection;
#[cfg(feature = "testing")]
pub use dirty::{DirtyReactorError, Unfinished};
#[cfg(feature = "testing")]
pub use error::PumpError;
#[cfg(feature = "testing")]
pub use memory_client::{MemoryClient, NotWaiting};
#[cfg(feature = "testing")]
pub use memory_datagrams::MemoryDatagramPort;
#[cfg(feature = "testing")]
pub use memory_network::MemoryNetwork;
#[cfg(all(unix, feature = "testing"))]
pub use memory_process::MemoryProcess;
#[cfg(feature = "testing")]
pub use memory_reactor::MemoryReactor;
#[cfg(feature = "testing")]
pub use memory_server::MemoryServer;
#[cfg(feature = "testing")]
pub use pair::{End, Pair, connect};
#[cfg(feature = "testing")]
pub use peer::Peer;
#[cfg(feature = "testing")]
pub use simulation::{Fault, Link, Node, Simulation, find_seed};
pub use string_transport::StringTransport;
#[cfg(feature = "testing")]
pub use test_reactor::TestReactor;
#[cfg(feature = "testing")]
pub use test_run::{TestRun, run_test};
#[cfg(feature = "testing")]
pub use wire::Wire;
