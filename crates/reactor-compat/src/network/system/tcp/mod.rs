//! The operating system's TCP.
//!
//! Mirrors `twisted.internet.tcp`, as far as it calls the system. Tested in
//! `tests/network/tcp.rs`.

mod open;
mod socket;

pub(super) use open::{connect, open, set_up};
pub(super) use socket::{TcpSocket, reset_on_drop};
