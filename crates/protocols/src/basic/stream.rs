//! [`LineStream`] and [`StringStream`]: the lines and strings of a connection as
//! a `Stream` and a `Sink`.
//!
//! Tested in `tests/framing/stream.rs`.

mod client_factory;
mod handler;
mod shared;

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use deferred::Failure;
use futures_core::Stream;
use futures_sink::Sink;
use reactor_compat::{ConnectionGone, Protocol, WaterMarks};

pub use self::client_factory::StreamClientFactory;
pub use self::handler::StreamHandler;
use self::handler::private::Frames;
use self::shared::Shared;
use super::{Format, FramedTransport, LineTransport, Lines, Strings};

/// The lines of a connection, as a `Stream` of [`Bytes`] and a `Sink`: for
/// protocol code that is an `async fn`, on a connection like any other, with
/// whatever wraps its factory.
///
/// A line that is too long is an error of the stream, and ends the connection.
///
/// A coroutine that awaits it needs a reactor to wake it, or Tokio: one that is started
/// before goes on when the thread's reactor is driven. A
/// [`StringTransport`](reactor_compat::testing::StringTransport) drives nothing.
///
/// ```
/// use deferred::{Failure, ensure_deferred};
/// use futures::{SinkExt, StreamExt};
/// use protocols::basic::LineStream;
/// use reactor_compat::{Address, Reactor, task::react_on};
/// use std::process::ExitCode;
///
/// async fn shout(mut lines: LineStream) -> Result<(), Failure> {
///     while let Some(line) = lines.next().await {
///         lines.send(line?.to_ascii_uppercase()).await?;
///     }
///     Ok(())
/// }
///
/// async fn ask(reactor: Reactor) -> Result<(), Failure> {
///     let serve = |_: Address| {
///         let (lines, protocol) = LineStream::channel();
///         drop(ensure_deferred(shout(lines)));
///         protocol
///     };
///     let port = reactor.listen_tcp(("127.0.0.1", 0), serve)?;
///     let (mut lines, protocol) = LineStream::channel();
///     let address = port.get_host().socket_addr().unwrap();
///     let connector = reactor.connect_tcp(address, lines.client_factory(protocol));
///     lines.send("hello").await?;
///     assert_eq!(lines.next().await.unwrap()?, "HELLO");
///     # drop(connector);
///     Ok(())
/// }
///
/// assert_eq!(react_on(&Reactor::new(), ask), ExitCode::SUCCESS);
/// ```
pub type LineStream = ReceiverStream<LineTransport>;

/// The strings of a connection, as a `Stream` of [`Bytes`] and a `Sink`.
///
/// ```
/// use futures::{SinkExt, StreamExt, executor::block_on};
/// use protocols::basic::{Int8, StringStream};
/// use reactor_compat::testing::StringTransport;
///
/// # block_on(async {
/// let (mut strings, protocol) = StringStream::channel::<Int8>();
/// let transport = StringTransport::new(protocol);
/// transport.data_received(b"\x05hello");
/// assert_eq!(strings.next().await.unwrap()?, "hello");
/// strings.send("you").await?;
/// assert_eq!(transport.take_value(), b"\x03you");
/// # Ok::<(), deferred::Failure>(())
/// # }).unwrap();
/// ```
pub type StringStream = ReceiverStream<FramedTransport>;

/// The lines or strings of a connection, as a stream and a sink: a
/// [`LineStream`] or a [`StringStream`].
///
/// - It ends when the peer has ended its half, or the connection was closed
///   cleanly. Whatever else ended the connection is its last item, an error; the
///   sink fails with it from then on.
/// - What waits to be taken is bounded: reading is paused while more than 64 KiB
///   do, beside one item.
/// - What waits to be taken when a layer is pushed, or TLS begun, does not come out
///   any more: the layer gets it, as the bytes that it was, and behind it what had come of
///   the next item; TLS ends the connection, with
///   [`UnprotectedData`](reactor_compat::UnprotectedData).
/// - The sink is ready while no more is unsent than the transport's
///   [marks](reactor_compat::WaterMarks) allow. Neither direction holds up the
///   other.
/// - Flushing waits for nothing: what was sent goes out by itself.
/// - Closing the sink ends our half of the connection, and waits for the peer to
///   be told.
/// - Dropping it closes the connection, after all that was sent has gone out.
///
/// Before there is a connection it waits for one. A client's is connected by its
/// [factory](Self::client_factory), so that it hears if there will be none.
///
/// See the examples of [`LineStream`] and [`StringStream`].
///
/// # Cancellation
///
/// A future of `next` or `send` that is dropped loses nothing that it has not
/// given or sent.
pub struct ReceiverStream<T: Frames> {
    shared: Rc<Shared<T>>,
}

