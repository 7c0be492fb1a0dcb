//! Giving a stream to a protocol.
//!
//! Tested in `tests/network/stream.rs` and `tests/network/serve_stream.rs`.

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Span;

use crate::address::Address;
use crate::connection::{Connection, ConnectionObserver, Driver, FirstLayer, ProtocolCell, Setup};
use crate::network::{PlainStream, SharedStream, Stream};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::transport::{Link, Transport};

impl Reactor {
    /// Gives a stream to a protocol: anything that reads and writes as Tokio
    /// does becomes a transport.
    ///
    /// The protocol's `connection_made` is called in the next turn, or when
    /// the reactor runs. What is written before is kept, and calls to the protocol wait
    /// for it. A stream that has more to say of itself is given with
    /// [`serve_stream`](Self::serve_stream).
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{Connection, ConnectionDone, Protocol, Reactor};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// struct Hear(Reactor);
    ///
    /// impl Protocol for Hear {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data, b"hello");
    ///         transport.lose_connection();
    ///     }
    ///
    ///     fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
    ///         assert!(reason.is::<ConnectionDone>());
    ///         self.0.stop().unwrap();
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let (ours, mut theirs) = tokio::io::duplex(64);
    /// reactor.serve(ours, Hear(reactor.clone()));
    /// reactor.call_when_running(move || {
    ///     tokio::task::spawn_local(async move { theirs.write_all(b"hello").await });
    /// });
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn serve<S, P>(&self, stream: S, protocol: P) -> Connection<P>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
        P: Protocol,
    {
        let origin = Origin::Accepted { number: 0 };
        let stream = (SharedStream::new(PlainStream(stream)), Address::Pipe, FirstLayer::default());
        serve_socket(self, stream, protocol, origin, None)
    }

    /// Gives a [`Stream`] to a protocol: as [`serve`](Self::serve) does, with all
    /// that makes it more than bytes. The transport has its addresses, and an
    /// abort resets it.
    ///
    /// The addresses are those that the stream has now. If it is not
    /// [open](Stream::poll_open) yet, what the protocol writes waits until it is;
    /// if something [protects](Stream::security) it then, the protocol's
    /// [`handshake_completed`](Protocol::handshake_completed) is called.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), reactor_compat::testing::PumpError> {
    /// use reactor_compat::testing::MemoryReactor;
    /// use reactor_compat::{Address, Protocol, Stream};
    /// use std::io;
    /// use std::pin::Pin;
    /// use std::task::{Context, Poll};
    /// use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    ///
    /// /// One that says nothing, from a documented address.
    /// struct Example(tokio::io::Empty);
    ///
    /// impl AsyncRead for Example {
    ///     fn poll_read(
    ///         mut self: Pin<&mut Self>,
    ///         cx: &mut Context<'_>,
    ///         room: &mut ReadBuf<'_>,
    ///     ) -> Poll<io::Result<()>> {
    ///         Pin::new(&mut self.0).poll_read(cx, room)
    ///     }
    /// }
    /// # impl AsyncWrite for Example {
    /// #     fn poll_write(
    /// #         mut self: Pin<&mut Self>,
    /// #         cx: &mut Context<'_>,
    /// #         data: &[u8],
    /// #     ) -> Poll<io::Result<usize>> {
    /// #         Pin::new(&mut self.0).poll_write(cx, data)
    /// #     }
    /// #     fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
    /// #         Poll::Ready(Ok(()))
    /// #     }
    /// #     fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
    /// #         Poll::Ready(Ok(()))
    /// #     }
    /// # }
    ///
    /// impl Stream for Example {
    ///     fn get_host(&self) -> Address {
    ///         Address::Tcp(([127, 0, 0, 1], 9).into())
    ///     }
    ///     fn get_peer(&self) -> Address {
    ///         Address::Tcp(([192, 0, 2, 1], 9).into())
    ///     }
    /// }
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let reactor = MemoryReactor::new();
    /// let connection = reactor.serve_stream(Example(tokio::io::empty()), Silent);
    /// assert_eq!(connection.get_peer().to_string(), "192.0.2.1:9");
    /// reactor.settle()?;
    /// assert!(connection.gone(), "it had nothing to say");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    pub fn serve_stream<P: Protocol>(&self, stream: impl Stream, protocol: P) -> Connection<P> {
        let peer = stream.get_peer();
        let origin = Origin::Accepted { number: 0 };
        let stream = (SharedStream::new(stream), peer, FirstLayer::default());
        let connection = serve_socket(self, stream, protocol, origin, None);
        connection.link().open_first();
        connection
    }
}

/// Where a connection came from.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// A port accepted it; `number` tells it from others of the same port in
    /// the log.
    Accepted { number: u64 },
    /// We made it.
    Connected,
}

/// Gives a stream, whose other end is known, to a driver, secured from the
/// start where that was asked for.
pub(crate) fn serve_socket<P: Protocol>(
    reactor: &Reactor,
    (stream, peer, first_layer): (SharedStream, Address, FirstLayer),
    protocol: P,
    origin: Origin,
    observer: Option<Rc<dyn ConnectionObserver<P>>>,
) -> Connection<P> {
    let span = label(&protocol, origin, &peer);
    let link = Rc::new(Link::new(reactor.shared().clone(), stream.get_host(), peer));
    if let Some(build) = first_layer.build() {
        // A new connection takes it, whatever protects what is below.
        let _ = link.push_tls(build);
    } else if let Some(security) = stream.security() {
        link.secure_from_the_start(security);
    }
    let cell = Rc::new(ProtocolCell::new(protocol, Transport::new(link)));
    let connection = Connection::new(cell.clone());
    let setup = Setup { stream, connection: connection.clone(), cell, observer, span };
    reactor.spawn(Driver::new(setup));
    connection
}

/// The span of a connection, with the name that Twisted's log gives it, such
/// as `Echo,0,127.0.0.1`, or `Echo,client`.
pub(crate) fn label<P: Protocol>(protocol: &P, origin: Origin, peer: &Address) -> Span {
    let name = || protocol.log_prefix();
    match (origin, peer.ip()) {
        (Origin::Accepted { number }, Some(ip)) => {
            tracing::debug_span!("connection", system = format_args!("{},{number},{ip}", name()))
        }
        (Origin::Accepted { number }, None) => {
            tracing::debug_span!("connection", system = format_args!("{},{number}", name()))
        }
        (Origin::Connected, _) => {
            tracing::debug_span!("connection", system = format_args!("{},client", name()))
        }
    }
}
