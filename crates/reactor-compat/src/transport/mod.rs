//! [`Transport`]: the handle to a connection.
//!
//! Mirrors `ITransport` and `ITCPTransport` of `twisted.internet.interfaces`.
//! Tested in `tests/network/transport.rs` and `tests/network/tcp.rs`.

#[cfg(unix)]
mod descriptors;
mod extras;
mod flow;
mod level;
mod link;
mod marks;
mod outbox;
mod producing;
mod read_ahead;
#[cfg(feature = "tls")]
mod security;
mod sending;
mod socket_options;
#[cfg(feature = "tls")]
mod start_tls;
mod state;
mod switch;
mod when_lost;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub(crate) use flow::Pressure;
pub(crate) use link::Link;
pub use marks::WaterMarks;
pub(crate) use outbox::Outbox;
pub use read_ahead::ReadAhead;
pub use socket_options::SocketError;
pub(crate) use state::{Close, Event, Input, Sending, Switch};
pub(crate) use switch::Build;

use crate::address::Address;

/// A handle to a connection, whatever its protocol is.
///
/// Clone it, keep it, and use it from anywhere on the reactor's thread: a
/// protocol's callbacks, another protocol's, a delayed call, a Deferred's
/// callback, a spawned task. After the connection is gone it still answers
/// questions, and ignores what it is asked to do.
///
/// # Re-entrancy
///
/// No method calls a protocol. What is asked for is noted, and done by the
/// connection's own task: for the connection whose callback is running, as
/// soon as the callback returns; for any other, later in the same turn of the
/// reactor. The only user code that runs inside is a registered
/// [`Producer`](crate::Producer)'s.
///
/// ```
/// use reactor_compat::{Connection, Protocol, Transport, testing::StringTransport};
///
/// struct Greeter {
///     friend: Transport,
/// }
///
/// impl Protocol for Greeter {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write("thank you");
///         self.friend.write(data);
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let friend = StringTransport::new(Silent);
/// let greeter = StringTransport::new(Greeter { friend: friend.transport().clone() });
/// greeter.data_received(b"news");
/// assert_eq!(greeter.take_value(), b"thank you");
/// assert_eq!(friend.take_value(), b"news");
/// ```
#[derive(Clone)]
#[doc(alias = "ITransport")]
#[doc(alias = "ITCPTransport")]
#[doc(alias = "IConsumer")]
pub struct Transport {
    link: Rc<Link>,
}

impl Transport {
    pub(crate) fn new(link: Rc<Link>) -> Self {
        Self { link }
    }

    pub(crate) fn link(&self) -> &Rc<Link> {
        &self.link
    }

