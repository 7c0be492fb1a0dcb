//! [`Connector`]: the handle to a connection that is made, stopped and made
//! again.
//!
//! It knows what can be asked of a connector; `connecting` is what does it. So
//! a factory's callbacks may name it.
//!
//! Mirrors `twisted.internet.base.BaseConnector` and `IConnector`. Tested in
//! `tests/network/connector.rs`.

mod connections;
mod project;

use std::fmt;
use std::rc::{Rc, Weak};

use deferred::Deferred;

pub use connections::Connections;
pub(crate) use connections::Next;
use project::Projected;

use crate::address::Target;
use crate::connection::Connection;
use crate::error::{ConnectorBusy, NotConnectingError};
use crate::protocol::Protocol;

/// Makes one connection; stops trying; and tries again.
///
/// It is a handle, cheap to clone. It connects whether or not one is kept.
///
/// # Re-entrancy
///
/// No method calls the factory or a protocol: they hear of what happens from
/// the connector's own task, later. So a factory may do with its connector
/// whatever it likes.
///
/// ```
/// use reactor_compat::{Address, Protocol, Reactor};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?;
/// let address = port.get_host().socket_addr().unwrap();
/// let stop = reactor.clone();
/// let connected = reactor
///     .connect_tcp(address, |_: Address| Silent)
///     .when_connected()
///     .add_callback(move |connection| {
///         assert_eq!(connection.get_peer().socket_addr(), Some(address));
///         Ok(stop.stop()?)
///     });
/// reactor.run()?;
/// deferred::testing::success_result_of(connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IConnector")]
#[doc(alias = "BaseConnector")]
pub struct Connector<P: Protocol> {
    control: Rc<dyn Control<P>>,
}

/// The identity of a connector, for as long as that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectorId(pub(crate) *const ());

/// An attempt that can be given up.
pub(crate) trait GiveUp {
    /// Gives it up, unless it has come to a connection already.
    fn give_up(&self);
}

/// The requests that a connector takes.
pub(crate) trait Control<P> {
    fn connect(self: Rc<Self>) -> Result<(), ConnectorBusy>;

    fn stop_connecting(&self) -> Result<(), NotConnectingError>;

    fn disconnect(&self);

    fn when_connected(self: Rc<Self>) -> Deferred<Connection<P>>;

    /// Waits for connections, one after the other; does not keep the connector.
    fn connections(self: Rc<Self>) -> Next<P>;

    /// The factory has given up between two attempts.
    fn gave_up(&self);

    fn keeps_trying(&self) -> bool;

    fn target(&self) -> &Target;

    /// The identity of the connector, which parts of it have as well.
    fn id(&self) -> ConnectorId;

    /// The attempt that it makes now, if it makes one.
    fn attempt(&self) -> Option<Weak<dyn GiveUp>>;

    /// Its state, in a word.
    fn state(&self) -> &'static str;
}

impl<P: Protocol> Connector<P> {
    pub(crate) fn new(control: Rc<dyn Control<P>>) -> Self {
        Self { control }
    }

    /// Connects again. While the reactor is stopping this does nothing, but
    /// for those who wait for a connection: they hear that there will be none.
    ///
    /// # Errors
    ///
    /// [`ConnectorBusy`] while it is connecting or connected.
    ///
    /// See the example of [`ConnectorBusy`].
    pub fn connect(&self) -> Result<(), ConnectorBusy> {
        self.control.clone().connect()
    }

    /// Gives the attempt up; the factory's `client_connection_failed` gets
    /// [`ConnectError::UserAborted`](crate::ConnectError::UserAborted).
    ///
    /// # Errors
    ///
    /// [`NotConnectingError`] if there is no attempt.
    ///
    /// ```
    /// # use deferred::testing::failure_result_of;
    /// # use reactor_compat::{Address, ConnectError, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let reactor = Reactor::new();
    /// let connector = reactor.connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// let stop = reactor.clone();
    /// let connected = connector.when_connected().add_errback(move |failure| {
    ///     assert_eq!(failure.check(), Some(&ConnectError::UserAborted));
    ///     stop.stop()?;
    ///     Err(failure)
    /// });
    /// connector.stop_connecting()?;
    /// reactor.run()?;
    /// failure_result_of(connected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "stopConnecting")]
    pub fn stop_connecting(&self) -> Result<(), NotConnectingError> {
        self.control.stop_connecting()
    }

    /// Ends whatever there is: gives the attempt up, or closes the connection.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// connector.disconnect();
    /// ```
    pub fn disconnect(&self) {
        self.control.disconnect();
    }

