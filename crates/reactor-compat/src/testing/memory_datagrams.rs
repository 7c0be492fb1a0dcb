//! [`MemoryDatagramPort`]: a port for datagrams that a reactor in memory was
//! asked to open.
//!
//! Mirrors `FakeDatagramTransport` of `twisted.internet.testing`. Tested in
//! `tests/testing/memory_reactor.rs` and `tests/testing/memory_sockets.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use socket2::Socket;
use tokio::io::ReadBuf;

use crate::network::Datagrams;
use crate::options::DatagramOptions;

/// A port for datagrams, of UDP or of UNIX, that a
/// [`MemoryReactor`](super::MemoryReactor) was asked to open: the test looks at
/// what was sent, and says what comes. Clones are the same port.
///
/// Datagrams do not travel by wire: each arrives when the reactor is next
/// driven. Groups of multicast cannot be joined.
///
/// ```
/// use reactor_compat::testing::MemoryReactor;
/// use reactor_compat::{DatagramConnection, DatagramProtocol, Reactor};
/// use std::net::SocketAddr;
///
/// struct Echo;
///
/// impl DatagramProtocol for Echo {
///     fn datagram_received(&mut self, transport: &DatagramConnection<Self>, data: &[u8], from: SocketAddr) {
///         transport.write(data, from).unwrap();
///     }
/// }
///
/// fn serve(reactor: &Reactor) {
///     reactor.listen_udp(7, Echo).unwrap();
/// }
///
/// let reactor = MemoryReactor::new();
/// serve(&reactor);
/// let port = &reactor.udp_ports()[0];
/// let peer = SocketAddr::from(([192, 0, 2, 7], 4000));
/// port.receive("hello", peer);
/// reactor.settle()?;
/// assert_eq!(port.take_sent(), [(b"hello".to_vec(), Some(peer))]);
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "FakeDatagramTransport")]
pub struct MemoryDatagramPort<A = SocketAddr> {
    post: Rc<Post<A>>,
}

/// A port, the datagrams that it has sent, and those that have come for it.
struct Post<A> {
    host: A,
    peer: RefCell<Option<A>>,
    options: DatagramOptions,
    /// The socket that was adopted.
    descriptor: Option<Socket>,
    sent: RefCell<Vec<(Vec<u8>, Option<A>)>>,
    come: RefCell<VecDeque<Come<A>>>,
    waker: RefCell<Option<Waker>>,
    open: Cell<bool>,
}

/// A datagram and whom it is from, or what became of one that was sent.
type Come<A> = io::Result<(Vec<u8>, A)>;

impl<A> Post<A> {
    fn arrive(&self, what: Come<A>) {
        self.come.borrow_mut().push_back(what);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<A: Clone> MemoryDatagramPort<A> {
    pub(super) fn new(
        (host, peer): (A, Option<A>),
        options: DatagramOptions,
        descriptor: Option<Socket>,
    ) -> Self {
        let post = Post {
            host,
            peer: RefCell::new(peer),
            options,
            descriptor,
            sent: RefCell::default(),
            come: RefCell::default(),
            waker: RefCell::default(),
            open: Cell::new(true),
        };
        Self { post: Rc::new(post) }
    }

    /// The stand-in for its socket.
    pub(super) fn socket(&self) -> MemoryDatagrams<A> {
        MemoryDatagrams { post: self.post.clone() }
    }

    /// The address that it was opened on.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// let port = reactor.listen_udp(("127.0.0.1", 0), Silent)?;
    /// assert_eq!(reactor.udp_ports()[0].get_host(), port.get_host());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> A {
        self.post.host.clone()
    }

    /// The address that it is connected to, if it is.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # {
    /// # use reactor_compat::{DatagramProtocol, UnixAddress, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl DatagramProtocol<UnixAddress> for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.connect_unix_datagram("/run/log", Silent)?;
    /// let peer = reactor.unix_datagram_ports()[0].get_peer();
    /// assert_eq!(peer, Some(UnixAddress::from("/run/log")));
    /// # }
    /// # Ok::<(), reactor_compat::ConnectError>(())
    /// ```
    #[doc(alias = "getPeer")]
    pub fn get_peer(&self) -> Option<A> {
        self.post.peer.borrow().clone()
    }

    /// With which options.
    ///
    /// ```
    /// # use reactor_compat::{DatagramOptions, DatagramProtocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_udp(53, Silent)?;
    /// assert_eq!(*reactor.udp_ports()[0].options(), DatagramOptions::new());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn options(&self) -> &DatagramOptions {
        &self.post.options
    }

