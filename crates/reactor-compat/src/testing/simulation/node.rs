//! [`Node`]: a machine with a reactor, in a simulation.
//!
//! Tested in `tests/testing/simulation.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tracing::Span;

use super::NodeId;
use super::driver::Inner;
use super::network::{NoTls, NodeNetwork};
use crate::reactor::{Reactor, RunOptions};

/// The life of a node's reactor.
type Life = Pin<Box<dyn Future<Output = ()>>>;

type Boot = Box<dyn FnMut(&Reactor)>;

/// The states of a node's program.
///
/// ```text
/// Ended ──start──▶ Up ◀──▶ Turning ──killed──▶ Doomed
///   ▲──────killed, stopped──┘─┘                   │
///   └─────────────────────────────────────────────┘
/// ```
enum State {
    /// Nothing: it has not been started, or has come to its end.
    Ended,
    Up(Life),
    /// It is being driven.
    Turning,
    /// It is being driven for the last time.
    Doomed {
        /// And is to be started again.
        again: bool,
    },
}

/// A machine of a [`Simulation`](super::Simulation), and the program that it
/// runs, with a reactor of its own. Clones are the same node.
///
/// ```
/// use reactor_compat::testing::Simulation;
/// use reactor_compat::{Address, Protocol};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let simulation = Simulation::new(1);
/// let node = simulation.node("web", |reactor| {
///     reactor.listen_tcp(80, |_: Address| Silent).unwrap();
/// });
/// simulation.run_for(std::time::Duration::ZERO)?;
/// assert!(node.is_up());
/// assert_eq!(node.reactor().inventory().ports.len(), 1);
/// assert_eq!((node.name(), node.address().to_string()), ("web", "10.0.0.1".to_owned()));
/// # Ok::<(), reactor_compat::testing::PumpError>(())
/// ```
#[derive(Clone)]
pub struct Node {
    core: Rc<Core>,
    simulation: Rc<Inner>,
}

pub(super) struct Core {
    pub(super) id: NodeId,
    name: String,
    address: IpAddr,
    waker: Waker,
    span: Span,
    reactor: RefCell<Reactor>,
    state: RefCell<State>,
    /// Taken out while it runs.
    boot: Cell<Option<Boot>>,
}

impl Node {
    pub(super) fn new(simulation: &Rc<Inner>, core: Rc<Core>) -> Self {
        Self { core, simulation: simulation.clone() }
    }

    pub(super) fn id(&self) -> NodeId {
        self.core.id
    }

    /// Its name, by which the other nodes find it.
    ///
    /// See the [type's example](Self).
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Its address, on all links.
    ///
    /// See the [type's example](Self).
    pub fn address(&self) -> IpAddr {
        self.core.address
    }

    /// The reactor that its program has now, or had last.
    ///
    /// See the [type's example](Self).
    pub fn reactor(&self) -> Reactor {
        self.core.reactor.borrow().clone()
    }

    /// Whether its program runs.
    ///
    /// See the [type's example](Self).
    pub fn is_up(&self) -> bool {
        matches!(*self.core.state.borrow(), State::Up(_) | State::Turning)
    }

    /// Pulls the machine's plug: the other nodes hear nothing, and find that
    /// out by waiting. Nothing answers until it is [started](Self::start)
    /// again; what is sent to its old connections then is answered by a reset.
    ///
    /// The program is dropped. Its network is gone before that, so that what
    /// its protocols do when their `connection_lost` is called, with
    /// [`ConnectionLost`](crate::ConnectionLost), nobody hears. A real program
    /// would not get as far as that: look at what others know of it.
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
    /// server.crash();
    /// simulation.run_for(Duration::from_secs(60))?;
    /// assert!(!server.is_up());
    /// assert_eq!(client.reactor().inventory().connections.len(), 1, "it has not noticed");
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn crash(&self) {
        self.simulation.world.switch_off(self.core.id);
        self.core.end(&self.simulation);
    }

    /// Ends its program, as `kill -9` does it: its machine closes what it had
    /// open, so that peers hear of that, and refuses connections.
    ///
    /// Its protocols' `connection_lost` is called, as by
    /// [`crash`](Self::crash); what they write to other connections may still
    /// go out.
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
    /// server.kill();
    /// simulation.run_for(Duration::from_secs(1))?;
    /// assert_eq!(client.reactor().inventory().connections.len(), 0);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn kill(&self) {
        self.core.end(&self.simulation);
    }

    /// Starts its program again, with a new reactor, and its machine if that is
    /// off. Nothing comes of it while it is up.
    ///
    /// ```
    /// use reactor_compat::testing::Simulation;
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    ///
    /// let starts = Rc::new(Cell::new(0));
    /// let count = starts.clone();
    /// let simulation = Simulation::new(1);
    /// let node = simulation.node("phoenix", move |_| count.set(count.get() + 1));
    /// simulation.run_for(Duration::from_secs(1))?;
    /// node.crash();
    /// node.start();
    /// simulation.run_for(Duration::from_secs(1))?;
    /// assert_eq!(starts.get(), 2);
    /// # Ok::<(), reactor_compat::testing::PumpError>(())
    /// ```
    pub fn start(&self) {
        self.core.start(&self.simulation);
    }
}

