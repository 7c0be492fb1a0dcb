//! [`SharedStream`]: a stream that its driver and a transport's handles know.
//!
//! Tested in `tests/network/tcp.rs`, `tests/network/unix.rs` and
//! `tests/network/adopt.rs`.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guarded::Guarded;
use super::{Backlog, Security, Stream, StreamEnd};
use crate::address::Address;

/// A stream of any kind, shared: the connection's task reads and writes it, and
/// the transport's handles set its options. It is closed with its last clone.
///
/// A network gives these. It is a [`Stream`] itself, so that another one can
/// stand over it.
///
/// # Re-entrancy
///
/// While one of the stream's methods runs, another one fails with an error of
/// the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy), or has the answer of
/// a stream that knows nothing.
///
/// ```
/// use reactor_compat::{Address, SharedStream, Stream};
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
///
/// /// Takes everything, and says nothing.
/// struct Discard;
///
/// impl AsyncRead for Discard {
///     fn poll_read(
///         self: Pin<&mut Self>,
///         _: &mut Context<'_>,
///         _: &mut ReadBuf<'_>,
///     ) -> Poll<io::Result<()>> {
///         Poll::Pending
///     }
/// }
///
/// impl AsyncWrite for Discard {
///     fn poll_write(
///         self: Pin<&mut Self>,
///         _: &mut Context<'_>,
///         data: &[u8],
///     ) -> Poll<io::Result<usize>> {
///         Poll::Ready(Ok(data.len()))
///     }
///     fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
///     fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
/// }
///
/// impl Stream for Discard {
///     fn get_host(&self) -> Address {
///         Address::Pipe
///     }
///     fn get_peer(&self) -> Address {
///         Address::Tcp(([192, 0, 2, 1], 9).into())
///     }
/// }
///
/// let stream = SharedStream::new(Discard);
/// assert_eq!(stream.get_peer().port(), Some(9));
/// ```
#[derive(Clone)]
pub struct SharedStream(Rc<RefCell<dyn Stream>>);

impl SharedStream {
    /// Shares a stream. A panic in one of its methods is logged, and ends its
    /// connection, with the panic as the reason.
    ///
    /// See the [type's example](Self).
    pub fn new(stream: impl Stream) -> Self {
        Self::unguarded(Guarded::new(stream))
    }

    /// The same for a stream that is not a user's.
    pub(crate) fn unguarded(stream: impl Stream) -> Self {
        Self(Rc::new(RefCell::new(stream)))
    }

    /// Looks at the stream; `busy` if it is in use.
    fn look<R>(&self, busy: R, look: impl FnOnce(&dyn Stream) -> R) -> R {
        match self.0.try_borrow() {
            Ok(stream) => look(&*stream),
            Err(_) => busy,
        }
    }
}

/// A stream was used from inside one of its own methods.
#[cold]
fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "a stream was used from inside itself")
}

impl AsyncRead for SharedStream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => Pin::new(&mut *stream).poll_read(cx, buf),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }
}

impl AsyncWrite for SharedStream {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => Pin::new(&mut *stream).poll_write(cx, data),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => Pin::new(&mut *stream).poll_write_vectored(cx, pieces),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.look(false, |stream| stream.is_write_vectored())
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => Pin::new(&mut *stream).poll_flush(cx),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => Pin::new(&mut *stream).poll_shutdown(cx),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }
}

impl Stream for SharedStream {
    fn get_host(&self) -> Address {
        self.look(Address::Pipe, |stream| stream.get_host())
    }

    fn get_peer(&self) -> Address {
        self.look(Address::Pipe, |stream| stream.get_peer())
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => stream.poll_open(cx),
            Err(_) => Poll::Ready(Err(in_use())),
        }
    }

    fn reset_on_drop(&mut self) {
        if let Ok(mut stream) = self.0.try_borrow_mut() {
            stream.reset_on_drop();
        }
    }

    fn end(&self) -> StreamEnd {
        self.look(StreamEnd::ShutDown, |stream| stream.end())
    }

    fn backlog(&self) -> Backlog {
        self.look(Backlog::default(), |stream| stream.backlog())
    }

    fn ended_inside(&self) -> bool {
        self.look(false, |stream| stream.ended_inside())
    }

    fn insist(&mut self) {
        if let Ok(mut stream) = self.0.try_borrow_mut() {
            stream.insist();
        }
    }

    fn acts_alone(&self) -> bool {
        self.look(false, |stream| stream.acts_alone())
    }

    fn security(&self) -> Option<Rc<Security>> {
        self.look(None, |stream| stream.security())
    }

    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        self.look((), |stream| stream.with_socket(act));
    }

    #[cfg(unix)]
    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        match self.0.try_borrow_mut() {
            Ok(mut stream) => stream.send_descriptor(descriptor),
            Err(_) => Err(descriptor),
        }
    }

    #[cfg(unix)]
    fn unsent_descriptors(&self) -> usize {
        self.look(0, |stream| stream.unsent_descriptors())
    }

    #[cfg(unix)]
    fn receive_descriptors(&mut self, wanted: bool) {
        if let Ok(mut stream) = self.0.try_borrow_mut() {
            stream.receive_descriptors(wanted);
        }
    }

    #[cfg(unix)]
    #[inline]
    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.0.try_borrow_mut().ok()?.take_descriptor()
    }

    #[cfg(unix)]
    fn close_descriptors(&mut self) {
        if let Ok(mut stream) = self.0.try_borrow_mut() {
            stream.close_descriptors();
        }
    }
}

impl fmt::Debug for SharedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStream")
            .field("host", &self.get_host())
            .field("peer", &self.get_peer())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A stream that uses itself.
    #[derive(Default)]
    struct Nested(Option<SharedStream>);

    impl AsyncRead for Nested {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Some(inner) = &mut self.0 else { return Poll::Ready(Ok(())) };
            assert_eq!((inner.get_host(), inner.end()), (Address::Pipe, StreamEnd::ShutDown));
            Pin::new(inner).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Nested {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(data.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Stream for Nested {
        fn get_host(&self) -> Address {
            Address::Tcp(([127, 0, 0, 1], 1).into())
        }

        fn get_peer(&self) -> Address {
            Address::Pipe
        }
    }

    #[test]
    fn a_stream_that_uses_itself_gets_an_error() {
        let inner = Rc::new(RefCell::new(Nested::default()));
        let mut stream = SharedStream(inner.clone());
        inner.borrow_mut().0 = Some(stream.clone());
        let mut buffer = [0; 8];
        let mut room = ReadBuf::new(&mut buffer);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut stream).poll_read(&mut cx, &mut room) {
            Poll::Ready(Err(error)) => assert_eq!(error.kind(), io::ErrorKind::ResourceBusy),
            other => unreachable!("{other:?}"),
        }
        inner.borrow_mut().0 = None;
    }
}
