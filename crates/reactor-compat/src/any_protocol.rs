//! [`AnyProtocol`]: a protocol whose type is known only at run time, and that
//! may be switched for another one.
//!
//! Mirrors what is done in Twisted by `transport.protocol = other` and
//! `other.makeConnection(transport)`. Tested in
//! `tests/network/any_protocol.rs`.

mod choose;
mod erased;
mod error;
mod held;
mod switch;

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use deferred::Panic;

use self::choose::{Choosing, Kept};
use self::erased::{Erased, Typed};
pub use self::error::{NotChosen, ProtocolSwitched, SwitchError};
pub use self::switch::ProtocolSwitch;
use self::switch::{Request, Shared};
use crate::connection::Connection;
use crate::guard;
use crate::protocol::{ConnectionEvent, Protocol};

/// A protocol whose type is known only at run time.
///
/// - [`new`](Self::new) takes any protocol, so that one factory makes protocols
///   of several types.
/// - [`choose`](Self::choose) waits for what the peer says: for its first
///   bytes, or for the protocol that a TLS handshake agrees on.
/// - [`with_switch`](Self::with_switch) gives the protocol a
///   [`ProtocolSwitch`], by which another one takes over in mid-connection;
///   [`switch_to`](Self::switch_to) does that from outside.
///
/// Each protocol hears `connection_made` once and `connection_lost` once: one
/// that is replaced when it is replaced, with [`ProtocolSwitched`] as the
/// reason. One that was never there hears neither. A call to a
/// protocol by its own [`Connection`] reaches it for as long as it is there.
///
/// ```
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, AnyProtocol, Connection, Factory, Protocol};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// struct Busy;
///
/// impl Protocol for Busy {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("busy");
///         transport.lose_connection();
///     }
/// }
///
/// let mut places = 1;
/// let mut factory = move |_: Address| match places {
///     0 => AnyProtocol::new(Busy),
///     _ => {
///         places -= 1;
///         AnyProtocol::new(Echo)
///     }
/// };
/// let first = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// first.data_received(b"hello");
/// assert_eq!(first.take_value(), b"hello");
/// let second = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// assert_eq!(second.take_value(), b"busy");
/// ```
pub struct AnyProtocol {
    state: State,
    /// Which protocol it is: one that comes later is another, though it be of
    /// the same type.
    generation: u64,
    shared: Rc<Shared>,
}

/// ```text
/// Choosing ──chosen──▶ Speaking ◀──switch_to──┐
///    └──────────────────▲   └─────────────────┘
/// ```
enum State {
    Choosing(Box<Choosing>),
    Speaking(Box<dyn Erased>),
}

impl State {
    /// Takes out what has to be heard besides the bytes that came while nothing was
    /// chosen.
    fn take_events(&mut self) -> Vec<Kept> {
        match self {
            Self::Choosing(choosing) => choosing.take_events(),
            Self::Speaking(_) => Vec::new(),
        }
    }

    /// Has a protocol that is replaced hear of it, and lets it go.
    fn end(self) {
        if let Self::Speaking(mut protocol) = self {
            protocol.handle(ConnectionEvent::ConnectionLost(ProtocolSwitched.into()));
        }
    }
}

impl AnyProtocol {
    /// How many bytes may come before a protocol is
    /// [chosen](Self::choose).
    ///
    /// ```
    /// assert_eq!(reactor_compat::AnyProtocol::MAX_UNREAD, 64 * 1024);
    /// ```
    pub const MAX_UNREAD: usize = 64 * 1024;

    /// Any protocol.
    ///
    /// See the [type's example](Self).
    pub fn new(protocol: impl Protocol) -> Self {
        Self::with(State::Speaking(Typed::boxed(protocol)), Rc::default())
    }

    /// A protocol that can have another one take over: `build` gets the
    /// [`ProtocolSwitch`] for that.
    ///
    /// ```
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{AnyProtocol, Connection, Protocol, ProtocolSwitch};
    ///
    /// /// Speaks HTTP, until it is asked to upgrade.
    /// struct Http(ProtocolSwitch);
    ///
    /// impl Protocol for Http {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         // What comes behind the request is not ours.
    ///         if let Some(rest) = data.strip_prefix(b"GET / Upgrade: echo\r\n\r\n") {
    ///             transport.write("101 Switching Protocols\r\n\r\n");
    ///             self.0.switch_to(Echo, rest).unwrap();
    ///         }
    ///     }
    /// }
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(AnyProtocol::with_switch(Http));
    /// transport.data_received(b"GET / Upgrade: echo\r\n\r\nhel");
    /// transport.data_received(b"lo");
    /// assert_eq!(transport.take_value(), b"101 Switching Protocols\r\n\r\nhello");
    /// ```
    pub fn with_switch<P: Protocol>(build: impl FnOnce(ProtocolSwitch) -> P) -> Self {
        let shared = Rc::<Shared>::default();
        let protocol = build(ProtocolSwitch::new(shared.clone()));
        Self::with(State::Speaking(Typed::boxed(protocol)), shared)
    }

