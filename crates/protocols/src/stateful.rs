//! Protocols that say how many bytes they want next, and what is to be done
//! about them.
//!
//! ```
//! use protocols::stateful::{State, Stateful, StatefulProtocol};
//! use reactor_compat::{Connection, testing::StringTransport};
//!
//! /// A length in one byte, then as many bytes of text.
//! struct Texts(Vec<String>);
//!
//! impl StatefulProtocol for Texts {
//!     fn initial_state(&mut self) -> State<Self> {
//!         State::new(1, |_, _, length| {
//!             Some(State::new(length[0].into(), Self::text_received))
//!         })
//!     }
//! }
//!
//! impl Texts {
//!     fn text_received(
//!         &mut self,
//!         _: &Connection<Self>,
//!         text: &[u8],
//!     ) -> Option<State<Self>> {
//!         self.0.push(String::from_utf8_lossy(text).into_owned());
//!         Some(self.initial_state())
//!     }
//! }
//!
//! let transport = StringTransport::new(Stateful::new(Texts(Vec::new())));
//! transport.data_received(b"\x05hel");
//! transport.data_received(b"lo\x03you");
//! assert_eq!(transport.inspect(|stateful| stateful.handler().0.concat()).unwrap(), "helloyou");
//! ```
//!
//! Mirrors `twisted.protocols.stateful`. Tested in `tests/framing/stateful.rs`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, Protocol, short_name};

use crate::basic::flow::{Flow, Waiting, flow, when_drained};
use crate::basic::held::Held;

/// What a [`StatefulProtocol`] does with some bytes: it returns the next
/// state, or `None` to stay in this one.
pub type Step<H> = fn(&mut H, &Connection<H>, &[u8]) -> Option<State<H>>;

/// How many bytes are wanted, and what is done with them.
///
/// ```
/// use protocols::stateful::{State, StatefulProtocol};
///
/// struct Silent;
///
/// impl StatefulProtocol for Silent {
///     fn initial_state(&mut self) -> State<Self> {
///         State::new(4, |_, _, _| None)
///     }
/// }
///
/// assert_eq!(Silent.initial_state().bytes(), 4);
/// ```
pub struct State<H> {
    bytes: usize,
    step: Step<H>,
}

impl<H> State<H> {
    /// Calls `step` with the next `bytes` bytes.
    ///
    /// See the [type's example](Self).
    pub fn new(bytes: usize, step: Step<H>) -> Self {
        Self { bytes, step }
    }

    /// How many bytes are wanted.
    ///
    /// See the [type's example](Self).
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<H> Clone for State<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for State<H> {}

impl<H> fmt::Debug for State<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// What is to be done about bytes, so many at a time. [`Stateful`] makes a
/// protocol of it.
///
/// After [`lose_connection`](reactor_compat::Transport::lose_connection) what
/// has come already is let go. After
/// [`pause_producing`](reactor_compat::Transport::pause_producing) it waits.
///
/// See the example of the [module](self).
pub trait StatefulProtocol: Sized + 'static {
    /// How many bytes may be wanted. A state that wants more, as it does when
    /// it takes the peer's word for a length, ends the connection:
    /// [`connection_lost`](Self::connection_lost) gets [`TooManyWanted`].
    const MAX_LENGTH: usize = 1 << 20;

    /// What is wanted first.
    #[doc(alias = "getInitialState")]
    fn initial_state(&mut self) -> State<Self>;

    /// The connection is there.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let _ = transport;
    }

    /// The peer sends no more, and may still read.
    ///
    /// Unless a handler says otherwise, the connection is closed.
    #[doc(alias = "readConnectionLost")]
    fn read_connection_lost(&mut self, transport: &Connection<Self>) {
        transport.lose_connection();
    }

    /// The peer has been told that we send no more; see
    /// [`lose_write_connection`](reactor_compat::Transport::lose_write_connection).
    #[doc(alias = "writeConnectionLost")]
    fn write_connection_lost(&mut self, transport: &Connection<Self>) {
        let _ = transport;
    }

    /// A TLS handshake is over; see
    /// [`Protocol::handshake_completed`].
    #[doc(alias = "handshakeCompleted")]
    fn handshake_completed(&mut self, transport: &Connection<Self>) {
        let _ = transport;
    }

    /// The connection is gone.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
        let _ = (transport, reason);
    }
}

