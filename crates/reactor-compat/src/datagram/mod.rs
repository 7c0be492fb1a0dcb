//! Datagrams: UDP, multicast, UNIX datagrams.
//!
//! Mirrors `IReactorUDP`, `IReactorMulticast` and `IReactorUNIXDatagram` of
//! `twisted.internet.interfaces`, and `twisted.internet.udp`. Tested in
//! `tests/network/udp.rs`, `tests/network/multicast.rs` and `tests/network/unix_datagram.rs`.

mod core;
mod driver;
mod error;
mod kind;
mod multicast;
mod protocol;
mod queue;
mod stream;
mod transport;
mod udp;
#[cfg(unix)]
mod unix;

pub use error::{DatagramError, MulticastJoinError};
pub use kind::DatagramAddress;
pub use multicast::MulticastInterface;
pub use protocol::{DatagramConnection, DatagramProtocol};
pub use stream::{ConnectedDatagramStream, DatagramStream, StreamDatagramProtocol};
pub use transport::DatagramTransport;
