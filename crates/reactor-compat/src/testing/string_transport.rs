//! [`StringTransport`]: a connection without a reactor and without a peer.
//!
//! Mirrors `twisted.internet.testing.StringTransport`. Tested in
//! `tests/network/transport.rs`.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;

use crate::address::Address;
use crate::connection::{CellState, Connection, ProtocolAccess, ProtocolCell};
use crate::protocol::{ConnectionEvent, Protocol};
use crate::reactor::Shared;
use crate::transport::{Close, Event, Input, Link, Transport};

/// A connection without a reactor and without a peer: the test says what
/// comes, and looks at what was written.
///
/// It derefs to the protocol's [`Transport`]. What happens on a real
/// connection happens here when the test calls the method of that name, and
/// only then: `lose_connection` is noted, and no more.
///
/// As on a real connection nothing comes any more once the protocol has asked for a
/// close, and nothing comes while one of its callbacks runs. What a test has come
/// then is ignored; from inside a callback that is a mistake of the test, and logged
/// as an error.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Connection, ConnectionDone, Protocol};
///
/// #[derive(Default)]
/// struct Count {
///     bytes: usize,
///     over: bool,
/// }
///
/// impl Protocol for Count {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("go on\n");
///     }
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         self.bytes += data.len();
///         transport.lose_connection();
///     }
/// }
///
/// let transport = StringTransport::new(Count::default());
/// assert_eq!(transport.take_value(), b"go on\n");
/// transport.data_received(b"abc");
/// assert_eq!(transport.inspect(|count| count.bytes), Some(3));
/// assert!(transport.disconnecting());
/// transport.connection_lost(ConnectionDone);
/// assert!(transport.inspect(|count| count.bytes).is_none());
/// ```
#[doc(alias = "StringTransportWithDisconnection")]
pub struct StringTransport<P: 'static> {
    cell: Rc<ProtocolCell<P>>,
    connection: Connection<P>,
}

impl<P: Protocol> StringTransport<P> {
    /// Makes a connection for `protocol`, and calls its `connection_made`. It is one of
    /// TCP, from 192.168.1.1:54321 to 10.0.0.1:12345, as Twisted's.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// assert!(transport.connected());
    /// assert_eq!(transport.get_peer().to_string(), "192.168.1.1:54321");
    /// ```
    #[doc(alias = "makeConnection")]
    pub fn new(protocol: P) -> Self {
        let host = Address::Tcp(([10, 0, 0, 1], 12345).into());
        let peer = Address::Tcp(([192, 168, 1, 1], 54321).into());
        Self::between(protocol, host, peer)
    }

    /// The same, with addresses of the test's choice.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let peer = Address::Tcp(([192, 0, 2, 1], 4000).into());
    /// let transport = StringTransport::between(Silent, Address::Pipe, peer.clone());
    /// assert_eq!(transport.get_peer(), &peer);
    /// ```
    pub fn between(protocol: P, host: Address, peer: Address) -> Self {
        let link = Rc::new(Link::new(Rc::<Shared>::default(), host, peer));
        let cell = Rc::new(ProtocolCell::new(protocol, Transport::new(link)));
        let connection = Connection::new(cell.clone());
        let transport = Self { cell, connection };
        transport.cell.begin();
        transport.enter(ConnectionEvent::ConnectionMade);
        transport
    }

