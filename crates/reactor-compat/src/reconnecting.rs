//! [`ReconnectingClientFactory`]: connects again, after a while that grows.
//!
//! Mirrors `twisted.internet.protocol.ReconnectingClientFactory`. Tested in
//! `tests/network/reconnecting.rs`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::f64::consts::{E, TAU};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;
use deferred::time::{DelayedCall, ReactorTime};

use crate::address::Address;
use crate::clock_handle::ClockHandle;
use crate::connector::{Connector, ConnectorId, GiveUp};
use crate::factory::{ClientFactory, Factory};
use crate::guard;
use crate::protocol::Protocol;
use crate::reactor::reactor;

/// The molar Planck constant times c, in joule meters a mole.
const JITTER: f64 = 0.119_626_565_582;

/// Has a connector connect again whenever its attempt fails or its connection
/// is lost, each time after a longer delay.
///
/// It stands around a factory of your own, a closure for example, which still
/// gets each of its callbacks, and gets them first. The first retry comes after
/// a second, each later one after e times as long, up to an hour, all of them a
/// little earlier or later by chance, lest a thousand clients come back at
/// once.
///
/// The delay does not begin anew by itself when there is a connection: a
/// server that hangs up on everybody is not to be run against. Say
/// [`reset_delay`](ReconnectHandle::reset_delay) when it has proved to be of
/// use, after a login for example, on a [handle](ReconnectHandle), which also
/// [stops](ReconnectHandle::stop_trying) it all.
///
/// Nothing else does. As in Twisted it makes no difference *why* a connection
/// is gone: after [`Connector::stop_connecting`], [`Connector::disconnect`] or
/// a `lose_connection` of your own there is a retry as well.
///
/// ```
/// use reactor_compat::{Address, Connection, Protocol, ReconnectHandle};
/// use reactor_compat::{Reactor, ReconnectingClientFactory};
/// use std::time::Duration;
///
/// /// Hangs up on everybody.
/// struct Rude;
/// impl Protocol for Rude {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.lose_connection();
///     }
/// }
///
/// /// Has enough after the third connection.
/// struct Patient {
///     reconnect: ReconnectHandle,
///     reactor: Reactor,
/// }
/// impl Protocol for Patient {
///     fn connection_made(&mut self, _: &Connection<Self>) {
///         if self.reconnect.retries() == 2 {
///             self.reconnect.stop_trying();
///             self.reactor.stop().unwrap();
///         }
///     }
/// }
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Rude)?;
/// let its = reactor.clone();
/// let factory = ReconnectingClientFactory::with_handle(|reconnect| {
///     move |_: Address| Patient { reconnect: reconnect.clone(), reactor: its.clone() }
/// });
/// let factory = factory.clock(&reactor).initial_delay(Duration::from_millis(1));
/// reactor.connect_tcp(port.get_host().socket_addr().unwrap(), factory);
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "twisted.internet.protocol.ReconnectingClientFactory")]
pub struct ReconnectingClientFactory<F> {
    factory: F,
    handle: ReconnectHandle,
}

/// Steers a [`ReconnectingClientFactory`]. Cheap to clone: give one to each
/// protocol.
///
/// # Re-entrancy
///
/// All methods may be called from everywhere, the callbacks of the factory and
/// its protocols included.
///
/// ```
/// use reactor_compat::{Address, Protocol, ReconnectingClientFactory};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let handle = ReconnectingClientFactory::new(|_: Address| Silent).handle();
/// assert!(handle.continue_trying());
/// handle.stop_trying();
/// assert!(!handle.continue_trying());
/// ```
#[derive(Clone)]
pub struct ReconnectHandle {
    core: Rc<Core>,
}

/// How long to wait, and how often; times in seconds.
#[derive(Clone, Copy, Debug)]
struct Policy {
    initial_delay: f64,
    max_delay: f64,
    factor: f64,
    jitter: f64,
    max_retries: Option<u32>,
}

/// A retry of one connector, of which there is one at a time.
struct Retry {
    connector: ConnectorId,
    state: State,
}

