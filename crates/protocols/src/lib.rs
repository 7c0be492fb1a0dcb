//! Protocols that are spoken over a [reactor](reactor_compat): one module, and one
//! feature, for each.
//!
//! # Layout
//!
//! - [`amp`]: typed calls, in both directions, over one connection (feature
//!   `amp`, on by default).
//! - [`basic`]: lines, netstrings, strings behind their length; sending a file
//!   (feature `basic`, on by default).
//! - [`finger`]: who is logged in (feature
//!   `finger`).
//! - [`htb`]: token buckets, one within another, that shape what is sent
//!   (feature `htb`).
//! - [`ident`]: who owns a connection (feature
//!   `ident`).
//! - [`loopback`]: two protocols that talk to each other, for tests (feature
//!   `loopback`).
//! - [`memcache`]: a memcached client (feature `memcache`).
//! - [`policies`]: limits of time, of number and of bandwidth, and records of
//!   the traffic (feature `policies`).
//! - [`portforward`]: a connection handed on to another server (feature
//!   `portforward`).
//! - [`postfix`]: Postfix's table lookups (feature
//!   `postfix`).
//! - [`socks`]: a SOCKS 4 and 4a server (feature `socks`).
//! - [`stateful`]: protocols that say how many bytes they want next (feature
//!   `stateful`, on by default).
//! - [`MemoryBudget`]: how much memory the peers of many connections may use, all
//!   together.
//! - [`wire`]: echo, discard, chargen and the other small servers of the early
//!   RFCs (feature `wire`, on by default).

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
