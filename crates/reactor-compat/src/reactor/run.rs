//! One run of a reactor: the future that its runtime drives.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, LocalOptions};
use tokio::time::{Instant, Sleep, sleep_until};

use super::signals::Signals;
use super::{Core, Phase};
use crate::error::{ReactorAlreadyRunning, RunError};
use crate::guard;
use crate::threads::Order;

/// How many turns, beyond one for each thing alive, a shutdown may take.
const SHUTDOWN_TURNS: usize = 64;

/// Runs the reactor until it is stopped.
pub(super) fn run(core: &Rc<Core>) -> Result<(), RunError> {
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
    core.phase.set(Phase::Running);
    core.mailbox.open();
    let _ending = Ending(core);
    runtime.block_on(live(core));
    core.follow(core.mailbox.shut());
    core.phase.set(Phase::Ending);
    drop(runtime);
    Ok(())
}

/// However a run ends, the reactor is idle then.
struct Ending<'a>(&'a Core);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        drop(self.0.mailbox.shut());
        self.0.phase.set(Phase::Idle);
        self.0.waker.take();
    }
}

async fn live(core: &Rc<Core>) {
    let mut turn = Turn { core, signals: Signals::install(), alarm: None, spare: VecDeque::new() };
    core.open();
    poll_fn(|cx| turn.poll(cx)).await;
    shut_down(core).await;
}

/// Lets all that is alive end.
async fn shut_down(core: &Rc<Core>) {
    let registry = &core.shared.registry;
    registry.shut_down();
    for _ in 0..registry.len() + SHUTDOWN_TURNS {
        if registry.len() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    tracing::warn!(left = registry.len(), "the reactor stopped with something still alive");
}

/// What the run's future does each time that it is woken.
struct Turn<'a> {
    core: &'a Rc<Core>,
    signals: Signals,
    alarm: Option<Alarm>,
    /// An empty queue, to be given for a full one.
    spare: VecDeque<Order>,
}

/// Tokio's timer, for the delayed call that is due next.
struct Alarm {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Core {
    /// Does what other threads have asked for; gives the queue back, empty.
    fn follow(&self, mut orders: VecDeque<Order>) -> VecDeque<Order> {
        for order in orders.drain(..) {
            match order {
                Order::Call(call) => guard::run_logged("while calling from thread", call),
                // Whoever stopped it before was faster.
                Order::Stop => drop(self.stop()),
            }
        }
        orders
    }
}

impl Turn<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Nobody need wake it while it is at work.
        self.core.waker.take();
        self.heed_signals(cx);
        if self.core.phase.get() != Phase::Running {
            return Poll::Ready(());
        }
        self.follow_orders();
        self.make_due_calls();
        if self.core.phase.get() != Phase::Running {
            return Poll::Ready(());
        }
        self.set_alarm(cx);
        self.core.listen(cx.waker());
        if self.core.mailbox.listen(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn heed_signals(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(name) = self.signals.poll(cx) {
            tracing::info!("Received {name}, shutting down.");
            self.core.stop();
        }
    }

    /// Does what other threads have asked for until now.
    fn follow_orders(&mut self) {
        let orders = self.core.mailbox.collect(mem::take(&mut self.spare));
        self.spare = self.core.follow(orders);
    }

    /// Makes the calls that are due, but no more than are pending now: what
    /// they schedule for at once waits until others have had their turn.
    fn make_due_calls(&self) {
        for _ in 0..self.core.timers.len() {
            match self.core.timers.pop_due() {
                Some(call) => guard::run("a delayed call", call),
                None => return,
            }
        }
    }

    fn set_alarm(&mut self, cx: &mut Context<'_>) {
        let Some(due) = self.core.timers.next_due() else { return };
        if due <= self.core.epoch.seconds() {
            return cx.waker().wake_by_ref();
        }
        let Some(at) = self.core.epoch.moment(due) else { return };
        let alarm =
            self.alarm.get_or_insert_with(|| Alarm { at, sleep: Box::pin(sleep_until(at)) });
        if alarm.at != at {
            alarm.at = at;
            alarm.sleep.as_mut().reset(at);
        }
        if alarm.sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
