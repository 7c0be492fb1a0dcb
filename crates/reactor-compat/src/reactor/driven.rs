//! An idle reactor that is asked for something: whether anything will drive it.
//!
//! Tested in `tests/runtime/driven.rs`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::sleep;

use super::attached::has_timer;
use super::{Core, Phase, Reactor};
use crate::error::ReactorNotDriven;

/// How long a reactor may be left alone, where somebody may still run it, until
/// that is worth a warning.
const PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// Set on a thread of a reactor's pool.
    static POOL_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Marks a thread as one of a pool, where no reactor is ever run.
pub(crate) fn mark_pool_thread(is_one: bool) {
    POOL_THREAD.set(is_one);
}

/// The surroundings in which an idle reactor is asked for something.
pub(super) enum Surroundings {
    /// Outside of any runtime, where [`run`](Reactor::run) will do; or in one of
    /// one thread, in which the thread's own reactor starts by itself.
    Drivable(Option<Handle>),
    /// In the main function of a runtime of several threads, say: it may be run
    /// by `run_until_stopped`, or never.
    Uncertain(Handle),
    /// In a task of such a runtime, or on a thread of a pool.
    Hopeless,
}

impl Surroundings {
    pub(super) fn here() -> Self {
        if POOL_THREAD.get() {
            return Self::Hopeless;
        }
        match Handle::try_current() {
            Err(_) => Self::Drivable(None),
            Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::CurrentThread => {
                Self::Drivable(Some(handle))
            }
            // A task moves from thread to thread. One of a `LocalSet` does not,
            // but can attach the reactor first.
            Ok(_) if tokio::task::try_id().is_some() => Self::Hopeless,
            Ok(handle) => Self::Uncertain(handle),
        }
    }
}

/// The warnings that an idle reactor has given.
#[derive(Default)]
pub(super) struct Warnings {
    /// Whether it has said that it will never be run.
    given: Cell<bool>,
    /// Set when it is run; there while somebody looks whether it is.
    run: RefCell<Option<Arc<AtomicBool>>>,
}

impl Warnings {
    /// The reactor is run.
    pub(super) fn run_started(&self) {
        if let Some(run) = self.run.take() {
            run.store(true, Ordering::Relaxed);
        }
    }
}

impl Reactor {
    /// An error if what is asked of it now will not be done, as far as we know:
    /// for what somebody would wait for.
    pub(crate) fn check_driven(&self) -> Result<(), ReactorNotDriven> {
        let idle = self.core.phase.get() == Phase::Idle;
        if idle && !matches!(Surroundings::here(), Surroundings::Drivable(_)) {
            return Err(ReactorNotDriven);
        }
        Ok(())
    }

    /// An error if what is asked of it now will certainly not be done: for what
    /// is set up before it is run.
    pub(crate) fn check_drivable(&self) -> Result<(), ReactorNotDriven> {
        let idle = self.core.phase.get() == Phase::Idle;
        if idle && matches!(Surroundings::here(), Surroundings::Hopeless) {
            return Err(ReactorNotDriven);
        }
        Ok(())
    }
}

impl Core {
    /// Says, once, that what it is asked for will not be done.
    pub(super) fn warn_not_driven(&self) {
        if !self.warnings.given.replace(true) {
            tracing::warn!("{ReactorNotDriven}");
        }
    }

    /// Says so if nobody has run it in a while.
    pub(super) fn warn_unless_run(&self, handle: &Handle) {
        if self.warnings.given.get() || self.warnings.run.borrow().is_some() || !has_timer(handle) {
            return;
        }
        let run = Arc::new(AtomicBool::new(false));
        let seen = Arc::downgrade(&run);
        self.warnings.run.replace(Some(run));
        self.warnings.given.set(true);
        drop(handle.spawn(async move {
            sleep(PATIENCE).await;
            // If it is gone, nobody waits for it either.
            if seen.upgrade().is_some_and(|run| !run.load(Ordering::Relaxed)) {
                tracing::warn!("{ReactorNotDriven}");
            }
        }));
    }
}
