//! [`StreamClientEndpoint`] and [`StreamServerEndpoint`]: places to connect to and
//! to listen at, as values of any kind.
//!
//! Mirrors `IStreamClientEndpoint` and `IStreamServerEndpoint` of
//! `twisted.internet.interfaces`. Tested in `tests/network/endpoint_values.rs`.

use std::cell::Cell;
use std::sync::Arc;

use deferred::{Deferred, Failure};

use crate::address::{Address, Target};
use crate::connecting::{self, Plan};
use crate::connection::{Connection, FirstLayer};
use crate::connector::Connector;
use crate::factory::{ClientFactory, Factory};
use crate::guard;
use crate::network::{Listener, SharedStream};
use crate::port::{self, Port};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::waiters::abandon;

/// A place to connect to: gives a connected stream.
///
/// The trait can be used without a type, as `Rc<dyn StreamClientEndpoint>`.
/// [`Connect`], which connects a factory's protocol, is there for all that are `Clone`:
/// the connector keeps the endpoint, to connect again. One that is not is put into an
/// `Rc`.
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::endpoint::{Connect, StreamClientEndpoint, client_from_string};
/// use reactor_compat::{Layer, LayerIo, Layered, Protocol, Reactor, SharedStream};
/// use std::rc::Rc;
///
/// struct Nothing;
///
/// impl Layer for Nothing {
///     fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         io.deliver(data);
///     }
///
///     fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
///         io.write(data);
///     }
/// }
///
/// /// An endpoint with a layer over whatever it connects to.
/// struct Through(Rc<dyn StreamClientEndpoint>);
///
/// impl StreamClientEndpoint for Through {
///     fn reactor(&self) -> Reactor {
///         self.0.reactor()
///     }
///
///     fn dial(&self) -> Deferred<SharedStream> {
///         self.0.dial().add_callback(|stream| Ok(SharedStream::new(Layered::new(stream, Nothing))))
///     }
///
///     fn description(&self) -> String {
///         format!("nothing:{}", self.0.description())
///     }
/// }
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_| Silent)?;
/// let plain = client_from_string(&reactor, &format!("tcp:{}", port.get_host()))?;
/// let endpoint: Rc<dyn StreamClientEndpoint> = Rc::new(Through(Rc::new(plain)));
/// let stop = reactor.clone();
/// let connected = endpoint.connect(|_| Silent).add_callback(move |connection| {
///     assert_eq!(connection.get_peer(), port.get_host());
///     Ok(stop.stop()?)
/// });
/// reactor.run()?;
/// deferred::testing::success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IStreamClientEndpoint")]
pub trait StreamClientEndpoint: 'static {
    /// The reactor that connects.
    fn reactor(&self) -> Reactor;

    /// Connects: the Deferred has the stream, which knows both addresses. A conversation
    /// that it begins with, such as TLS's handshake, may be left to whoever
    /// [opens](crate::Stream::poll_open) it, as [`connect`](Connect::connect) does.
    ///
    /// # Cancellation
    ///
    /// Cancelling it gives the attempt up.
    fn dial(&self) -> Deferred<SharedStream>;

    /// The place in words, for the log and for errors.
    fn description(&self) -> String;
}

/// A place to listen at: gives a listener that is bound.
///
/// The trait can be used without a type, as `Rc<dyn StreamServerEndpoint>`.
/// [`Listen`], which listens for a factory, is there for all of them.
///
/// ```
/// use deferred::Deferred;
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{Listen, StreamServerEndpoint, server_from_string};
/// use reactor_compat::{Protocol, Reactor};
/// use std::rc::Rc;
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let endpoint = server_from_string(&reactor, "tcp:0:interface=127.0.0.1")?;
/// let endpoint: Rc<dyn StreamServerEndpoint> = Rc::new(endpoint);
/// let port = success_result_of(endpoint.listen(|_| Silent));
/// assert!(port.get_host().ip().unwrap().is_loopback());
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[doc(alias = "IStreamServerEndpoint")]
pub trait StreamServerEndpoint: 'static {
    /// The reactor that listens.
    fn reactor(&self) -> Reactor;

    /// Binds: the Deferred has the listener. It accepts once it is given to a
    /// factory, by [`listen`](Listen::listen).
    fn bind(&self) -> Deferred<Box<dyn Listener>>;

    /// The place in words, for the log and for errors.
    fn description(&self) -> String;
}

impl<E: StreamServerEndpoint + ?Sized> StreamServerEndpoint for std::rc::Rc<E> {
    fn reactor(&self) -> Reactor {
        (**self).reactor()
    }

    fn bind(&self) -> Deferred<Box<dyn Listener>> {
        (**self).bind()
    }

    fn description(&self) -> String {
        (**self).description()
    }
}