    /// The socket that was adopted, if it is such a port. Nobody reads from it
    /// or writes to it.
    ///
    /// See the example of
    /// [`adopted_datagram_ports`](super::MemoryReactor::adopted_datagram_ports).
    #[cfg(unix)]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.post.descriptor.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.post.descriptor.is_some()
    }

    /// Whether it has not been closed.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, testing::MemoryReactor};
    /// # struct Silent;
    /// # impl DatagramProtocol for Silent {}
    /// let reactor = MemoryReactor::new();
    /// reactor.listen_udp(53, Silent)?;
    /// assert!(reactor.udp_ports()[0].listening());
    /// # Ok::<(), reactor_compat::CannotListenError>(())
    /// ```
    pub fn listening(&self) -> bool {
        self.post.open.get()
    }

    /// Takes what was sent since this was last called, and to whom: `None` for
    /// whom the port is connected to.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "written")]
    pub fn take_sent(&self) -> Vec<(Vec<u8>, Option<A>)> {
        self.post.sent.take()
    }

    /// Has a datagram come.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "datagramReceived")]
    pub fn receive(&self, data: impl Into<Vec<u8>>, from: A) {
        self.post.arrive(Ok((data.into(), from)));
    }

    /// Has it come that what was sent was refused, of which a connected port
    /// hears.
    ///
    /// ```
    /// # use reactor_compat::{DatagramProtocol, testing::MemoryReactor};
    /// struct Hear(std::sync::mpsc::Sender<&'static str>);
    ///
    /// impl DatagramProtocol for Hear {
    ///     fn connection_refused(&mut self, _: &reactor_compat::DatagramConnection<Self>) {
    ///         self.0.send("refused").unwrap();
    ///     }
    /// }
    ///
    /// let (send, heard) = std::sync::mpsc::channel();
    /// let reactor = MemoryReactor::new();
    /// let port = reactor.listen_udp(0, Hear(send))?;
    /// port.connect(([127, 0, 0, 1], 53).into())?;
    /// reactor.udp_ports()[0].refuse();
    /// reactor.settle()?;
    /// assert_eq!(heard.try_recv(), Ok("refused"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse(&self) {
        self.post.arrive(Err(io::ErrorKind::ConnectionRefused.into()));
    }
}

impl<A: Clone + fmt::Debug> fmt::Debug for MemoryDatagramPort<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDatagramPort")
            .field("host", &self.post.host)
            .field("peer", &self.post.peer)
            .field("listening", &self.listening())
            .finish_non_exhaustive()
    }
}

/// The stand-in for the socket of a port; dropping it closes that.
pub(super) struct MemoryDatagrams<A> {
    post: Rc<Post<A>>,
}

impl<A: Clone + 'static> Datagrams<A> for MemoryDatagrams<A> {
    fn get_host(&self) -> A {
        self.post.host.clone()
    }

    fn get_peer(&self) -> Option<A> {
        self.post.peer.borrow().clone()
    }

    fn connect(&self, peer: &A) -> io::Result<()> {
        self.post.peer.replace(Some(peer.clone()));
        Ok(())
    }

    fn send(&self, data: &[u8], to: Option<&A>) -> io::Result<usize> {
        self.post.sent.borrow_mut().push((data.to_vec(), to.cloned()));
        Ok(data.len())
    }

    fn poll_send(
        &self,
        _: &mut Context<'_>,
        data: &[u8],
        to: Option<&A>,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.send(data, to))
    }

    /// Cuts off what does not fit the room, as the system does it.
    fn poll_receive(&self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<A>> {
        let next = self.post.come.borrow_mut().pop_front();
        match next {
            Some(Ok((data, from))) => {
                room.put_slice(&data[..data.len().min(room.remaining())]);
                Poll::Ready(Ok(from))
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => {
                let before = self.post.waker.replace(Some(cx.waker().clone()));
                drop(before);
                Poll::Pending
            }
        }
    }
}

impl<A> Drop for MemoryDatagrams<A> {
    fn drop(&mut self) {
        self.post.open.set(false);
    }
}
