//! [`ProtocolWrapper`] and [`WrappingFactory`]: a protocol within another that
//! looks on.
//!
//! Mirrors `ProtocolWrapper` and `WrappingFactory` of
//! `twisted.protocols.policies`. Tested in `tests/policies/policies.rs`.

use std::borrow::Cow;
use std::fmt;
#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;
use reactor_compat::{Address, ClientFactory, Connection, Connector, Factory, Protocol};

use super::protocols::{Protocols, Seat};

/// A protocol within another that looks on: the watcher.
///
/// Both live on one connection, and each has its own [`Connection`], over the
/// same transport. The watcher hears of everything first.
///
/// # Re-entrancy
///
/// Both are one protocol to the reactor: while one of them is busy, what comes
/// home to either waits.
///
/// ```
/// use protocols::policies::ProtocolWrapper;
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Connection, Protocol};
///
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl Protocol for Count {
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         self.0 += data.len();
///     }
/// }
///
/// let transport = StringTransport::new(ProtocolWrapper::new(Count::default(), Echo));
/// transport.data_received(b"hello");
/// assert_eq!(transport.take_value(), b"hello");
/// assert_eq!(transport.inspect(|wrapper| wrapper.watcher().0), Some(5));
/// ```
pub struct ProtocolWrapper<W, P: 'static> {
    watcher: W,
    wrapped: P,
    protocols: Option<Protocols<P>>,
    state: State<W, P>,
}

/// ```text
/// New ──connection_made──▶ Connected ──connection_lost──▶ Lost
/// ```
enum State<W, P: 'static> {
    New,
    Connected { watcher: Connection<W>, wrapped: Connection<P>, seat: Option<Seat<P>> },
    Lost,
}

impl<W: Protocol, P: Protocol> ProtocolWrapper<W, P> {
    /// `wrapped`, with `watcher` looking on.
    ///
    /// See the [type's example](Self).
    pub fn new(watcher: W, wrapped: P) -> Self {
        Self { watcher, wrapped, protocols: None, state: State::New }
    }

    /// Who looks on.
    ///
    /// See the [type's example](Self).
    pub fn watcher(&self) -> &W {
        &self.watcher
    }

    /// Who looks on, to be told something.
    ///
    /// ```
    /// # use protocols::{policies::ProtocolWrapper, wire::{Discard, Qotd}};
    /// let mut wrapper = ProtocolWrapper::new(Qotd::default(), Discard);
    /// wrapper.watcher_mut().quote = "Hello.".to_owned();
    /// assert_eq!(wrapper.watcher().quote, "Hello.");
    /// ```
    pub fn watcher_mut(&mut self) -> &mut W {
        &mut self.watcher
    }

    /// The protocol within.
    ///
    /// ```
    /// # use protocols::{policies::ProtocolWrapper, wire::{Discard, Who}};
    /// let wrapper = ProtocolWrapper::new(Discard, Who::default());
    /// assert_eq!(wrapper.wrapped().users, "root\r\n");
    /// ```
    #[doc(alias = "wrappedProtocol")]
    pub fn wrapped(&self) -> &P {
        &self.wrapped
    }

    /// The protocol within, to be told something.
    ///
    /// ```
    /// # use protocols::{policies::ProtocolWrapper, wire::{Discard, Who}};
    /// let mut wrapper = ProtocolWrapper::new(Discard, Who::default());
    /// wrapper.wrapped_mut().users.clear();
    /// assert!(wrapper.wrapped().users.is_empty());
    /// ```
    pub fn wrapped_mut(&mut self) -> &mut P {
        &mut self.wrapped
    }
}

