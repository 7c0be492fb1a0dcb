//! Endpoints: places to listen at and to connect to, as values and as strings.
//!
//! Mirrors `twisted.internet.endpoints`. Tested in `tests/network/endpoint.rs` and
//! `tests/network/endpoint_kinds.rs`.
//!
//! # Layout
//!
//! - [`StreamServerEndpoint`] and [`StreamClientEndpoint`]: what each of them is.
//! - [`server_from_string`] and [`client_from_string`]: of strings, which
//!   [`Description`] takes apart.
//! - [`TcpServerEndpoint`], [`HostnameEndpoint`]: TCP.
//! - `UnixServerEndpoint`, `UnixClientEndpoint`: UNIX sockets.
//! - `TlsServerEndpoint`, `TlsClientEndpoint` (feature `tls`): any other, inside TLS.
//! - `AdoptedServerEndpoint`, `SystemdServerEndpoint`: sockets that listen already.
//! - [`StandardIoEndpoint`]: standard input and output; `ProcessEndpoint`: those of a child.
//! - [`haproxy`]: any other, behind a proxy; [`SocksClientEndpoint`]: a place behind one.

#[cfg(unix)]
mod adopted;
mod client;
pub mod haproxy;
mod preamble;
#[cfg(unix)]
mod process;
mod registry;
mod server;
mod socks;
mod stdio;
mod string;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_strings;
mod traits;
#[cfg(unix)]
mod unix;
mod wrapped_listener;

#[cfg(unix)]
pub use adopted::{AdoptedServerEndpoint, AlreadyListened, SystemdServerEndpoint};
pub use client::{ClientEndpoint, client_from_string};
#[cfg(unix)]
pub use process::{ProcessEndpoint, StandardError};
pub use registry::EndpointTypeTaken;
pub use server::{ServerEndpoint, server_from_string};
pub use socks::{SocksClientEndpoint, SocksError};
pub use stdio::StandardIoEndpoint;
pub use string::{Arguments, Description, EndpointError, EndpointErrorKind, quote_string_argument};
pub use tcp::{HostnameEndpoint, TcpServerEndpoint};
#[cfg(feature = "tls")]
pub use tls::{TlsClientEndpoint, TlsServerEndpoint, wrap_client_tls, wrap_server_tls};
pub use traits::{Connect, Listen, StreamClientEndpoint, StreamServerEndpoint, connect_protocol};
#[cfg(unix)]
pub use unix::{UnixClientEndpoint, UnixServerEndpoint};
