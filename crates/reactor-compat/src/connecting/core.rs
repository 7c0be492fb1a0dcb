//! The core of a connector: its state, and the task that connects.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::rc::{Rc, Weak};

use deferred::{Deferred, Failure, Panic};

use super::Plan;
use super::attempt::{Attempt, caught, unless_given_up};
use crate::address::Target;
use crate::connection::{Connection, ConnectionObserver};
use crate::connector::{Connector, ConnectorId, Control, GiveUp, Next};
use crate::error::{
    ConnectError, ConnectingCancelledError, ConnectorBusy, NotConnectingError, ReactorNotDriven,
};
use crate::factory::ClientFactory;
use crate::guard;
use crate::network::{SharedStream, Stream};
use crate::protocol::Protocol;
use crate::reactor::{Inventory, Reactor, Registered, Registration, WeakReactor};
use crate::serve::{Origin, serve_socket};
use crate::waiters::{Notified, Waiters};

/// The state of a connector.
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

pub(super) struct Core<P: Protocol> {
    /// It belongs to the reactor, as long as its attempt has not begun.
    reactor: WeakReactor,
    plan: Plan,
    state: RefCell<State<P>>,
    /// Taken out while it is at work.
    factory: RefCell<Option<Box<dyn ClientFactory<Protocol = P>>>>,
    /// Whether the factory has been started, and not stopped.
    started: Cell<bool>,
    /// Whether the factory would connect again by itself, as it said last.
    keeps_trying: Cell<bool>,
    waiting: Waiters<Connection<P>>,
    /// Those who want the next connection, however many attempts it takes.
    following: Waiters<Option<Connection<P>>>,
    /// There as long as anybody waits, so that they hear of the reactor's end between
    /// two attempts, too.
    registration: RefCell<Option<Registration>>,
}

impl<P: Protocol> Registered for Core<P> {
    fn shut_down(&self) {
        if matches!(*self.state.borrow(), State::Disconnected) {
            self.answer(&Err(ConnectError::ReactorStopped.into()));
            self.gave_up();
        }
    }

    /// Between two attempts it has nothing open.
    fn describe(&self, _inventory: &mut Inventory) {}
}

impl<P: Protocol> Control<P> for Core<P> {
    fn connect(self: Rc<Self>) -> Result<(), ConnectorBusy> {
        if !matches!(*self.state.borrow(), State::Disconnected) {
            return Err(ConnectorBusy);
        }
        self.attempt();
        Ok(())
    }

    fn stop_connecting(&self) -> Result<(), NotConnectingError> {
        let attempt = match &*self.state.borrow() {
            State::Connecting(attempt) => attempt.clone(),
            State::Greeting(connection) => {
                connection.abort_connection();
                return Ok(());
            }
            State::Disconnected | State::Connected(_) => return Err(NotConnectingError),
        };
        attempt.give_up(ConnectError::UserAborted);
        Ok(())
    }

    fn disconnect(&self) {
        let attempt = match &*self.state.borrow() {
            State::Disconnected => return,
            State::Connecting(attempt) => attempt.clone(),
            State::Greeting(connection) | State::Connected(connection) => {
                return connection.lose_connection();
            }
        };
        attempt.give_up(ConnectError::UserAborted);
    }

    fn when_connected(self: Rc<Self>) -> Deferred<Connection<P>> {
        if let State::Connected(connection) = &*self.state.borrow() {
            return Deferred::succeed(connection.clone());
        }
        match self.reactor() {
            None => return Deferred::fail(ConnectError::ReactorStopped),
            Some(reactor) if reactor.check_driven().is_err() => {
                return Deferred::fail(ConnectError::ReactorNotDriven);
            }
            Some(reactor) => self.register(&reactor),
        }
        let core = Rc::downgrade(&self);
        let destination = self.plan.target.clone();
        self.waiting.add(move |number, trigger| {
            if let Some(core) = core.upgrade()
                && let Some(waited) = core.waiting.remove(number)
            {
                drop(waited);
                core.lose_interest();
            }
            let _ = trigger.errback(ConnectingCancelledError { destination });
        })
    }

    fn connections(self: Rc<Self>) -> Next<P> {
        let core = Rc::downgrade(&self);
        Box::new(move || next_connection(&core))
    }

    fn gave_up(&self) {
        if self.is_over() {
            let following = self.following.take();
            self.deregister();
            following.notify(&Ok(None));
        }
    }

    fn keeps_trying(&self) -> bool {
        self.wants_another()
    }

    fn target(&self) -> &Target {
        &self.plan.target
    }

    fn id(&self) -> ConnectorId {
        ConnectorId(ptr::from_ref(self).cast())
    }

    fn attempt(&self) -> Option<Weak<dyn GiveUp>> {
        let State::Connecting(attempt) = &*self.state.borrow() else { return None };
        let attempt: Rc<dyn GiveUp> = attempt.clone();
        Some(Rc::downgrade(&attempt))
    }

