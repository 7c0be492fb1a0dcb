//! Protocols that say how many bytes they want next, and what is to be done
//! about them.
//!
//! ```
//! use protocols::stateful::{State, Stateful, StatefulProtocol};
//! use reactor_compat::{Connection, Protocol, testing::StringTransport};
//!
//! /// A length in one byte, then as many bytes of text.
//! struct Texts(Vec<String>);
//!
//! impl Protocol for Texts {}
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
use std::fmt;

use deferred::Failure;
use reactor_compat::{Connection, ConnectionDone, ConnectionEvent, Protocol};
use thiserror::Error;

use crate::basic::held::Held;
use crate::flow::{Flow, flow, hand_over, refuse_plaintext};
use crate::inner::Inner;
use crate::memory_budget::{Allotment, MemoryBudget};

/// A function by which a [`StatefulProtocol`] handles some bytes: it returns the next
/// state, or `None` to stay in this one.
///
/// See the example of [`StatefulProtocol`].
pub type Step<H> = fn(&mut H, &Connection<H>, &[u8]) -> Option<State<H>>;

/// How many bytes are wanted, and what is done with them.
///
/// ```
/// use protocols::stateful::{State, StatefulProtocol};
/// # use reactor_compat::Protocol;
///
/// struct Silent;
///
/// impl Protocol for Silent {}
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

/// Handles bytes, so many at a time as it wants. [`Stateful`] makes a protocol
/// of it.
///
/// It is a [`Protocol`], which gets all that happens to the connection but the
/// data: so `data_received` is never called.
///
/// After [`lose_connection`](reactor_compat::Transport::lose_connection) what
/// has come already is let go. After
/// [`pause_producing`](reactor_compat::Transport::pause_producing) it waits.
///
/// See the example of the [module](self).
pub trait StatefulProtocol: Protocol {
    /// How many bytes may be wanted. A state that wants more, as it does when
    /// it takes the peer's word for a length, ends the connection:
    /// [`connection_lost`](Protocol::connection_lost) gets [`TooManyWanted`].
    const MAX_LENGTH: usize = 1 << 20;

    /// The state to begin with.
    #[doc(alias = "getInitialState")]
    fn initial_state(&mut self) -> State<Self>;
}

/// A state wanted more bytes than it may: why a connection ended.
///
/// ```
/// use protocols::stateful::TooManyWanted;
///
/// let error = TooManyWanted { wanted: 2, max_length: 1 };
/// assert_eq!(error.to_string(), "2 bytes are wanted, where at most 1 may be");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{wanted} bytes are wanted, where at most {max_length} may be")]
pub struct TooManyWanted {
    /// How many it wanted.
    pub wanted: usize,
    /// How many it may want.
    pub max_length: usize,
}

/// The protocol of a [`StatefulProtocol`].
///
/// See the example of the [module](self).
pub struct Stateful<H> {
    inner: Inner<H>,
    state: State<H>,
    held: Held,
    /// Set when a state that wanted too much had the connection closed.
    refused: Option<TooManyWanted>,
    allotment: Allotment,
}

impl<H: StatefulProtocol> Stateful<H> {
    /// The protocol of `handler`, in its initial state.
    ///
    /// See the example of the [module](self).
    pub fn new(mut handler: H) -> Self {
        Self {
            state: handler.initial_state(),
            inner: Inner::new(handler),
            held: Held::default(),
            refused: None,
            allotment: Allotment::default(),
        }
    }

    /// The same, whose peer has to share `budget` with those of other connections.
    ///
    /// See the example of [`MemoryBudget`].
    #[must_use]
    pub fn budget(mut self, budget: &MemoryBudget) -> Self {
        self.allotment = Allotment::Of(budget.clone());
        self
    }

    /// The handler.
    ///
    /// See the example of the [module](self).
    pub fn handler(&self) -> &H {
        &self.inner.protocol
    }

    /// The handler, to be changed; see [`project`](Connection::project).
    ///
    /// ```
    /// use protocols::stateful::{State, Stateful, StatefulProtocol};
    /// # use reactor_compat::Protocol;
    ///
    /// struct Count(usize);
    ///
    /// impl Protocol for Count {}
    ///
    /// impl StatefulProtocol for Count {
    ///     fn initial_state(&mut self) -> State<Self> {
    ///         State::new(1, |this, _, _| {
    ///             this.0 += 1;
    ///             None
    ///         })
    ///     }
    /// }
    ///
    /// let mut stateful = Stateful::new(Count(0));
    /// stateful.handler_mut().0 = 7;
    /// assert_eq!(stateful.handler().0, 7);
    /// ```
    pub fn handler_mut(&mut self) -> &mut H {
        &mut self.inner.protocol
    }

    /// How many bytes wait: those of what has not come whole, and while reading
    /// is paused, what came behind the pause.
    ///
    /// ```
    /// # use protocols::stateful::{State, Stateful, StatefulProtocol};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
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

    /// Parses `data`, and counts what is held of it.
    fn take_up(&mut self, connection: &Connection<Self>, data: &[u8]) {
        self.parse(data);
        if self.allotment.keep(connection, self.held.memory()) {
            self.held.clear();
        }
    }

    /// Gives the handler what is held and `input`, for as long as it may have
    /// more.
    fn parse(&mut self, mut input: &[u8]) {
        let Some(connection) = &self.inner.connection else { return };
        while flow(connection) == Flow::Free {
            let State { bytes, step } = self.state;
            if bytes > H::MAX_LENGTH {
                self.refused = Some(TooManyWanted { wanted: bytes, max_length: H::MAX_LENGTH });
                return connection.lose_connection();
            }
            let Some(data) = self.held.take_exact(bytes, &mut input) else { return };
            match step(&mut self.inner.protocol, connection, data) {
                Some(next) => self.state = next,
                // It wants nothing, and gets it once; in Twisted, for ever.
                None if bytes == 0 => break,
                None => {}
            }
        }
        if flow(connection) == Flow::Closing {
            return self.held.clear();
        }
        // A layer that was pushed gets it when it is put in.
        self.held.push(input);
    }
}

impl<H: StatefulProtocol> Protocol for Stateful<H> {
    fn log_prefix(&self) -> Cow<'static, str> {
        self.inner.protocol.log_prefix()
    }

    fn receives_descriptors(&self) -> bool {
        self.inner.protocol.receives_descriptors()
    }

    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => {
                self.allotment.begin(connection);
                self.inner.connect(connection.project(Self::handler_mut));
            }
            ConnectionEvent::DataReceived(data) => self.take_up(connection, data),
            ConnectionEvent::ConnectionLost(reason) => {
                let reason = match self.refused {
                    Some(error) if reason.is::<ConnectionDone>() => Failure::new(error),
                    _ => reason,
                };
                self.allotment = Allotment::default();
                self.inner.handle(ConnectionEvent::ConnectionLost(reason));
            }
            ConnectionEvent::Resumed => {
                self.inner.handle(event);
                self.take_up(connection, &[]);
            }
            ConnectionEvent::LayerPushed => {
                // The handler's part came first.
                self.inner.handle(event);
                if hand_over(connection, self.held.as_slice()) {
                    self.held.clear();
                }
                self.allotment.keep(connection, self.held.memory());
            }
            ConnectionEvent::HandshakeCompleted => {
                refuse_plaintext(connection, self.held.len());
                self.inner.handle(event);
            }
            event => self.inner.handle(event),
        }
    }
}

impl<H: fmt::Debug> fmt::Debug for Stateful<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stateful")
            .field("handler", &self.inner.protocol)
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
