//! Running a reactor: from startup to the end of the main loop.
//!
//! Mirrors `startRunning`, `mainLoop`, `stop` and `crash` of
//! `twisted.internet.base.ReactorBase`. Tested in `tests/runtime/run.rs`.

use std::future::poll_fn;
use std::rc::Rc;

use tokio::runtime::{Builder, Handle, LocalOptions, LocalRuntime};

use super::ground::Ground;
use super::signals::Ears;
use super::turn::Turn;
use super::{Core, Phase, RunOptions};
use crate::error::{ReactorAlreadyRunning, RunError};
use crate::threads::ThreadPool;

/// How many turns, beyond one for each thing alive, a shutdown may take.
const SHUTDOWN_TURNS: usize = 64;

/// Runs the reactor until it is stopped, on a runtime of its own.
pub(super) fn run(core: &Rc<Core>, options: &RunOptions) -> Result<(), RunError> {
    if core.phase.get() != Phase::Idle {
        return Err(ReactorAlreadyRunning.into());
    }
    if Handle::try_current().is_ok() {
        return Err(RunError::InsideRuntime);
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(RunError::Io)?;
    let ground = Ground::Own(runtime.handle().clone());
    core.take_up()?;
    let ending = Ending(core);
    runtime.block_on(async {
        core.begin(ground, options);
        live(core).await;
    });
    core.end();
    shut_down(runtime, core.last_pool(), options);
    drop(ending);
    crate::log::flush();
    Ok(())
}

/// Drops the runtime with its tasks, and waits a while for functions that
/// still run on other threads.
fn shut_down(runtime: LocalRuntime, pool: Option<ThreadPool>, options: &RunOptions) {
    let Some(pool) = pool.filter(|pool| pool.working() > 0) else {
        // Of threads that are none of the pool's, nobody knows for how long
        // they might block.
        return runtime.shutdown_background();
    };
    runtime.shutdown_timeout(options.thread_grace);
    let left = pool.working();
    if left > 0 {
        tracing::warn!(left, "the reactor has stopped, and functions still run in its threads");
    }
}

/// However a run ends, the reactor is idle then.
struct Ending<'a>(&'a Rc<Core>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
        self.0.phase.set(Phase::Idle);
    }
}

/// The life of a reactor that has [begun](Core::begin): its main loop.
pub(super) async fn live(core: &Rc<Core>) {
    let mut turn = Turn::new(core);
    poll_fn(|cx| turn.poll(cx)).await;
    drop(turn);
    if core.phase.get() == Phase::Closing {
        close(core).await;
        drop(core.events.shutdown.rest.fire_event());
    }
    core.refuse();
    tracing::info!(parent: None, "Main loop terminated.");
}

/// Lets all that is alive end.
async fn close(core: &Core) {
    let registry = &core.shared.registry;
    registry.shut_down();
    for _ in 0..registry.len() + SHUTDOWN_TURNS {
        if registry.len() == 0 || core.phase.get() != Phase::Closing {
            return;
        }
        tokio::task::yield_now().await;
    }
    tracing::warn!(left = registry.len(), "the reactor stopped with something still alive");
}

impl Core {
    /// Takes an idle reactor up, to [begin](Self::begin) a run.
    pub(super) fn take_up(&self) -> Result<(), ReactorAlreadyRunning> {
        if self.phase.get() != Phase::Idle {
            return Err(ReactorAlreadyRunning);
        }
        self.phase.set(Phase::Starting);
        self.mailbox.open();
        Ok(())
    }

    /// Begins the run on `ground`, where we are.
    pub(super) fn begin(self: &Rc<Self>, ground: Ground, options: &RunOptions) {
        self.defaults.set(options.signal_handlers);
        self.place.enter(ground);
        let run = self.run.get() + 1;
        self.run.set(run);
        let core = Rc::downgrade(self);
        let ready = self.events.startup.first.fire_event();
        drop(ready.add_callback(move |()| {
            if let Some(core) = core.upgrade().filter(|core| core.run.get() == run) {
                core.really_start();
            }
        }));
    }

    /// The triggers before startup are done.
    fn really_start(&self) {
        match self.phase.get() {
            Phase::Starting => self.phase.set(Phase::Running),
            Phase::Stopping => {}
            Phase::Idle | Phase::Running | Phase::Closing | Phase::Crashed | Phase::Ending => {
                return;
            }
        }
        self.ears.replace(Some(Ears::default()));
        self.hear();
        self.start_pool();
        drop(self.events.startup.rest.fire_event());
        self.wake();
    }

    /// Listens for the signals that are wanted now, while it runs.
    pub(super) fn hear(&self) {
        let Some(handle) = self.place.handle() else { return };
        let _inside = handle.enter();
        if let Some(ears) = &mut *self.ears.borrow_mut() {
            ears.listen_for(&self.handlers.signals(self.defaults.get()));
        }
        self.wake();
    }

    /// Whether it could be told to stop.
    pub(super) fn stop(&self) -> bool {
        let could = matches!(self.phase.get(), Phase::Starting | Phase::Running);
        if could {
            self.phase.set(Phase::Stopping);
            self.just_stopped.set(true);
            self.wake();
        }
        could
    }

    /// Whether it could be crashed.
    pub(super) fn crash(&self) -> bool {
        let could = !matches!(self.phase.get(), Phase::Idle | Phase::Crashed | Phase::Ending);
        if could {
            self.phase.set(Phase::Crashed);
            self.wake();
        }
        could
    }

    /// Calls the triggers before shutdown, and lets it come when they are done.
    pub(super) fn fire_shutdown(self: &Rc<Self>) {
        self.just_stopped.set(false);
        let core = Rc::downgrade(self);
        let run = self.run.get();
        let ready = self.events.shutdown.first.fire_event();
        drop(ready.add_callback(move |()| {
            let core = core.upgrade().filter(|core| core.run.get() == run);
            if let Some(core) = core.filter(|core| core.phase.get() == Phase::Stopping) {
                core.phase.set(Phase::Closing);
                core.stop_pool();
                core.wake();
            }
        }));
    }

    /// Takes no more from other threads. What has been asked for is done; who
    /// still waits hears that there is nothing to wait for.
    fn refuse(&self) {
        self.follow(self.mailbox.shut());
        self.mailbox.tell();
        self.disappoint();
    }

    /// Ends a run: nothing can be started or asked for any more, and what runs
    /// is dropped. Done once a run; doing it again changes nothing.
    pub(super) fn end(&self) {
        if matches!(self.phase.get(), Phase::Idle | Phase::Ending) {
            return;
        }
        self.phase.set(Phase::Ending);
        self.arrival.end();
        self.just_stopped.set(false);
        self.stop_pool();
        self.refuse();
        drop(self.waker.take());
        let ears = self.ears.take();
        drop(ears);
        let ground = self.place.leave();
        drop(ground);
    }
}
