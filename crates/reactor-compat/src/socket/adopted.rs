//! [`Adopted`]: a connection that exists, and that no runtime knows yet.
//!
//! Tested in `tests/network/adopt.rs`.

use std::io;
use std::mem;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::{Socket, UnixSocket};
use crate::address::Address;
use crate::reactor::need_io;

/// A connection that exists, and that no runtime knows yet. It does not block.
pub(crate) enum Adopted {
    Tcp(TcpStream),
    Unix(UnixSocket<UnixStream>),
    /// No runtime would have it.
    Refused,
}

impl Adopted {
    pub(super) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.local_addr()?.into()),
            Self::Unix(socket) => Ok(Address::Unix(socket.stream.local_addr()?.into())),
            Self::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn peer(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(stream) => Ok(stream.peer_addr()?.into()),
            Self::Unix(socket) => Ok(Address::Unix(socket.stream.peer_addr()?.into())),
            Self::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Makes it known to the runtime that this is called in.
    pub(super) fn register(&mut self) -> io::Result<Socket> {
        need_io()?;
        match mem::replace(self, Self::Refused) {
            Self::Tcp(stream) => Ok(Socket::Tcp(tokio::net::TcpStream::from_std(stream)?)),
            Self::Unix(socket) => Ok(Socket::Unix(socket.register()?)),
            Self::Refused => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
