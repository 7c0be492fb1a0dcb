//! [`Simulation`]: the nodes' reactors, one after the other, and the clock.
//!
//! Tested in `tests/testing/simulation.rs`.
#![allow(clippy::panic, reason = "a test helper fails the test")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, Sleep, sleep};

use super::links::Cable;
use super::node::{Core, Node};
use super::world::World;
use super::{Link, NodeId};
use crate::network::Network;
use crate::reactor::Reactor;
use crate::testing::PumpError;

/// How long a simulation runs at once; Tokio's clock goes no further.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How many steps are taken at one time before it counts as no rest, and how
/// many more for each node.
const STEPS: usize = 50_000;
const STEPS_OF_NODE: usize = 5_000;

/// Nodes with reactors of their own, links between them, and a clock that goes
/// from one thing that is due to the next: all of a distributed program in one
/// thread, in a fraction of its time, and the same each time.
///
/// The seed decides all that is left to chance: what is lost, how long it
/// takes, in which order things happen that happen at one time, and what
/// `fastrand` gives, as by
/// [`ReconnectingClientFactory`](crate::ReconnectingClientFactory). Two runs of
/// one program by one seed are the same to the last [event](Self::hash), as
/// long as the program keeps to that: no clock but the reactor's or Tokio's, no
/// randomness but `fastrand`'s, no order of a `HashMap`, no `select!` of
/// Tokio's but a `biased` one, no other threads. The threads of a node's
/// reactor refuse what they are given; TLS is refused by name, since its random
/// bytes are not the seed's, and so are UNIX sockets.
///
/// Nodes are told apart by name: `reactor.connect_tcp(("server", 80), ..)`.
/// A connection is one of TCP: packets that are lost are sent again after a
/// while; a receiver that does not read stops its sender; a full backlog
/// refuses; a machine that is gone does not answer. There is no congestion
/// control. Time is counted from zero, and goes by the millisecond, as Tokio's
/// timers do: what is due within one happens at its end, in order.
///
/// ```
/// use reactor_compat::testing::{Link, Simulation};
/// use reactor_compat::{Address, Connection, Protocol};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// struct Ask(Rc<Cell<usize>>);
///
/// impl Protocol for Ask {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
///         self.0.set(self.0.get() + data.len());
///     }
/// }
///
/// let simulation = Simulation::new(7);
/// simulation.set_default_link(Link::new().latency(Duration::from_millis(50)));
/// simulation.node("server", |reactor| {
///     reactor.listen_tcp(7, |_: Address| Echo).unwrap();
/// });
/// let heard = Rc::new(Cell::new(0));
/// let count = heard.clone();
/// simulation.node("client", move |reactor| {
///     let count = count.clone();
///     reactor.connect_tcp(("server", 7), move |_: Address| Ask(count.clone()));
/// });
///
/// // There and back to connect, and there and back to ask.
/// simulation.run_for(Duration::from_millis(199))?;
/// assert_eq!(heard.get(), 0);
/// simulation.run_for(Duration::from_millis(1))?;
/// assert_eq!(heard.get(), 5);
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
pub struct Simulation {
    inner: Rc<Inner>,
}

/// The part that a simulation and its nodes share.
pub(super) struct Inner {
    pub(super) world: Rc<World>,
    seed: u64,
    nodes: RefCell<Vec<Rc<Core>>>,
    ready: Arc<Ready>,
    activity: Cell<Activity>,
    /// Where `fastrand` goes on.
    fast: Cell<u64>,
    /// The generator of the test's own choices.
    random: RefCell<Rng>,
    /// Until the simulation is dropped.
    runtime: RefCell<Option<Rc<Runtime>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Resting,
    /// It is being driven, and is not to be driven from inside itself.
    Turning,
}

/// Opens nothing.
struct Nothing;

impl Network for Nothing {}