    fn state(&self) -> &'static str {
        match &*self.state.borrow() {
            State::Disconnected => "Disconnected",
            State::Connecting(_) => "Connecting",
            State::Greeting(_) => "Greeting",
            State::Connected(_) => "Connected",
        }
    }
}

/// Waits for the connection that comes next; `None` is that there will be none.
fn next_connection<P: Protocol>(core: &Weak<Core<P>>) -> Deferred<Option<Connection<P>>> {
    let Some(core) = core.upgrade() else { return Deferred::succeed(None) };
    if let State::Connected(connection) = &*core.state.borrow() {
        return Deferred::succeed(Some(connection.clone()));
    }
    match core.reactor() {
        Some(reactor) if reactor.check_driven().is_err() => {
            tracing::warn!("{ReactorNotDriven}");
            return Deferred::succeed(None);
        }
        Some(reactor) if !core.is_over() => core.register(&reactor),
        Some(_) | None => return Deferred::succeed(None),
    }
    let weak = Rc::downgrade(&core);
    core.following.add(move |number, trigger| {
        if let Some(core) = weak.upgrade() {
            drop(core.following.remove(number));
            core.deregister();
        }
        let _ = trigger.callback(None);
    })
}

/// An attempt that has come to no end yet. If it never does, because its task
/// is dropped with the runtime, it has failed.
struct Undecided<P: Protocol> {
    core: Rc<Core<P>>,
    attempt: Rc<Attempt>,
    _registration: Registration,
}

impl<P: Protocol> Undecided<P> {
    fn new(core: &Rc<Core<P>>, attempt: Rc<Attempt>, reactor: &Reactor) -> Self {
        let live: Rc<dyn Registered> = attempt.clone();
        let registration = Registration::new(reactor.shared(), Rc::downgrade(&live));
        Self { core: core.clone(), attempt, _registration: registration }
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
            self.core.failed(ConnectError::ReactorStopped.into());
        }
    }
}

/// The task of an attempt.
async fn attempt_to_connect<P: Protocol>(undecided: Undecided<P>) {
    let Undecided { core, attempt, .. } = &undecided;
    let Some(reactor) = core.reactor.upgrade() else { return };
    core.tell(|factory, connector| factory.started_connecting(connector));
    let connected = unless_given_up(attempt, core.plan.dial(&reactor, attempt)).await;
    let built = connected.and_then(|stream| caught(|| core.build(&reactor, stream, attempt)));
    match built {
        Ok(Ok(connection)) => {
            core.state.replace(State::Greeting(connection));
        }
        Ok(Err(error)) => core.failed(error.into()),
        Err(failure) => core.failed(failure),
    }
}

impl<P: Protocol> Core<P> {
    pub(super) fn new(
        reactor: &Reactor,
        plan: Plan,
        factory: impl ClientFactory<Protocol = P>,
    ) -> Self {
        Self {
            reactor: reactor.downgrade(),
            plan,
            state: RefCell::new(State::Disconnected),
            factory: RefCell::new(Some(Box::new(factory))),
            started: Cell::new(false),
            keeps_trying: Cell::new(false),
            waiting: Waiters::default(),
            following: Waiters::default(),
            registration: RefCell::new(None),
        }
    }

    /// Has the reactor tell it of its end.
    fn register(self: &Rc<Self>, reactor: &Reactor) {
        let mut registration = self.registration.borrow_mut();
        if registration.is_none() {
            let live: Rc<dyn Registered> = self.clone();
            *registration = Some(Registration::new(reactor.shared(), Rc::downgrade(&live)));
        }
    }

    /// Nobody has to hear of the reactor's end, unless somebody waits.
    fn deregister(&self) {
        if self.nobody_waits() {
            drop(self.registration.take());
        }
    }

    fn nobody_waits(&self) -> bool {
        self.waiting.is_empty() && self.following.is_empty()
    }

    /// Whether it is disconnected, and nothing will have it connect again.
    fn is_over(&self) -> bool {
        let disconnected = matches!(*self.state.borrow(), State::Disconnected);
        disconnected && (self.reactor().is_none() || !self.wants_another())
    }

    /// Starts an attempt, unless the reactor is stopping.
    pub(super) fn attempt(self: &Rc<Self>) {
        let Some(reactor) = self.reactor() else {
            self.answer(&Err(ConnectError::ReactorStopped.into()));
            return self.gave_up();
        };
        let attempt = Rc::new(Attempt::new(self.plan.target.clone()));
        self.state.replace(State::Connecting(attempt.clone()));
        if !self.started.replace(true) {
            self.tell(|factory, _| factory.do_start());
        }
        reactor.spawn(attempt_to_connect(Undecided::new(self, attempt, &reactor)));
    }

