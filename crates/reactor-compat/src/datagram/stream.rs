//! [`DatagramStream`] and [`ConnectedDatagramStream`]: the datagrams of a port as a
//! `Stream` and a `Sink`.
//!
//! Has no counterpart in Twisted. Tested in `tests/network/datagram_stream.rs`.

mod shared;

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;

use self::shared::Shared;
use super::{
    DatagramAddress, DatagramConnection, DatagramError, DatagramProtocol, DatagramTransport,
};

/// The datagrams of a port, as a `Stream` of what comes and whom it is from, and a
/// `Sink` for what goes and to whom: for protocol code that is an `async fn`.
///
/// - Up to 1,024 datagrams of 256 KiB together wait to be taken. Those that come beside
///   are dropped, as the system's own buffer does it, and [counted](Self::dropped).
/// - The refusal of a datagram that was sent while connected is an item, an error
///   ([`DatagramError::Refused`]); the stream goes on. It ends when the port is closed.
/// - The sink is ready, and flushed, when the system has taken what was sent before. An
///   error of sending is that datagram's; the sink goes on.
/// - Closing the sink closes the port, and so does dropping the stream.
///
/// Before the port is open it waits for it.
///
/// # Cancellation
///
/// A future of `next` or `send` that is dropped loses nothing that it has not given or
/// sent.
///
/// ```
/// use deferred::Failure;
/// use futures::{SinkExt, StreamExt};
/// use reactor_compat::{DatagramStream, Reactor, task::react_on};
/// use std::process::ExitCode;
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let (mut server, protocol) = DatagramStream::channel();
///     let address = reactor.listen_udp(("127.0.0.1", 0), protocol)?.get_host();
///     let (client, protocol) = DatagramStream::channel();
///     reactor.listen_udp(("127.0.0.1", 0), protocol)?;
///
///     let mut client = client.connect(address).await?;
///     client.send("hello").await?;
///     let (data, from) = server.next().await.unwrap()?;
///     server.send((data.to_ascii_uppercase(), from)).await?;
///     assert_eq!(client.next().await.unwrap()?, "HELLO");
///     Ok(())
/// }
///
/// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
/// ```
pub struct DatagramStream<A: DatagramAddress = SocketAddr> {
    shared: Rc<Shared<A>>,
}

impl<A: DatagramAddress> DatagramStream<A> {
    /// A stream, and the protocol that feeds it, for the port that it is to be of.
    ///
    /// See the [type's example](Self).
    pub fn channel() -> (Self, StreamDatagramProtocol<A>) {
        let shared = Rc::new(Shared::new());
        (Self { shared: shared.clone() }, StreamDatagramProtocol { shared })
    }

    /// Connects to `peer`, when the port is open: all goes there, and all comes from
    /// there. What came before, and was not taken, is dropped.
    ///
    /// # Errors
    ///
    /// As [`DatagramTransport::connect`]; the port is then closed.
    ///
    /// See the [type's example](Self).
    pub async fn connect(self, peer: A) -> Result<ConnectedDatagramStream<A>, DatagramError> {
        std::future::poll_fn(|cx| self.shared.poll_sent(cx)).await?;
        let transport = self.shared.transport().ok_or(DatagramError::Closed)?;
        transport.connect(peer.clone())?;
        Ok(ConnectedDatagramStream { datagrams: self, peer })
    }

    /// The transport of the port, while it is open.
    ///
    /// ```
    /// use reactor_compat::DatagramStream;
    ///
    /// let (datagrams, _protocol) = DatagramStream::<std::net::SocketAddr>::channel();
    /// assert!(datagrams.transport().is_none());
    /// ```
    pub fn transport(&self) -> Option<DatagramTransport<A>> {
        self.shared.transport()
    }

    /// How many datagrams were dropped because too much waited to be taken.
    ///
    /// ```
    /// use reactor_compat::DatagramStream;
    ///
    /// let (datagrams, _protocol) = DatagramStream::<std::net::SocketAddr>::channel();
    /// assert_eq!(datagrams.dropped(), 0);
    /// ```
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }
}

impl<A: DatagramAddress> Stream for DatagramStream<A> {
    type Item = Result<(Bytes, A), DatagramError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_next(cx)
    }
}

