//! [`SharedSocket`]: a socket that its driver and a transport's handles know.
//!
//! Tested in `tests/network/tcp.rs`, `tests/network/unix.rs` and `tests/network/adopt.rs`.

use std::cell::RefCell;
use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(unix)]
use super::Adopted;
#[cfg(unix)]
use super::unix::Passing;
use super::{Socket, SocketError};

/// A [`Socket`] that its driver reads and writes, and whose options a
/// transport's handles can set. Never borrowed while user code runs.
#[derive(Clone)]
pub(crate) struct SharedSocket(Rc<RefCell<Socket>>);

impl SharedSocket {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Rc::new(RefCell::new(socket)))
    }

    pub(crate) fn reset_on_drop(&self) {
        if self.register().is_ok() {
            self.0.borrow().reset_on_drop();
        }
    }

    /// Does something with the socket, if it is one of TCP.
    pub(super) fn tcp<R>(
        &self,
        act: impl FnOnce(&SockRef<'_>) -> io::Result<R>,
    ) -> Result<R, SocketError> {
        match &*self.0.borrow() {
            Socket::Tcp(stream) => Ok(act(&SockRef::from(stream))?),
            #[cfg(unix)]
            Socket::Adopted(Adopted::Tcp(stream)) => Ok(act(&SockRef::from(stream))?),
            #[cfg(unix)]
            Socket::Unix(_) | Socket::Adopted(_) => Err(SocketError::NotTcp),
            #[cfg(feature = "testing")]
            Socket::Memory(_) => Err(SocketError::NotTcp),
        }
    }

    /// Makes a socket that was adopted known to the runtime.
    fn register(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let mut socket = self.0.borrow_mut();
            if let Socket::Adopted(adopted) = &mut *socket {
                *socket = adopted.register()?;
            }
        }
        Ok(())
    }
}

/// Descriptors that pass through the socket, if it is one of UNIX.
#[cfg(unix)]
impl SharedSocket {
    /// Looks for descriptors from now on, wherever there is something to read.
    pub(crate) fn receive_descriptors(&self) {
        self.passing(Passing::receive);
    }

    pub(crate) fn take_descriptor(&self) -> Option<OwnedFd> {
        self.passing(Passing::take_received).flatten()
    }

    /// Sends a descriptor with one of the bytes that are written next; gives
    /// back how many wait for that.
    pub(crate) fn send_descriptor(&self, descriptor: OwnedFd) -> Option<usize> {
        self.passing(|passing| {
            passing.send(descriptor);
            passing.unsent()
        })
    }

    /// How many descriptors wait to be sent.
    pub(crate) fn unsent_descriptors(&self) -> usize {
        self.passing(|passing| passing.unsent()).unwrap_or(0)
    }

    /// Closes all descriptors that wait.
    pub(crate) fn forget_descriptors(&self) {
        self.passing(|passing| *passing = Passing::default());
    }

    fn passing<R>(&self, act: impl FnOnce(&mut Passing) -> R) -> Option<R> {
        match &mut *self.0.borrow_mut() {
            Socket::Unix(socket) => Some(act(&mut socket.passing)),
            Socket::Adopted(Adopted::Unix(socket)) => Some(act(&mut socket.passing)),
            Socket::Tcp(_) | Socket::Adopted(_) => None,
            #[cfg(feature = "testing")]
            Socket::Memory(_) => None,
        }
    }
}

impl AsyncRead for SharedSocket {
    #[cfg_attr(not(unix), expect(unreachable_code, reason = "only for what was adopted"))]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => return Pin::new(stream).poll_read(cx, buf),
            #[cfg(unix)]
            Socket::Unix(socket) => return Pin::new(socket).poll_read(cx, buf),
            #[cfg(unix)]
            Socket::Adopted(_) => {}
            #[cfg(feature = "testing")]
            Socket::Memory(stream) => return Pin::new(stream).poll_read(cx, buf),
        }
        self.register()?;
        self.poll_read(cx, buf)
    }
}

impl AsyncWrite for SharedSocket {
    #[cfg_attr(not(unix), expect(unreachable_code, reason = "only for what was adopted"))]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => return Pin::new(stream).poll_write(cx, data),
            #[cfg(unix)]
            Socket::Unix(socket) => return Pin::new(socket).poll_write(cx, data),
            #[cfg(unix)]
            Socket::Adopted(_) => {}
            #[cfg(feature = "testing")]
            Socket::Memory(stream) => return Pin::new(stream).poll_write(cx, data),
        }
        self.register()?;
        self.poll_write(cx, data)
    }

    /// Sockets keep nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    #[cfg_attr(not(unix), expect(unreachable_code, reason = "only for what was adopted"))]
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Socket::Tcp(stream) => return Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Socket::Unix(socket) => return Pin::new(socket).poll_shutdown(cx),
            #[cfg(unix)]
            Socket::Adopted(_) => {}
            #[cfg(feature = "testing")]
            Socket::Memory(stream) => return Pin::new(stream).poll_shutdown(cx),
        }
        self.register()?;
        self.poll_shutdown(cx)
    }
}
