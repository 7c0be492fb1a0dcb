//! [`ProtocolWrapper`] and [`WrappingFactory`]: a protocol within another that
//! looks on.
//!
//! Mirrors `ProtocolWrapper` and `WrappingFactory` of
//! `twisted.protocols.policies`. Tested in `tests/policies/policies.rs`.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use deferred::Failure;
use reactor_compat::{
    Address, ClientFactory, Connection, ConnectionEvent, Connector, Factory, Protocol,
};

use super::protocols::{Protocols, Registration};
use super::watcher::{Watcher, WatcherFactory};
use crate::inner::Inner;

/// A protocol within another, with a [`Watcher`] that sees all that happens to
/// it.
///
/// Both live on one connection, and each has its own [`Connection`], over the
/// same transport. The watcher sees each event first; the protocol within
/// handles it.
///
/// # Re-entrancy
///
/// Both are one protocol to the reactor: while one of them is busy, a call to
/// either waits.
///
/// See the example of [`Watcher`].
pub struct ProtocolWrapper<W, P: 'static> {
    watcher: W,
    wrapped: Inner<P>,
    protocols: Option<Protocols<P>>,
    state: State<W, P>,
}

/// ```text
/// New ──connection_made──▶ Connected ──connection_lost──▶ Lost
/// ```
enum State<W, P: 'static> {
    New,
    Connected { watcher: Connection<W>, registration: Option<Registration<P>> },
    Lost,
}

impl<W: Watcher, P: Protocol> ProtocolWrapper<W, P> {
    /// A wrapper of `wrapped`, watched by `watcher`.
    ///
    /// See the example of [`Watcher`].
    pub fn new(watcher: W, wrapped: P) -> Self {
        Self { watcher, wrapped: Inner::new(wrapped), protocols: None, state: State::New }
    }

    /// The watcher.
    ///
    /// See the example of [`Watcher`].
    pub fn watcher(&self) -> &W {
        &self.watcher
    }

    /// The watcher, to be changed; see [`project`](Connection::project).
    ///
    /// See the example of [`TimeoutProtocol`](super::TimeoutProtocol).
    pub fn watcher_mut(&mut self) -> &mut W {
        &mut self.watcher
    }

    /// The protocol within.
    ///
    /// ```
    /// # use protocols::{policies::{ProtocolWrapper, Spew}, wire::Who};
    /// let wrapper = ProtocolWrapper::new(Spew, Who::default());
    /// assert_eq!(wrapper.wrapped().users, "root\r\n");
    /// ```
    #[doc(alias = "wrappedProtocol")]
    pub fn wrapped(&self) -> &P {
        &self.wrapped.protocol
    }

    /// The protocol within, to be changed; see [`project`](Connection::project).
    ///
    /// ```
    /// # use protocols::{policies::{ProtocolWrapper, Spew}, wire::Who};
    /// let mut wrapper = ProtocolWrapper::new(Spew, Who::default());
    /// wrapper.wrapped_mut().users.clear();
    /// assert!(wrapper.wrapped().users.is_empty());
    /// ```
    pub fn wrapped_mut(&mut self) -> &mut P {
        &mut self.wrapped.protocol
    }

    fn connect(&mut self, connection: &Connection<Self>) {
        let watcher = connection.project(Self::watcher_mut);
        let wrapped = connection.project(Self::wrapped_mut);
        let registration =
            self.protocols.take().map(|protocols| protocols.register(wrapped.clone()));
        self.state = State::Connected { watcher: watcher.clone(), registration };
        self.watcher.watch(&watcher, &ConnectionEvent::ConnectionMade);
        self.wrapped.connect(wrapped);
    }

    /// Has both hear that the connection is lost, even if one of them panics.
    fn lost(&mut self, event: ConnectionEvent<'_>) {
        let before = std::mem::replace(&mut self.state, State::Lost);
        let State::Connected { watcher, registration } = before else { return };
        drop(registration);
        let watch = AssertUnwindSafe(|| self.watcher.watch(&watcher, &event));
        let watched = catch_unwind(watch);
        self.wrapped.handle(event);
        if let Err(panic) = watched {
            resume_unwind(panic);
        }
    }
}