impl Simulation {
    /// A simulation with no nodes, at time zero.
    ///
    /// # Panics
    ///
    /// If Tokio has no runtime for it.
    ///
    /// See the [type's example](Self).
    pub fn new(seed: u64) -> Self {
        // No sockets: what would open one fails instead.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => panic!("there is no runtime for a simulation: {error}"),
        };
        let clock = Reactor::in_time_of(runtime.handle().clone(), Rc::new(Nothing));
        let mut random = Rng::with_seed(seed);
        let inner = Inner {
            world: World::new(clock, random.u64(..)),
            seed,
            nodes: RefCell::default(),
            ready: Arc::default(),
            activity: Cell::new(Activity::Resting),
            fast: Cell::new(random.u64(..)),
            random: RefCell::new(random),
            runtime: RefCell::new(Some(Rc::new(runtime))),
        };
        Self { inner: Rc::new(inner) }
    }

    /// A node of that name, and what its program does when it starts: at the
    /// beginning, and whenever it is [started](Node::start) again.
    ///
    /// # Panics
    ///
    /// If there is a node of that name.
    ///
    /// See the [type's example](Self).
    pub fn node(&self, name: &str, boot: impl FnMut(&Reactor) + 'static) -> Node {
        if self.inner.world.address_of(name).is_some() {
            panic!("there is a node of the name {name} already");
        }
        let core = Core::new(&self.inner, name, boot);
        self.inner.nodes.borrow_mut().push(core.clone());
        core.start(&self.inner);
        Node::new(&self.inner, core)
    }

    /// Sets what links are like that are not [set](Self::set_link).
    ///
    /// See the [type's example](Self).
    pub fn set_default_link(&self, link: Link) {
        self.inner.world.links.borrow_mut().default = link;
    }

    /// Sets what the link between two nodes is like. What is under way stays as
    /// it is.
    ///
    /// ```
    /// # use reactor_compat::testing::{Link, Simulation};
    /// # use std::time::Duration;
    /// let simulation = Simulation::new(1);
    /// let here = simulation.node("here", |_| ());
    /// let moon = simulation.node("moon", |_| ());
    /// simulation.set_link(&here, &moon, Link::new().latency(Duration::from_millis(1_300)));
    /// ```
    pub fn set_link(&self, one: &Node, other: &Node, link: Link) {
        self.inner.world.links.borrow_mut().set(one.id(), other.id(), link);
    }

    /// Pulls the cable between two nodes: nothing passes, what is under way is
    /// lost, and neither hears of it but by waiting.
    ///
    /// An attempt to connect is given up after 127 seconds, and a connection 924
    /// seconds after it has sent something, as Linux does it. One that has nothing to
    /// send never notices: a program that has to know needs a heartbeat.
    ///
    /// See the example of [`mend`](Self::mend).
    pub fn cut(&self, one: &Node, other: &Node) {
        self.inner.world.links.borrow_mut().plug(one.id(), other.id(), Cable::Out);
    }

    /// Puts the cable back in.
    ///
    /// ```
    /// # use reactor_compat::testing::Simulation;
    /// # use reactor_compat::{Address, Protocol};
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let simulation = Simulation::new(1);
    /// let server = simulation.node("server", |reactor| {
    ///     reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    /// });
    /// let client = simulation.node("client", |reactor| {
    ///     reactor.connect_tcp(("server", 80), |_: Address| Silent);
    /// });
    /// simulation.cut(&server, &client);
    /// simulation.run_for(Duration::from_secs(10))?;
    /// assert_eq!(client.reactor().inventory().connecting.len(), 1);
    /// simulation.mend(&server, &client);
    /// simulation.run_for(Duration::from_secs(10))?;
    /// assert_eq!(client.reactor().inventory().connections.len(), 1);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn mend(&self, one: &Node, other: &Node) {
        self.inner.world.links.borrow_mut().plug(one.id(), other.id(), Cable::In);
    }

    /// Pulls all cables between `nodes` and the others: a partition, in which
    /// either side is whole. Connections across it fare as by [`cut`](Self::cut).
    ///
    /// See the example of [`heal`](Self::heal).
    pub fn isolate<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) {
        let inside: Vec<NodeId> = nodes.into_iter().map(Node::id).collect();
        let mut links = self.inner.world.links.borrow_mut();
        for other in 0..self.inner.nodes.borrow().len() {
            if !inside.contains(&other) {
                inside.iter().for_each(|one| links.plug(*one, other, Cable::Out));
            }
        }
    }

    /// Puts all cables back in.
    ///
    /// ```
    /// # use reactor_compat::testing::Simulation;
    /// # use reactor_compat::{Address, Protocol};
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let simulation = Simulation::new(1);
    /// let one = simulation.node("one", |reactor| {
    ///     reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    /// });
    /// let two = simulation.node("two", |_| ());
    /// simulation.isolate([&two]);
    /// let connector = two.reactor().connect_tcp(("one", 80), |_: Address| Silent);
    /// simulation.run_for(Duration::from_secs(5))?;
    /// simulation.heal();
    /// assert!(simulation.run_until(Duration::from_secs(5), || {
    ///     two.reactor().inventory().connections.len() == 1
    /// })?);
    /// # drop((one, connector));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn heal(&self) {
        self.inner.world.links.borrow_mut().heal();
    }

    /// Resets all connections between two nodes: both ends hear of it at once.
    ///
    /// ```
    /// # use reactor_compat::testing::Simulation;
    /// # use reactor_compat::{Address, Protocol};
    /// # use std::time::Duration;
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let simulation = Simulation::new(1);
    /// let server = simulation.node("server", |reactor| {
    ///     reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    /// });
    /// let client = simulation.node("client", |reactor| {
    ///     reactor.connect_tcp(("server", 80), |_: Address| Silent);
    /// });
    /// simulation.run_for(Duration::from_secs(1))?;
    /// simulation.reset(&server, &client);
    /// simulation.run_for(Duration::ZERO)?;
    /// assert!(server.reactor().inventory().connections.is_empty());
    /// assert!(client.reactor().inventory().connections.is_empty());
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn reset(&self, one: &Node, other: &Node) {
        let world = &self.inner.world;
        let connections: Vec<_> = world.connections.borrow().values().cloned().collect();
        let between = connections.iter().filter(|one_of| one_of.is_between(one.id(), other.id()));
        between.for_each(|connection| connection.reset_both(world));
    }

    /// Goes on for so long; 30 years at most.
    ///
    /// # Errors
    ///
    /// [`PumpError`] if there is no end of what happens at one time, or if it
    /// is called from inside what it runs.
    ///
    /// # Panics
    ///
    /// In a Tokio runtime of another: it drives one of its own.
    ///
    /// See the [type's example](Self).
    pub fn run_for(&self, time: Duration) -> Result<(), PumpError> {
        self.inner.run(time, &mut || false).map(drop)
    }

    /// Goes on until it is so, or for so long, 30 years at most; whether it is so. It
    /// looks whenever something has happened.
    ///
    /// # Errors
    ///
    /// As [`run_for`](Self::run_for).
    ///
    /// See the example of [`heal`](Self::heal).
    pub fn run_until(
        &self,
        limit: Duration,
        mut so: impl FnMut() -> bool,
    ) -> Result<bool, PumpError> {
        self.inner.run(limit, &mut so)
    }

    /// The time, counted from zero.
    ///
    /// ```
    /// # use reactor_compat::testing::Simulation;
    /// # use std::time::Duration;
    /// let simulation = Simulation::new(1);
    /// simulation.run_for(Duration::from_secs(3600))?;
    /// assert_eq!(simulation.seconds(), Duration::from_secs(3600));
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn seconds(&self) -> Duration {
        self.inner.world.clock().seconds()
    }

    /// The seed.
    ///
    /// ```
    /// assert_eq!(reactor_compat::testing::Simulation::new(7).seed(), 7);
    /// ```
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// A number by chance, which the seed decides: for what a test does to its
    /// nodes, and when.
    ///
    /// # Panics
    ///
    /// If there is no number in the range.
    ///
    /// ```
    /// use reactor_compat::testing::Simulation;
    ///
    /// let (one, other) = (Simulation::new(7), Simulation::new(7));
    /// assert_eq!(one.random(0..1_000), other.random(0..1_000));
    /// ```
    pub fn random(&self, range: Range<u64>) -> u64 {
        self.inner.random.borrow_mut().u64(range)
    }

    /// All that has happened on the network until now, as a number: each
    /// packet, its time, and what is in it.
    ///
    /// ```
    /// use reactor_compat::testing::Simulation;
    ///
    /// assert_eq!(Simulation::new(7).hash(), Simulation::new(7).hash());
    /// ```
    pub fn hash(&self) -> u64 {
        self.inner.world.history.get().hash
    }

    /// How many events that were. Each is logged with [`tracing`], under the
    /// target `simulation` and the level `TRACE`.
    ///
    /// ```
    /// assert_eq!(reactor_compat::testing::Simulation::new(7).events(), 0);
    /// ```
    pub fn events(&self) -> u64 {
        self.inner.world.history.get().events
    }
}