/// Connecting a factory's protocol, for every [`StreamClientEndpoint`] that is `Clone`,
/// as an `Rc` of any is.
///
/// See the example there.
pub trait Connect: StreamClientEndpoint {
    /// Connects, and has `factory` build a protocol for the connection.
    ///
    /// The Deferred has the connection once `connection_made` has returned, or
    /// fails with the reason, such as a [`ConnectError`](crate::ConnectError).
    ///
    /// # Cancellation
    ///
    /// Cancelling it gives the attempt up; it fails with
    /// [`ConnectingCancelledError`](crate::ConnectingCancelledError).
    fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>>;
}

impl<E: StreamClientEndpoint + Clone> Connect for E {
    fn connect<F: Factory>(&self, factory: F) -> Deferred<Connection<F::Protocol>> {
        let (reactor, endpoint) = (self.reactor(), self.clone());
        let target = Target::Endpoint(Arc::from(self.description()));
        // As in Twisted the attempt is under way when this returns.
        let first = guard::catch(|| endpoint.dial()).unwrap_or_else(|failure| {
            crate::log::err(failure.clone(), "");
            Deferred::fail(failure)
        });
        let first = Dialled(Cell::new(Some(first)));
        let dial = move || first.0.take().unwrap_or_else(|| endpoint.dial());
        let plan = Plan::of_endpoint(target, dial);
        connecting::begin(&reactor, plan, Unobserved(factory)).when_connected()
    }
}

/// What was dialled, until the attempt takes it.
struct Dialled(Cell<Option<Deferred<SharedStream>>>);

impl Drop for Dialled {
    fn drop(&mut self) {
        if let Some(dialled) = self.0.take() {
            abandon(dialled);
        }
    }
}

impl<E: StreamClientEndpoint + ?Sized> StreamClientEndpoint for std::rc::Rc<E> {
    fn reactor(&self) -> Reactor {
        (**self).reactor()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        (**self).dial()
    }

    fn description(&self) -> String {
        (**self).description()
    }
}

/// Listening for a factory, for every [`StreamServerEndpoint`].
///
/// See the example there.
pub trait Listen: StreamServerEndpoint {
    /// Listens there. The Deferred fails with the reason, such as a
    /// [`CannotListenError`](crate::CannotListenError), if that cannot be.
    fn listen<F: Factory>(&self, factory: F) -> Deferred<Port>;
}

impl<E: StreamServerEndpoint + ?Sized> Listen for E {
    fn listen<F: Factory>(&self, factory: F) -> Deferred<Port> {
        let reactor = self.reactor();
        self.bind().add_callback(move |listener| {
            Ok(port::listen(&reactor, listener, FirstLayer::default(), factory))
        })
    }
}

/// Connects, and gives the connection to a protocol that is there already.
///
/// The Deferred is that of [`connect`](Connect::connect).
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::endpoint::{HostnameEndpoint, connect_protocol};
/// use reactor_compat::{Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_| Silent)?;
/// let endpoint = HostnameEndpoint::new(&reactor, port.get_host().socket_addr().unwrap());
/// let stop = reactor.clone();
/// let connected = connect_protocol(&endpoint, Silent).add_callback(move |_| Ok(stop.stop()?));
/// reactor.run()?;
/// success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "connectProtocol")]
pub fn connect_protocol<P: Protocol>(
    endpoint: &impl Connect,
    protocol: P,
) -> Deferred<Connection<P>> {
    endpoint.connect(OneProtocol(Some(protocol)))
}

/// The factory of one protocol, which is there already.
struct OneProtocol<P>(Option<P>);

impl<P: Protocol> Factory for OneProtocol<P> {
    type Protocol = P;

    fn build_protocol(&mut self, _: Address) -> Option<P> {
        self.0.take()
    }
}

/// A factory that does not hear how its connector fares, unless it asks for that:
/// the Deferred does.
struct Unobserved<F>(F);

impl<F: Factory> Factory for Unobserved<F> {
    type Protocol = F::Protocol;

    fn build_protocol(&mut self, peer: Address) -> Option<F::Protocol> {
        self.0.build_protocol(peer)
    }

    fn do_start(&mut self) {
        self.0.do_start();
    }

    fn do_stop(&mut self) {
        self.0.do_stop();
    }
}

impl<F: Factory> ClientFactory for Unobserved<F> {
    fn started_connecting(&mut self, connector: &Connector<F::Protocol>) {
        if let Some(factory) = self.0.as_client_factory() {
            factory.started_connecting(connector);
        }
    }

    fn client_connection_failed(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        if let Some(factory) = self.0.as_client_factory() {
            factory.client_connection_failed(connector, reason);
        }
    }

    fn client_connection_lost(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        if let Some(factory) = self.0.as_client_factory() {
            factory.client_connection_lost(connector, reason);
        }
    }
}
