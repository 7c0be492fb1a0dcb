//! [`Connector`]: makes one connection, stops trying, tries again.
//!
//! Mirrors `twisted.internet.base.BaseConnector` and `IConnector`. Tested in
//! `tests/connector.rs`.

mod attempt;
mod plan;
mod target;

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::rc::Rc;

use deferred::{Deferred, Failure, Panic, Trigger};

use attempt::{Attempt, connect_unless};
pub(crate) use plan::Plan;
pub use target::Target;

use crate::connection::{Attendant, Connection};
use crate::error::{ConnectError, ConnectingCancelledError, ConnectorBusy, NotConnectingError};
use crate::factory::ClientFactory;
use crate::guard;
use crate::protocol::Protocol;
use crate::reactor::{Enrolment, Live, Reactor};
use crate::serve::{Origin, serve_socket};
use crate::socket::Socket;

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
    core: Rc<Core<P>>,
}

/// What a connector is doing.
///
/// ```text
/// Disconnected ──connect──▶ Connecting ──▶ Greeting ──connection_made──▶ Connected
///       ▲───failed, given up────┘             │                             │
///       └─────────────────────lost────────────┴─────────────────────────────┘
/// ```
enum State<P> {
    Disconnected,
    Connecting(Rc<Attempt>),
    /// The protocol has not heard of its connection yet.
    Greeting(Connection<P>),
    Connected(Connection<P>),
}

struct Core<P: Protocol> {
    reactor: Reactor,
    plan: Plan,
    state: RefCell<State<P>>,
    /// Taken out while it is at work.
    factory: RefCell<Option<Box<dyn ClientFactory<Protocol = P>>>>,
    waiting: RefCell<Vec<Trigger<Connection<P>>>>,
}

impl<P: Protocol> Connector<P> {
    /// Makes one, and has it connect.
    pub(crate) fn begin(
        reactor: Reactor,
        plan: Plan,
        factory: impl ClientFactory<Protocol = P>,
    ) -> Self {
        let core = Core {
            reactor,
            plan,
            state: RefCell::new(State::Disconnected),
            factory: RefCell::new(Some(Box::new(factory))),
            waiting: RefCell::default(),
        };
        let connector = Self { core: Rc::new(core) };
        connector.attempt();
        connector
    }

    /// Starts an attempt, unless the reactor is stopping.
    fn attempt(&self) {
        if self.core.reactor.stopping() {
            return self.core.answer(&Err(ConnectError::ReactorStopped.into()));
        }
        let attempt = Rc::new(Attempt::new(self.core.plan.target.clone()));
        self.core.state.replace(State::Connecting(attempt.clone()));
        self.core.reactor.spawn(attempt_to_connect(Undecided::new(&self.core, attempt)));
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
        if !matches!(*self.core.state.borrow(), State::Disconnected) {
            return Err(ConnectorBusy);
        }
        self.attempt();
        Ok(())
    }

    /// Gives the attempt up; the factory's `client_connection_failed` gets
    /// [`ConnectError::UserAborted`].
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
        match &*self.core.state.borrow() {
            State::Connecting(attempt) => {
                attempt.give_up(ConnectError::UserAborted);
                Ok(())
            }
            State::Greeting(connection) => {
                connection.abort_connection();
                Ok(())
            }
            State::Disconnected | State::Connected(_) => Err(NotConnectingError),
        }
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
        match &*self.core.state.borrow() {
            State::Disconnected => {}
            State::Connecting(attempt) => attempt.give_up(ConnectError::UserAborted),
            State::Greeting(connection) | State::Connected(connection) => {
                connection.lose_connection();
            }
        }
    }

    /// The connection, when there is one and its protocol's `connection_made`
    /// has returned; or why the attempt failed.
    ///
    /// A connector that is disconnected waits for the next attempt.
    ///
    /// # Cancellation
    ///
    /// Cancelling it gives the attempt up, and the Deferred fails with
    /// [`ConnectingCancelledError`].
    ///
    /// See the [type's example](Self).
    pub fn when_connected(&self) -> Deferred<Connection<P>> {
        if let State::Connected(connection) = &*self.core.state.borrow() {
            return Deferred::succeed(connection.clone());
        }
        if self.core.reactor.stopping() {
            return Deferred::fail(ConnectError::ReactorStopped);
        }
        let connector = self.clone();
        let (connected, trigger) = Deferred::with_canceller(move |trigger| {
            let destination = connector.core.plan.target.clone();
            // Only an attempt that has ended meanwhile cannot be given up.
            let _ = connector.stop_connecting();
            let _ = trigger.errback(ConnectingCancelledError { destination });
        });
        self.core.waiting.borrow_mut().push(trigger);
        connected
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
        &self.core.plan.target
    }
}