/// The state of a retry.
///
/// ```text
///  ──retry──▶ Waiting ──time passes──▶ Reconnecting ──connected, failed──▶
///                └───────────────stop_trying──────────────┘
/// ```
enum State {
    /// The call keeps the connector. Beside it a function that tells the connector
    /// that there will be no retry.
    Waiting(DelayedCall, Box<dyn Fn()>),
    /// The attempt, if there is one still. It is the connector that keeps the
    /// factory: it must not be kept from here.
    Reconnecting(Weak<dyn GiveUp>),
}

impl Retry {
    /// Whether it waits for its time.
    fn waits(&self) -> bool {
        matches!(&self.state, State::Waiting(call, _) if call.active())
    }

    /// Whether there is anything left of it.
    fn is_there(&self) -> bool {
        match &self.state {
            State::Waiting(call, _) => call.active(),
            State::Reconnecting(attempt) => attempt.strong_count() > 0,
        }
    }

    /// Takes it back, or gives its attempt up.
    fn give_up(self) {
        match self.state {
            State::Waiting(call, gave_up) => {
                gave_up();
                // Nothing came in between but those who hear of it.
                let _ = call.cancel();
            }
            State::Reconnecting(attempt) => {
                if let Some(attempt) = attempt.upgrade() {
                    attempt.give_up();
                }
            }
        }
    }
}

type Random = dyn Fn(f64, f64) -> f64;

struct Core {
    clock: RefCell<ClockHandle>,
    random: RefCell<Rc<Random>>,
    policy: Cell<Policy>,
    /// At most one of each connector that the factory is used with.
    under_way: RefCell<Vec<Retry>>,
    /// The next one, before chance has its say.
    delay: Cell<f64>,
    retries: Cell<u32>,
    continue_trying: Cell<bool>,
}

