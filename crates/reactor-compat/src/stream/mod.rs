//! Connections as streams: protocol code as an `async fn`.
//!
//! Tested in `tests/network/connection_stream.rs`.

mod connect;
mod connection_stream;
mod error;
mod factory;
mod pipe;
mod protocol;

pub use connection_stream::ConnectionStream;
pub use error::StreamTaken;
pub use factory::{AsyncFactory, async_factory};
pub use protocol::StreamProtocol;