/// An attempt that has come to no end yet. If it never does, because its task
/// is dropped with the runtime, it has failed.
struct Undecided<P: Protocol> {
    core: Rc<Core<P>>,
    attempt: Rc<Attempt>,
    _enrolment: Enrolment,
}

impl<P: Protocol> Undecided<P> {
    fn new(core: &Rc<Core<P>>, attempt: Rc<Attempt>) -> Self {
        let live: Rc<dyn Live> = attempt.clone();
        let enrolment = Enrolment::new(core.reactor.shared(), Rc::downgrade(&live));
        Self { core: core.clone(), attempt, _enrolment: enrolment }
    }

    fn is_undecided(&self) -> bool {
        match &*self.core.state.borrow() {
            State::Connecting(attempt) => Rc::ptr_eq(attempt, &self.attempt),
            State::Disconnected | State::Greeting(_) | State::Connected(_) => false,
        }
    }
}

impl<P: Protocol> Drop for Undecided<P> {
    fn drop(&mut self) {
        if self.is_undecided() {
            self.core.failed(ConnectError::ReactorStopped);
        }
    }
}

/// The task of an attempt.
async fn attempt_to_connect<P: Protocol>(undecided: Undecided<P>) {
    let Undecided { core, attempt, .. } = &undecided;
    core.tell(|factory, connector| factory.started_connecting(connector));
    let connected = connect_unless(attempt, &core.plan, &core.reactor).await;
    match connected.and_then(|socket| core.build(socket)) {
        Ok(connection) => {
            core.state.replace(State::Greeting(connection));
        }
        Err(error) => core.failed(error),
    }
}

impl<P: Protocol> Core<P> {
    /// Runs one of the factory's callbacks.
    fn tell<R>(
        self: &Rc<Self>,
        callback: impl FnOnce(&mut dyn ClientFactory<Protocol = P>, &Connector<P>) -> R,
    ) -> Option<Result<R, Failure>> {
        let mut factory = self.factory.take()?;
        let connector = Connector { core: self.clone() };
        let result = guard::catch(|| callback(&mut *factory, &connector));
        self.factory.replace(Some(factory));
        if let Err(failure) = &result {
            guard::log("a factory", failure);
        }
        Some(result)
    }

    fn build(self: &Rc<Self>, socket: Socket) -> Result<Connection<P>, ConnectError> {
        let peer = socket.peer()?;
        match self.tell(|factory, _| factory.build_protocol(peer.clone())) {
            Some(Ok(Some(protocol))) => {
                let attendant: Rc<dyn Attendant<P>> = Rc::new(Watcher(self.clone()));
                let socket = (socket, peer, self.plan.security.clone());
                let attendant = Some(attendant);
                Ok(serve_socket(&self.reactor, socket, protocol, Origin::Connected, attendant))
            }
            Some(Err(failure)) => {
                let message = failure.check::<Panic>().map_or("", Panic::message);
                Err(ConnectError::FactoryPanicked(message.to_owned()))
            }
            Some(Ok(None)) | None => Err(ConnectError::NoProtocol),
        }
    }

    /// Tells those who wait for a connection.
    fn answer(&self, result: &Result<Connection<P>, Failure>) {
        for trigger in mem::take(&mut *self.waiting.borrow_mut()) {
            // Whoever cancelled it does not want to know.
            let _ = trigger.fire(result.clone());
        }
    }

    fn failed(self: &Rc<Self>, error: ConnectError) {
        tracing::debug!(destination = %self.plan.target, %error, "connection failed");
        self.state.replace(State::Disconnected);
        let failure = Failure::new(error);
        self.answer(&Err(failure.clone()));
        self.tell(|factory, connector| factory.client_connection_failed(connector, failure));
    }
}

/// Tells the connector how its connection fares.
struct Watcher<P: Protocol>(Rc<Core<P>>);

impl<P: Protocol> Attendant<P> for Watcher<P> {
    fn made(&self, connection: &Connection<P>) {
        self.0.state.replace(State::Connected(connection.clone()));
        self.0.answer(&Ok(connection.clone()));
    }

    fn lost(&self, reason: Failure) {
        self.0.state.replace(State::Disconnected);
        self.0.answer(&Err(reason.clone()));
        self.0.tell(|factory, connector| factory.client_connection_lost(connector, reason));
    }
}

impl<P: Protocol> Clone for Connector<P> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<P: Protocol> fmt::Debug for Connector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.core.state.borrow() {
            State::Disconnected => "Disconnected",
            State::Connecting(_) => "Connecting",
            State::Greeting(_) => "Greeting",
            State::Connected(_) => "Connected",
        };
        f.debug_struct("Connector")
            .field("destination", &self.core.plan.target)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