impl LineStream {
    /// A stream, and the protocol that feeds it, for the connection that it is
    /// to be of. Limit and delimiter are [set](Lines::max_length) at the
    /// protocol.
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on};
    /// use protocols::basic::LineStream;
    /// use reactor_compat::testing::StringTransport;
    ///
    /// let (mut lines, protocol) = LineStream::channel();
    /// let transport = StringTransport::new(protocol.delimiter("\n").max_length(80));
    /// transport.data_received(b"one\ntwo\n");
    /// transport.read_connection_lost();
    /// let all: Vec<_> = block_on(lines.by_ref().map(Result::unwrap).collect());
    /// assert_eq!(all, ["one", "two"]);
    /// ```
    pub fn channel() -> (Self, Lines<StreamHandler<LineTransport>>) {
        let shared = Rc::new(Shared::new());
        (Self { shared: shared.clone() }, Lines::new(StreamHandler::new(shared)))
    }
}

impl StringStream {
    /// A stream, and the protocol that feeds it, for the connection that it is
    /// to be of. The limit is [set](Strings::max_length) at the protocol.
    ///
    /// See the example of [`StringStream`].
    pub fn channel<F: Format>() -> (Self, Strings<F, StreamHandler<FramedTransport>>) {
        let shared = Rc::new(Shared::new());
        (Self { shared: shared.clone() }, Strings::new(StreamHandler::new(shared)))
    }
}

impl<T: Frames> ReceiverStream<T> {
    /// The factory that connects the stream of a client, by the protocol that came with
    /// the stream, or whatever runs that: where no connection can be made, the stream and
    /// the sink fail with the reason.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::{SinkExt, StreamExt, executor::block_on};
    /// use protocols::basic::LineStream;
    /// use reactor_compat::ConnectError;
    /// use reactor_compat::testing::MemoryReactor;
    ///
    /// let reactor = MemoryReactor::new();
    /// let (mut lines, protocol) = LineStream::channel();
    /// let factory = lines.client_factory(protocol.delimiter("\n"));
    /// let connector = reactor.connect_tcp(("example.org", 79), factory);
    /// reactor.settle()?;
    /// reactor.tcp_clients()[0].refuse()?;
    /// reactor.settle()?;
    /// let failure = block_on(lines.send("hello")).unwrap_err();
    /// assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    /// assert!(block_on(lines.next()).unwrap().is_err());
    /// # drop(connector);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn client_factory<P: Protocol>(&self, protocol: P) -> StreamClientFactory<T, P> {
        StreamClientFactory::new(self.shared.clone(), protocol)
    }

    /// The transport of the connection, while there is one.
    ///
    /// The stream is its [producer](reactor_compat::Transport::register_producer): so
    /// [`lose_connection`](reactor_compat::Transport::lose_connection) waits for the stream to
    /// be dropped or closed.
    ///
    /// ```
    /// use protocols::basic::LineStream;
    /// use reactor_compat::testing::StringTransport;
    ///
    /// let (lines, protocol) = LineStream::channel();
    /// assert!(lines.transport().is_none());
    /// let transport = StringTransport::new(protocol);
    /// lines.transport().unwrap().send_line("hello");
    /// assert_eq!(transport.take_value(), b"hello\r\n");
    /// ```
    pub fn transport(&self) -> Option<T> {
        self.shared.transport()
    }
}

impl<T: Frames> Stream for ReceiverStream<T> {
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_next(cx)
    }
}

impl<T: Frames, I: AsRef<[u8]>> Sink<I> for ReceiverStream<T> {
    type Error = Failure;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.shared.poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), Failure> {
        self.shared.transport().ok_or(ConnectionGone)?.send_item(item.as_ref())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(self.shared.intact())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if let Ok(transport) = ready!(self.shared.poll_connected(cx))
            && self.shared.end_output()
        {
            let transport = transport.as_ref();
            // Nobody is to be held up any more; least of all our own reading.
            transport.set_water_marks(WaterMarks::UNBOUNDED);
            transport.unregister_producer();
            transport.lose_write_connection();
        }
        self.shared.poll_output_ended(cx)
    }
}

impl<T: Frames> Drop for ReceiverStream<T> {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl<T: Frames> fmt::Debug for ReceiverStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverStream").field("waiting", &self.shared.waiting()).finish()
    }
}