impl<F: ClientFactory> ReconnectingClientFactory<F> {
    /// Stands around `factory`, and goes by the time of this thread's reactor.
    ///
    /// ```
    /// use reactor_compat::{Address, Protocol, ReconnectingClientFactory, reactor};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let factory = ReconnectingClientFactory::new(|_: Address| Silent);
    /// let handle = factory.handle();
    /// reactor().connect_tcp(("127.0.0.1", 1), factory);
    /// # reactor().call_when_running(move || {
    /// # handle.stop_trying();
    /// # reactor().stop().unwrap();
    /// # });
    /// reactor().run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn new(factory: F) -> Self {
        Self::with_handle(|_| factory)
    }

    /// Stands around a factory that needs a handle, for its protocols for
    /// example.
    ///
    /// See the [type's example](Self).
    pub fn with_handle(make: impl FnOnce(ReconnectHandle) -> F) -> Self {
        let policy = Policy {
            initial_delay: 1.0,
            max_delay: 3600.0,
            factor: E,
            jitter: JITTER,
            max_retries: None,
        };
        let core = Core {
            clock: RefCell::new(ClockHandle::from(&reactor())),
            random: RefCell::new(Rc::new(normal_variate)),
            policy: Cell::new(policy),
            under_way: RefCell::default(),
            delay: Cell::new(policy.initial_delay),
            retries: Cell::new(0),
            continue_trying: Cell::new(true),
        };
        let handle = ReconnectHandle { core: Rc::new(core) };
        Self { factory: make(handle.clone()), handle }
    }

    /// A handle that steers it.
    ///
    /// See the example of [`ReconnectHandle`].
    pub fn handle(&self) -> ReconnectHandle {
        self.handle.clone()
    }

    fn with_policy(self, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = self.handle.core.policy.get();
        change(&mut policy);
        self.handle.core.policy.set(policy);
        self
    }

    /// Goes by `clock`: the reactor that it is used with, or a test's `Clock`.
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{Address, ClientFactory, Protocol, Reactor, ReactorTime};
    /// use reactor_compat::{ConnectionDone, ReconnectingClientFactory, task::Clock};
    /// use std::time::Duration;
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let clock = Clock::new();
    /// let factory = || ReconnectingClientFactory::new(|_: Address| Silent).clock(&clock);
    /// let reactor = Reactor::new();
    /// let connector = reactor.connect_tcp(("127.0.0.1", 1), factory());
    ///
    /// // As if it had been connected.
    /// let mut factory = factory().jitter(0.0);
    /// factory.client_connection_lost(&connector, Failure::new(ConnectionDone));
    /// assert_eq!(clock.get_delayed_calls()[0].get_time(), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        let before = self.handle.core.clock.replace(clock.into());
        drop(before);
        self
    }

    /// How long to wait before the first retry: a second, unless set.
    ///
    /// ```
    /// use reactor_compat::{Address, Protocol, ReconnectingClientFactory};
    /// use std::time::Duration;
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let factory = ReconnectingClientFactory::new(|_: Address| Silent)
    ///     .initial_delay(Duration::from_millis(100))
    ///     .max_delay(Duration::from_secs(60))
    ///     .factor(2.0)
    ///     .jitter(0.1)
    ///     .max_retries(10);
    /// assert_eq!(factory.handle().delay(), Duration::from_millis(100));
    /// ```
    #[doc(alias = "initialDelay")]
    #[must_use]
    pub fn initial_delay(self, delay: Duration) -> Self {
        self.handle.core.delay.set(delay.as_secs_f64());
        self.with_policy(|policy| policy.initial_delay = delay.as_secs_f64())
    }

    /// Sets the longest delay, but for what chance adds: an hour, unless set.
    ///
    /// See the example of [`initial_delay`](Self::initial_delay).
    #[doc(alias = "maxDelay")]
    #[must_use]
    pub fn max_delay(self, delay: Duration) -> Self {
        self.with_policy(|policy| policy.max_delay = delay.as_secs_f64())
    }

    /// Sets the factor of the delay from one retry to the next: e, unless set.
    ///
    /// See the example of [`initial_delay`](Self::initial_delay).
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        self.with_policy(|policy| policy.factor = factor)
    }

    /// The standard deviation of a delay, as a part of it: about 0.12, unless
    /// set; none with 0.
    ///
    /// See the example of [`initial_delay`](Self::initial_delay).
    #[must_use]
    pub fn jitter(self, jitter: f64) -> Self {
        self.with_policy(|policy| policy.jitter = jitter)
    }

    /// How many retries there are before it gives up, unless the
    /// [delay is reset](ReconnectHandle::reset_delay) meanwhile: without end,
    /// unless set.
    ///
    /// See the example of [`initial_delay`](Self::initial_delay).
    #[doc(alias = "maxRetries")]
    #[must_use]
    pub fn max_retries(self, retries: u32) -> Self {
        self.with_policy(|policy| policy.max_retries = Some(retries))
    }

    /// Where chance comes from: a function from a mean and a standard
    /// deviation, in seconds, to a delay. A delay that is not above zero counts
    /// as the mean.
    ///
    /// ```
    /// use deferred::Failure;
    /// use reactor_compat::{Address, ClientFactory, Protocol, Reactor, ReactorTime};
    /// use reactor_compat::{ConnectionDone, ReconnectingClientFactory, task::Clock};
    /// use std::time::Duration;
    ///
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// # let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// let clock = Clock::new();
    /// let mut factory = ReconnectingClientFactory::new(|_: Address| Silent)
    ///     .clock(&clock)
    ///     .jitter(0.5)
    ///     .random(|mean, deviation| mean + deviation);
    /// factory.client_connection_lost(&connector, Failure::new(ConnectionDone));
    /// assert_eq!(clock.get_delayed_calls()[0].get_time(), Duration::from_millis(1500));
    /// ```
    #[doc(alias = "normalvariate")]
    #[must_use]
    pub fn random(self, random: impl Fn(f64, f64) -> f64 + 'static) -> Self {
        let before = self.handle.core.random.replace(Rc::new(random));
        drop(before);
        self
    }
}

impl<F: ClientFactory> Factory for ReconnectingClientFactory<F> {
    type Protocol = F::Protocol;

    fn build_protocol(&mut self, peer: Address) -> Option<F::Protocol> {
        self.factory.build_protocol(peer)
    }