impl<W: Watcher, P: Protocol> Protocol for ProtocolWrapper<W, P> {
    fn log_prefix(&self) -> Cow<'static, str> {
        format!("{} ({})", self.wrapped().log_prefix(), self.watcher.log_prefix()).into()
    }

    fn receives_descriptors(&self) -> bool {
        self.wrapped().receives_descriptors()
    }

    fn handle(&mut self, connection: &Connection<Self>, event: ConnectionEvent<'_>) {
        match event {
            ConnectionEvent::ConnectionMade => self.connect(connection),
            ConnectionEvent::ConnectionLost(_) => self.lost(event),
            event => {
                if let State::Connected { watcher, .. } = &self.state {
                    self.watcher.watch(watcher, &event);
                    self.wrapped.handle(event);
                }
            }
        }
    }
}

impl<W: fmt::Debug, P: fmt::Debug> fmt::Debug for ProtocolWrapper<W, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolWrapper")
            .field("watcher", &self.watcher)
            .field("wrapped", &self.wrapped.protocol)
            .finish_non_exhaustive()
    }
}

/// A factory whose protocols are each wrapped, with a watcher that another
/// factory makes.
///
/// A connection is refused if either factory refuses it.
///
/// ```
/// use protocols::policies::{Watcher, WrappingFactory};
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, Connection, ConnectionEvent, Factory};
///
/// struct Greet;
///
/// impl Watcher for Greet {
///     fn watch(&mut self, connection: &Connection<Self>, event: &ConnectionEvent<'_>) {
///         if let ConnectionEvent::ConnectionMade = event {
///             connection.write("welcome\r\n");
///         }
///     }
/// }
///
/// let mut factory = WrappingFactory::with(|_: Address| Echo, |_: Address| Some(Greet));
/// let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"welcome\r\nhello");
/// ```
#[derive(Debug)]
pub struct WrappingFactory<F: Factory, W> {
    wrapped: F,
    watchers: W,
    protocols: Protocols<F::Protocol>,
}

impl<F: Factory, W: WatcherFactory> WrappingFactory<F, W> {
    /// A factory of the protocols of `wrapped`, with the watchers of `watchers`.
    ///
    /// See the [type's example](Self).
    pub fn with(wrapped: F, watchers: W) -> Self {
        Self { wrapped, watchers, protocols: Protocols::new() }
    }

    /// Those of its protocols that are connected.
    ///
    /// See the example of [`Protocols`].
    pub fn protocols(&self) -> Protocols<F::Protocol> {
        self.protocols.clone()
    }

    /// The factory within.
    ///
    /// ```
    /// # use protocols::{policies::SpewingFactory, wire::Echo};
    /// # use reactor_compat::{Address, Factory};
    /// let mut factory = SpewingFactory::new(|_: Address| Echo);
    /// assert!(factory.wrapped_mut().build_protocol(Address::Pipe).is_some());
    /// ```
    #[doc(alias = "wrappedFactory")]
    pub fn wrapped_mut(&mut self) -> &mut F {
        &mut self.wrapped
    }

    pub(super) fn watchers_mut(&mut self) -> &mut W {
        &mut self.watchers
    }
}

impl<F: Factory, W: WatcherFactory> Factory for WrappingFactory<F, W> {
    type Protocol = ProtocolWrapper<W::Watcher, F::Protocol>;

    fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol> {
        let watcher = self.watchers.build_watcher(peer.clone())?;
        let wrapped = Inner::new(self.wrapped.build_protocol(peer)?);
        let protocols = Some(self.protocols.clone());
        Some(ProtocolWrapper { watcher, wrapped, protocols, state: State::New })
    }

    fn start_factory(&mut self) {
        self.wrapped.start_factory();
    }

    fn stop_factory(&mut self) {
        self.wrapped.stop_factory();
    }
}

/// For clients as well: the factory within hears how its connector fares.
impl<F: ClientFactory, W: WatcherFactory> ClientFactory for WrappingFactory<F, W> {
    fn started_connecting(&mut self, connector: &Connector<Self::Protocol>) {
        self.wrapped.started_connecting(&inner(connector));
    }

    fn client_connection_failed(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        self.wrapped.client_connection_failed(&inner(connector), reason);
    }

    fn client_connection_lost(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        self.wrapped.client_connection_lost(&inner(connector), reason);
    }

    fn keeps_trying(&self) -> bool {
        self.wrapped.keeps_trying()
    }
}

/// The connector of what is wrapped.
fn inner<W: Watcher, P: Protocol>(connector: &Connector<ProtocolWrapper<W, P>>) -> Connector<P> {
    connector.project(ProtocolWrapper::wrapped_mut)
}
