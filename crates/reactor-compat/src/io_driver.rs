//! [`need_io`]: asks whether the runtime around us knows of sockets.
//!
//! A runtime that somebody else has built may have a timer and no I/O driver.
//! Time, threads and streams in memory work there; a socket has Tokio panic.
//! Tested in `tests/runtime/attached.rs`.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::runtime::{Handle, Id};

use crate::panics;

thread_local! {
    /// The runtime that was last found to have a driver.
    static FOUND: Cell<Option<Id>> = const { Cell::new(None) };
}

/// The runtime has no I/O driver.
#[derive(Clone, Copy, Debug)]
struct NoIoDriver;

impl fmt::Display for NoIoDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Tokio runtime has no I/O driver; build it with `enable_io`")
    }
}

impl Error for NoIoDriver {}

/// Says no, as an error of the kind `Unsupported`, if we are inside a runtime
/// without an I/O driver. To be asked before that runtime is given a socket.
///
/// Tokio has no way to ask but to try, and no answer but a panic, whose message
/// is printed; so a runtime that was found to have one is not asked again.
pub(crate) fn need_io() -> io::Result<()> {
    let Ok(handle) = Handle::try_current() else { return Ok(()) };
    let here = Some(handle.id());
    if FOUND.get() == here {
        return Ok(());
    }
    // It is neither bound nor used. If the system gives none, that will be
    // said of the socket that is wanted.
    let Ok(socket) = Socket::new(Domain::IPV4, Type::DGRAM, None) else { return Ok(()) };
    socket.set_nonblocking(true)?;
    match panics::catch(|| UdpSocket::from_std(socket.into())) {
        Ok(_known) => {
            FOUND.set(here);
            Ok(())
        }
        Err(_panic) => Err(io::Error::new(io::ErrorKind::Unsupported, NoIoDriver)),
    }
}