impl Inner {
    /// The runtime that all of it is in.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.runtime.borrow().as_ref().map(|runtime| runtime.handle().clone())
    }

    /// The waker of a node.
    pub(super) fn waker(&self, node: NodeId) -> Waker {
        let queued = AtomicBool::new(false);
        Waker::from(Arc::new(NodeWaker { node, queued, ready: self.ready.clone() }))
    }

    fn run(
        self: &Rc<Self>,
        limit: Duration,
        so: &mut dyn FnMut() -> bool,
    ) -> Result<bool, PumpError> {
        let runtime = self.runtime.borrow().clone();
        let Some(runtime) = runtime else { return Ok(false) };
        if self.activity.replace(Activity::Turning) == Activity::Turning {
            return Err(PumpError::Reentrant);
        }
        let outside = fastrand::get_seed();
        fastrand::seed(self.fast.get());
        let mut drive = Drive {
            simulation: self,
            deadline: self.world.clock().seconds().saturating_add(limit.min(LONGEST)),
            so,
            alarm: None,
            steps: 0,
            most: STEPS + STEPS_OF_NODE * self.nodes.borrow().len(),
            now: Duration::ZERO,
        };
        let driven = runtime.block_on(async {
            deferred::adopt_coroutines();
            poll_fn(|cx| drive.poll(cx)).await
        });
        self.fast.set(fastrand::get_seed());
        fastrand::seed(outside);
        self.activity.set(Activity::Resting);
        driven
    }
}

