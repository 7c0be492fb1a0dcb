//! [`Simulation`]: nodes, links and a clock of their own, by a seed.
//!
//! Twisted has nothing like it; `twisted.test.iosim` is the nearest. Tested in
//! `tests/testing/simulation.rs` and beside it.
//!
//! # Layout
//!
//! - `driver`: the nodes' reactors, one after the other, and the clock.
//! - [`Node`], [`Link`]: what a simulation is made of.
//! - `world`: what is under way between the nodes, and when it arrives.
//! - `tcp`, `udp`, `network`: what a node's reactor has for a network.
//! - [`find_seed`]: the same program by many seeds.

mod connection;
mod driver;
mod event;
mod history;
mod host;
mod link;
mod links;
mod network;
mod node;
mod port;
mod search;
mod tcp;
mod udp;
mod world;

pub use driver::Simulation;
pub use link::Link;
pub use node::Node;
pub use search::{Fault, find_seed};

/// The programs of the page on networks, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/networks.md")]
struct Networks;

/// Which node it is, by its place in the list.
type NodeId = usize;
