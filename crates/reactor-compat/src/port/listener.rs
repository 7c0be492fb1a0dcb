//! [`Listener`]: the socket of a port, of whatever kind.

use std::io;
use std::task::{Context, Poll};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::address::Address;
#[cfg(unix)]
use crate::address::UnixAddress;
use crate::network::SharedStream;
use crate::reactor::need_io;
use crate::socket::TcpSocket;
#[cfg(unix)]
use crate::socket::UnixSocket;
#[cfg(feature = "testing")]
use crate::testing::MemoryListener;
#[cfg(unix)]
use crate::unix::SocketFile;

/// The socket of a port.
pub(crate) enum Listener {
    /// Open, and not known to a runtime yet.
    Bound(Bound),
    /// Known to the runtime.
    Ready(Ready),
}

/// A socket that no runtime knows.
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    /// And the file that is its name, if that is ours to remove.
    #[cfg(unix)]
    Unix {
        listener: std::os::unix::net::UnixListener,
        file: Option<SocketFile>,
    },
    #[cfg(feature = "testing")]
    Memory(MemoryListener),
}

/// A socket that can be accepted from.
pub(crate) enum Ready {
    Tcp(TcpListener),
    /// And the file that is its name, removed with it.
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: Option<SocketFile>,
    },
    #[cfg(feature = "testing")]
    Memory(MemoryListener),
}

impl Bound {
    /// Our own address.
    pub(crate) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.into()),
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Address::Unix(listener.local_addr()?.into())),
            #[cfg(feature = "testing")]
            Self::Memory(listener) => Ok(listener.host()),
        }
    }

    /// Makes the socket known to the runtime that this is called in.
    pub(super) fn register(self) -> io::Result<Ready> {
        match self {
            Self::Tcp(listener) => {
                need_io()?;
                Ok(Ready::Tcp(TcpListener::from_std(listener)?))
            }
            #[cfg(unix)]
            Self::Unix { listener, file } => {
                need_io()?;
                Ok(Ready::Unix { listener: UnixListener::from_std(listener)?, _file: file })
            }
            #[cfg(feature = "testing")]
            Self::Memory(listener) => Ok(Ready::Memory(listener)),
        }
    }
}

impl Ready {
    pub(super) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(SharedStream, Address)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, peer)| {
                (SharedStream::new(TcpSocket::new(stream, peer)), Address::Tcp(peer))
            }),
            #[cfg(unix)]
            Self::Unix { listener, .. } => listener.poll_accept(cx).map_ok(|(stream, peer)| {
                let peer = UnixAddress::from(std::os::unix::net::SocketAddr::from(peer));
                let socket = UnixSocket::new(stream, peer.clone());
                (SharedStream::new(socket), Address::Unix(peer))
            }),
            #[cfg(feature = "testing")]
            Self::Memory(listener) => listener.poll_accept(cx).map(|stream| {
                let peer = stream.peer().clone();
                Ok((SharedStream::new(stream), peer))
            }),
        }
    }
}
