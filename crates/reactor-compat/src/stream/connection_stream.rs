//! [`ConnectionStream`]: a connection, to be read and written as Tokio does.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use deferred::Deferred;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::StreamProtocol;
use super::pipe::{MOST_WRITTEN, Pipe};
use crate::connection::Connection;
use crate::transport::{Transport, WaterMarks};

/// A connection, to be read and written as Tokio does: for protocol code that
/// is an `async fn`, and for libraries that want an
/// [`AsyncRead`] + [`AsyncWrite`].
///
/// A server gets one for each connection by [`async_factory`](crate::async_factory),
/// a client by [`connect_tcp_stream`](crate::Reactor::connect_tcp_stream) or
/// [`connect_unix_stream`](crate::Reactor::connect_unix_stream), and whatever
/// else connects by [`of`](Self::of).
///
/// - It reads to the end when the peer has ended its half, or the connection
///   was closed cleanly. Otherwise what ended the connection is inside the
///   error, as a [`ConnectionEnded`](crate::ConnectionEnded).
/// - What waits to be read is bounded: the peer is not read while more than 64
///   KiB do. Writing waits while more is unsent than the transport's
///   [marks](WaterMarks) allow. Neither holds up the other.
/// - What waits to be read when a layer is [pushed](Transport::push_layer), the layer
///   gets. When TLS is begun, by `start_tls` of the [`transport`](Self::transport),
///   and something waits, the connection ends with
///   [`UnprotectedData`](crate::UnprotectedData): it never comes out as if TLS had
///   protected it. A `BufReader` or a codec around the stream keeps what it has read,
///   and has to be found empty before.
/// - Flushing waits for nothing: what was written goes out by itself.
/// - Shutting it down ends our half of the connection, and waits for the peer
///   to be told.
/// - Dropping it closes the connection, after all that was written is sent,
///   as [`lose_connection`](Transport::lose_connection) does.
///
/// A codec makes a `Stream` and a `Sink` of it:
///
/// ```
/// use deferred::Failure;
/// use futures::{SinkExt, StreamExt};
/// use reactor_compat::{Address, ConnectionStream, Reactor, async_factory, task::react_on};
/// use std::process::ExitCode;
/// use tokio_util::codec::{Framed, LinesCodec};
///
/// async fn shout(stream: ConnectionStream, _peer: Address) -> Result<(), Failure> {
///     let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(1024));
///     while let Some(line) = lines.next().await {
///         lines.send(line?.to_uppercase()).await?;
///     }
///     Ok(())
/// }
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let port = reactor.listen_tcp(("127.0.0.1", 0), async_factory(shout))?;
///     let stream = reactor.connect_tcp_stream(port.get_host().socket_addr().unwrap()).await?;
///     let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(1024));
///     lines.send("hello").await?;
///     assert_eq!(lines.next().await.unwrap()?, "HELLO");
///     Ok(())
/// }
///
/// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
/// ```
pub struct ConnectionStream {
    pipe: Rc<Pipe>,
    transport: Transport,
}

impl ConnectionStream {
    pub(super) fn new(pipe: Rc<Pipe>, transport: Transport) -> Self {
        Self { pipe, transport }
    }

    /// The stream of a connection.
    ///
    /// It fails with [`StreamTaken`](crate::StreamTaken) if it is not the first
    /// to take it, and with [`ConnectionGone`](crate::ConnectionGone) if the
    /// connection is lost already.
    ///
    /// See the example of [`StreamProtocol`].
    pub fn of(connection: Connection<StreamProtocol>) -> Deferred<Self> {
        connection.call(StreamProtocol::take)
    }

    /// The connection's transport: its addresses, its options, its marks.
    ///
    /// The stream is its [producer](Transport::register_producer): so
    /// [`lose_connection`](Transport::lose_connection) waits for the stream to
    /// be dropped or shut down. What is written to the transport goes out in
    /// between.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{ConnectionStream, StreamProtocol};
    ///
    /// let transport = StringTransport::new(StreamProtocol::new());
    /// let stream = success_result_of(ConnectionStream::of(transport.connection().clone()));
    /// assert_eq!(stream.transport().get_peer().to_string(), "192.168.1.1:54321");
    /// ```
    pub fn transport(&self) -> &Transport {
        &self.transport
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipe.poll_read(&self.transport, cx, buf)
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.pipe.poll_room(cx))?;
        let data = data.get(..MOST_WRITTEN).unwrap_or(data);
        self.transport.write(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.pipe.poll_room(cx))?;
        let mut written = 0;
        for piece in pieces {
            let piece = piece.get(..MOST_WRITTEN - written).unwrap_or(piece);
            self.transport.write(piece);
            written += piece.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pipe.end_output() {
            // Nobody is to be held up any more; least of all our own reading.
            self.transport.set_water_marks(WaterMarks::UNBOUNDED);
            self.transport.unregister_producer();
            self.transport.lose_write_connection();
        }
        self.pipe.poll_ended(cx)
    }
}

impl Drop for ConnectionStream {
    fn drop(&mut self) {
        self.transport.unregister_producer();
        self.transport.lose_connection();
    }
}

impl fmt::Debug for ConnectionStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectionStream").field(&self.transport).finish()
    }
}
