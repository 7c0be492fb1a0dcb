//! [`Factory`] and [`ClientFactory`]: who makes protocols.
//!
//! Mirrors `twisted.internet.protocol.Factory` and `ClientFactory`. Tested in
//! `tests/network/tcp.rs` and `tests/network/connector.rs`.

use deferred::Failure;

use crate::address::Address;
use crate::connector::Connector;
use crate::protocol::Protocol;

/// Makes a [`Protocol`] for each connection.
///
/// A closure from the peer's [`Address`] to a protocol, or to an `Option` of
/// one, is a factory. What the protocols of one factory share, the factory
/// clones into each, in an `Rc`.
///
/// # Re-entrancy
///
/// The methods are called by the port's or the connector's own task, never
/// from inside something that user code called, so one at a time.
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
/// let mut factory = |_: Address| Counted { total: Rc::default() };
/// assert!(factory.build_protocol(Address::Pipe).is_some());
/// ```
#[doc(alias = "IProtocolFactory")]
#[doc(alias = "ServerFactory")]
#[doc(alias = "forProtocol")]
pub trait Factory: 'static {
    /// What it makes.
    type Protocol: Protocol;

    /// A protocol for a connection to `peer`; `None` to have the connection
    /// closed at once.
    #[doc(alias = "buildProtocol")]
    fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol>;

    /// The port begins to listen, or the connector to connect.
    #[doc(alias = "startFactory")]
    #[doc(alias = "doStart")]
    fn start_factory(&mut self) {}

    /// The port has stopped listening; or there is no connection any more, and
    /// the factory did not have the connector connect again.
    #[doc(alias = "stopFactory")]
    #[doc(alias = "doStop")]
    fn stop_factory(&mut self) {}
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
}

/// What a closure that is a factory may return: a protocol, or an `Option` of
/// one.
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
/// // A port that was just closed, so that nobody listens there.
/// let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let reactor = Reactor::new();
/// reactor.connect_tcp(closed, Once { reactor: reactor.clone() });
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
}

impl<F, B> ClientFactory for F
where
    F: FnMut(Address) -> B + 'static,
    B: Built,
{
}