    /// The connection, when there is one and its protocol's `connection_made`
    /// has returned; or why the attempt failed.
    ///
    /// A connector that is disconnected waits for the next attempt. Who wants each
    /// connection that it makes has [`connections`](Self::connections).
    ///
    /// # Errors
    ///
    /// The [`ConnectError`](crate::ConnectError) of an attempt that failed, or the reason
    /// for which a connection was lost before it was given. Another attempt may fare
    /// better, unless the error [is final](crate::ConnectError::is_final), as when the
    /// reactor has stopped: whoever waits again after that gets the same error at once,
    /// and a loop that does so never ends.
    ///
    /// # Cancellation
    ///
    /// Cancelling it has it fail with
    /// [`ConnectingCancelledError`](crate::ConnectingCancelledError). Others that
    /// wait go on waiting; when the last one is cancelled, the attempt is given up,
    /// unless the factory [tries again](crate::ClientFactory::keeps_trying) by itself.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "ClientCreator")]
    pub fn when_connected(&self) -> Deferred<Connection<P>> {
        self.control.clone().when_connected()
    }

    /// The connections that it makes, one after the other, until the reactor stops or
    /// the factory gives up: for a client that speaks from outside of its protocol.
    ///
    /// See the example of [`Connections`].
    #[doc(alias = "whenConnected")]
    pub fn connections(&self) -> Connections<P> {
        Connections::new(self.control.clone().connections())
    }

    /// A function for a factory that gives up between two attempts, so that nobody waits
    /// for another. It does not keep the connector.
    pub(crate) fn giving_up(&self) -> impl Fn() + 'static {
        let control = Rc::downgrade(&self.control);
        move || {
            if let Some(control) = control.upgrade() {
                control.gave_up();
            }
        }
    }

    /// Whether its factory has it [connect again](crate::ClientFactory::keeps_trying) by itself.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// assert!(!connector.keeps_trying());
    /// ```
    pub fn keeps_trying(&self) -> bool {
        self.control.keeps_trying()
    }

    /// Where it connects to.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let connector = Reactor::new().connect_tcp(("localhost", 1), |_: Address| Silent);
    /// assert_eq!(connector.get_destination().to_string(), "localhost:1");
    /// ```
    #[doc(alias = "getDestination")]
    pub fn get_destination(&self) -> &Target {
        self.control.target()
    }

    pub(crate) fn id(&self) -> ConnectorId {
        self.control.id()
    }

    pub(crate) fn attempt(&self) -> Option<Weak<dyn GiveUp>> {
        self.control.attempt()
    }

    /// The same connector, as the factory of a part of the protocol sees it: to
    /// be passed on by a factory that wraps another.
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{
    ///     Address, ClientFactory, Connector, Factory, Protocol, Reactor,
    /// };
    ///
    /// /// A protocol in which another one is at work.
    /// struct Outer<P>(P);
    /// impl<P: Protocol> Protocol for Outer<P> {}
    ///
    /// struct Wrapping<F>(F);
    ///
    /// impl<F: Factory> Factory for Wrapping<F> {
    ///     type Protocol = Outer<F::Protocol>;
    ///     fn build_protocol(&mut self, peer: Address) -> Option<Self::Protocol> {
    ///         self.0.build_protocol(peer).map(Outer)
    ///     }
    /// }
    ///
    /// impl<F: ClientFactory> ClientFactory for Wrapping<F> {
    ///     fn client_connection_lost(&mut self, outer: &Connector<Self::Protocol>, reason: Failure) {
    ///         self.0.client_connection_lost(&outer.project(|outer| &mut outer.0), reason);
    ///     }
    /// }
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let reactor = Reactor::new();
    /// let outer = reactor.connect_tcp(("127.0.0.1", 1), Wrapping(|_: Address| Silent));
    /// let inner: Connector<Silent> = outer.project(|outer| &mut outer.0);
    /// assert_eq!(inner.get_destination(), outer.get_destination());
    /// ```
    pub fn project<H: Protocol>(&self, part: impl Fn(&mut P) -> &mut H + 'static) -> Connector<H> {
        Connector { control: Rc::new(Projected::new(self.clone(), part)) }
    }
}

impl<P: Protocol> Clone for Connector<P> {
    fn clone(&self) -> Self {
        Self { control: self.control.clone() }
    }
}

impl<P: Protocol> fmt::Debug for Connector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("destination", self.get_destination())
            .field("state", &self.control.state())
            .finish_non_exhaustive()
    }
}
