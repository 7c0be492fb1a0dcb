//! [`Stream`]: a connected stream of bytes, as a network gives it.
//!
//! Tested in `tests/network/`, and by the behaviour suite.

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Security;
use crate::address::Address;

/// How a stream is ended, beside being dropped.
///
/// See the example of [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEnd {
    /// Once the peer has ended, dropping it tells the peer all that there is to
    /// be told. Sockets are such.
    Drop,
    /// It has to be shut down for the peer to know.
    ShutDown,
    /// The peer answers the end with its own, which is waited for: TLS.
    Answered,
}

/// The bytes that a stream was given, or has made itself, and has not passed on.
///
/// ```
/// use reactor_compat::network::Backlog;
///
/// let before = Backlog::new(300, 1000);
/// let after = Backlog::new(200, 1100);
/// assert_eq!((after.unsent, after.sent - before.sent), (200, 100));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// How many wait to be sent.
    pub unsent: usize,
    /// How many were passed on since the beginning: it grows when the peer takes some.
    pub sent: u64,
}

impl Backlog {
    /// A backlog of so many bytes, after so many that were passed on.
    ///
    /// See the [type's example](Self).
    pub fn new(unsent: usize, sent: u64) -> Self {
        Self { unsent, sent }
    }
}

/// A connected stream of bytes: a socket, a stream in memory, TLS or a
/// layer over another one.
///
/// A network gives them; the connection's task drives them.
/// All but reading, writing and the two addresses has a default.
///
/// # Re-entrancy
///
/// The stream is borrowed while one of its methods runs: none of them may use
/// the transport that runs over it.
///
/// ```
/// use reactor_compat::{Address, Stream, StreamEnd};
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
///
/// /// A pipe, whose peer hears of an end only when it is shut down.
/// struct Pipe(DuplexStream);
///
/// impl AsyncRead for Pipe {
///     fn poll_read(
///         mut self: Pin<&mut Self>,
///         cx: &mut Context<'_>,
///         buf: &mut ReadBuf<'_>,
///     ) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.0).poll_read(cx, buf)
///     }
/// }
///
/// impl AsyncWrite for Pipe {
///     fn poll_write(
///         mut self: Pin<&mut Self>,
///         cx: &mut Context<'_>,
///         data: &[u8],
///     ) -> Poll<io::Result<usize>> {
///         Pin::new(&mut self.0).poll_write(cx, data)
///     }
///     // And so on.
///     # fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///     #     Pin::new(&mut self.0).poll_flush(cx)
///     # }
///     # fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///     #     Pin::new(&mut self.0).poll_shutdown(cx)
///     # }
/// }
///
/// impl Stream for Pipe {
///     fn get_host(&self) -> Address {
///         Address::Pipe
///     }
///
///     fn get_peer(&self) -> Address {
///         Address::Pipe
///     }
///
///     fn end(&self) -> StreamEnd {
///         StreamEnd::ShutDown
///     }
/// }
///
/// let (stream, _peer) = tokio::io::duplex(64);
/// let stream = Pipe(stream);
/// assert_eq!((stream.get_peer(), stream.end()), (Address::Pipe, StreamEnd::ShutDown));
/// assert!(stream.security().is_none());
/// ```
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Our own end.
    fn get_host(&self) -> Address;

    /// The other end.
    fn get_peer(&self) -> Address;

    /// Goes on with what comes before the first byte: ready when the stream is
    /// open, and both addresses are known. At once, unless it is overridden.
    ///
    /// # Errors
    ///
    /// The stream will never be open.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Has the peer see a reset when the stream is dropped, where there is such
    /// a thing.
    fn reset_on_drop(&mut self) {}

    /// How it is ended.
    fn end(&self) -> StreamEnd {
        StreamEnd::ShutDown
    }

    /// Whether it does something of its own, beside what it is asked to read and
    /// write: it is then flushed whenever its connection's task runs.
    fn acts_alone(&self) -> bool {
        false
    }

    /// How much it holds of its own that is to be sent: that counts against the
    /// connection's [marks](crate::WaterMarks), with what the protocol wrote. It is
    /// looked at of a stream that [acts alone](Self::acts_alone).
    ///
    /// A stream over another adds that one's.
    ///
    /// ```
    /// use reactor_compat::{SharedStream, Stream};
    ///
    /// fn is_empty(stream: &SharedStream) -> bool {
    ///     stream.backlog().unsent == 0
    /// }
    /// # let _ = is_empty;
    /// ```
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// Whether the peer may go on sending, though the stream has ended for its reader, by
    /// an end that is inside of what the peer sent. Looked at once it is shut down: such
    /// a stream then reads on, lets go what comes, and ends again when the peer has, so
    /// that what was sent is not overtaken by a reset.
    ///
    /// ```
    /// use reactor_compat::{SharedStream, Stream};
    ///
    /// fn may_go_on(stream: &SharedStream) -> bool {
    ///     stream.ended_inside()
    /// }
    /// # let _ = may_go_on;
    /// ```
    fn ended_inside(&self) -> bool {
        false
    }

    /// Has the next write tried, though the system has not said that there is room. It
    /// is called where nothing could be sent for long: TCP says that there is room only
    /// when there is a good part of it, which may be more than two that wait for each
    /// other leave.
    ///
    /// A stream over another passes it on; one that knows nothing of the kind lets it
    /// be.
    ///
    /// ```
    /// use reactor_compat::{SharedStream, Stream};
    ///
    /// fn try_once_more(stream: &mut SharedStream) {
    ///     stream.insist();
    /// }
    /// # let _ = try_once_more;
    /// ```
    fn insist(&mut self) {}

    /// Its protection, once it is open: of TLS.
    fn security(&self) -> Option<Rc<Security>> {
        None
    }

    /// Has `act` look at the socket under it, to read and set its options, if
    /// there is one.
    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        let _ = act;
    }

    /// Sends a descriptor with the next byte that is written; gives it back
    /// where that cannot be.
    ///
    /// # Errors
    ///
    /// The descriptor, if the stream passes none.
    #[cfg(unix)]
    fn send_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        Err(descriptor)
    }

    /// How many descriptors wait to be sent.
    #[cfg(unix)]
    fn unsent_descriptors(&self) -> usize {
        0
    }

    /// Looks for descriptors from now on, wherever there is something to read,
    /// or does so no longer, in which case those that come are closed.
    #[cfg(unix)]
    fn receive_descriptors(&mut self, wanted: bool) {
        let _ = wanted;
    }

    /// The next descriptor that came.
    #[cfg(unix)]
    fn take_descriptor(&mut self) -> Option<OwnedFd> {
        None
    }

    /// Closes all descriptors that wait: to be sent, and to be taken. None is
    /// looked for from then on.
    #[cfg(unix)]
    fn close_descriptors(&mut self) {}
}
