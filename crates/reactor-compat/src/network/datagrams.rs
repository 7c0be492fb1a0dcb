//! [`Datagrams`]: a port for datagrams that is open, as a network gives it.
//!
//! Mirrors the socket of `twisted.internet.udp.Port`. Tested in
//! `tests/network/own_network.rs`.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::ReadBuf;

/// A port for datagrams that is open, of UDP, or of UNIX where `A` is a
/// [`UnixAddress`](crate::UnixAddress): what a [`Network`](super::Network)
/// gives. Dropping it closes the port.
///
/// ```
/// use reactor_compat::network::{Datagrams, Network};
/// use reactor_compat::{DatagramConnection, DatagramOptions, DatagramProtocol, Reactor};
/// use std::task::{Context, Poll};
/// use std::{cell::RefCell, io, net::SocketAddr, rc::Rc};
/// use tokio::io::ReadBuf;
///
/// /// Keeps what is sent, and has nothing come.
/// #[derive(Default, Clone)]
/// struct Keep(Rc<RefCell<Vec<Vec<u8>>>>);
///
/// impl Datagrams for Keep {
///     fn get_host(&self) -> SocketAddr {
///         ([192, 0, 2, 1], 53).into()
///     }
///     fn connect(&self, _: &SocketAddr) -> io::Result<()> {
///         Ok(())
///     }
///     fn send(&self, data: &[u8], _: Option<&SocketAddr>) -> io::Result<usize> {
///         self.0.borrow_mut().push(data.to_vec());
///         Ok(data.len())
///     }
///     fn poll_send(
///         &self,
///         _: &mut Context<'_>,
///         data: &[u8],
///         to: Option<&SocketAddr>,
///     ) -> Poll<io::Result<usize>> {
///         Poll::Ready(self.send(data, to))
///     }
///     fn poll_receive(
///         &self,
///         _: &mut Context<'_>,
///         _: &mut ReadBuf<'_>,
///     ) -> Poll<io::Result<SocketAddr>> {
///         Poll::Pending
///     }
/// }
///
/// impl Network for Keep {
///     fn bind_udp(&self, _: SocketAddr, _: &DatagramOptions) -> io::Result<Box<dyn Datagrams>> {
///         Ok(Box::new(self.clone()))
///     }
/// }
///
/// struct Silent;
/// impl DatagramProtocol for Silent {}
///
/// let network = Keep::default();
/// let reactor = Reactor::with_network(Rc::new(network.clone()));
/// let port = reactor.listen_udp(53, Silent)?;
/// port.write("hello", "198.51.100.1:53".parse::<SocketAddr>()?)?;
/// assert_eq!(*network.0.borrow(), [b"hello"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Datagrams<A = SocketAddr>: 'static {
    /// Our own address as it is now, with the port number that was chosen.
    ///
    /// See the [trait's example](Self).
    fn get_host(&self) -> A;

    /// The address that it is connected to, if it is from the start.
    ///
    /// See the example of
    /// [`adopt_datagram_port`](crate::Reactor::adopt_datagram_port).
    fn get_peer(&self) -> Option<A> {
        None
    }

    /// Makes it known to the runtime that this is called in: once, when the
    /// reactor runs, and before anything is received.
    ///
    /// # Errors
    ///
    /// It cannot be listened on; the port is closed.
    ///
    /// See the example of [`Listener`](super::Listener).
    fn register(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Has all that is sent without an address go to `peer`, and nothing come
    /// but from there.
    ///
    /// # Errors
    ///
    /// As the system's.
    ///
    /// See the [trait's example](Self).
    fn connect(&self, peer: &A) -> io::Result<()>;

    /// Sends a datagram now, to `to` or to whom it is connected to.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room now, after
    /// which [`poll_send`](Self::poll_send) is asked;
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody
    /// listens there; else as the system's.
    ///
    /// See the [trait's example](Self).
    fn send(&self, data: &[u8], to: Option<&A>) -> io::Result<usize>;

    /// Sends a datagram that had to wait, when there is room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but for the first.
    ///
    /// See the [trait's example](Self).
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        to: Option<&A>,
    ) -> Poll<io::Result<usize>>;

    /// Receives a datagram, as much of it as there is room for, and tells whom
    /// it is from.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) and the like say
    /// what became of one that was sent; after others nothing can be received
    /// for now.
    ///
    /// See the [trait's example](Self).
    fn poll_receive(&self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<A>>;

    /// An error of a datagram that was sent, where the network says that apart
    /// from what can be received. It is called while connected.
    ///
    /// See the [trait's example](Self).
    fn poll_error(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let _ = cx;
        Poll::Pending
    }

    /// Has `act` look at the socket under it, to read and set its options, if
    /// there is one.
    ///
    /// See the example of
    /// [`set_broadcast_allowed`](crate::DatagramTransport::set_broadcast_allowed).
    fn with_socket(&self, act: &mut dyn FnMut(&SockRef<'_>)) {
        let _ = act;
    }
}