    /// Has the peer send `data`. Nothing comes of it once the connection is closing,
    /// or gone.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the protocol it is ignored, and an error is logged.
    ///
    /// ```
    /// # use reactor_compat::{Connection, Protocol, testing::StringTransport};
    /// #[derive(Default)]
    /// struct Once(Vec<u8>);
    ///
    /// impl Protocol for Once {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         self.0.extend_from_slice(data);
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Once::default());
    /// transport.data_received(b"heard");
    /// transport.data_received(b"too late");
    /// assert_eq!(transport.inspect(|once| once.0.clone()).unwrap(), b"heard");
    /// ```
    #[doc(alias = "dataReceived")]
    pub fn data_received(&self, data: &[u8]) {
        self.come("data_received", ConnectionEvent::DataReceived(data));
    }

    /// Reads again, as [`Transport::resume_producing`] asks, and tells the
    /// protocol of it.
    ///
    /// ```
    /// # use reactor_compat::{Connection, Protocol, testing::StringTransport};
    /// #[derive(Default)]
    /// struct Sleeper {
    ///     awake: bool,
    /// }
    ///
    /// impl Protocol for Sleeper {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.pause_producing();
    ///     }
    ///     fn resumed(&mut self, _: &Connection<Self>) {
    ///         self.awake = true;
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Sleeper::default());
    /// assert_eq!(transport.inspect(|sleeper| sleeper.awake), Some(false));
    /// transport.resume_producing();
    /// assert_eq!(transport.inspect(|sleeper| sleeper.awake), Some(true));
    /// ```
    #[doc(alias = "resumeProducing")]
    pub fn resume_producing(&self) {
        self.transport().resume_producing();
        self.settle();
    }

    /// Has the peer end its half of the connection. As [`data_received`] it is ignored
    /// when the connection is closing, and from inside a callback.
    ///
    /// [`data_received`]: Self::data_received
    ///
    /// See the example of
    /// [`Protocol::read_connection_lost`].
    #[doc(alias = "readConnectionLost")]
    pub fn read_connection_lost(&self) {
        self.come("read_connection_lost", ConnectionEvent::ReadConnectionLost);
    }

    /// Ends the connection: lets its producer go, tells the protocol, and
    /// drops it.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the protocol it is ignored, and an error is logged.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "connectionLost")]
    pub fn connection_lost(&self, reason: impl Into<Failure>) {
        if self.is_busy("connection_lost") {
            return;
        }
        let reason = reason.into();
        self.connection.link().lost(&reason);
        self.enter(ConnectionEvent::ConnectionLost(reason.clone()));
        self.cell.clear();
        self.connection.link().tell_lost(&reason);
    }

    /// The bytes that were written and not yet taken; to look does not send them.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("once");
    /// assert_eq!(transport.value(), b"once");
    /// assert_eq!(transport.value(), b"once");
    /// ```
    pub fn value(&self) -> Vec<u8> {
        let link = self.connection.link();
        let outbox = link.take_outbox();
        let written = outbox.unsent().to_vec();
        link.put_outbox(outbox);
        written
    }

    /// Takes the bytes that were written since the last call; they count as sent,
    /// so that a producer goes on.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.write("once");
    /// assert_eq!(transport.take_value(), b"once");
    /// assert_eq!(transport.take_value(), b"");
    /// ```
    #[doc(alias = "clear")]
    pub fn take_value(&self) -> Vec<u8> {
        let written = self.connection.link().take_outbox().take();
        self.connection.link().relax();
        self.settle();
        written
    }

    /// Looks at the protocol; `None` while it is busy, and when it is gone.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// struct Named(&'static str);
    /// # impl Protocol for Named {}
    /// let transport = StringTransport::new(Named("ada"));
    /// assert_eq!(transport.inspect(|named| named.0), Some("ada"));
    /// ```
    pub fn inspect<R>(&self, look: impl FnOnce(&P) -> R) -> Option<R> {
        self.cell.inspect(look)
    }

    /// The connection that the protocol's callbacks get.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// assert!(!StringTransport::new(Silent).connection().gone());
    /// ```
    pub fn connection(&self) -> &Connection<P> {
        &self.connection
    }

    /// The transport, to be given to somebody.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// transport.transport().clone().write("hello");
    /// assert_eq!(transport.take_value(), b"hello");
    /// ```
    pub fn transport(&self) -> &Transport {
        self.connection.transport()
    }

    /// Something comes from the peer.
    fn come(&self, what: &str, event: ConnectionEvent<'_>) {
        if self.is_busy(what) {
            return;
        }
        let close = self.connection.link().state().close;
        if close != Close::Open {
            return tracing::debug!(?close, "a StringTransport ignores {what}");
        }
        self.enter(event);
    }

    /// Whether a callback is running, so that what the test has happen is ignored.
    fn is_busy(&self, what: &str) -> bool {
        let busy = self.cell.cell_state() == CellState::Busy;
        if busy {
            tracing::error!(
                "a StringTransport ignores {what} from inside a callback of its protocol: \
                 nothing comes there on a real connection; call it when that has returned"
            );
        }
        busy
    }

    /// Runs a callback, and tells the protocol if that resumed reading.
    fn enter(&self, event: ConnectionEvent<'_>) {
        self.run(event);
        self.settle();
    }

    fn settle(&self) {
        let link = self.connection.link();
        let due = || link.state().input == Input::Interrupted && link.reads();
        while self.cell.cell_state() == CellState::Free && due() {
            link.apply(Event::Told);
            self.run(ConnectionEvent::Resumed);
        }
    }

    /// Runs a callback; its panic is the test's.
    fn run(&self, event: ConnectionEvent<'_>) {
        let run = self.cell.enter(|protocol| protocol.handle(&self.connection, event));
        if let Some(Err(failure)) = run {
            std::panic::resume_unwind(Box::new(failure.get_error_message()));
        }
    }
}

/// A protocol that keeps its own connection in itself goes as well.
impl<P: 'static> Drop for StringTransport<P> {
    fn drop(&mut self) {
        self.cell.clear();
    }
}

impl<P: 'static> Deref for StringTransport<P> {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        self.connection.transport()
    }
}

impl<P: 'static> fmt::Debug for StringTransport<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StringTransport").field(self.connection.transport()).finish()
    }
}