    /// One that waited does so no more: gives the attempt up if nobody wants it.
    fn lose_interest(&self) {
        self.deregister();
        if self.nobody_waits() && !self.wants_another() {
            // Only an attempt that has ended meanwhile cannot be given up.
            let _ = self.stop_connecting();
        }
    }

    /// Whether the factory would connect again by itself.
    fn wants_another(&self) -> bool {
        let asked = self.factory.take();
        // While it is at work, what it said before holds.
        if let Some(factory) = asked {
            let keeps = guard::catch(|| factory.keeps_trying()).unwrap_or(false);
            self.keeps_trying.set(keeps);
            self.factory.replace(Some(factory));
        }
        self.keeps_trying.get()
    }

    /// The reactor, unless it would not live to see a connection.
    fn reactor(&self) -> Option<Reactor> {
        self.reactor.upgrade().filter(|reactor| !reactor.stopping())
    }

    /// Runs one of the factory's callbacks.
    fn tell<R>(
        self: &Rc<Self>,
        callback: impl FnOnce(&mut dyn ClientFactory<Protocol = P>, &Connector<P>) -> R,
    ) -> Option<Result<R, Failure>> {
        let mut factory = self.factory.take()?;
        let connector = Connector::new(self.clone());
        let result = guard::catch(|| {
            self.keeps_trying.set(factory.keeps_trying());
            callback(&mut *factory, &connector)
        });
        self.factory.replace(Some(factory));
        if let Err(failure) = &result {
            guard::log("a factory", failure);
        }
        Some(result)
    }

    fn build(
        self: &Rc<Self>,
        reactor: &Reactor,
        stream: SharedStream,
        attempt: &Attempt,
    ) -> Result<Connection<P>, ConnectError> {
        attempt.connected();
        let peer = stream.get_peer();
        let built = self.tell(|factory, _| factory.build_protocol(peer.clone()));
        if let Some(why) = attempt.verdict() {
            // The factory itself gave it up.
            guard::run("the drop of a protocol", || drop(built));
            return Err(why);
        }
        match built {
            Some(Ok(Some(protocol))) => {
                let observer: Rc<dyn ConnectionObserver<P>> = Rc::new(Watcher(self.clone()));
                let stream = (stream, peer, self.plan.first_layer.clone());
                let observer = Some(observer);
                Ok(serve_socket(reactor, stream, protocol, Origin::Connected, observer))
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
        let waiting = self.waiting.take();
        let following = if result.is_ok() { self.following.take() } else { Notified::default() };
        self.deregister();
        let stopped = |failure: &Failure| failure.check() == Some(&ConnectError::ReactorStopped);
        match result {
            Err(failure) if stopped(failure) => waiting.held().notify(result),
            Ok(_) | Err(_) => waiting.notify(result),
        }
        following.notify(&result.clone().map(Some));
    }

    fn failed(self: &Rc<Self>, failure: Failure) {
        tracing::debug!(destination = %self.plan.target, %failure, "connection failed");
        self.state.replace(State::Disconnected);
        self.answer(&Err(failure.clone()));
        self.tell(|factory, connector| factory.client_connection_failed(connector, failure));
        self.stop_unless_connecting();
    }

    /// Stops the factory, unless it has the connector connect again.
    fn stop_unless_connecting(self: &Rc<Self>) {
        let disconnected = matches!(*self.state.borrow(), State::Disconnected);
        if disconnected && self.started.take() {
            self.tell(|factory, _| factory.do_stop());
        }
        self.gave_up();
    }
}

/// Nothing has it connect again, and nobody can.
impl<P: Protocol> Drop for Core<P> {
    fn drop(&mut self) {
        self.following.take().notify(&Ok(None));
    }
}

/// Tells the connector how its connection fares.
struct Watcher<P: Protocol>(Rc<Core<P>>);

impl<P: Protocol> ConnectionObserver<P> for Watcher<P> {
    fn made(&self, connection: &Connection<P>) {
        self.0.state.replace(State::Connected(connection.clone()));
        self.0.answer(&Ok(connection.clone()));
    }

    fn lost(&self, reason: Failure) {
        self.0.state.replace(State::Disconnected);
        self.0.answer(&Err(reason.clone()));
        self.0.tell(|factory, connector| factory.client_connection_lost(connector, reason));
        self.0.stop_unless_connecting();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::options::ConnectOptions;

    struct Silent;

    impl Protocol for Silent {}

    #[test]
    fn who_no_longer_waits_for_a_connection_is_forgotten_at_once() {
        let reactor = Reactor::new();
        let target = Target::Tcp(("127.0.0.1", 1).into());
        let plan = Plan::new(target, ConnectOptions::new());
        let core = Rc::new(Core::new(&reactor, plan, |_: Address| Silent));
        for _ in 0..3 {
            let connected = Rc::clone(&core).when_connected();
            assert!(!core.waiting.is_empty());
            connected.cancel();
            drop(connected.add_both(|_| Ok(())));
            assert!(core.waiting.is_empty());
        }
    }
}
