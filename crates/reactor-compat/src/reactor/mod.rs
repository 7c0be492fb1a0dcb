//! [`Reactor`]: the main loop, and the handle to it.
//!
//! Mirrors `twisted.internet.reactor` and `twisted.internet.base.ReactorBase`.
//! Tested in `tests/runtime/reactor.rs`, and each part in a test of its own.

mod attached;
mod auto_start;
mod buffers;
mod clock;
mod driven;
mod events;
mod executor;
mod extensions;
mod hosted;
mod inventory;
mod local_task;
mod options;
mod pending;
mod phase;
mod registry;
mod remote;
mod run;
mod signals;
mod time;
mod turn;
mod weak;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use deferred::time::TimerQueue;

use auto_start::AutoStart;
pub(crate) use buffers::Buffers;
pub(crate) use clock::Epoch;
use driven::Warnings;
pub(crate) use driven::mark_pool_thread;
use events::Events;
pub use events::SystemEventTrigger;
use executor::Executor;
pub(crate) use extensions::Extension;
use extensions::Extensions;
pub use hosted::HostedReactor;
use inventory::CallSites;
pub use inventory::{Inventory, OpenConnection, OpenDescriptor, OpenPort, PendingCall};
pub use options::RunOptions;
use pending::PendingResults;
use phase::Phase;
pub(crate) use registry::{Registered, Registration, Registry};
use remote::{Mailbox, RemoteCall};
pub use remote::{Remote, RemoteObject, RemoteResult, blocking_call_from_thread};
pub(crate) use remote::{ResultSlot, operations};
use signals::{Handlers, SignalStreams};
pub use signals::{Signal, SignalError};
pub(crate) use weak::WeakReactor;

use crate::call_result::CallResult;
#[cfg(doc)]
use crate::error::ReactorNotDriven;
use crate::error::{ReactorNotRunning, RunError};
use crate::event::{EventPhase, WHILE_TRIGGERING};
use crate::guard;
use crate::network::{Network, SystemNetwork};

/// Runs everything: time, ports, connections, and whatever they call.
///
/// It is a Tokio runtime of the kind that has one thread:
/// `tokio::task::spawn_local`, `tokio::time`, `tokio::net` and whatever is
/// built on them work in all that it calls. A `Reactor` is a handle to it,
/// cheap to clone, and stays on its thread. [`reactor`] is the one that every
/// thread has anyway; [`new`](Self::new) makes one for a test.
///
/// A port, a connection or a delayed call that is started before it
/// [runs](Self::run) starts when it does; if it never does, it ends with the last
/// handle of the reactor, and sockets are closed. A factory or a call that
/// waits so and has such a handle itself keeps both. A callback that panics is
/// logged with [`tracing`], and the reactor goes on.
///
/// # Re-entrancy
///
/// Every method can be called from everywhere on the thread, callbacks of all
/// kinds included. None runs user code before it returns, except for
/// [`call_when_running`](Self::call_when_running), which calls at once while
/// the reactor runs, and [`run`](Self::run).
///
/// ```
/// use reactor_compat::Reactor;
/// use std::time::Duration;
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// reactor.call_later(Duration::from_millis(1), move || stop.stop().unwrap());
/// reactor.run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IReactorCore")]
#[doc(alias = "ReactorBase")]
pub struct Reactor {
    core: Rc<Core>,
}

struct Core {
    phase: Cell<Phase>,
    /// It was told to stop, and the event has not been fired.
    just_stopped: Cell<bool>,
    /// How many runs there have been.
    run: Cell<u64>,
    /// Whether the signals that should stop it do, in this run.
    defaults: Cell<bool>,
    epoch: Epoch,
    timers: TimerQueue,
    call_sites: CallSites,
    auto_start: AutoStart,
    warnings: Warnings,
    events: Events,
    handlers: Handlers,
    signals: RefCell<Option<SignalStreams>>,
    pending: PendingResults,
    executor: Executor,
    extensions: Extensions,
    waker: Rc<Cell<Option<Waker>>>,
    mailbox: Arc<Mailbox<RemoteCall>>,
    shared: Rc<Shared>,
}

/// All that ports and connections need of their reactor for each event.
pub(crate) struct Shared {
    pub(crate) buffers: Buffers,
    pub(crate) registry: Registry,
    network: Rc<dyn Network>,
}

impl Shared {
    fn new(network: Rc<dyn Network>) -> Self {
        Self { buffers: Buffers::default(), registry: Registry::default(), network }
    }

    /// The network, if it can be used here and now.
    pub(crate) fn network(&self) -> io::Result<&dyn Network> {
        self.network.ready()?;
        Ok(&*self.network)
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(Rc::new(SystemNetwork::new()))
    }
}