    /// Sends `data`, after all that was written before.
    ///
    /// It is copied, and goes out when the running callback returns, in one
    /// system call together with all else that was written until then. What
    /// the kernel does not take waits; [`WaterMarks`] say how much may.
    ///
    /// Once the connection is [closing](Self::lose_connection), and after it
    /// is lost, what is written is let go without a word; unless a producer is
    /// registered, whose data a closing connection still takes.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("GET ");
    /// transport.write(b"/");
    /// assert_eq!(transport.take_value(), b"GET /");
    /// ```
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.link.write(data.as_ref());
    }

    /// Sends several pieces, in order, as one [`write`](Self::write) would.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write_sequence(["GET ", "/", "\r\n"]);
    /// assert_eq!(transport.take_value(), b"GET /\r\n");
    /// ```
    #[doc(alias = "writeSequence")]
    pub fn write_sequence<D: AsRef<[u8]>>(&self, pieces: impl IntoIterator<Item = D>) {
        self.link.write_sequence(pieces);
    }

    /// Closes the connection when all that was written has been sent.
    ///
    /// From here on the protocol gets nothing more, and nothing more can be
    /// written; with a registered producer, the producer still writes, and the
    /// connection closes once it is unregistered, or once the peer has ended,
    /// which stops the producer. The protocol's `connection_lost` comes with
    /// [`ConnectionDone`](crate::ConnectionDone); under TLS it waits for the
    /// peer's end, and comes with [`ConnectionLost`](crate::ConnectionLost) where
    /// the peer just goes. If nothing is sent, and under TLS no answer comes, for
    /// the length of the [grace](Self::set_close_grace), the close becomes an
    /// abort.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("bye");
    /// transport.lose_connection();
    /// transport.write("too late");
    /// assert!(transport.disconnecting());
    /// assert_eq!(transport.take_value(), b"bye");
    /// ```
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        self.link.request(Event::Lose);
    }

    /// Cuts the connection: what is unsent is let go, and a TCP peer gets a
    /// reset.
    ///
    /// The protocol's `connection_lost` comes with
    /// [`ConnectionAborted`](crate::ConnectionAborted), never from inside this
    /// call.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.abort_connection();
    /// assert!(!transport.connected());
    /// ```
    #[doc(alias = "abortConnection")]
    pub fn abort_connection(&self) {
        self.link.request(Event::Abort);
    }

    /// Cuts the connection as [`abort_connection`](Self::abort_connection) does,
    /// for a reason that the protocol's `connection_lost` gets.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.fail(std::fmt::Error);
    /// assert!(!transport.connected());
    /// ```
    pub fn fail(&self, reason: impl Into<deferred::Failure>) {
        self.link.fail(reason.into());
    }

    /// The other end.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).get_peer().to_string(), "192.168.1.1:54321");
    /// ```
    #[doc(alias = "getPeer")]
    pub fn get_peer(&self) -> &Address {
        &self.link.peer
    }

    /// Our own end.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).get_host().to_string(), "10.0.0.1:12345");
    /// ```
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> &Address {
        &self.link.host
    }

    /// Whether it is neither closing, nor being cut, nor lost.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// assert!(transport.connected());
    /// transport.lose_connection();
    /// assert!(!transport.connected());
    /// ```
    pub fn connected(&self) -> bool {
        self.link.state().close == Close::Open
    }

    /// Whether it was told to close, and is not closed yet.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert!(!StringTransport::new(Silent).disconnecting());
    /// ```
    pub fn disconnecting(&self) -> bool {
        self.link.state().disconnecting()
    }

    /// Whether the peer's data is read: nobody paused it, no more is unsent
    /// than the [marks](Self::water_marks) allow, no layer is being put in, and
    /// the connection is not closing.
    ///
    /// If it is not read, and the connection is open, the protocol's
    /// [`resumed`](crate::Protocol::resumed) is called when it is read again. So a
    /// protocol that asks this, and holds what has come for as long as the answer
    /// is no, goes on there.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write(vec![b'x'; 100_000]);
    /// assert!(!transport.reading());
    /// ```
    #[inline]
    pub fn reading(&self) -> bool {
        self.link.reading()
    }

    /// How many bytes are written and not yet given to the kernel, with those that a
    /// layer holds.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("four");
    /// assert_eq!(transport.unsent(), 4);
    /// ```
    pub fn unsent(&self) -> usize {
        self.link.unsent_in_all()
    }

    /// The marks in force.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, WaterMarks, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).water_marks(), WaterMarks::default());
    /// ```
    pub fn water_marks(&self) -> WaterMarks {
        self.link.marks()
    }

    /// Sets how much may wait to be sent.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, WaterMarks, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.set_water_marks(WaterMarks::UNBOUNDED);
    /// transport.write(vec![b'x'; 100_000]);
    /// assert!(transport.reading());
    /// ```
    pub fn set_water_marks(&self, marks: WaterMarks) {
        self.link.set_marks(marks);
    }

    /// Sets how long a close may make no progress before it becomes an abort;
    /// 30 seconds unless set.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.set_close_grace(Duration::from_secs(5));
    /// assert_eq!(transport.close_grace(), Duration::from_secs(5));
    /// ```
    pub fn set_close_grace(&self, grace: Duration) {
        self.link.set_grace(grace);
    }

    /// How long a close may make no progress.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert_eq!(StringTransport::new(Silent).close_grace().as_secs(), 30);
    /// ```
    pub fn close_grace(&self) -> Duration {
        self.link.grace()
    }

    /// Whether both are handles to one connection.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// assert!(transport.transport().same(&transport.transport().clone()));
    /// ```
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.link, &other.link)
    }
}

/// A transport is itself the transport under it.
impl AsRef<Self> for Transport {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("host", self.get_host())
            .field("peer", self.get_peer())
            .field("state", &self.link.state().close)
            .field("unsent", &self.unsent())
            .finish_non_exhaustive()
    }
}