impl<W: Protocol, P: Protocol> Protocol for ProtocolWrapper<W, P> {
    fn log_prefix(&self) -> Cow<'static, str> {
        format!("{} ({})", self.wrapped.log_prefix(), self.watcher.log_prefix()).into()
    }

    fn connection_made(&mut self, transport: &Connection<Self>) {
        let watcher = transport.project(|this: &mut Self| &mut this.watcher);
        let wrapped = transport.project(|this: &mut Self| &mut this.wrapped);
        let seat = self.protocols.take().map(|protocols| protocols.register(wrapped.clone()));
        self.state = State::Connected { watcher: watcher.clone(), wrapped: wrapped.clone(), seat };
        self.watcher.connection_made(&watcher);
        self.wrapped.connection_made(&wrapped);
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        if let State::Connected { watcher, wrapped, .. } = &self.state {
            self.watcher.data_received(watcher, data);
            self.wrapped.data_received(wrapped, data);
        }
    }

    fn receives_descriptors(&self) -> bool {
        self.wrapped.receives_descriptors()
    }

    /// There is but one: it is for the protocol within.
    #[cfg(unix)]
    fn file_descriptor_received(&mut self, _: &Connection<Self>, descriptor: OwnedFd) {
        if let State::Connected { wrapped, .. } = &self.state {
            self.wrapped.file_descriptor_received(wrapped, descriptor);
        }
    }

    fn handshake_completed(&mut self, _: &Connection<Self>) {
        if let State::Connected { watcher, wrapped, .. } = &self.state {
            self.watcher.handshake_completed(watcher);
            self.wrapped.handshake_completed(wrapped);
        }
    }

    fn resumed(&mut self, _: &Connection<Self>) {
        if let State::Connected { watcher, wrapped, .. } = &self.state {
            self.watcher.resumed(watcher);
            self.wrapped.resumed(wrapped);
        }
    }

    /// What comes of it is for the protocol within to say.
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        if let State::Connected { wrapped, .. } = &self.state {
            self.wrapped.read_connection_lost(wrapped);
        }
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        if let State::Connected { watcher, wrapped, .. } = &self.state {
            self.watcher.write_connection_lost(watcher);
            self.wrapped.write_connection_lost(wrapped);
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        if let State::Connected { watcher, wrapped, seat } =
            std::mem::replace(&mut self.state, State::Lost)
        {
            drop(seat);
            self.watcher.connection_lost(&watcher, reason.clone());
            self.wrapped.connection_lost(&wrapped, reason);
        }
    }
}

impl<W: fmt::Debug, P: fmt::Debug> fmt::Debug for ProtocolWrapper<W, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolWrapper")
            .field("watcher", &self.watcher)
            .field("wrapped", &self.wrapped)
            .finish_non_exhaustive()
    }
}

/// A factory whose protocols are each looked on by a watcher, which another
/// factory makes.
///
/// A connection is refused if either factory refuses it.
///
/// ```
/// use protocols::policies::WrappingFactory;
/// use protocols::wire::Echo;
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Address, ClientFactory, Connection, Factory, Protocol};
///
/// struct Greet;
///
/// impl Protocol for Greet {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("welcome\r\n");
///     }
/// }
///
/// let mut factory = WrappingFactory::with(|_: Address| Echo, |_: Address| Greet);
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

impl<F: Factory, W: Factory> WrappingFactory<F, W> {
    /// `wrapped`, whose protocols are looked on by those of `watchers`.
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
    /// # use protocols::{policies::WrappingFactory, wire::{Discard, Echo}};
    /// # use reactor_compat::{Address, Factory};
    /// let mut factory = WrappingFactory::with(|_: Address| Echo, |_: Address| Discard);
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

impl<F: Factory, W: Factory> Factory for WrappingFactory<F, W> {
    type Protocol = ProtocolWrapper<W::Protocol, F::Protocol>;

    fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol> {
        let watcher = self.watchers.build_protocol(peer.clone())?;
        let wrapped = self.wrapped.build_protocol(peer)?;
        let protocols = Some(self.protocols.clone());
        Some(ProtocolWrapper { watcher, wrapped, protocols, state: State::New })
    }

    fn start_factory(&mut self) {
        self.wrapped.start_factory();
        self.watchers.start_factory();
    }

    fn stop_factory(&mut self) {
        self.wrapped.stop_factory();
        self.watchers.stop_factory();
    }
}

/// For clients as well: what is wrapped hears how its connector fares.
impl<F: ClientFactory, W: Factory> ClientFactory for WrappingFactory<F, W> {
    fn started_connecting(&mut self, connector: &Connector<Self::Protocol>) {
        self.wrapped.started_connecting(&inner(connector));
    }

    fn client_connection_failed(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        self.wrapped.client_connection_failed(&inner(connector), reason);
    }

    fn client_connection_lost(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        self.wrapped.client_connection_lost(&inner(connector), reason);
    }
}

/// The connector of what is wrapped.
fn inner<W: Protocol, P: Protocol>(connector: &Connector<ProtocolWrapper<W, P>>) -> Connector<P> {
    connector.project(|wrapper| &mut wrapper.wrapped)
}
