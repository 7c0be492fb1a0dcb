//! Protocols that are spoken over a [reactor](reactor_compat): one module, and one
//! feature, for each.
//!
//! # Layout
//!
//! - [`amp`]: typed calls, in both directions, over one connection.
//! - [`basic`]: lines, netstrings, strings behind their length; sending a file.
//! - [`finger`]: who is logged in.
//! - [`htb`]: token buckets, one within another, that shape what is sent.
//! - [`ident`]: who owns a connection.
//! - [`loopback`]: two protocols that talk to each other, for tests.
//! - [`memcache`]: a memcached client.
//! - [`policies`]: limits of time, of number and of bandwidth, and records of the
//!   traffic.
//! - [`portforward`]: a connection handed on to another server.
//! - [`postfix`]: Postfix's table lookups.
//! - [`socks`]: a SOCKS 4 and 4a server.
//! - [`stateful`]: protocols that say how many bytes they want next.
//! - [`MemoryBudget`]: how much memory the peers of many connections may use, all
//!   together.
//! - [`wire`]: echo, discard, chargen and the other small servers of the early RFCs.
//!
//! # Features
//!
//! One for each module, with its name, and some more:
//!
//! - `amp` (on by default). The types of a command derive `Serialize` and
//!   `Deserialize`: it takes `serde` with the feature `derive`.
//! - `basic` (on by default).
//! - `finger` (on by default).
//! - `htb` (on by default).
//! - `ident` (on by default).
//! - `loopback` (on by default).
//! - `memcache` (on by default).
//! - `policies` (on by default).
//! - `portforward` (on by default).
//! - `postfix` (on by default).
//! - `socks` (on by default).
//! - `stateful` (on by default).
//! - `wire` (on by default).
//! - `codec`: codecs for `tokio_util`, over the state machines of `basic`.
//! - `stream`: lines and strings as a `Stream` and a `Sink`.
//! - `tls`: AMP over TLS, and its STARTTLS; turns on that of `reactor-compat`.
//! - `tower`: calls of AMP as `tower` services, and services as responders.
//! - `testing`: the doubles of `reactor_compat::testing`; for `[dev-dependencies]`.

#![forbid(unsafe_code)]

#[cfg(feature = "amp")]
pub mod amp;
#[cfg(feature = "basic")]
pub mod basic;
#[cfg(feature = "finger")]
pub mod finger;
#[cfg(any(feature = "amp", feature = "basic", feature = "socks"))]
mod flow;
#[cfg(feature = "htb")]
pub mod htb;
#[cfg(feature = "ident")]
pub mod ident;
#[cfg(any(feature = "ident", feature = "postfix"))]
mod in_turn;
#[cfg(any(feature = "amp", feature = "basic", feature = "policies"))]
mod inner;
#[cfg(feature = "loopback")]
pub mod loopback;
#[cfg(feature = "memcache")]
pub mod memcache;
#[cfg(any(feature = "amp", feature = "basic"))]
mod memory_budget;
#[cfg(feature = "policies")]
pub mod policies;
#[cfg(feature = "portforward")]
pub mod portforward;
#[cfg(feature = "postfix")]
pub mod postfix;
#[cfg(feature = "socks")]
pub mod socks;
#[cfg(feature = "stateful")]
pub mod stateful;
#[cfg(feature = "wire")]
pub mod wire;

#[cfg(any(feature = "amp", feature = "basic"))]
pub use memory_budget::{MemoryBudget, MemoryBudgetExceeded};
