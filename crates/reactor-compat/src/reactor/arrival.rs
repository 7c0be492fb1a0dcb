//! A thread's own reactor that is used in a Tokio runtime, and starts there.
//!
//! Mirrors what `twisted.internet.asyncioreactor` does with a running event
//! loop. Tested in `tests/runtime/guest.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::time::{Sleep, sleep};

use super::guest::stay;
use super::{Core, Phase, Reactor, RunOptions};
use crate::error::RunError;

/// How a reactor comes into a runtime that nobody has told it to run in.
///
/// ```text
/// asked: None ──used there──▶ asked: Some ──next turn──▶ asked: None, by itself
/// ```
#[derive(Default)]
pub(super) struct Arrival {
    /// Whether it is the thread's own reactor; others wait to be told.
    pub(super) own: Cell<bool>,
    /// The runtime in which it is to start at the next turn.
    asked: Cell<Option<Id>>,
    /// It runs because it was used, and has not been told to.
    by_itself: Cell<bool>,
}

impl Reactor {
    /// Something was asked of the reactor that it can only do when it runs. If
    /// it is the thread's own, and we are in a runtime of one thread, it starts
    /// there at the next turn, unless somebody runs it before.
    pub(super) fn arrive(&self) {
        if self.core.arrival.own.get() && self.core.phase.get() == Phase::Idle {
            self.ask_to_start();
        }
    }

    #[cold]
    fn ask_to_start(&self) {
        let Ok(handle) = Handle::try_current() else { return };
        if handle.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return;
        }
        let here = Some(handle.id());
        if self.core.arrival.asked.replace(here) == here {
            return;
        }
        let core = Rc::downgrade(&self.core);
        let inside = handle.clone();
        spawn_here(&handle, async move {
            let Some(core) = core.upgrade() else { return };
            core.arrival.asked.set(None);
            let options = RunOptions::new().install_signal_handlers(false);
            match stay(&core, inside, options) {
                Ok(stay) => {
                    tracing::debug!("the reactor has started by itself in the runtime around it");
                    core.arrival.by_itself.set(true);
                    drop(core);
                    stay.await;
                }
                // Somebody runs it.
                Err(RunError::AlreadyRunning(_)) => {}
                Err(error) => tracing::error!(%error, "the reactor could not start by itself"),
            }
        });
    }

    /// Whether it had started by itself; from now on it was told to.
    pub(super) fn take_over(&self) -> bool {
        self.core.arrival.by_itself.replace(false)
    }

    /// Lets a run that began by itself go on until the reactor is stopped.
    pub(super) async fn go_on(&self, options: &RunOptions) {
        self.core.defaults.set(options.signal_handlers);
        self.core.hear();
        let crash = CrashOnDrop(&self.core);
        let (ending, end) = tokio::sync::oneshot::channel::<()>();
        if let Ok(_watch) = self.remote().at_end(move || drop(ending)) {
            let _ended = end.await;
        }
        drop(crash);
    }
}

impl Arrival {
    /// The run is over.
    pub(super) fn end(&self) {
        self.by_itself.set(false);
    }
}

/// Ends the run of somebody who no longer waits for it; one that has ended
/// does not mind.
struct CrashOnDrop<'a>(&'a Rc<Core>);

impl Drop for CrashOnDrop<'_> {
    fn drop(&mut self) {
        self.0.crash();
    }
}

type Local = Pin<Box<dyn Future<Output = ()>>>;

/// The futures that rides drive, by number.
#[derive(Default)]
struct Seats {
    futures: BTreeMap<u64, Local>,
    next: u64,
    /// There for as long as the thread is.
    home: Arc<()>,
}

thread_local! {
    static SEATS: RefCell<Seats> = RefCell::default();
}

/// Has a runtime of one thread, this one, drive a future that does not leave
/// it; there need be no `LocalSet`.
pub(super) fn spawn_here(handle: &Handle, future: impl Future<Output = ()> + 'static) {
    let ride = SEATS.with_borrow_mut(|seats| {
        seats.next += 1;
        seats.futures.insert(seats.next, Box::pin(future));
        let alive = Arc::downgrade(&seats.home);
        Ride { home: thread::current().id(), alive, number: seats.next, nap: None }
    });
    drop(handle.spawn(ride));
}

/// How often a ride that is away from home looks whether it is back.
const NAP: Duration = Duration::from_millis(10);

/// A task that may change threads, and drives a future that stays on its own:
/// the task has but the future's number.
///
/// Where several threads take turns at driving the runtime, the future stands
/// still while one of the others does. Nothing tells when it is our turn again,
/// so the ride has to look now and then.
struct Ride {
    home: ThreadId,
    alive: Weak<()>,
    number: u64,
    /// Until the next look, while another thread drives the runtime.
    nap: Option<Pin<Box<Sleep>>>,
}

impl Ride {
    fn take(&self) -> Option<Local> {
        SEATS.try_with(|seats| seats.borrow_mut().futures.remove(&self.number)).ok().flatten()
    }

    /// Another thread drives the runtime now. Ours may come back, unless it has
    /// ended, and the future with it.
    fn wait_for_home(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.alive.strong_count() > 0 {
            let nap = self.nap.get_or_insert_with(|| Box::pin(sleep(NAP)));
            if nap.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.nap = None;
        }
        Poll::Ready(())
    }
}

impl Future for Ride {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if thread::current().id() != self.home {
            return self.wait_for_home(cx);
        }
        self.nap = None;
        // No borrow is held while it runs.
        let Some(mut future) = self.take() else { return Poll::Ready(()) };
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        SEATS.with_borrow_mut(|seats| drop(seats.futures.insert(self.number, future)));
        Poll::Pending
    }
}

/// The runtime is gone, and with it what ran there.
impl Drop for Ride {
    fn drop(&mut self) {
        if thread::current().id() == self.home {
            drop(self.take());
        }
    }
}
