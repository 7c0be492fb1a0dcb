//! [`Engine`]: a reactor's run that goes on only when a test says so, in time
//! that passes only when a test says so.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use super::PumpError;
use crate::network::Network;
use crate::reactor::{Reactor, RunOptions};

/// How many turns in which something happens are taken at one time.
const TURNS: usize = 10_000;

/// How many turns in which nothing happens make a rest.
const QUIET: usize = 2;

/// The life of a reactor.
type Run = Pin<Box<dyn Future<Output = ()>>>;

/// The states of the run of the reactor.
///
/// ```text
/// Resting ◀──▶ Turning ──the reactor has stopped──▶ Over
/// ```
enum State {
    Resting(Run),
    /// It is being driven, and is not to be driven from inside itself.
    Turning,
    Over,
}

/// A reactor, and what drives it.
pub(super) struct Engine {
    pub(super) reactor: Reactor,
    state: RefCell<State>,
    bell: Arc<Bell>,
    /// Always there, but for the drop.
    runtime: Option<Runtime>,
}

impl Engine {
    /// An engine whose clock stands still, at zero.
    pub(super) fn new(network: Rc<dyn Network>) -> std::io::Result<Self> {
        // No sockets: what would open one fails instead.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let handle = runtime.handle().clone();
        let reactor = Reactor::in_time_of(handle.clone(), network);
        let run = reactor.attached_run(handle, RunOptions::new().install_signal_handlers(false));
        let state = RefCell::new(run.map_or(State::Over, State::Resting));
        Ok(Self { reactor, state, bell: Arc::default(), runtime: Some(runtime) })
    }

    /// Has the reactor do what there is to do now, until there is nothing left.
    pub(super) fn settle(&self) -> Result<(), PumpError> {
        self.drive(Duration::ZERO)
    }

    /// The same, after so much time.
    pub(super) fn advance(&self, amount: Duration) -> Result<(), PumpError> {
        self.drive(amount)
    }

    /// Runs `code` inside the runtime.
    pub(super) fn inside<R>(&self, code: impl FnOnce() -> R) -> R {
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        code()
    }

    fn drive(&self, amount: Duration) -> Result<(), PumpError> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let mut run = match self.state.replace(State::Turning) {
            State::Resting(run) => Some(run),
            State::Over => None,
            State::Turning => return Err(PumpError::Reentrant),
        };
        let driven = runtime.block_on(async {
            // What was asked for before is to happen before.
            self.turn(&mut run).await?;
            if amount.is_zero() {
                return Ok(());
            }
            tokio::time::advance(amount).await;
            self.turn(&mut run).await
        });
        self.state.replace(run.map_or(State::Over, State::Resting));
        driven
    }

    /// Takes turns until nothing happens any more.
    async fn turn(&self, run: &mut Option<Run>) -> Result<(), PumpError> {
        let waker = Waker::from(self.bell.clone());
        let mut quiet = 0;
        for _ in 0..TURNS {
            if let Some(going) = run {
                let turn =
                    poll_fn(|_| Poll::Ready(going.as_mut().poll(&mut Context::from_waker(&waker))));
                if turn.await.is_ready() {
                    *run = None;
                }
            }
            // Lets the clock wake whom it has to, and Tokio's own tasks run.
            yield_now().await;
            quiet = if self.bell.take() { 0 } else { quiet + 1 };
            if quiet == QUIET {
                return Ok(());
            }
        }
        Err(PumpError::Restless { rounds: TURNS })
    }
}

/// Drops what the reactor runs where it ran.
impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let inside = runtime.enter();
            let state = self.state.replace(State::Over);
            drop(state);
            drop(inside);
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("reactor", &self.reactor).finish_non_exhaustive()
    }
}

/// Rings when there is something to be done.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
}

impl Bell {
    /// Whether it rang since this was last asked.
    fn take(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
    }
}
