//! Auto-start: a thread's own reactor that is used in a Tokio runtime starts
//! there.
//!
//! Mirrors what `twisted.internet.asyncioreactor` does with a running event
//! loop. Tested in `tests/runtime/attached.rs`.

use std::cell::Cell;
use std::rc::Rc;

use tokio::runtime::{Handle, Id};

use super::attached::attached_run;
use super::driven::Surroundings;
use super::local_task::spawn_on;
use super::{Core, Phase, Reactor, RunOptions};
use crate::error::RunError;

/// How far a reactor is with starting in a runtime that nobody has told it to
/// run in.
///
/// ```text
/// Off ──used there──▶ Scheduled ──next turn──▶ Started ──the run ends──▶ Off
///  ▲                      │                       │
///  └───somebody runs it───┴───somebody takes the run over
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    /// It is to start in this runtime at the next turn.
    Scheduled(Id),
    /// It runs because it was used, and has not been told to.
    Started,
}

/// The auto-start of a reactor.
#[derive(Default)]
pub(super) struct AutoStart {
    /// Whether it is the thread's own reactor; others wait to be told.
    pub(super) enabled: Cell<bool>,
    state: Cell<State>,
}

impl Reactor {
    /// Something was asked of the reactor that it can only do when it runs. If
    /// it is the thread's own, and we are in a runtime of one thread, it starts
    /// there at the next turn, unless somebody runs it before. Where nothing will
    /// drive it there is a warning.
    pub(crate) fn auto_start(&self) {
        if self.core.phase.get() == Phase::Idle {
            self.asked_while_idle();
        }
    }

    #[cold]
    fn asked_while_idle(&self) {
        match Surroundings::here() {
            Surroundings::Drivable(Some(handle)) if self.core.auto_start.enabled.get() => {
                self.schedule_start(handle);
            }
            Surroundings::Drivable(_) => {}
            Surroundings::Uncertain(handle) => self.core.warn_unless_run(&handle),
            Surroundings::Hopeless => self.core.warn_not_driven(),
        }
    }

    fn schedule_start(&self, handle: Handle) {
        let scheduled = State::Scheduled(handle.id());
        if self.core.auto_start.state.replace(scheduled) == scheduled {
            return;
        }
        let core = Rc::downgrade(&self.core);
        let inside = handle.clone();
        spawn_on(&handle, async move {
            let Some(core) = core.upgrade() else { return };
            core.auto_start.state.set(State::Off);
            let options = RunOptions::new().install_signal_handlers(false);
            match attached_run(&core, inside, options) {
                Ok(run) => {
                    tracing::debug!("the reactor has started by itself in the runtime around it");
                    core.auto_start.state.set(State::Started);
                    drop(core);
                    run.await;
                }
                // Somebody runs it.
                Err(RunError::AlreadyRunning(_)) => {}
                Err(error) => tracing::error!(%error, "the reactor could not start by itself"),
            }
        });
    }

    /// Whether it had started by itself; from now on it was told to.
    pub(super) fn take_over(&self) -> bool {
        let started = self.core.auto_start.state.get() == State::Started;
        if started {
            self.core.auto_start.state.set(State::Off);
        }
        started
    }

    /// Lets a run that began by itself go on until the reactor is stopped.
    pub(super) async fn wait_for_end(&self, options: &RunOptions) {
        self.core.defaults.set(options.signal_handlers);
        self.core.update_signals();
        let crash = CrashOnDrop(&self.core);
        let (ending, end) = tokio::sync::oneshot::channel::<()>();
        if let Ok(_watch) = self.remote().on_close(move || drop(ending)) {
            let _ended = end.await;
        }
        drop(crash);
    }
}

impl AutoStart {
    /// The run is over.
    pub(super) fn run_ended(&self) {
        self.state.set(State::Off);
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
