//! [`HostedReactor`]: a reactor that is driven by a main loop without Tokio.
//!
//! Mirrors `IReactorCore.iterate`, and `interleave` of
//! `twisted.internet._threadedselect`. Tested in `tests/runtime/attached.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{Reactor, RunOptions};
use crate::error::RunError;

impl Reactor {
    /// Runs the reactor without Tokio being in charge of the thread: from a
    /// main loop of your own, or by another executor. It begins when it is
    /// first driven.
    ///
    /// # Errors
    ///
    /// [`RunError`] if the reactor is running already, or if the operating
    /// system does not give a runtime what it needs.
    ///
    /// See the example of [`HostedReactor`].
    pub fn hosted(&self, options: RunOptions) -> Result<HostedReactor, RunError> {
        // Its one thread watches the sockets and the clock, and wakes us; all
        // else is done on the thread that drives it.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hosted-reactor")
            .enable_all()
            .build()
            .map_err(RunError::Io)?;
        let run = match self.attached_run(runtime.handle().clone(), options) {
            Ok(run) => run,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        Ok(HostedReactor { run: Some(run), runtime: Some(runtime), wakes: Arc::default() })
    }
}

/// A reactor that runs when its host says so.
///
/// There are two ways to drive it. It is a future, of the kind that stays on
/// its thread, for whatever executor the host has, Tokio or not. Or the host
/// has a loop, and calls [`iterate`](Self::iterate) from it: as often as it
/// likes, or, so that it need not poll, when [told to](Self::on_wake).
///
/// # Cancellation
///
/// Dropping it [crashes](Reactor::crash) the reactor.
///
/// ```
/// use reactor_compat::{ReactorTime, RunOptions, reactor};
/// use std::time::Duration;
///
/// reactor().call_later(Duration::from_millis(1), || reactor().stop().unwrap());
/// let mut hosted = reactor().hosted(RunOptions::new())?;
/// let mut turns = 0;
/// while hosted.iterate(Duration::from_secs(1)) {
///     turns += 1; // and whatever else the program's loop does
/// }
/// assert!(turns < 100);
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[must_use = "a hosted reactor does nothing unless it is driven"]
#[doc(alias = "iterate")]
pub struct HostedReactor {
    run: Option<Pin<Box<dyn Future<Output = ()>>>>,
    runtime: Option<Runtime>,
    wakes: Arc<WakeFlag>,
}

impl HostedReactor {
    /// Does what there is to do; if there is nothing, waits for it, but no
    /// longer than `delay`. Whether the reactor still runs.
    ///
    /// One call may leave something to be done by the next, so as not to keep
    /// the host for long.
    ///
    /// See the [type's example](Self).
    pub fn iterate(&mut self, delay: Duration) -> bool {
        let waker = Waker::from(self.wakes.clone());
        let mut cx = Context::from_waker(&waker);
        self.wakes.reset();
        if Pin::new(&mut *self).poll(&mut cx).is_ready() {
            return false;
        }
        if delay.is_zero() || !self.wakes.wait(delay) {
            return true;
        }
        self.wakes.reset();
        Pin::new(self).poll(&mut cx).is_pending()
    }

    /// Has `wake` called when there is something to be done, so that the host
    /// should [`iterate`](Self::iterate): once each time, on whatever thread,
    /// from within an `iterate` too. It should do no more than tell the host's
    /// loop, and not panic.
    ///
    /// ```
    /// use reactor_compat::{Reactor, RunOptions};
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let reactor = Reactor::new();
    /// let mut hosted = reactor.hosted(RunOptions::new())?;
    /// let (loops, events) = mpsc::channel();
    /// hosted.on_wake(move || drop(loops.send("the reactor wants to be driven")));
    /// assert!(hosted.iterate(Duration::ZERO));
    ///
    /// reactor.remote().stop().unwrap();
    /// while hosted.iterate(Duration::ZERO) {
    ///     events.recv().unwrap();
    /// }
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        let before = self.wakes.state().call.replace(Arc::new(wake));
        drop(before);
    }
}

impl Future for HostedReactor {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let (Some(run), Some(runtime)) = (&mut this.run, &this.runtime) else {
            return Poll::Ready(());
        };
        let _inside = runtime.enter();
        let polled = run.as_mut().poll(cx);
        if polled.is_ready() {
            this.run = None;
        }
        polled
    }
}

impl Drop for HostedReactor {
    fn drop(&mut self) {
        let (run, runtime) = (self.run.take(), self.runtime.take());
        if let Some(runtime) = runtime {
            let inside = runtime.enter();
            drop(run);
            drop(inside);
            runtime.shutdown_background();
        }
    }
}

/// Set when there is something to be done.
#[derive(Default)]
struct WakeFlag {
    state: Mutex<WakeState>,
    woken: Condvar,
}

#[derive(Default)]
struct WakeState {
    woken: bool,
    call: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl WakeFlag {
    fn state(&self) -> MutexGuard<'_, WakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reset(&self) {
        self.state().woken = false;
    }

    /// Waits until it is set; whether it was.
    fn wait(&self, delay: Duration) -> bool {
        let state = self.state();
        let waited = self.woken.wait_timeout_while(state, delay, |state| !state.woken);
        waited.unwrap_or_else(PoisonError::into_inner).0.woken
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        if state.woken {
            return;
        }
        state.woken = true;
        let call = state.call.clone();
        drop(state);
        self.woken.notify_all();
        if let Some(call) = call {
            call();
        }
    }
}

impl fmt::Debug for HostedReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedReactor").field("runs", &self.run.is_some()).finish_non_exhaustive()
    }
}
