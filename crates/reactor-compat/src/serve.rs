//! Giving a stream to a protocol.
//!
//! Tested in `tests/network/stream.rs`.

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Span;

use crate::address::Address;
use crate::connection::{Attendant, Connection, Driver, Layer, Residence, Security, Setup};
use crate::network::{SharedStream, Stream, StreamEnd};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
#[cfg(feature = "tls")]
use crate::transport::Cover;
use crate::transport::{Link, Transport};

impl Reactor {
    /// Gives a stream to a protocol: anything that reads and writes as Tokio
    /// does becomes a transport.
    ///
    /// The protocol's `connection_made` is called in the next turn, or when
    /// the reactor runs.
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
        let span = label(&protocol, Origin::Accepted { number: 0 }, &Address::Pipe);
        serve_with(self, Address::Pipe, Address::Pipe, protocol, |connection, residence| Setup {
            stream: Layer::Plain(stream),
            reset: |_| {},
            drop_ends: false,
            connection,
            residence,
            attendant: None,
            span,
        })
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
    (mut stream, peer, security): (SharedStream, Address, Security),
    protocol: P,
    origin: Origin,
    attendant: Option<Rc<dyn Attendant<P>>>,
) -> Connection<P> {
    let host = stream.get_host();
    let span = label(&protocol, origin, &peer);
    let receives = protocol.receives_descriptors();
    serve_with(reactor, host, peer, protocol, |connection, residence| {
        #[cfg(unix)]
        if receives {
            stream.receive_descriptors(true);
        }
        connection.link().set_socket(stream.clone());
        #[cfg(feature = "tls")]
        if matches!(security, Security::Tls(_)) {
            connection.link().set_cover(Cover::Tls);
        }
        Setup {
            drop_ends: stream.end() == StreamEnd::Drop,
            stream: Layer::new(stream, security),
            reset: |stream| stream.clone().reset_on_drop(),
            connection,
            residence,
            attendant,
            span,
        }
    })
}

/// Makes the connection's parts, and has the reactor drive it.
pub(crate) fn serve_with<S, P>(
    reactor: &Reactor,
    host: Address,
    peer: Address,
    protocol: P,
    setup: impl FnOnce(Connection<P>, Rc<Residence<P>>) -> Setup<S, P>,
) -> Connection<P>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    P: Protocol,
{
    let link = Rc::new(Link::new(reactor.shared().clone(), host, peer));
    let residence = Rc::new(Residence::new(protocol, Transport::new(link)));
    let connection = Connection::new(residence.clone());
    reactor.spawn(Driver::new(setup(connection.clone(), residence)));
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
