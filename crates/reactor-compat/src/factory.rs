//! [`Factory`] and [`ClientFactory`]: makers of protocols.
//!
//! Mirrors `twisted.internet.protocol.Factory` and `ClientFactory`. Tested in
//! `tests/network/tcp.rs` and `tests/network/connector.rs`.

mod shared;

use std::borrow::Cow;

use deferred::Failure;

pub use shared::{SharedFactory, WeakFactory};

use crate::address::Address;
use crate::connector::Connector;
use crate::protocol::{Protocol, short_name};

/// Makes a [`Protocol`] for each connection.
///
/// A closure from the peer's [`Address`] to a protocol, or to an `Option` of
/// one, is a factory. What the protocols of one factory share, the factory
/// clones into each, in an `Rc`.
///
/// # Re-entrancy
///
/// The methods are called by the port's or the connector's own task, one at a
/// time; but for [`do_start`](Self::do_start), which is called before the method
/// returns that listens or connects. Inside of them a factory may listen, connect
/// and stop ports; to do that with itself as the factory, it is a
/// [`SharedFactory`].
///
/// # Several ports
///
/// A factory belongs to one port, or one connector. One that serves several is
/// wrapped in a [`SharedFactory`].
///
/// ```
/// use reactor_compat::{Address, Factory, Protocol};
/// use std::{cell::Cell, rc::Rc};
///
/// struct Counted {
///     total: Rc<Cell<usize>>,
/// }
///
/// impl Protocol for Counted {}
///
/// #[derive(Default)]
/// struct CountingFactory {
///     total: Rc<Cell<usize>>,
/// }
///
/// impl Factory for CountingFactory {
///     type Protocol = Counted;
///
///     fn build_protocol(&mut self, _peer: Address) -> Option<Counted> {
///         self.total.set(self.total.get() + 1);
///         Some(Counted { total: self.total.clone() })
///     }
/// }
///
/// let mut factory = CountingFactory::default();
/// let protocol = factory.build_protocol(Address::Pipe).unwrap();
/// assert_eq!(protocol.total.get(), 1);
///
/// // The same for a factory that has nothing to say but this:
/// let mut factory = |_| Counted { total: Rc::default() };
/// assert!(factory.build_protocol(Address::Pipe).is_some());
/// ```
#[doc(alias = "IProtocolFactory")]
#[doc(alias = "ServerFactory")]
#[doc(alias = "forProtocol")]
pub trait Factory: 'static {
    /// The type of its protocols.
    type Protocol: Protocol;

    /// A protocol for a connection to `peer`; `None` to have the connection
    /// closed at once.
    #[doc(alias = "buildProtocol")]
    fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol>;

    /// The first port begins to listen, or the first connector to connect.
    #[doc(alias = "startFactory")]
    fn start_factory(&mut self) {}

    /// The last port has stopped listening; or there is no connection any more, and
    /// the factory did not have the connector connect again.
    #[doc(alias = "stopFactory")]
    fn stop_factory(&mut self) {}

    /// Its name in the log: that of its type, unless it is there to wrap another.
    ///
    /// ```
    /// use reactor_compat::{Address, Factory, Protocol};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// struct SilentFactory;
    ///
    /// impl Factory for SilentFactory {
    ///     type Protocol = Silent;
    ///
    ///     fn build_protocol(&mut self, _: Address) -> Option<Silent> {
    ///         Some(Silent)
    ///     }
    /// }
    ///
    /// assert_eq!(SilentFactory.log_prefix(), "SilentFactory");
    /// ```
    #[doc(alias = "logPrefix")]
    fn log_prefix(&self) -> Cow<'static, str> {
        short_name::<Self>().into()
    }

    /// Whether its start and its stop are logged.
    ///
    /// ```
    /// use reactor_compat::{Address, Factory, Protocol};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// assert!((|_: Address| Silent).noisy());
    /// ```
    fn noisy(&self) -> bool {
        true
    }

    /// The same factory as one that is told how its connector fares, where an
    /// endpoint that connects it is to tell it: by default not, since the Deferred
    /// does. A [`ReconnectingClientFactory`](crate::ReconnectingClientFactory) is
    /// told, so that an endpoint connects again as well.
    fn as_client_factory(&mut self) -> Option<&mut dyn ClientFactory<Protocol = Self::Protocol>> {
        None
    }

    /// A port begins to listen, or a connector to connect: logs it, and calls
    /// [`start_factory`](Self::start_factory). A wrapper calls that of the factory
    /// inside; nobody else overrides it.
    #[doc(alias = "doStart")]
    fn do_start(&mut self) {
        if self.noisy() {
            tracing::info!("Starting factory {}", self.log_prefix());
        }
        self.start_factory();
    }

    /// A port has stopped listening, or a connector connecting: logs it, and calls
    /// [`stop_factory`](Self::stop_factory).
    #[doc(alias = "doStop")]
    fn do_stop(&mut self) {
        if self.noisy() {
            tracing::info!("Stopping factory {}", self.log_prefix());
        }
        self.stop_factory();
    }
}

