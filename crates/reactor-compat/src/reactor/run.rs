//! Running a reactor: from startup to the end of the main loop.
//!
//! Mirrors `startRunning`, `mainLoop`, `stop` and `crash` of
//! `twisted.internet.base.ReactorBase`. Tested in `tests/runtime/run.rs`.

use std::future::poll_fn;
use std::rc::Rc;

use tokio::runtime::{Builder, Handle, LocalOptions, LocalRuntime};

use super::executor::Backend;
use super::extensions::Extensions;
use super::signals::SignalStreams;
use super::turn::Turn;
use super::{Core, Phase, RunOptions};
use crate::error::{ReactorAlreadyRunning, RunError};

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
    let runtime = Rc::new(runtime);
    let backend = Backend::Own(runtime.clone());
    core.prepare_run()?;
    let ending = EndRun(core);
    runtime.block_on(async {
        core.start_run(backend, options);
        main_loop(core).await;
    });
    core.end_run();
    // Nobody else has it any more.
    if let Some(runtime) = Rc::into_inner(runtime) {
        shut_down(runtime, &core.extensions, options);
    }
    drop(ending);
    crate::log::flush();
    Ok(())
}

/// Drops the runtime with its tasks, and waits a while for functions that
/// still run on other threads.
fn shut_down(runtime: LocalRuntime, extensions: &Extensions, options: &RunOptions) {
    if extensions.busy_threads() == 0 {
        // Of threads that are none of ours, nobody knows for how long they
        // might block.
        return runtime.shutdown_background();
    }
    runtime.shutdown_timeout(options.thread_grace);
    let left = extensions.busy_threads();
    if left > 0 {
        tracing::warn!(left, "the reactor has stopped, and functions still run in its threads");
    }
}

/// However a run ends, the reactor is idle then.
struct EndRun<'a>(&'a Rc<Core>);

impl Drop for EndRun<'_> {
    fn drop(&mut self) {
        self.0.end_run();
        self.0.phase.set(Phase::Idle);
    }
}

/// The main loop of a run that has been [started](Core::start_run).
pub(super) async fn main_loop(core: &Rc<Core>) {
    let mut turn = Turn::new(core);
    poll_fn(|cx| turn.poll(cx)).await;
    drop(turn);
    if core.phase.get() == Phase::Closing {
        close(core).await;
        drop(core.events.shutdown.rest.fire_event());
    }
    core.close_mailbox();
    tracing::info!(parent: None, "Main loop terminated.");
}

/// Lets all that is registered end.
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
    /// Makes an idle reactor ready to [start](Self::start_run) a run.
    pub(super) fn prepare_run(&self) -> Result<(), ReactorAlreadyRunning> {
        if self.phase.get() != Phase::Idle {
            return Err(ReactorAlreadyRunning);
        }
        self.phase.set(Phase::Starting);
        self.warnings.run_started();
        self.mailbox.open();
        Ok(())
    }

    /// Starts the run on `backend`, where we are.
    pub(super) fn start_run(self: &Rc<Self>, backend: Backend, options: &RunOptions) {
        self.defaults.set(options.signal_handlers);
        self.executor.start(backend);
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
        self.signals.replace(Some(SignalStreams::default()));
        self.update_signals();
        if let Some(runtime) = self.executor.handle() {
            self.extensions.for_each(|extension| extension.run_started(&runtime));
        }
        drop(self.events.startup.rest.fire_event());
        self.wake();
    }

    /// Listens for the signals that are wanted now, while it runs.
    pub(super) fn update_signals(&self) {
        let Some(handle) = self.executor.handle() else { return };
        let _inside = handle.enter();
        // Not borrowed meanwhile: what goes wrong is logged.
        let streams = self.signals.take();
        if let Some(mut streams) = streams {
            streams.listen_for(&self.handlers.signals(self.defaults.get()));
            self.signals.replace(Some(streams));
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
                core.extensions.for_each(|extension| extension.run_stopping());
                core.wake();
            }
        }));
    }

    /// Takes no more calls from other threads. Those that were taken are made;
    /// who still waits hears that there is nothing to wait for.
    fn close_mailbox(self: &Rc<Self>) {
        self.run_remote_calls(self.mailbox.close());
        self.mailbox.notify_closed();
        self.fail_pending();
    }

    /// Ends a run: nothing can be started or asked for any more, and what runs
    /// is dropped. Done once a run; doing it again changes nothing.
    pub(super) fn end_run(self: &Rc<Self>) {
        if matches!(self.phase.get(), Phase::Idle | Phase::Ending) {
            return;
        }
        self.phase.set(Phase::Ending);
        self.auto_start.run_ended();
        self.just_stopped.set(false);
        self.extensions.for_each(|extension| extension.run_stopping());
        self.close_mailbox();
        self.extensions.for_each(|extension| extension.run_ended());
        drop(self.waker.take());
        let signals = self.signals.take();
        drop(signals);
        let backend = self.executor.stop();
        drop(backend);
    }
}
