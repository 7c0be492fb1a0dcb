//! HAProxy's PROXY protocol: connections that begin with a header, which says who the
//! client is.
//!
//! Mirrors `twisted.protocols.haproxy`. Tested in `tests/network/haproxy.rs`.
//!
//! [`ProxyServerEndpoint`] listens behind such a proxy; [`ProxyHeader`] reads and writes
//! the header, of both versions.

mod endpoint;
mod error;
mod header;
mod v1;
mod v2;

pub use endpoint::ProxyServerEndpoint;
pub use error::ProxyHeaderError;
pub use header::{ProxyHeader, ProxyVersion};