/// A factory of a closure, whose argument needs no type though methods of it are
/// called.
///
/// ```
/// use reactor_compat::{Protocol, Reactor, factory};
///
/// struct Named(String);
/// impl Protocol for Named {}
///
/// let reactor = Reactor::new();
/// reactor.listen_tcp(("127.0.0.1", 0), factory(|peer| Named(peer.to_string())))?;
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[doc(alias = "forProtocol")]
pub fn factory<F, B>(build: F) -> F
where
    F: FnMut(Address) -> B + 'static,
    B: Built,
{
    build
}

impl<F, B> Factory for F
where
    F: FnMut(Address) -> B + 'static,
    B: Built,
{
    type Protocol = B::Protocol;

    fn build_protocol(&mut self, peer: Address) -> Option<B::Protocol> {
        self(peer).into_protocol()
    }

    /// A closure has no name, and counts as one of Twisted's own.
    fn log_prefix(&self) -> Cow<'static, str> {
        "Factory".into()
    }
}

/// The return type of a closure that is a factory: a protocol, or an `Option`
/// of one.
///
/// ```
/// use reactor_compat::{Built, Protocol};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// assert!(Silent.into_protocol().is_some());
/// assert!(None::<Silent>.into_protocol().is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "a factory cannot build `{Self}`",
    note = "a closure that is a factory returns a `Protocol`, or an `Option` of one"
)]
pub trait Built {
    /// The protocol.
    type Protocol: Protocol;

    /// The protocol, if there is one.
    ///
    /// See the [trait's example](Self).
    fn into_protocol(self) -> Option<Self::Protocol>;
}

impl<P: Protocol> Built for P {
    type Protocol = P;

    fn into_protocol(self) -> Option<P> {
        Some(self)
    }
}

impl<P: Protocol> Built for Option<P> {
    type Protocol = P;

    fn into_protocol(self) -> Self {
        self
    }
}

/// A [`Factory`] that is told how its connector fares, and may say
/// [`connect`](Connector::connect) to it again.
///
/// Every closure that is a factory is one, too.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{Address, ClientFactory, ConnectError, Factory, Protocol, Reactor};
/// use reactor_compat::Connector;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// struct Once {
///     reactor: Reactor,
/// }
///
/// impl Factory for Once {
///     type Protocol = Silent;
///     fn build_protocol(&mut self, _peer: Address) -> Option<Silent> {
///         Some(Silent)
///     }
/// }
///
/// impl ClientFactory for Once {
///     fn client_connection_failed(&mut self, _: &Connector<Silent>, reason: Failure) {
///         assert_eq!(reason.check(), Some(&ConnectError::ConnectionRefused));
///         self.reactor.stop().unwrap();
///     }
/// }
///
/// // Port 1 is that of a service that nobody runs.
/// let reactor = Reactor::new();
/// reactor.connect_tcp(("127.0.0.1", 1), Once { reactor: reactor.clone() });
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ClientFactory: Factory {
    /// An attempt begins.
    #[doc(alias = "startedConnecting")]
    fn started_connecting(&mut self, connector: &Connector<Self::Protocol>) {
        let _ = connector;
    }

    /// An attempt failed; `reason` is a
    /// [`ConnectError`](crate::ConnectError).
    #[doc(alias = "clientConnectionFailed")]
    fn client_connection_failed(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        let _ = (connector, reason);
    }

    /// The connection is gone; the protocol has heard of it.
    #[doc(alias = "clientConnectionLost")]
    fn client_connection_lost(&mut self, connector: &Connector<Self::Protocol>, reason: Failure) {
        let _ = (connector, reason);
    }

    /// Whether it has its connector connect again by itself. Then an attempt goes on
    /// though all who waited for it by
    /// [`when_connected`](Connector::when_connected) were cancelled. A factory that
    /// wraps another passes this on.
    ///
    /// ```
    /// use reactor_compat::{Address, ClientFactory, Protocol, ReconnectingClientFactory};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// assert!(!(|_: Address| Silent).keeps_trying());
    /// assert!(ReconnectingClientFactory::new(|_: Address| Silent).keeps_trying());
    /// ```
    fn keeps_trying(&self) -> bool {
        false
    }
}

impl<F, B> ClientFactory for F
where
    F: FnMut(Address) -> B + 'static,
    B: Built,
{
}