/// A run of a simulation for some time.
struct Drive<'a> {
    simulation: &'a Rc<Inner>,
    deadline: Duration,
    so: &'a mut dyn FnMut() -> bool,
    alarm: Option<Pin<Box<Sleep>>>,
    /// How many steps were taken at the time that it is.
    steps: usize,
    /// How many may be.
    most: usize,
    now: Duration,
}

impl Drive<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, PumpError>> {
        let Inner { world, ready, .. } = &**self.simulation;
        ready.set_main(cx.waker());
        loop {
            let now = world.clock().seconds();
            if now != self.now {
                (self.now, self.steps) = (now, 0);
            }
            if self.steps > self.most {
                return Poll::Ready(Err(PumpError::Restless { rounds: self.most }));
            }
            self.steps += 1;
            if let Some(node) = ready.take() {
                let core = self.simulation.nodes.borrow()[node].clone();
                core.turn(self.simulation);
                continue;
            }
            // All have done what they can: that is when it may be so.
            if (self.so)() {
                return Poll::Ready(Ok(true));
            }
            if world.step() {
                continue;
            }
            if now >= self.deadline {
                return Poll::Ready(Ok(false));
            }
            let next = world.next_at().map_or(self.deadline, |at| at.min(self.deadline));
            if self.wait(cx, next.saturating_sub(now)).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Waits; the clock goes on when nothing else happens.
    fn wait(&mut self, cx: &mut Context<'_>, time: Duration) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(time)));
        let at = Instant::now() + time;
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(cx)
    }
}

/// The nodes that have something to do, the first one first.
#[derive(Default)]
struct Ready {
    nodes: Mutex<VecDeque<(NodeId, Arc<NodeWaker>)>>,
    main: Mutex<Option<Waker>>,
}

impl Ready {
    fn set_main(&self, waker: &Waker) {
        *lock(&self.main) = Some(waker.clone());
    }

    fn take(&self) -> Option<NodeId> {
        let (node, waker) = lock(&self.nodes).pop_front()?;
        waker.queued.store(false, Ordering::Release);
        Some(node)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The waker of a node.
struct NodeWaker {
    node: NodeId,
    /// Set while it is among those that have something to do.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for NodeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.ready.nodes).push_back((self.node, self.clone()));
        let main = lock(&self.ready.main).clone();
        if let Some(main) = main {
            main.wake();
        }
    }
}

/// Drops what the nodes run where it ran.
impl Drop for Simulation {
    fn drop(&mut self) {
        let nodes = self.inner.nodes.take();
        // None of them hears of the end of another.
        (0..nodes.len()).for_each(|node| self.inner.world.switch_off(node));
        nodes.iter().for_each(|node| node.clear(&self.inner));
        lock(&self.inner.ready.nodes).clear();
        let runtime = self.inner.runtime.take();
        if let Some(runtime) = runtime.and_then(Rc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.inner.seed)
            .field("seconds", &self.seconds())
            .field("nodes", &self.inner.nodes.borrow().len())
            .field("events", &self.events())
            .finish_non_exhaustive()
    }
}