    fn log_prefix(&self) -> Cow<'static, str> {
        self.factory.log_prefix()
    }

    fn do_start(&mut self) {
        self.factory.do_start();
    }

    fn do_stop(&mut self) {
        self.factory.do_stop();
    }

    fn as_client_factory(&mut self) -> Option<&mut dyn ClientFactory<Protocol = F::Protocol>> {
        Some(self)
    }
}

impl<F: ClientFactory> ClientFactory for ReconnectingClientFactory<F> {
    fn started_connecting(&mut self, connector: &Connector<F::Protocol>) {
        self.factory.started_connecting(connector);
    }

    fn client_connection_failed(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        guard::run("a factory", || self.factory.client_connection_failed(connector, reason));
        self.handle.go_on(connector);
    }

    fn client_connection_lost(&mut self, connector: &Connector<F::Protocol>, reason: Failure) {
        guard::run("a factory", || self.factory.client_connection_lost(connector, reason));
        self.handle.go_on(connector);
    }

    fn keeps_trying(&self) -> bool {
        self.handle.core.keeps_trying() || self.factory.keeps_trying()
    }
}

impl ReconnectHandle {
    /// Puts an end to it: a retry that waits is not made, one that is under way
    /// is given up, and a connection that there is will be the last. So it is for
    /// each of the connectors, if the factory is [shared](crate::SharedFactory).
    ///
    /// A first attempt, which is no retry, goes on. So does a connection;
    /// that is the transport's to close.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "stopTrying")]
    pub fn stop_trying(&self) {
        self.core.continue_trying.set(false);
        self.core.under_way.take().into_iter().for_each(Retry::give_up);
    }

    /// Begins anew with the delays and with counting retries, after a
    /// [`stop_trying`](Self::stop_trying) too. A retry that waits comes when it
    /// would have come.
    ///
    /// ```
    /// # use reactor_compat::{Address, Protocol, Reactor, ReconnectingClientFactory};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// # let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Silent);
    /// let handle = ReconnectingClientFactory::new(|_: Address| Silent).handle();
    /// let first = handle.delay();
    /// handle.retry(&connector);
    /// assert!((handle.retries(), handle.delay()) > (1, first));
    /// handle.reset_delay();
    /// assert_eq!((handle.retries(), handle.delay()), (0, first));
    /// # handle.stop_trying();
    /// ```
    #[doc(alias = "resetDelay")]
    pub fn reset_delay(&self) {
        self.core.delay.set(self.core.policy.get().initial_delay);
        self.core.retries.set(0);
        self.core.continue_trying.set(true);
    }

    /// Has `connector` connect again, after the delay whose turn it is; unless
    /// it is [no longer to try](Self::stop_trying), or has tried often enough.
    /// It takes the place of a retry of the same connector that waits.
    ///
    /// The factory does this by itself. It is for taking up again what was
    /// given up, after a [`reset_delay`](Self::reset_delay).
    ///
    /// See the example of [`reset_delay`](Self::reset_delay).
    pub fn retry<P: Protocol>(&self, connector: &Connector<P>) {
        let core = &self.core;
        let destination = connector.get_destination();
        if !core.continue_trying.get() {
            return tracing::info!("Abandoning {destination} on explicit request");
        }
        let retries = core.retries.get().saturating_add(1);
        core.retries.set(retries);
        if core.policy.get().max_retries.is_some_and(|most| retries > most) {
            return tracing::info!("Abandoning {destination} after {retries} retries.");
        }
        let delay = core.next_delay();
        tracing::info!("{destination} will retry in {} seconds", delay.as_secs());
        let (handle, id, connector) = (self.clone(), connector.id(), connector.clone());
        let clock = core.clock.borrow().clone();
        let gave_up = Box::new(connector.giving_up());
        let call = clock.call_later_boxed(delay, Box::new(move || handle.reconnect(&connector)));
        let before = core.replace(id, Some(State::Waiting(call, gave_up)));
        if let Some(State::Waiting(call, _)) = before.map(|retry| retry.state) {
            // It may have been cancelled by the clock.
            let _ = call.cancel();
        }
    }

