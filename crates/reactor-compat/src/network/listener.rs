//! [`Listener`]: a port that is open, as a network gives it.
//!
//! Mirrors the socket of `twisted.internet.tcp.Port`. Tested in
//! `tests/network/own_network.rs`.

use std::io;
use std::task::{Context, Poll};

use super::SharedStream;
use crate::address::Address;

/// A port that is open: what a [`Network`](super::Network) gives, and the
/// reactor accepts from. Dropping it closes the port.
///
/// It is opened before the reactor runs, and outside of any runtime; it is
/// [registered](Self::register) when the reactor runs.
///
/// A stream whose [`poll_open`](crate::Stream::poll_open) is not ready at once
/// is opened in a task of its own, for up to 30 seconds; others are accepted
/// meanwhile, and the factory builds its protocol when it is open. The port
/// opens up to 1,024 at a time; one more, and the oldest is closed.
///
/// A listener that panics is logged, and its port closed.
///
/// ```
/// use reactor_compat::network::{Listener, Network, SystemNetwork};
/// use reactor_compat::{Address, ListenOptions, Protocol, Reactor, SharedStream};
/// use std::task::{Context, Poll};
/// use std::{cell::Cell, io, net::SocketAddr, rc::Rc};
///
/// /// Counts the connections that come.
/// struct Counted(Box<dyn Listener>, Rc<Cell<usize>>);
///
/// impl Listener for Counted {
///     fn get_host(&self) -> Address {
///         self.0.get_host()
///     }
///     fn register(&mut self) -> io::Result<()> {
///         self.0.register()
///     }
///     fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>> {
///         let accepted = self.0.poll_accept(cx);
///         if let Poll::Ready(Ok(_)) = &accepted {
///             self.1.set(self.1.get() + 1);
///         }
///         accepted
///     }
/// }
///
/// #[derive(Default)]
/// struct Counting(SystemNetwork, Rc<Cell<usize>>);
///
/// impl Network for Counting {
///     fn below(&self) -> Option<&dyn Network> {
///         Some(&self.0)
///     }
///     fn bind_tcp(&self, at: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
///         Ok(Box::new(Counted(self.0.bind_tcp(at, options)?, self.1.clone())))
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let network = Rc::new(Counting::default());
/// let reactor = Reactor::with_network(network.clone());
/// let stop = reactor.clone();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| {
///     stop.stop().unwrap();
///     Silent
/// })?;
/// let client = std::net::TcpStream::connect(port.get_host().socket_addr().unwrap())?;
/// reactor.run()?;
/// assert_eq!(network.1.get(), 1);
/// # drop(client);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IListeningPort")]
pub trait Listener: 'static {
    /// Our own address, with the port number that was chosen.
    ///
    /// See the [trait's example](Self).
    fn get_host(&self) -> Address;

    /// Makes it known to the runtime that this is called in: once, when the
    /// reactor runs, and before anything is accepted.
    ///
    /// # Errors
    ///
    /// It cannot be listened on; the port is closed.
    ///
    /// See the [trait's example](Self).
    fn register(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Accepts the next connection, if there is one.
    ///
    /// # Errors
    ///
    /// The next one cannot be accepted. The port goes on at once where the
    /// error is about that connection (a reset, say), and else in 100 ms.
    ///
    /// See the [trait's example](Self).
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<SharedStream>>;
}
