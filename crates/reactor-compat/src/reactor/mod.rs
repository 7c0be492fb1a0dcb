//! [`Reactor`]: what runs everything.
//!
//! Mirrors `twisted.internet.reactor` and `twisted.internet.base.ReactorBase`.
//! Tested in `tests/reactor.rs`, and with signals in the package `examples`.

mod buffers;
mod clock;
mod registry;
mod run;
mod signals;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use deferred::time::{Call, DelayedCall, ReactorTime, TimerQueue};
use tracing::Span;

pub(crate) use buffers::Buffers;
use clock::Epoch;
pub(crate) use registry::{Enrolment, Live, Registry};

use crate::error::{ReactorNotRunning, RunError};
use crate::guard;
use crate::threads::{Mailbox, Remote};

/// What a reactor is doing.
///
/// ```text
/// Idle ──run──▶ Running ──stop──▶ Stopping ──all has ended──▶ Ending ──▶ Idle
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is not running. What is started waits for it to run.
    Idle,
    /// It runs.
    Running,
    /// It was told to stop, and lets ports and connections end.
    Stopping,
    /// Its runtime is being dropped. Nothing can be started any more.
    Ending,
}

/// What runs everything: time, ports, connections, and whatever they call.
///
/// It is a Tokio runtime of the kind that has one thread:
/// `tokio::task::spawn_local`, `tokio::time`, `tokio::net` and whatever is
/// built on them work in all that it calls. A `Reactor` is a handle to it,
/// cheap to clone, and stays on its thread. [`reactor`] is the one that every
/// thread has anyway; [`new`](Self::new) makes one for a test.
///
/// What is started before it [runs](Self::run), a port, a connection or a
/// delayed call, starts when it does. A callback that panics is logged with
/// [`tracing`], and the reactor goes on.
///
/// # Re-entrancy
///
/// Every method can be called from everywhere on the thread, callbacks of all
/// kinds included. None runs user code before it returns, except for
/// [`call_when_running`](Self::call_when_running), which calls at once while
/// the reactor runs, and [`run`](Self::run).
///
/// ```
/// use reactor_compat::{Reactor, ReactorTime};
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
pub struct Reactor {
    core: Rc<Core>,
}

struct Core {
    phase: Cell<Phase>,
    epoch: Epoch,
    timers: TimerQueue,
    /// What is to be done when it runs.
    waiting: RefCell<Vec<Box<dyn FnOnce()>>>,
    waker: Rc<Cell<Option<Waker>>>,
    mailbox: Arc<Mailbox>,
    shared: Rc<Shared>,
}

/// What ports and connections need of their reactor.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) buffers: Buffers,
    pub(crate) registry: Registry,
}

thread_local! {
    static REACTOR: Reactor = Reactor::new();
}

/// The thread's reactor.
///
/// ```
/// use reactor_compat::reactor;
///
/// assert!(!reactor().running());
/// reactor().call_when_running(|| reactor().stop().unwrap());
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[doc(alias = "twisted.internet.reactor")]
pub fn reactor() -> Reactor {
    REACTOR.with(Reactor::clone)
}

impl Reactor {
    /// A reactor beside the thread's own.
    ///
    /// ```
    /// assert!(!reactor_compat::Reactor::new().running());
    /// ```
    pub fn new() -> Self {
        let epoch = Epoch::now();
        let waker = Rc::new(Cell::new(None::<Waker>));
        let wake = waker.clone();
        // The queue reads the clock whenever a call is scheduled or moved,
        // which is when the alarm may no longer be set for the first of them.
        let timers = TimerQueue::new(move || {
            if let Some(waker) = wake.take() {
                waker.wake();
            }
            epoch.seconds()
        });
        let core = Core {
            phase: Cell::new(Phase::Idle),
            epoch,
            timers,
            waiting: RefCell::default(),
            waker,
            mailbox: Arc::new(Mailbox::new()),
            shared: Rc::default(),
        };
        Self { core: Rc::new(core) }
    }

