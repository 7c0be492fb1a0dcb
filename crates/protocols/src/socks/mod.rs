//! A SOCKS 4 and 4a server: connects somewhere, or waits to be connected to,
//! on behalf of its clients.
//!
//! Mirrors `twisted.protocols.socks`. Tested in `tests/servers/socks.rs`.
//!
//! # Layout
//!
//! - [`SocksFactory`]: the factory, with what it allows; its protocols are each
//!   a [`Socks`].
//! - [`RequestParser`]: from bytes to a [`Request`], without a connection.
//! - [`Exchange`]: what is given to the log.
//! - [`SocksError`]: why a client was refused.

mod error;
mod exchange;
mod factory;
mod other;
mod request;
mod server;

pub use error::SocksError;
pub use exchange::{Direction, Exchange};
pub use factory::SocksFactory;
pub use request::{Command, Host, Query, Request, RequestParser};
pub use server::Socks;
