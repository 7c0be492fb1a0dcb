//! The operating system's datagrams: UDP, and UNIX sockets for datagrams.
//!
//! Mirrors the ports of `twisted.internet.udp` and the datagram ports of
//! `twisted.internet.unix`, as far as they call the system. Tested in
//! `tests/network/udp.rs` and `tests/network/unix_datagram.rs`.

mod port;
mod udp;
#[cfg(unix)]
mod unix;

pub(super) use udp::{adopt_udp, open_udp};
#[cfg(unix)]
pub(super) use unix::open_unix;