    /// Runs until [`stop`](Self::stop) is called, or SIGINT or SIGTERM comes.
    ///
    /// Then ports are closed, connections are cut, each protocol's
    /// `connection_lost` is called, tasks spawned on the runtime are dropped,
    /// and this returns. Delayed calls that are pending stay so; the reactor
    /// can be run again.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it is running already, if the thread is inside another
    /// Tokio runtime, or if the operating system gives none.
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
        run::run(&self.core)
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

    /// Whether it runs: from the beginning of [`run`](Self::run) to its end.
    ///
    /// ```
    /// assert!(!reactor_compat::Reactor::new().running());
    /// ```
    pub fn running(&self) -> bool {
        self.core.phase.get() != Phase::Idle
    }

    /// Calls `call` as soon as the reactor runs; at once, if it does.
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
    pub fn call_when_running(&self, call: impl FnOnce() + 'static) {
        let call = in_span(Box::new(call));
        match self.core.phase.get() {
            Phase::Idle | Phase::Ending => self.core.waiting.borrow_mut().push(call),
            Phase::Running | Phase::Stopping => guard::run("a call when running", call),
        }
    }

    /// What other threads reach it by.
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
            Phase::Idle => {
                let start = move || drop(tokio::task::spawn_local(future));
                self.core.waiting.borrow_mut().push(Box::new(start));
            }
            Phase::Running | Phase::Stopping => drop(tokio::task::spawn_local(future)),
            Phase::Ending => drop(future),
        }
    }

    /// Whether what begins now would not live to see anything.
    pub(crate) fn stopping(&self) -> bool {
        matches!(self.core.phase.get(), Phase::Stopping | Phase::Ending)
    }

    pub(crate) fn shared(&self) -> &Rc<Shared> {
        &self.core.shared
    }
}

impl Core {
    /// Does what waited for the reactor to run.
    fn open(&self) {
        loop {
            let waiting = mem::take(&mut *self.waiting.borrow_mut());
            if waiting.is_empty() {
                return;
            }
            for call in waiting {
                guard::run("a call when running", call);
            }
        }
    }

    /// Whether it ran until now.
    fn stop(&self) -> bool {
        let ran = self.phase.get() == Phase::Running;
        if ran {
            self.phase.set(Phase::Stopping);
            self.wake();
        }
        ran
    }

    /// Has `waker` woken when there is something to look at.
    fn listen(&self, waker: &Waker) {
        self.waker.set(Some(waker.clone()));
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Nobody will ever do what other threads have asked for.
impl Drop for Core {
    fn drop(&mut self) {
        let left = self.mailbox.shut();
        if !left.is_empty() {
            tracing::warn!(left = left.len(), "a reactor is gone that other threads had calls for");
        }
    }
}

/// The same call, in the span that we are in.
fn in_span(call: Call) -> Call {
    let span = Span::current();
    if span.is_none() { call } else { Box::new(move || span.in_scope(call)) }
}

/// Its time is Tokio's, counted from 1970 on: it runs steadily, and stands
/// still while `tokio::time::pause` is in force. Calls of one time are made in
/// the order in which they were scheduled; a call scheduled with no delay is
/// made in the next turn.
///
/// ```
/// use reactor_compat::{Reactor, ReactorTime};
/// use std::{cell::RefCell, rc::Rc, time::Duration};
///
/// let reactor = Reactor::new();
/// let order = Rc::new(RefCell::new(Vec::new()));
/// for (name, delay) in [("second", 2), ("first", 1)] {
///     let order = order.clone();
///     reactor.call_later(Duration::from_millis(delay), move || order.borrow_mut().push(name));
/// }
/// let stop = reactor.clone();
/// reactor.call_later(Duration::from_millis(3), move || stop.stop().unwrap());
/// reactor.run()?;
/// assert_eq!(*order.borrow(), ["first", "second"]);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
impl ReactorTime for Reactor {
    fn seconds(&self) -> Duration {
        self.core.epoch.seconds()
    }

    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall {
        self.core.timers.call_later(delay, in_span(call))
    }

    fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        self.core.timers.delayed_calls()
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
