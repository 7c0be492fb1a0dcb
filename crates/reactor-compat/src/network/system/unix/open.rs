//! UNIX sockets that stream: opened, to listen or connected.
//!
//! Mirrors `Port` and `Client` of `twisted.internet.unix`, as far as they call
//! the system. Tested in `tests/network/unix.rs`.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::SocketFile;
use super::file::{HeldLock, lock_path};
use crate::address::UnixAddress;
use crate::error::ConnectError;
use crate::filesystem_lock::is_locked;
use crate::options::UnixOptions;

/// How long to wait before a server whose backlog is full is asked again: the
/// system does not tell when there is room.
const FULL: Duration = Duration::from_millis(10);

/// Opens a socket of the system's that listens, and tells its file.
pub(in super::super) fn open(
    address: &UnixAddress,
    options: &UnixOptions,
) -> io::Result<(UnixListener, Option<SocketFile>)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let file = match address {
        UnixAddress::Path(path) => Some(bind_path(&socket, path, options)?),
        UnixAddress::Abstract(_) if !options.get_lock() => {
            socket.bind(&address.to_sock_addr()?)?;
            None
        }
        UnixAddress::Abstract(_) => return Err(invalid("only the name of a file can be locked")),
        UnixAddress::Unnamed => return Err(invalid("a port needs a name")),
    };
    socket.listen(i32::try_from(options.get_backlog()).unwrap_or(i32::MAX))?;
    Ok((socket.into(), file))
}

fn bind_path(socket: &Socket, path: &Path, options: &UnixOptions) -> io::Result<SocketFile> {
    if path.as_os_str().as_bytes().contains(&0) {
        return Err(invalid("a path has a NUL in it"));
    }
    let lock = if options.get_lock() { Some(HeldLock::take(path)?) } else { None };
    socket.bind(&UnixAddress::from(path).to_sock_addr()?)?;
    let file = SocketFile::new(path, lock)?;
    file.set_mode(options.get_mode())?;
    Ok(file)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Connects to the socket of that name, whose server has to hold its lock if
/// that is to be checked.
pub(in super::super) async fn connect(
    address: &UnixAddress,
    check_lock: bool,
) -> Result<UnixStream, ConnectError> {
    let name = match address {
        UnixAddress::Path(path) => path.clone(),
        UnixAddress::Abstract(name) if cfg!(any(target_os = "linux", target_os = "android")) => {
            PathBuf::from(OsString::from_vec([&[0], name.as_slice()].concat()))
        }
        UnixAddress::Abstract(_) | UnixAddress::Unnamed => {
            return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
        }
    };
    // An abstract name has no lock, and so none that is held.
    if check_lock && !is_locked(lock_path(&name)).unwrap_or(false) {
        return Err(ConnectError::BadFile);
    }
    loop {
        match UnixStream::connect(&name).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL).await,
            connected => return Ok(connected?),
        }
    }
}
