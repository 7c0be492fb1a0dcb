//! UNIX sockets.
//!
//! Mirrors `IReactorUNIX` of `twisted.internet.interfaces`, and
//! `twisted.internet.unix`. Tested in `tests/unix.rs`.

mod file;

pub(crate) use file::SocketFile;

use std::io;

use tokio::net::UnixStream;

use crate::address::UnixAddress;

/// Connects to the socket of that name.
pub(crate) async fn dial(address: &UnixAddress) -> io::Result<UnixStream> {
    match address {
        UnixAddress::Path(path) => UnixStream::connect(path).await,
        UnixAddress::Abstract(_) | UnixAddress::Unnamed => {
            Err(io::ErrorKind::AddrNotAvailable.into())
        }
    }
}
