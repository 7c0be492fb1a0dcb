//! The options of ports and connections, as values.
//!
//! They know neither a reactor nor a socket: a network takes them as they are,
//! and so does a double of one. Mirrors the keyword arguments of `listenTCP`,
//! `connectTCP` and their kin. Tested in `tests/network/`.

mod connect;
mod datagram;
mod listen;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod unix;

pub use connect::ConnectOptions;
pub use datagram::DatagramOptions;
pub use listen::ListenOptions;
#[cfg(unix)]
pub use process::{ChildFd, ProcessCommand};
#[cfg(unix)]
pub use unix::{UnixConnectOptions, UnixOptions};
