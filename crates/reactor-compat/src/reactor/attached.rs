//! An attached reactor: its run in somebody else's runtime or main loop.
//!
//! Mirrors `twisted.internet.asyncioreactor` and `_threadedselect`, which run
//! Twisted inside another loop. Tested in `tests/runtime/attached.rs`.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::LocalSet;

use super::executor::Backend;
use super::local_task::spawn_on;
use super::run::main_loop;
use super::{Core, Phase, Reactor, RunOptions};
use crate::error::RunError;
use crate::guard;

/// A run in somebody else's runtime. However it ends, the reactor is idle then.
struct AttachedRun {
    core: Rc<Core>,
    /// Where its tasks are.
    set: Option<Rc<LocalSet>>,
}

impl Drop for AttachedRun {
    fn drop(&mut self) {
        self.core.end_run();
        let set = self.set.take();
        drop(set);
        self.core.phase.set(Phase::Idle);
    }
}

/// Takes the reactor up, and gives what is to be driven inside the runtime of
/// `handle`.
pub(super) fn attached_run(
    core: &Rc<Core>,
    handle: Handle,
    options: RunOptions,
) -> Result<impl Future<Output = ()> + use<>, RunError> {
    if core.phase.get() == Phase::Idle && !has_timer(&handle) {
        return Err(RunError::NoTimer);
    }
    core.prepare_run()?;
    let set = Rc::new(LocalSet::new());
    let run = AttachedRun { core: core.clone(), set: Some(set.clone()) };
    Ok(async move {
        let core = &run.core;
        let backend = Backend::Attached(handle, set.clone());
        set.run_until(async {
            core.start_run(backend, &options);
            main_loop(core).await;
        })
        .await;
        drop(set);
        drop(run);
    })
}

/// Whether the runtime has a timer. Tokio says no by a panic only.
pub(super) fn has_timer(handle: &Handle) -> bool {
    let _inside = handle.enter();
    guard::catch(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}

impl Reactor {
    /// Takes the reactor up, and gives what is to be driven inside the runtime
    /// of `handle`.
    pub(crate) fn attached_run(
        &self,
        handle: Handle,
        options: RunOptions,
    ) -> Result<Pin<Box<dyn Future<Output = ()>>>, RunError> {
        Ok(Box::pin(attached_run(&self.core, handle, options)?))
    }

    /// Runs inside the Tokio runtime that this is awaited in, until the reactor
    /// is [stopped](Self::stop).
    ///
    /// The runtime is not taken over: its other tasks go on, its clock is the
    /// reactor's, paused or not, signals keep their meaning, and it is still
    /// there at the end. It may be of any kind, as long as this future stays on
    /// its thread: awaited in the main function, or in a local task. What the
    /// reactor's callbacks spawn locally belongs to the runtime if that is a
    /// `LocalRuntime`, and goes on; otherwise it is dropped when the reactor has
    /// stopped.
    ///
    /// In a runtime that was built without an I/O driver ports and connections
    /// fail, with an error of the kind `Unsupported`, and all else works. Tokio
    /// has said so by a panic, which is caught, but was printed.
    ///
    /// # Errors
    ///
    /// [`RunError`] if the reactor is running already, or if there is no
    /// runtime ([`hosted`](Self::hosted) is for that), or one without a timer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future [crashes](Self::crash) the reactor.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, reactor};
    /// use std::time::Duration;
    ///
    /// #[tokio::main(flavor = "local")]
    /// async fn main() -> Result<(), reactor_compat::RunError> {
    ///     let ticking = tokio::task::spawn_local(async { "a task of the program's own" });
    ///     reactor().call_later(Duration::from_millis(1), || reactor().stop().unwrap());
    ///     reactor().run_until_stopped().await?;
    ///     assert_eq!(ticking.await.unwrap(), "a task of the program's own");
    ///     Ok(())
    /// }
    /// ```
    pub async fn run_until_stopped(&self) -> Result<(), RunError> {
        self.run_until_stopped_with(RunOptions::new().install_signal_handlers(false)).await
    }

    /// [`run_until_stopped`](Self::run_until_stopped), with options: as in
    /// [`run_with`](Self::run_with), SIGINT and SIGTERM stop the reactor unless
    /// they say otherwise.
    ///
    /// # Errors
    ///
    /// As [`run_until_stopped`](Self::run_until_stopped).
    ///
    /// ```
    /// use reactor_compat::{Reactor, RunOptions};
    ///
    /// let runtime = tokio::runtime::Runtime::new().unwrap();
    /// let reactor = Reactor::new();
    /// let stop = reactor.clone();
    /// reactor.call_when_running(move || stop.stop().unwrap());
    /// runtime.block_on(reactor.run_until_stopped_with(RunOptions::new()))?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub async fn run_until_stopped_with(&self, options: RunOptions) -> Result<(), RunError> {
        let handle = Handle::try_current().map_err(|_| RunError::OutsideRuntime)?;
        if self.take_over() {
            self.wait_for_end(&options).await;
            return Ok(());
        }
        attached_run(&self.core, handle, options)?.await;
        Ok(())
    }

    /// Starts the reactor beside whatever else the thread's runtime does, as a
    /// task of that: [`run_until_stopped`](Self::run_until_stopped) for
    /// programs that have something else to wait for. It runs from the
    /// runtime's next turn on.
    ///
    /// The thread's own reactor does so by itself where the runtime has one
    /// thread; see [`reactor`](crate::reactor()).
    ///
    /// # Errors
    ///
    /// [`RunError`] if the reactor is running already, or if there is no
    /// runtime here whose tasks stay on this thread. A runtime of several
    /// threads has such tasks in a `LocalSet` only; outside of one, or where
    /// the runtime has no timer, Tokio's own panic, which is caught, has been
    /// printed.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::{reactor, task::defer_later};
    /// use std::time::Duration;
    ///
    /// #[tokio::main(flavor = "local", start_paused = true)]
    /// async fn main() -> Result<(), deferred::Failure> {
    ///     reactor().attach()?;
    ///     let tea: Deferred<&str> =
    ///         defer_later(&reactor(), Duration::from_secs(180), || Ok("tea is ready"));
    ///     assert_eq!(tea.await?, "tea is ready"); // the clock is paused
    ///     Ok(())
    /// }
    /// ```
    pub fn attach(&self) -> Result<(), RunError> {
        let handle = Handle::try_current().map_err(|_| RunError::OutsideRuntime)?;
        if self.take_over() {
            return Ok(());
        }
        let options = RunOptions::new().install_signal_handlers(false);
        let run = attached_run(&self.core, handle.clone(), options)?;
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
            spawn_on(&handle, run);
            return Ok(());
        }
        match guard::catch(|| tokio::task::spawn_local(run)) {
            Ok(_task) => Ok(()),
            Err(_panic) => Err(RunError::OutsideRuntime),
        }
    }
}
