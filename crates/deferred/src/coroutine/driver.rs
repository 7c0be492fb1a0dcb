//! What resumes a coroutine that something other than a Deferred wakes: a
//! small task on the thread's executor.

use std::cell::RefCell;
use std::future::Future;
#[cfg(feature = "tokio")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures::task::LocalSpawn;

use super::Task;
use super::alarm::{Alarm, armed};
#[cfg(feature = "tokio")]
use crate::unheard;

thread_local! {
    static SPAWNER: RefCell<Option<Rc<dyn LocalSpawn>>> = const { RefCell::new(None) };
}

/// Has the coroutines of this thread driven by `spawner`'s executor, or, with
/// `None`, by Tokio's again; returns the one that did so before.
///
/// Needed only where coroutines await something other than Deferreds and the
/// thread runs no Tokio `LocalRuntime` or `LocalSet`. Where neither is there,
/// such a coroutine is resumed only by the Deferreds it awaits as well.
///
/// ```
/// use deferred::{Deferred, set_local_spawner, testing::success_result_of};
/// use futures::{channel::oneshot, executor::LocalPool};
/// use std::rc::Rc;
///
/// let mut pool = LocalPool::new();
/// set_local_spawner(Some(Rc::new(pool.spawner())));
///
/// let (send, receive) = oneshot::channel();
/// let d = Deferred::from_coroutine(async { Ok(receive.await?) });
/// send.send("a word from elsewhere").unwrap();
/// pool.run_until_stalled();
/// assert_eq!(success_result_of(d), "a word from elsewhere");
/// ```
pub fn set_local_spawner(spawner: Option<Rc<dyn LocalSpawn>>) -> Option<Rc<dyn LocalSpawn>> {
    SPAWNER.replace(spawner)
}

impl Task {
    /// Sees to it that its alarm is heard.
    pub(super) fn be_driven(self: &Rc<Self>) {
        self.alarm.arm(self);
        self.armed.set(true);
        if !self.alarm.driven.load(Ordering::Acquire) {
            spawn(Driver::new(&self.alarm));
            // A driver that was dropped has disarmed it.
            self.alarm.arm(self);
        }
    }
}

/// Without an executor the driver is dropped, and says so to its alarm.
fn spawn(driver: Driver) {
    match SPAWNER.with_borrow(Clone::clone) {
        Some(spawner) => drop(spawner.spawn_local_obj(Box::new(driver).into())),
        None => spawn_on_tokio(driver),
    }
}

/// A driver is `Send`, so a current-thread runtime needs no `LocalSet` for it:
/// its tasks run on this thread.
#[cfg(feature = "tokio")]
fn spawn_on_tokio(driver: Driver) {
    use tokio::runtime::{Handle, RuntimeFlavor};

    let Ok(runtime) = Handle::try_current() else {
        tracing::debug!(target: "deferred", "no executor is here to wake a coroutine");
        return;
    };
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        drop(runtime.spawn(driver));
        return;
    }
    // On a thread of a pool there may be a `LocalSet`. Tokio panics where there
    // is none, and offers no way to ask.
    let spawn = AssertUnwindSafe(|| drop(tokio::task::spawn_local(driver)));
    if catch_unwind(spawn).is_err() {
        unheard::log(
            "a coroutine awaits what nothing can wake it for: there is no LocalSet on this thread",
            None,
        );
    }
}

#[cfg(not(feature = "tokio"))]
fn spawn_on_tokio(driver: Driver) {
    drop(driver);
}

/// Resumes one coroutine whenever its alarm goes off.
struct Driver {
    alarm: Arc<Alarm>,
}

impl Driver {
    fn new(alarm: &Arc<Alarm>) -> Self {
        alarm.driven.store(true, Ordering::Release);
        Self { alarm: Arc::clone(alarm) }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.alarm.driver.register(context.waker());
        if self.alarm.is_done() {
            return Poll::Ready(());
        }
        if self.alarm.is_home()
            && self.alarm.take_rung()
            && let Some(task) = armed(self.alarm.id)
        {
            task.resume_and_run();
        }
        if self.alarm.is_done() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Its executor is gone, and with it whatever would have woken the coroutine.
impl Drop for Driver {
    fn drop(&mut self) {
        self.alarm.driven.store(false, Ordering::Release);
        self.alarm.disarm();
    }
}