    /// Whether it still tries: until [`stop_trying`](Self::stop_trying).
    ///
    /// See the [type's example](Self).
    #[doc(alias = "continueTrying")]
    pub fn continue_trying(&self) -> bool {
        self.core.continue_trying.get()
    }

    /// How many retries there were since the
    /// [delay was reset](Self::reset_delay).
    ///
    /// See the example of [`reset_delay`](Self::reset_delay).
    pub fn retries(&self) -> u32 {
        self.core.retries.get()
    }

    /// How long the next retry will have to wait, but for chance.
    ///
    /// See the example of [`reset_delay`](Self::reset_delay).
    pub fn delay(&self) -> Duration {
        self.core.to_duration(self.core.delay.get())
    }

    fn go_on<P: Protocol>(&self, connector: &Connector<P>) {
        if self.continue_trying() {
            self.retry(connector);
        }
    }

    /// The time for a retry has come.
    fn reconnect<P: Protocol>(&self, connector: &Connector<P>) {
        match connector.connect() {
            Ok(()) => {
                let attempt = connector.attempt().map(State::Reconnecting);
                drop(self.core.replace(connector.id(), attempt));
                if !self.continue_trying() {
                    // The factory said so while it was started.
                    self.stop_trying();
                }
            }
            Err(busy) => {
                drop(self.core.replace(connector.id(), None));
                crate::log::err(busy, "a retry was not needed");
            }
        }
    }
}

impl Core {
    /// Whether a retry waits, or would be made if the connector failed now.
    fn keeps_trying(&self) -> bool {
        let waits = self.under_way.borrow().iter().any(Retry::waits);
        let most = self.policy.get().max_retries;
        let may = most.is_none_or(|most| self.retries.get() < most);
        self.continue_trying.get() && (waits || may)
    }

    /// The delay for this retry; the next will have a longer one.
    fn next_delay(&self) -> Duration {
        let Policy { jitter, factor, max_delay, .. } = self.policy.get();
        let mut delay = self.delay.get();
        if jitter != 0.0 {
            let random = self.random.borrow().clone();
            let by_chance = random(delay, delay * jitter);
            // No chance may have it run against a server without a rest.
            delay = if by_chance > 0.0 { by_chance } else { delay };
        }
        self.delay.set((delay * factor).min(max_delay));
        self.to_duration(delay)
    }

    /// As a duration; what is too long for one is as long as a delay may be.
    fn to_duration(&self, seconds: f64) -> Duration {
        let longest = || Duration::try_from_secs_f64(self.policy.get().max_delay);
        Duration::try_from_secs_f64(seconds).or_else(|_| longest()).unwrap_or(Duration::MAX)
    }

    /// Notes the retry of a connector, if there is one now; gives the one before.
    fn replace(&self, connector: ConnectorId, state: Option<State>) -> Option<Retry> {
        let mut under_way = self.under_way.borrow_mut();
        let at = under_way.iter().position(|retry| retry.connector == connector);
        let before = at.map(|at| under_way.swap_remove(at));
        // What they hold is let go with nothing borrowed.
        let (left, over) = under_way.drain(..).partition(Retry::is_there);
        *under_way = left;
        under_way.extend(state.map(|state| Retry { connector, state }));
        drop(under_way);
        drop::<Vec<Retry>>(over);
        before
    }
}

/// A normally distributed number, by Box and Muller.
fn normal_variate(mean: f64, deviation: f64) -> f64 {
    // Not zero, which has no logarithm.
    let distance = 1.0 - fastrand::f64();
    let angle = TAU * fastrand::f64();
    mean + deviation * (-2.0 * distance.ln()).sqrt() * angle.cos()
}

impl<F> fmt::Debug for ReconnectingClientFactory<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingClientFactory")
            .field("policy", &self.handle.core.policy.get())
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReconnectHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.core.under_way.borrow();
        let waiting = under_way.iter().filter(|retry| retry.waits()).count();
        f.debug_struct("ReconnectHandle")
            .field("waiting", &waiting)
            .field("retries", &self.core.retries.get())
            .field("continue_trying", &self.core.continue_trying.get())
            .finish_non_exhaustive()
    }
}
