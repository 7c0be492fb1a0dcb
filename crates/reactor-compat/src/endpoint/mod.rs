//! Endpoints: where to listen or connect, said in a string.
//!
//! Mirrors `twisted.internet.endpoints`. Tested in `tests/network/endpoint.rs`.

mod client;
mod description;
mod server;
mod traits;

pub use client::{ClientEndpoint, client_from_string};
pub use description::{Description, EndpointError};
pub use server::{ServerEndpoint, server_from_string};
pub use traits::{Connect, Listen, StreamClientEndpoint, StreamServerEndpoint};
