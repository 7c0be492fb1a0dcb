//! The sockets of the operating system, as streams.
//!
//! Tested in `tests/network/tcp.rs`, `tests/network/unix.rs` and
//! `tests/network/adopt.rs`.

#[cfg(unix)]
mod adopted;
mod listener;
mod options;
mod tcp;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub(crate) use adopted::AdoptedSocket;
pub(crate) use listener::TcpPort;
#[cfg(unix)]
pub(crate) use listener::UnixPort;
pub use options::SocketError;
pub(crate) use tcp::TcpSocket;
#[cfg(unix)]
pub(crate) use unix::UnixSocket;
