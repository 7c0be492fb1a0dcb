//! [`Pair`]: two protocols that talk to each other in memory, by hand.
//!
//! Mirrors `connect` and `connectedServerAndClient` of `twisted.test.iosim`.
//! Tested in `tests/testing/memory_pair.rs`.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;

use super::{MemoryReactor, Wire};
use crate::connection::{Connection, ConnectionObserver};
use crate::protocol::Protocol;
use crate::transport::Transport;

/// Two protocols that talk to each other in memory, and move only when told.
///
/// It derefs to its [`MemoryReactor`], which has the methods that move it.
///
/// See the example of [`connect`].
#[doc(alias = "IOPump")]
#[doc(alias = "iosim")]
pub struct Pair<S: Protocol, C: Protocol> {
    reactor: MemoryReactor,
    wire: Wire,
    server: End<S>,
    client: End<C>,
}

/// Two protocols at the two ends of a wire, in a reactor of their own. Each has
/// heard that its connection is made, the server first; what they wrote is on
/// the wire.
///
/// The connections are as real as those over TCP, but for the sockets: water
/// marks, producers, half-closes, the grace of a close. [`MemoryReactor`] says
/// how they are moved, [`Wire`] what can happen to them on the way, and [`End`]
/// what can be seen of them.
///
/// Protocols that need a reactor get one of `MemoryReactor::new()`, whose
/// [`connect`](MemoryReactor::connect) does the same.
///
/// ```
/// use reactor_compat::testing::connect;
/// use reactor_compat::{Connection, ConnectionDone, Protocol};
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data.to_ascii_uppercase());
///     }
/// }
///
/// #[derive(Default)]
/// struct Call {
///     heard: Vec<u8>,
/// }
///
/// impl Protocol for Call {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         self.heard.extend(data);
///     }
/// }
///
/// let pair = connect(Shout, Call::default());
/// pair.flush()?;
/// assert_eq!(pair.client().inspect(|call| call.heard.clone()).as_deref(), Some(&b"HELLO"[..]));
///
/// pair.client().lose_connection();
/// pair.flush()?;
/// assert!(pair.server().reason().unwrap().is::<ConnectionDone>());
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
#[doc(alias = "connectedServerAndClient")]
pub fn connect<S: Protocol, C: Protocol>(server: S, client: C) -> Pair<S, C> {
    MemoryReactor::new().connect(server, client)
}

impl<S: Protocol, C: Protocol> Pair<S, C> {
    pub(super) fn new(reactor: MemoryReactor, wire: Wire, server: End<S>, client: End<C>) -> Self {
        Self { reactor, wire, server, client }
    }

    /// The end that was accepted.
    ///
    /// See the example of [`connect`].
    pub fn server(&self) -> &End<S> {
        &self.server
    }

    /// The end that connected.
    ///
    /// See the example of [`connect`].
    pub fn client(&self) -> &End<C> {
        &self.client
    }

    /// The wire between them.
    ///
    /// See the example of [`Wire`].
    pub fn wire(&self) -> &Wire {
        &self.wire
    }
}

impl<S: Protocol, C: Protocol> Deref for Pair<S, C> {
    type Target = MemoryReactor;

    fn deref(&self) -> &MemoryReactor {
        &self.reactor
    }
}

impl<S: Protocol, C: Protocol> fmt::Debug for Pair<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("server", &self.server)
            .field("client", &self.client)
            .field("wire", &self.wire)
            .finish_non_exhaustive()
    }
}

/// Why a connection ended, once it has.
type Reason = Rc<RefCell<Option<Failure>>>;

/// One end of a connection in memory, and the protocol there. It derefs to the
/// [`Transport`].
///
/// ```
/// # use reactor_compat::{Protocol, testing::connect};
/// struct Named(&'static str);
/// # impl Protocol for Named {}
/// let pair = connect(Named("ada"), Named("bob"));
/// assert_eq!(pair.server().inspect(|named| named.0), Some("ada"));
/// assert_eq!(pair.server().get_peer(), pair.client().get_host());
/// ```
pub struct End<P: Protocol> {
    connection: Connection<P>,
    reason: Reason,
}

impl<P: Protocol> End<P> {
    pub(super) fn new(connection: Connection<P>, reason: Reason) -> Self {
        Self { connection, reason }
    }

    /// A watcher that notes why the connection ends.
    pub(super) fn watcher(reason: &Reason) -> Rc<dyn ConnectionObserver<P>> {
        Rc::new(Watcher(reason.clone()))
    }

    /// Looks at the protocol; `None` while it is busy, and when it is gone.
    ///
    /// See the [type's example](Self).
    pub fn inspect<R>(&self, look: impl FnOnce(&P) -> R) -> Option<R> {
        self.connection.visit(|protocol| look(protocol))
    }

    /// The connection as the protocol's callbacks get it.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::connect};
    /// struct Count(u32);
    /// # impl Protocol for Count {}
    /// let pair = connect(Count(1), Count(1));
    /// pair.server().connection().call(|count, _| count.0 += 1);
    /// assert_eq!(pair.server().inspect(|count| count.0), Some(2));
    /// ```
    pub fn connection(&self) -> &Connection<P> {
        &self.connection
    }

    /// The reason that its protocol's `connection_lost` got, if it was called.
    ///
    /// ```
    /// # use reactor_compat::{ConnectionAborted, ConnectionLost, Protocol, testing::connect};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let pair = connect(Silent, Silent);
    /// assert!(pair.client().reason().is_none());
    /// pair.client().abort_connection();
    /// pair.flush()?;
    /// assert!(pair.client().reason().unwrap().is::<ConnectionAborted>());
    /// assert!(pair.server().reason().unwrap().is::<ConnectionLost>());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    #[doc(alias = "disconnectReason")]
    pub fn reason(&self) -> Option<Failure> {
        self.reason.borrow().clone()
    }
}

/// Notes why a connection ends.
struct Watcher(Reason);

impl<P> ConnectionObserver<P> for Watcher {
    fn made(&self, _: &Connection<P>) {}

    fn lost(&self, reason: Failure) {
        let before = self.0.replace(Some(reason));
        drop(before);
    }
}

impl<P: Protocol> Deref for End<P> {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        self.connection.transport()
    }
}

impl<P: Protocol> fmt::Debug for End<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("transport", self.connection.transport())
            .field("reason", &self.reason())
            .finish()
    }
}