    /// The same, with `unread` as the first data that it receives, as if it had
    /// just come.
    ///
    /// ```
    /// # use reactor_compat::{AnyProtocol, Connection, Protocol, testing::StringTransport};
    /// # struct Echo;
    /// # impl Protocol for Echo {
    /// #     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    /// #         transport.write(data);
    /// #     }
    /// # }
    /// let transport = StringTransport::new(AnyProtocol::new(Echo).with_unread("hello"));
    /// assert_eq!(transport.take_value(), b"hello");
    /// ```
    #[must_use]
    pub fn with_unread(self, unread: impl Into<Vec<u8>>) -> Self {
        self.shared.held.unread.replace(unread.into());
        self
    }

    fn with(state: State, shared: Rc<Shared>) -> Self {
        Self { state, generation: 0, shared }
    }

    /// Whether the protocol is a `P`, as things are.
    ///
    /// ```
    /// # use reactor_compat::{AnyProtocol, Protocol};
    /// struct Echo;
    /// # impl Protocol for Echo {}
    /// struct Discard;
    /// # impl Protocol for Discard {}
    ///
    /// let echo = AnyProtocol::new(Echo);
    /// assert!(echo.is::<Echo>() && !echo.is::<Discard>());
    /// ```
    pub fn is<P: Protocol>(&self) -> bool {
        match &self.state {
            State::Choosing(_) => false,
            State::Speaking(protocol) => Typed::<P>::is(&**protocol),
        }
    }

    /// The protocol, if it is a `P`.
    ///
    /// With [`project_if`](Connection::project_if) it is the way from a
    /// connection to the protocol that was chosen.
    ///
    /// ```
    /// use reactor_compat::{AnyProtocol, Protocol, testing::StringTransport};
    ///
    /// struct Counter(u32);
    /// # impl Protocol for Counter {}
    ///
    /// let transport = StringTransport::new(AnyProtocol::new(Counter(7)));
    /// let counter = transport.connection().project_if(AnyProtocol::downcast_mut::<Counter>);
    /// counter.call(|counter, _| counter.0 += 1);
    /// let seen = counter.call(|counter, _| Ok(counter.0));
    /// assert_eq!(deferred::testing::success_result_of(seen), 8);
    /// ```
    pub fn downcast_mut<P: Protocol>(&mut self) -> Option<&mut P> {
        match &mut self.state {
            State::Choosing(_) => None,
            State::Speaking(protocol) => Typed::of(&mut **protocol),
        }
    }

    /// The protocol that came as the one of this number, if it is still there.
    fn part<P: Protocol>(&mut self, generation: u64) -> Option<&mut P> {
        (self.generation == generation).then(|| self.downcast_mut()).flatten()
    }

    /// Has another protocol take over; `unread` is what came and the other one
    /// has to understand.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], and nothing has changed.
    ///
    /// # Re-entrancy
    ///
    /// It is done when this returns. It is for those who come from outside, by
    /// [`call`](Connection::call); from inside the protocol a
    /// [`ProtocolSwitch`] does it.
    ///
    /// # Panics
    ///
    /// If one of the two protocols does. The connection ends, with that
    /// [`Panic`] as the reason.
    ///
    /// ```
    /// # use reactor_compat::{AnyProtocol, Connection, Protocol, testing::StringTransport};
    /// # struct Discard;
    /// # impl Protocol for Discard {}
    /// # struct Echo;
    /// # impl Protocol for Echo {
    /// #     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    /// #         transport.write(data);
    /// #     }
    /// # }
    /// let transport = StringTransport::new(AnyProtocol::new(Discard));
    /// transport.data_received(b"lost");
    /// transport.connection().call(|any, connection| {
    ///     any.switch_to(connection, Echo, "hel").unwrap();
    /// });
    /// transport.data_received(b"lo");
    /// assert_eq!(transport.take_value(), b"hello");
    /// ```
    pub fn switch_to(
        &mut self,
        connection: &Connection<Self>,
        next: impl Protocol,
        unread: impl Into<Vec<u8>>,
    ) -> Result<(), SwitchError> {
        self.shared.request(Request::new(next, unread.into()))?;
        self.settle_from_outside(connection);
        Ok(())
    }

    /// Makes the switches for somebody whose panics do not end the connection: one of
    /// a protocol that is switched does.
    fn settle_from_outside(&mut self, connection: &Connection<Self>) {
        if let Err(failure) = guard::catch(|| self.settle(connection)) {
            // It is the one that panics which hears of the end.
            let request = self.shared.take_request();
            drop(request);
            let message = failure.check::<Panic>().map_or("", Panic::message).to_owned();
            connection.fail(failure);
            resume_unwind(Box::new(message));
        }
    }