impl Core {
    pub(super) fn new(
        simulation: &Inner,
        name: &str,
        boot: impl FnMut(&Reactor) + 'static,
    ) -> Rc<Self> {
        let world = &simulation.world;
        let id = world.add_host(name);
        Rc::new(Self {
            id,
            name: name.to_owned(),
            address: world.host(id, |host| host.ip.into()),
            waker: simulation.waker(id),
            span: tracing::debug_span!("node", system = name),
            reactor: RefCell::new(world.clock().clone()),
            state: RefCell::new(State::Ended),
            boot: Cell::new(Some(Box::new(boot))),
        })
    }

    /// Starts the program, unless it runs.
    pub(super) fn start(self: &Rc<Self>, simulation: &Rc<Inner>) {
        match &mut *self.state.borrow_mut() {
            State::Ended => {}
            State::Up(_) | State::Turning => return,
            State::Doomed { again } => return *again = true,
        }
        let Some(handle) = simulation.handle() else { return };
        let world = &simulation.world;
        world.switch_on(self.id);
        world.note(&[100, self.id as u64]);
        let network = NoTls(NodeNetwork::new(world, self.id));
        let reactor = world.clock().beside(Rc::new(network));
        // Threads go by no clock but their own.
        reactor.get_thread_pool().stop();
        // It belongs to the node, and the reactor does, too.
        let core = Rc::downgrade(self);
        reactor.call_when_running(move || {
            let Some(core) = core.upgrade() else { return };
            let its = core.reactor.borrow().clone();
            if let Some(mut boot) = core.boot.take() {
                boot(&its);
                core.boot.set(Some(boot));
            }
        });
        let options = RunOptions::new().install_signal_handlers(false);
        if let Ok(life) = reactor.attached_run(handle, options) {
            let before = self.reactor.replace(reactor);
            drop(before);
            self.state.replace(State::Up(life));
            self.waker.wake_by_ref();
        }
    }

    /// Has the program go on.
    pub(super) fn turn(self: &Rc<Self>, simulation: &Rc<Inner>) {
        let before = self.state.replace(State::Turning);
        let mut life = match before {
            State::Up(life) => life,
            other => return drop(self.state.replace(other)),
        };
        let over = self.inside(|| {
            let mut cx = Context::from_waker(&self.waker);
            // Its tasks have budgets of their own.
            let polled = Pin::new(&mut unconstrained(life.as_mut())).poll(&mut cx).is_ready();
            let doomed = matches!(*self.state.borrow(), State::Doomed { .. });
            let over = polled || doomed;
            if over {
                drop(mem::replace(&mut life, Box::pin(async {})))
            }
            over
        });
        if !over {
            self.state.replace(State::Up(life));
            return;
        }
        let before = self.state.replace(State::Ended);
        if matches!(before, State::Doomed { again: true }) {
            self.start(simulation);
        }
    }

    /// Ends the program.
    pub(super) fn end(self: &Rc<Self>, simulation: &Inner) {
        let before = self.state.replace(State::Ended);
        match before {
            State::Ended => {}
            State::Up(life) => {
                simulation.world.note(&[101, self.id as u64]);
                let handle = simulation.handle();
                let _inside = handle.as_ref().map(Handle::enter);
                self.inside(|| drop(life));
            }
            State::Turning => {
                simulation.world.note(&[101, self.id as u64]);
                self.state.replace(State::Doomed { again: false });
            }
            State::Doomed { .. } => {
                self.state.replace(State::Doomed { again: false });
            }
        }
    }

    /// Runs something where the node's program runs.
    fn inside<R>(&self, act: impl FnOnce() -> R) -> R {
        let reactor = self.reactor.borrow().clone();
        let _own = reactor.replace_threads_own();
        self.span.in_scope(act)
    }

    /// Lets go of everything that it has.
    pub(super) fn clear(self: &Rc<Self>, simulation: &Inner) {
        self.end(simulation);
        let boot = self.boot.take();
        drop(boot);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.core.name)
            .field("address", &self.core.address)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}