thread_local! {
    pub(crate) static REACTOR: RefCell<Reactor> = {
        let own = Reactor::new();
        own.core.auto_start.enabled.set(true);
        RefCell::new(own)
    };
}

/// The thread's reactor.
///
/// Nobody need run it in a Tokio runtime of one thread, such as that of
/// `#[tokio::main(flavor = "local")]`: once something is asked of it there, a
/// call, a port or a connection, it starts at the runtime's next turn, as if
/// it had been [attached](Reactor::attach).
///
/// In a runtime of several threads, that of a plain `#[tokio::main]`, somebody has
/// to run it: await [`run_until_stopped`](Reactor::run_until_stopped), or give it
/// a thread of its own with [`spawn_thread`](Reactor::spawn_thread). Until then
/// ports and calls that are set up in the main function wait, and a Deferred that
/// would be waited for fails with a [`ReactorNotDriven`]; in a task, or on a
/// thread of a pool, where nobody can run it, all that can fail does, and for the
/// rest a warning is logged.
///
/// ```
/// use reactor_compat::reactor;
///
/// assert!(!reactor().running());
/// reactor().call_when_running(|| reactor().stop());
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "twisted.internet.reactor")]
pub fn reactor() -> Reactor {
    REACTOR.with_borrow(Reactor::clone)
}

impl Reactor {
    /// A reactor beside the thread's own.
    ///
    /// ```
    /// assert!(!reactor_compat::Reactor::new().running());
    /// ```
    pub fn new() -> Self {
        Self::with_network(Rc::new(SystemNetwork::new()))
    }

    /// A reactor whose ports and connections are opened by `network`, which
    /// looks its names up, too.
    ///
    /// See the example of [`Network`].
    pub fn with_network(network: Rc<dyn Network>) -> Self {
        Self::at(Epoch::now(), network)
    }

    /// The network that opens its ports and connections.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// assert!(Reactor::new().get_network().ready().is_ok());
    /// ```
    pub fn get_network(&self) -> Rc<dyn Network> {
        self.core.shared.network.clone()
    }

    /// One whose time is that of `epoch`.
    pub(crate) fn at(epoch: Epoch, network: Rc<dyn Network>) -> Self {
        let waker = Rc::new(Cell::new(None::<Waker>));
        let wake = waker.clone();
        // The queue reads the clock whenever a call is scheduled or moved,
        // which is when the alarm may no longer be set for the first of them.
        let clock = epoch.clone();
        let timers = TimerQueue::new(move || {
            if let Some(waker) = wake.take() {
                waker.wake();
            }
            clock.seconds()
        });
        let core = Core {
            phase: Cell::new(Phase::Idle),
            just_stopped: Cell::new(false),
            run: Cell::new(0),
            defaults: Cell::new(true),
            epoch,
            timers,
            call_sites: CallSites::default(),
            auto_start: AutoStart::default(),
            warnings: Warnings::default(),
            events: Events::default(),
            handlers: Handlers::default(),
            signals: RefCell::default(),
            pending: PendingResults::default(),
            executor: Executor::new(),
            extensions: Extensions::default(),
            waker,
            mailbox: Arc::new(Mailbox::new()),
            shared: Rc::new(Shared::new(network)),
        };
        Self { core: Rc::new(core) }
    }

    /// Runs until [`stop`](Self::stop) is called, or SIGINT or SIGTERM comes.
    ///
    /// First the event `startup` happens, of which
    /// [`call_when_running`](Self::call_when_running) is a part; at the end the
    /// event `shutdown`, in which ports are closed, connections are cut and
    /// each protocol's `connection_lost` is called: see
    /// [`add_system_event_trigger`](Self::add_system_event_trigger). Then tasks
    /// spawned on the runtime are dropped, and this returns. Delayed calls that
    /// are pending stay so; the reactor can be run again.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it is running already, if the thread is inside another
    /// Tokio runtime (see [`run_until_stopped`](Self::run_until_stopped) for
    /// that), or if the operating system gives none.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let stop = reactor.clone();
    /// reactor.call_when_running(move || {
    ///     tokio::task::spawn_local(async move {
    ///         tokio::task::yield_now().await;
    ///         stop.stop().unwrap();
    ///     });
    /// });
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn run(&self) -> Result<(), RunError> {
        self.run_with(RunOptions::new())
    }

    /// [`run`](Self::run), otherwise than usual.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// See the example of [`RunOptions`].
    pub fn run_with(&self, options: RunOptions) -> Result<(), RunError> {
        run::run(&self.core, &options)
    }

