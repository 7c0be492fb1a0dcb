//! Hierarchical token buckets: how much may pass, for one connection, for all
//! of a host's, for all of a server's, each within the other.
//!
//! Mirrors `twisted.protocols.htb`. Tested in `tests/policies/htb.rs`.
//!
//! # Layout
//!
//! - [`Bucket`]: holds so much, drains so fast; what fits in may pass.
//! - [`HierarchicalBucketFilter`]: finds the bucket for a connection;
//!   [`FilterByHost`] and [`FilterByServer`] are two of them.
//! - [`ShapedConsumer`]: passes on what is written to it as its bucket allows.
//! - [`ShapedProtocolFactory`]: a factory whose connections send as their
//!   buckets allow.

mod bucket;
mod consumer;
mod factory;
mod filter;

pub use bucket::Bucket;
pub use consumer::ShapedConsumer;
pub use factory::{Shaped, ShapedProtocolFactory, Shaper};
pub use filter::{FilterByHost, FilterByServer, HierarchicalBucketFilter};
