//! [`DatagramProtocol`]: the meaning of datagrams.
//!
//! Mirrors `twisted.internet.protocol.DatagramProtocol` and
//! `ConnectedDatagramProtocol`. Tested in `tests/network/udp.rs`.

use std::net::SocketAddr;

use super::{DatagramAddress, DatagramTransport};
use crate::connection::Connection;

/// A datagram protocol's transport, and the way back to the protocol.
///
/// All that [`Connection`] says of calls to the protocol holds; the transport
/// that it derefs to is a [`DatagramTransport`].
///
/// ```
/// use reactor_compat::{DatagramConnection, DatagramProtocol, Reactor, ReactorTime};
/// use std::time::Duration;
///
/// struct Beacon(Reactor);
///
/// impl Beacon {
///     fn beat(&mut self, transport: &DatagramConnection<Self>) {
///         transport.stop_listening();
///         self.0.stop().unwrap();
///     }
/// }
///
/// impl DatagramProtocol for Beacon {
///     fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
///         let beat = transport.wrap_fn(Self::beat);
///         self.0.call_later(Duration::ZERO, move || drop(beat()));
///     }
/// }
///
/// let reactor = Reactor::new();
/// reactor.listen_udp(("127.0.0.1", 0), Beacon(reactor.clone()))?;
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type DatagramConnection<P, A = SocketAddr> = Connection<P, DatagramTransport<A>>;

/// The meaning of datagrams, and what is to be done about them: one object for
/// each port.
///
/// The callbacks come in this order, and never two at a time:
///
/// 1. [`start_protocol`](Self::start_protocol), once, when the reactor runs;
/// 2. [`datagram_received`](Self::datagram_received) for each datagram, and
///    [`connection_refused`](Self::connection_refused);
/// 3. [`stop_protocol`](Self::stop_protocol), once, when the port is closed;
///    then the protocol is dropped.
///
/// `A` is the kind of address: a `SocketAddr` for UDP, which need not be said,
/// and a [`UnixAddress`](crate::UnixAddress) for UNIX datagrams.
///
/// A callback that panics is logged, and the port goes on; but if
/// `start_protocol` panics, the port is closed.
///
/// # Re-entrancy
///
/// A callback may do anything, as those of a [`Protocol`](crate::Protocol). A
/// datagram is sent at once, inside `write`; callbacks come only from the
/// reactor, and never inside a method of the transport.
///
/// ```
/// use reactor_compat::{DatagramConnection, DatagramProtocol, Reactor};
/// use std::net::SocketAddr;
///
/// struct Echo;
///
/// impl DatagramProtocol for Echo {
///     fn datagram_received(&mut self, transport: &DatagramConnection<Self>, data: &[u8], from: SocketAddr) {
///         let _ = transport.write(data, from);
///     }
/// }
///
/// struct Ask {
///     server: SocketAddr,
///     reactor: Reactor,
/// }
///
/// impl DatagramProtocol for Ask {
///     fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
///         transport.write("anybody there?", self.server).unwrap();
///     }
///
///     fn datagram_received(&mut self, _: &DatagramConnection<Self>, data: &[u8], from: SocketAddr) {
///         assert_eq!((data, from), (&b"anybody there?"[..], self.server));
///         self.reactor.stop().unwrap();
///     }
/// }
///
/// let reactor = Reactor::new();
/// let server = reactor.listen_udp(("127.0.0.1", 0), Echo)?.get_host();
/// reactor.listen_udp(("127.0.0.1", 0), Ask { server, reactor: reactor.clone() })?;
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "AbstractDatagramProtocol")]
#[doc(alias = "ConnectedDatagramProtocol")]
pub trait DatagramProtocol<A: DatagramAddress = SocketAddr>: Sized + 'static {
    /// The port is open: send, connect, or join a group.
    #[doc(alias = "startProtocol")]
    fn start_protocol(&mut self, transport: &DatagramConnection<Self, A>) {
        let _ = transport;
    }

    /// A datagram came, which may be empty. `data` is lent from the reactor's
    /// own buffer.
    ///
    /// One that is longer than [`max_packet_size`] is cut.
    ///
    /// [`max_packet_size`]: DatagramTransport::max_packet_size
    #[doc(alias = "datagramReceived")]
    fn datagram_received(&mut self, transport: &DatagramConnection<Self, A>, data: &[u8], from: A) {
        let _ = (transport, data, from);
    }

    /// Called when nobody listens where the transport is
    /// [connected](DatagramTransport::connect) to. It is an earlier datagram
    /// that was refused.
    #[doc(alias = "connectionRefused")]
    fn connection_refused(&mut self, transport: &DatagramConnection<Self, A>) {
        let _ = transport;
    }

    /// The port is closed. Nothing written to `transport` goes anywhere any
    /// more.
    #[doc(alias = "stopProtocol")]
    fn stop_protocol(&mut self, transport: &DatagramConnection<Self, A>) {
        let _ = transport;
    }
}