    /// Ends the [run](Self::run), when what is running now has returned.
    ///
    /// # Errors
    ///
    /// [`ReactorNotRunning`] if it does not run, or was told to stop before.
    ///
    /// ```
    /// use reactor_compat::{Reactor, ReactorNotRunning};
    ///
    /// let reactor = Reactor::new();
    /// let again = reactor.clone();
    /// reactor.call_when_running(move || {
    ///     assert_eq!(again.stop(), Ok(()));
    ///     assert_eq!(again.stop(), Err(ReactorNotRunning));
    /// });
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn stop(&self) -> Result<(), ReactorNotRunning> {
        if self.core.stop() { Ok(()) } else { Err(ReactorNotRunning) }
    }

    /// Ends the run when what is running now has returned, without the event
    /// `shutdown`: what is alive is dropped as it is.
    ///
    /// Connections' `connection_lost` is called even so, since here they end
    /// with the run.
    ///
    /// # Errors
    ///
    /// [`ReactorNotRunning`] if it does not run.
    ///
    /// ```
    /// use reactor_compat::{Reactor, ReactorNotRunning, event::EventPhase};
    ///
    /// let reactor = Reactor::new();
    /// assert_eq!(reactor.crash(), Err(ReactorNotRunning));
    /// reactor.add_system_event_trigger(EventPhase::Before, "shutdown", || println!("never"));
    /// let crash = reactor.clone();
    /// reactor.call_when_running(move || crash.crash().unwrap());
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn crash(&self) -> Result<(), ReactorNotRunning> {
        if self.core.crash() { Ok(()) } else { Err(ReactorNotRunning) }
    }

    /// Whether it runs: from the end of the phase `before` of the event
    /// `startup` to that of the event `shutdown`.
    ///
    /// ```
    /// assert!(!reactor_compat::Reactor::new().running());
    /// ```
    pub fn running(&self) -> bool {
        self.core.phase.get().runs()
    }

    /// Calls `call` as soon as the reactor runs; at once, if it does.
    ///
    /// Until then it is a trigger after the event `startup`, which can be
    /// [removed](Self::remove_system_event_trigger). What it fails with is logged
    /// (see [`CallResult`]), and a panic as well, unless it is called at once:
    /// that is as if you called it yourself.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let reactor = Reactor::new();
    /// let order = Rc::new(Cell::new(0));
    /// let (inner, seen) = (reactor.clone(), order.clone());
    /// reactor.call_when_running(move || {
    ///     let first = seen.clone();
    ///     inner.call_when_running(move || first.set(1));
    ///     assert_eq!(seen.get(), 1);
    ///     inner.stop().unwrap();
    /// });
    /// assert_eq!(order.get(), 0);
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "callWhenRunning")]
    pub fn call_when_running<R: CallResult>(
        &self,
        call: impl FnOnce() -> R + 'static,
    ) -> Option<SystemEventTrigger> {
        if self.running() {
            guard::report(WHILE_TRIGGERING, call());
            return None;
        }
        Some(self.add_system_event_trigger(EventPhase::After, "startup", call))
    }

    /// A handle to it for other threads.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let remote = reactor.remote();
    /// let other = std::thread::spawn(move || remote.stop());
    /// reactor.run()?;
    /// other.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "IReactorFromThreads")]
    pub fn remote(&self) -> Remote {
        Remote::new(self.core.mailbox.clone())
    }

    /// Has the runtime drive `future`, now or when the reactor runs.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        match self.core.phase.get() {
            Phase::Ending => drop(future),
            _ => {
                self.core.executor.spawn(future);
                self.auto_start();
            }
        }
    }

    /// Whether what begins now would not live to see anything.
    pub(crate) fn stopping(&self) -> bool {
        matches!(self.core.phase.get(), Phase::Closing | Phase::Crashed | Phase::Ending)
    }

    /// Its clock.
    pub(crate) fn epoch(&self) -> &Epoch {
        &self.core.epoch
    }

    pub(crate) fn shared(&self) -> &Rc<Shared> {
        &self.core.shared
    }
}

impl Core {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Nobody will ever do what other threads have asked for, or start what waits
/// to be started: sockets are closed.
impl Drop for Core {
    fn drop(&mut self) {
        self.executor.drop_queued();
        let left = self.mailbox.close();
        self.mailbox.notify_closed();
        self.fail_pending();
        if !left.is_empty() {
            tracing::warn!(left = left.len(), "a reactor is gone that other threads had calls for");
        }
    }
}

impl Default for Reactor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("phase", &self.core.phase.get())
            .field("delayed_calls", &self.core.timers.len())
            .field("alive", &self.core.shared.registry.len())
            .finish_non_exhaustive()
    }
}
