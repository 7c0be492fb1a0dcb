//! A memcached client.
//!
//! Mirrors `twisted.protocols.memcache`. Tested in `tests/servers/memcache.rs`.
//!
//! # Layout
//!
//! - [`MemCacheProtocol`]: the connection; [`MemCacheClient`]: what one says to
//!   it, and gets Deferreds from.
//! - [`Entry`]: what is stored; [`Value`]: what is got.
//! - [`ReplyParser`]: from bytes to a [`Reply`], without a connection.
//! - [`NoSuchCommand`], [`ClientError`], [`ServerError`], [`NotConnected`]: why
//!   a command failed; [`BadReply`]: why a connection was given up.

mod client;
mod command;
mod error;
mod protocol;
mod reply;

pub use client::MemCacheClient;
pub use command::{Entry, Value};
pub use error::{BadReply, ClientError, NoSuchCommand, NotConnected, ServerError};
pub use protocol::MemCacheProtocol;
pub use reply::{Reply, ReplyParser};

/// The port that memcached listens on.
///
/// ```
/// assert_eq!(protocols::memcache::DEFAULT_PORT, 11211);
/// ```
pub const DEFAULT_PORT: u16 = 11211;
