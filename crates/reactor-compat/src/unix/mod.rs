//! UNIX sockets that stream: listening and connecting.
//!
//! Mirrors `IReactorUNIX` of `twisted.internet.interfaces`, and
//! `twisted.internet.unix`. Tested in `tests/network/unix.rs`.

mod connect;
mod file;
mod listen;
mod options;

pub(crate) use connect::connect;
pub(crate) use file::SocketFile;
pub(crate) use listen::open;
pub use options::{UnixConnectOptions, UnixOptions};
