//! [`MemoryDatagramPort`]: a UDP port that a reactor in memory was asked to
//! open.
//!
//! Mirrors `FakeDatagramTransport` of `twisted.internet.testing`. Tested in
//! `tests/memory_reactor.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use crate::datagram::DatagramOptions;

/// A UDP port that a [`MemoryReactor`](super::MemoryReactor) was asked to open:
/// the test looks at what was sent, and says what comes. Clones are the same
/// port.
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
pub struct MemoryDatagramPort {
    host: SocketAddr,
    options: DatagramOptions,
    post: Rc<Post<SocketAddr>>,
}

/// What a port has sent, and what has come for it.
struct Post<A> {
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

impl MemoryDatagramPort {
    pub(super) fn new(host: SocketAddr, options: DatagramOptions) -> Self {
        let post = Post {
            sent: RefCell::default(),
            come: RefCell::default(),
            waker: RefCell::default(),
            open: Cell::new(true),
        };
        Self { host, options, post: Rc::new(post) }
    }

    /// What stands in for the socket.
    pub(super) fn socket(&self) -> MemoryDatagrams<SocketAddr> {
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
    pub fn get_host(&self) -> SocketAddr {
        self.host
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
        &self.options
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

    /// What was sent since this was last asked, and to whom: `None` for whom
    /// the port is connected to.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "written")]
    pub fn take_sent(&self) -> Vec<(Vec<u8>, Option<SocketAddr>)> {
        self.post.sent.take()
    }

    /// Has a datagram come.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "datagramReceived")]
    pub fn receive(&self, data: impl Into<Vec<u8>>, from: SocketAddr) {
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

impl fmt::Debug for MemoryDatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDatagramPort")
            .field("host", &self.host)
            .field("listening", &self.listening())
            .finish_non_exhaustive()
    }
}

/// What stands in for the socket of a port; dropping it closes that.
pub(crate) struct MemoryDatagrams<A> {
    post: Rc<Post<A>>,
}

impl<A> MemoryDatagrams<A> {
    pub(crate) fn send(&self, data: &[u8], to: Option<A>) -> usize {
        self.post.sent.borrow_mut().push((data.to_vec(), to));
        data.len()
    }

    /// What did not fit the room is cut off, as the system does it.
    pub(crate) fn poll_receive(
        &self,
        cx: &Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<A>> {
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
