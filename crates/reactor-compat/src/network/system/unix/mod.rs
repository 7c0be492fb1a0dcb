//! The operating system's UNIX sockets, those that stream.
//!
//! Mirrors `twisted.internet.unix`, as far as it calls the system. Tested in
//! `tests/network/unix.rs`.

mod file;
mod open;
mod socket;

pub(super) use file::SocketFile;
pub(super) use open::{connect, open};
pub(super) use socket::UnixSocket;