    /// Makes the switches that are asked for, and those that are asked for
    /// meanwhile.
    fn settle(&mut self, connection: &Connection<Self>) {
        while self.shared.connected() {
            let Some(request) = self.shared.take_request() else { return };
            self.replace(connection, request);
        }
    }

    fn replace(&mut self, connection: &Connection<Self>, request: Request) {
        self.generation += 1;
        let Request { next, unread } = request;
        let mut before = std::mem::replace(&mut self.state, State::Speaking(next));
        let events = before.take_events();
        self.shared.held.put_before(unread);
        // Its panic ends the connection, as any other; but first there is
        // somebody who hears of that.
        let ended = {
            let _replacing = self.shared.replacing();
            catch_unwind(AssertUnwindSafe(move || before.end()))
        };
        self.connect(connection, events);
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
    }

    /// There is a connection.
    fn begin(&mut self, connection: &Connection<Self>) {
        self.shared.connect(connection);
        // One that was replaced by now has never been there.
        if let Some(Request { next, unread }) = self.shared.take_request() {
            self.state = State::Speaking(next);
            self.shared.held.put_before(unread);
        }
        self.connect(connection, Vec::new());
    }

    /// Has the protocol hear that there is a connection, and what has come.
    fn connect(&mut self, connection: &Connection<Self>, events: Vec<Kept>) {
        if let State::Speaking(protocol) = &mut self.state {
            protocol.connect(connection, self.generation);
        }
        for event in events {
            // The system would have closed those that it does not want.
            if self.receives_descriptors() || !event.is_descriptor() {
                self.pass_on(connection, event.into());
            }
        }
        self.deliver(connection);
    }

    /// Gives the protocol what has come, unless reading is paused, or another
    /// protocol is to have it.
    fn deliver(&mut self, connection: &Connection<Self>) {
        if connection.paused() || self.shared.has_request() {
            return;
        }
        let unread = self.shared.held.unread.take();
        if unread.is_empty() {
            return;
        }
        if connection.switching() {
            // It came before the layer that was pushed meanwhile, and is not for
            // the one above.
            return connection.unread(&unread);
        }
        self.pass_on(connection, ConnectionEvent::DataReceived(&unread));
    }

    /// Has the protocol handle an event; where none is chosen, sees whether one
    /// can be.
    fn pass_on(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match (&mut self.state, event) {
            (_, ConnectionEvent::DataReceived(data)) if self.shared.held.has_unread() => {
                self.shared.held.unread.borrow_mut().extend_from_slice(data);
                self.deliver(connection);
            }
            (state, ConnectionEvent::Resumed) => {
                if let State::Speaking(protocol) = state {
                    protocol.handle(ConnectionEvent::Resumed);
                }
                self.deliver(connection);
            }
            (State::Choosing(choosing), event) => {
                if let Some(chosen) = choosing.handle(connection, &self.shared.held, event) {
                    self.adopt(connection, chosen);
                }
            }
            (State::Speaking(protocol), event) => protocol.handle(event),
        }
    }

    /// Becomes the protocol that was chosen.
    fn adopt(&mut self, connection: &Connection<Self>, chosen: Self) {
        let mut before = std::mem::replace(&mut self.state, chosen.state);
        let events = before.take_events();
        let kept = self.shared.held.take();
        self.shared.end();
        self.shared = chosen.shared;
        self.shared.connect(connection);
        self.generation += 1;
        self.shared.held.unread.borrow_mut().extend_from_slice(&kept);
        self.connect(connection, events);
    }
}

impl Protocol for AnyProtocol {
    fn log_prefix(&self) -> Cow<'static, str> {
        match &self.state {
            State::Choosing(_) => crate::protocol::short_name::<Self>().into(),
            State::Speaking(protocol) => protocol.log_prefix(),
        }
    }

    fn receives_descriptors(&self) -> bool {
        match &self.state {
            State::Choosing(_) => true,
            State::Speaking(protocol) => protocol.receives_descriptors(),
        }
    }

    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        if let ConnectionEvent::ConnectionLost(_) = event {
            self.shared.end();
            return self.pass_on(connection, event);
        }
        let handled = catch_unwind(AssertUnwindSafe(|| match event {
            ConnectionEvent::ConnectionMade => self.begin(connection),
            event => self.pass_on(connection, event),
        }));
        match handled {
            Ok(()) => self.settle(connection),
            Err(panic) => {
                // It is the one that panics which hears of the end.
                let request = self.shared.take_request();
                drop(request);
                resume_unwind(panic);
            }
        }
    }
}

impl fmt::Debug for AnyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyProtocol").field(&self.log_prefix()).finish()
    }
}