impl<A: DatagramAddress, I: AsRef<[u8]>> Sink<(I, A)> for DatagramStream<A> {
    type Error = DatagramError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.shared.poll_sent(cx)
    }

    fn start_send(self: Pin<&mut Self>, (data, to): (I, A)) -> Result<(), DatagramError> {
        self.shared.transport().ok_or(DatagramError::Closed)?.write(data, to)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.shared.poll_sent(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.shared.poll_close(cx)
    }
}

impl<A: DatagramAddress> Drop for DatagramStream<A> {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl<A: DatagramAddress> fmt::Debug for DatagramStream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramStream")
            .field("waiting", &self.shared.waiting())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// The datagrams of a port that is connected, as a `Stream` and a `Sink` of their data
/// alone; otherwise as a [`DatagramStream`], of which it is
/// [made](DatagramStream::connect).
///
/// See the example of [`DatagramStream`].
pub struct ConnectedDatagramStream<A: DatagramAddress = SocketAddr> {
    datagrams: DatagramStream<A>,
    peer: A,
}

impl<A: DatagramAddress> ConnectedDatagramStream<A> {
    /// Whom it is connected to.
    ///
    /// ```
    /// use reactor_compat::ConnectedDatagramStream;
    ///
    /// fn describe(stream: &ConnectedDatagramStream) -> String {
    ///     format!("to {}, {} lost", stream.peer(), stream.datagrams().dropped())
    /// }
    /// # let _ = describe;
    /// ```
    pub fn peer(&self) -> &A {
        &self.peer
    }

    /// The stream that knows whom each is from.
    ///
    /// See the example of [`peer`](Self::peer).
    pub fn datagrams(&self) -> &DatagramStream<A> {
        &self.datagrams
    }
}

impl<A: DatagramAddress> Stream for ConnectedDatagramStream<A> {
    type Item = Result<Bytes, DatagramError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = std::task::ready!(self.datagrams.shared.poll_next(cx));
            match next {
                // It came before there was a connection.
                Some(Ok((_, from))) if from != self.peer => {}
                next => return Poll::Ready(next.map(|item| item.map(|(data, _)| data))),
            }
        }
    }
}

impl<A: DatagramAddress, I: AsRef<[u8]>> Sink<I> for ConnectedDatagramStream<A> {
    type Error = DatagramError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.datagrams.shared.poll_sent(cx)
    }

    fn start_send(self: Pin<&mut Self>, data: I) -> Result<(), DatagramError> {
        self.datagrams.transport().ok_or(DatagramError::Closed)?.write(data, None)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.datagrams.shared.poll_sent(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DatagramError>> {
        self.datagrams.shared.poll_close(cx)
    }
}

impl<A: DatagramAddress> fmt::Debug for ConnectedDatagramStream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectedDatagramStream")
            .field("peer", &self.peer)
            .field("datagrams", &self.datagrams)
            .finish()
    }
}

/// The protocol that gives what it receives to a [`DatagramStream`], with which it is
/// [made](DatagramStream::channel).
///
/// See the example of [`DatagramStream`].
pub struct StreamDatagramProtocol<A: DatagramAddress = SocketAddr> {
    shared: Rc<Shared<A>>,
}

impl<A: DatagramAddress> DatagramProtocol<A> for StreamDatagramProtocol<A> {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self, A>) {
        self.shared.opened(transport.transport().clone());
    }

    fn datagram_received(&mut self, _: &DatagramConnection<Self, A>, data: &[u8], from: A) {
        self.shared.receive(Ok((Bytes::copy_from_slice(data), from)));
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self, A>) {
        self.shared.receive(Err(DatagramError::Refused));
    }

    fn stop_protocol(&mut self, _: &DatagramConnection<Self, A>) {
        self.shared.closed();
    }
}

/// One that never had a port has none any more.
impl<A: DatagramAddress> Drop for StreamDatagramProtocol<A> {
    fn drop(&mut self) {
        self.shared.closed();
    }
}

impl<A: DatagramAddress> fmt::Debug for StreamDatagramProtocol<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDatagramProtocol")
            .field("waiting", &self.shared.waiting())
            .finish_non_exhaustive()
    }
}
