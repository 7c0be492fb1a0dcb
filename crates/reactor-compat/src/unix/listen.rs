//! Listening on UNIX sockets.
//!
//! Mirrors `listenUNIX`. Tested in `tests/network/unix.rs`.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use socket2::{Domain, Socket, Type};

use super::file::HeldLock;
use super::{SocketFile, UnixOptions};
use crate::address::{Address, UnixAddress};
use crate::connection::Security;
use crate::error::CannotListenError;
use crate::factory::Factory;
use crate::port::{self, Bound, Port};
use crate::reactor::{Reactor, need_io};

impl Reactor {
    /// Listens on a UNIX socket; each connection gets a protocol of `factory`.
    ///
    /// `address` is a path, or a string that begins with a NUL for an abstract
    /// name (of Linux). The port is open when this returns; it accepts while
    /// the reactor runs. Its file may be opened by everybody, as in Twisted
    /// ([`UnixOptions::mode`] says otherwise), and is removed when it is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`CannotListenError`] if the port cannot be opened: also if the file is
    /// there already, whether or not anybody listens
    /// ([`UnixOptions::lock`] helps with that).
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// struct Greet;
    ///
    /// impl Protocol for Greet {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("hello");
    ///     }
    /// }
    ///
    /// struct Hear(Reactor);
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data, b"hello");
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("greet.sock");
    /// let reactor = Reactor::new();
    /// let port = reactor.listen_unix(&path, |_: Address| Greet)?;
    /// assert_eq!(port.get_host().path(), Some(path.as_path()));
    /// let hear = reactor.clone();
    /// reactor.connect_unix(&path, move |_: Address| Hear(hear.clone()));
    /// reactor.run()?;
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "listenUNIX")]
    #[doc(alias = "IReactorUNIX")]
    #[track_caller]
    pub fn listen_unix(
        &self,
        address: impl Into<UnixAddress>,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        self.listen_unix_with(address, UnixOptions::new(), factory)
    }

    /// [`listen_unix`](Self::listen_unix), with a say in how the socket is
    /// opened.
    ///
    /// # Errors
    ///
    /// As [`listen_unix`](Self::listen_unix), and if a lock that was asked for
    /// cannot be had.
    ///
    /// See the example of [`UnixOptions`].
    #[track_caller]
    pub fn listen_unix_with(
        &self,
        address: impl Into<UnixAddress>,
        options: UnixOptions,
        factory: impl Factory,
    ) -> Result<Port, CannotListenError> {
        let address = address.into();
        self.check_drivable()
            .map_err(|error| CannotListenError::new(address.to_string(), &error.into()))?;
        #[cfg(feature = "testing")]
        if let Some(network) = self.network() {
            let (listener, host) = network.bind_unix(address, options)?;
            let bound = (Bound::Memory(listener), host);
            return Ok(port::listen(self, bound, Security::default(), factory));
        }
        let bound = open(&address, options)
            .map_err(|error| CannotListenError::new(address.to_string(), &error))?;
        Ok(port::listen(self, bound, Security::default(), factory))
    }
}

fn open(address: &UnixAddress, options: UnixOptions) -> io::Result<(Bound, Address)> {
    need_io()?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let file = match address {
        UnixAddress::Path(path) => Some(bind_path(&socket, path, options)?),
        UnixAddress::Abstract(_) if !options.lock => {
            socket.bind(&address.to_sock_addr()?)?;
            None
        }
        UnixAddress::Abstract(_) => return Err(invalid("only the name of a file can be locked")),
        UnixAddress::Unnamed => return Err(invalid("a port needs a name")),
    };
    socket.listen(options.backlog)?;
    let bound = Bound::Unix { listener: socket.into(), file };
    let host = bound.host()?;
    Ok((bound, host))
}

fn bind_path(socket: &Socket, path: &Path, options: UnixOptions) -> io::Result<SocketFile> {
    if path.as_os_str().as_bytes().contains(&0) {
        return Err(invalid("a path has a NUL in it"));
    }
    let lock = if options.lock { Some(HeldLock::take(path)?) } else { None };
    socket.bind(&UnixAddress::from(path).to_sock_addr()?)?;
    let file = SocketFile::new(path, lock)?;
    file.set_mode(options.mode)?;
    Ok(file)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
