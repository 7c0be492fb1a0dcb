//! [`TcpPort`] and `UnixPort`: ports of the operating system.
//!
//! Mirrors the sockets of `twisted.internet.tcp.Port` and
//! `twisted.internet.unix.Port`. Tested in `tests/network/tcp.rs` and
//! `tests/network/unix.rs`.

use std::io;
use std::task::{Context, Poll};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::tcp::{TcpSocket, set_up};
#[cfg(unix)]
use super::unix::{SocketFile, UnixSocket};
use crate::address::Address;
#[cfg(unix)]
use crate::address::UnixAddress;
use crate::network::{Listener, SharedStream};
use crate::options::ListenOptions;

/// A socket that listens, and whether the runtime knows it.
///
/// ```text
/// Bound ──registered──▶ Ready
///   └─────failed──────▶ Refused
/// ```
enum Held<B, R> {
    Bound(B),
    Ready(R),
    /// No runtime would have it.
    Refused,
}

impl<B, R> Held<B, R> {
    fn register(&mut self, register: impl FnOnce(B) -> io::Result<R>) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Refused) {
            Self::Bound(bound) => Self::Ready(register(bound)?),
            held => held,
        };
        Ok(())
    }

    fn ready(&self) -> io::Result<&R> {
        match self {
            Self::Ready(ready) => Ok(ready),
            Self::Bound(_) | Self::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// A TCP port.
pub(super) struct TcpPort {
    held: Held<std::net::TcpListener, TcpListener>,
    host: Address,
    options: ListenOptions,
}

impl TcpPort {
    /// A port of a socket that listens, and does not block.
    pub(super) fn new(
        listener: std::net::TcpListener,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        let host = listener.local_addr()?.into();
        Ok(Self { held: Held::Bound(listener), host, options: *options })
    }
}

impl Listener for TcpPort {
    fn get_host(&self) -> Address {
        self.host.clone()
    }

    fn register(&mut self) -> io::Result<()> {
        self.held.register(TcpListener::from_std)
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        let accepted = self.held.ready()?.poll_accept(cx);
        accepted.map_ok(|(stream, peer)| {
            set_up(&stream, self.options.get_no_delay(), self.options.get_keep_alive());
            SharedStream::unguarded(TcpSocket::new(stream, peer))
        })
    }
}

/// The port of a UNIX socket.
#[cfg(unix)]
pub(super) struct UnixPort {
    held: Held<std::os::unix::net::UnixListener, UnixListener>,
    host: Address,
    /// The file that is its name, if that is ours to remove.
    _file: Option<SocketFile>,
}

#[cfg(unix)]
impl UnixPort {
    /// A port of a socket that listens, and does not block.
    pub(super) fn new(
        listener: std::os::unix::net::UnixListener,
        file: Option<SocketFile>,
    ) -> io::Result<Self> {
        let host = Address::Unix(listener.local_addr()?.into());
        Ok(Self { held: Held::Bound(listener), host, _file: file })
    }
}

#[cfg(unix)]
impl Listener for UnixPort {
    fn get_host(&self) -> Address {
        self.host.clone()
    }

    fn register(&mut self) -> io::Result<()> {
        self.held.register(UnixListener::from_std)
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
        self.held.ready()?.poll_accept(cx).map_ok(|(stream, peer)| {
            let peer = UnixAddress::from(std::os::unix::net::SocketAddr::from(peer));
            SharedStream::unguarded(UnixSocket::new(stream, peer))
        })
    }
}
