//! [`Socket`]: one end of a connection, of whatever kind the system has, so
//! that ports, connectors and drivers need not know which.
//!
//! Tested in `tests/network/tcp.rs` and `tests/network/unix.rs`.

#[cfg(unix)]
mod adopted;
mod options;
mod shared;
#[cfg(unix)]
mod unix;

use std::io;
#[cfg(unix)]
use std::os::unix::net::SocketAddr;

use tokio::net::TcpStream;

#[cfg(unix)]
pub(crate) use adopted::Adopted;
pub use options::SocketError;
pub(crate) use shared::SharedSocket;
#[cfg(unix)]
pub(crate) use unix::UnixSocket;

use crate::address::Address;
#[cfg(feature = "testing")]
use crate::testing::MemoryStream;

/// One end of a connection.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixSocket),
    #[cfg(unix)]
    Adopted(Adopted),
    #[cfg(feature = "testing")]
    Memory(Box<MemoryStream>),
}

impl Socket {
    /// Our own end.
    pub(crate) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.local_addr()?.into()),
            #[cfg(unix)]
            Self::Unix(socket) => Ok(of_unix(socket.stream.local_addr()?)),
            #[cfg(unix)]
            Self::Adopted(socket) => socket.host(),
            #[cfg(feature = "testing")]
            Self::Memory(stream) => Ok(stream.host().clone()),
        }
    }

    /// The other end.
    pub(crate) fn peer(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.peer_addr()?.into()),
            #[cfg(unix)]
            Self::Unix(socket) => Ok(of_unix(socket.stream.peer_addr()?)),
            #[cfg(unix)]
            Self::Adopted(socket) => socket.peer(),
            #[cfg(feature = "testing")]
            Self::Memory(stream) => Ok(stream.peer().clone()),
        }
    }

    /// Has the peer see a reset when the socket is closed, where there is such
    /// a thing.
    fn reset_on_drop(&self) {
        let reset = match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
            // The driver is the one to cut it, and makes it known first.
            #[cfg(unix)]
            Self::Adopted(_) => Ok(()),
            #[cfg(feature = "testing")]
            Self::Memory(stream) => {
                stream.reset_on_drop();
                Ok(())
            }
        };
        if let Err(error) = reset {
            log_reset(&error);
        }
    }
}

#[cfg(unix)]
fn of_unix(address: tokio::net::unix::SocketAddr) -> Address {
    Address::Unix(SocketAddr::from(address).into())
}

#[cold]
fn log_reset(error: &io::Error) {
    tracing::debug!(%error, "a connection cannot be reset; it is closed");
}