/// A state wanted more bytes than it may: why a connection ended.
///
/// ```
/// use protocols::stateful::TooManyWanted;
///
/// let error = TooManyWanted { wanted: 2, max_length: 1 };
/// assert_eq!(error.to_string(), "2 bytes are wanted, where at most 1 may be");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyWanted {
    /// How many it wanted.
    pub wanted: usize,
    /// How many it may want.
    pub max_length: usize,
}

impl fmt::Display for TooManyWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, max_length } = self;
        write!(f, "{wanted} bytes are wanted, where at most {max_length} may be")
    }
}

impl Error for TooManyWanted {}

/// The protocol of a [`StatefulProtocol`].
///
/// See the example of the [module](self).
pub struct Stateful<H> {
    handler: H,
    state: State<H>,
    held: Held,
    waiting: Waiting,
    connection: Option<Connection<H>>,
    /// Set when a state that wanted too much had the connection closed.
    refused: Option<TooManyWanted>,
}

impl<H: StatefulProtocol> Stateful<H> {
    /// The protocol of `handler`, in its initial state.
    ///
    /// See the example of the [module](self).
    pub fn new(mut handler: H) -> Self {
        Self {
            state: handler.initial_state(),
            handler,
            held: Held::default(),
            waiting: Waiting::No,
            connection: None,
            refused: None,
        }
    }

    /// The handler.
    ///
    /// See the example of the [module](self).
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// How many bytes wait: those of what has not come whole, and while reading
    /// is paused, what came behind the pause.
    ///
    /// ```
    /// # use protocols::stateful::{State, Stateful, StatefulProtocol};
    /// # use reactor_compat::testing::StringTransport;
    /// # struct Silent;
    /// # impl StatefulProtocol for Silent {
    /// #     fn initial_state(&mut self) -> State<Self> {
    /// #         State::new(4, |_, _, _| None)
    /// #     }
    /// # }
    /// let transport = StringTransport::new(Stateful::new(Silent));
    /// transport.data_received(b"0123456");
    /// assert_eq!(transport.inspect(Stateful::held), Some(3));
    /// ```
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn parse(&mut self, stateful: &Connection<Self>, mut input: &[u8]) {
        let Some(connection) = self.connection.clone() else { return };
        while flow(&connection) == Flow::Free {
            let State { bytes, step } = self.state;
            if bytes > H::MAX_LENGTH {
                self.refused = Some(TooManyWanted { wanted: bytes, max_length: H::MAX_LENGTH });
                return connection.lose_connection();
            }
            let Some(data) = self.held.take_exact(bytes, &mut input) else { return };
            match step(&mut self.handler, &connection, data) {
                Some(next) => self.state = next,
                // It wants nothing, and gets it once; in Twisted, for ever.
                None if bytes == 0 => break,
                None => {}
            }
        }
        let flow = flow(&connection);
        if flow == Flow::Closing {
            return self.held.clear();
        }
        self.held.push(input);
        // What wants too much is refused, though it will never come.
        let due = self.held.len() >= self.state.bytes || self.state.bytes > H::MAX_LENGTH;
        if due && flow == Flow::Held && self.waiting == Waiting::No {
            self.waiting = when_drained(stateful, |stateful| &mut stateful.waiting);
        }
    }
}

impl<H: StatefulProtocol> Protocol for Stateful<H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<H>().into()
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        let connection = transport.project(|stateful: &mut Self| &mut stateful.handler);
        self.connection = Some(connection.clone());
        self.handler.connection_made(&connection);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.parse(transport, data);
    }

    fn resumed(&mut self, transport: &Connection<Self>) {
        self.parse(transport, &[]);
    }

    fn read_connection_lost(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.read_connection_lost(&connection);
        }
    }

    fn write_connection_lost(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.write_connection_lost(&connection);
        }
    }

    fn handshake_completed(&mut self, _transport: &Connection<Self>) {
        if let Some(connection) = self.connection.clone() {
            self.handler.handshake_completed(&connection);
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, reason: Failure) {
        let reason = match self.refused {
            Some(error) if reason.is::<ConnectionDone>() => Failure::new(error),
            _ => reason,
        };
        if let Some(connection) = self.connection.take() {
            self.handler.connection_lost(&connection, reason);
        }
    }
}

impl<H: fmt::Debug> fmt::Debug for Stateful<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stateful")
            .field("handler", &self.handler)
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
