//! The driver of a coroutine: a small task on the thread's executor, which
//! resumes it when something other than a Deferred wakes it.
//!
//! Has no counterpart in Twisted. Tested in `tests/chains/coroutine.rs`.

#[cfg(feature = "tokio")]
use std::cell::OnceCell;
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
#[cfg(feature = "tokio")]
use tokio::runtime::{Handle, RuntimeFlavor};

use super::Task;
use super::task_waker::{TaskWaker, registered, take_stranded};
#[cfg(feature = "tokio")]
use crate::stderr;

thread_local! {
    static SPAWNER: RefCell<Option<Rc<dyn LocalSpawn>>> = const { RefCell::new(None) };
}

/// Sets the executor that drives the coroutines of this thread, or, with `None`,
/// leaves that to Tokio's again; returns the one that did so before.
///
/// Needed only where coroutines await something other than Deferreds and the
/// thread runs no Tokio `LocalRuntime` or `LocalSet`. Where neither is there,
/// such a coroutine is resumed only by the Deferreds it awaits as well, until an
/// executor [adopts](adopt_coroutines) it.
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

/// Has the executor that is here, Tokio's or the [one that was set](set_local_spawner),
/// drive the coroutines of this thread that were started where there was none, and
/// await something other than Deferreds.
///
/// A reactor calls it in each of its turns, so that a coroutine which is started before
/// the reactor runs goes on when it does. An executor of another kind calls it itself,
/// when it begins; where there is nothing to drive it costs next to nothing.
///
/// ```
/// use deferred::{Deferred, adopt_coroutines, testing::success_result_of};
/// use futures::channel::oneshot;
///
/// let (send, receive) = oneshot::channel();
/// let d = Deferred::from_coroutine(async { Ok(receive.await?) });
/// send.send("before anybody could hear").unwrap();
/// assert!(!d.has_result());
///
/// # #[cfg(feature = "tokio")]
/// # {
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     adopt_coroutines();
///     tokio::task::yield_now().await;
/// });
/// assert_eq!(success_result_of(d), "before anybody could hear");
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn adopt_coroutines() {
    for task in take_stranded() {
        task.start_driver();
    }
}

/// The runtime in which a coroutine was started: it is driven there, and not by one
/// that is entered for a while when it is resumed, and may end, or never run.
#[derive(Default)]
pub(super) struct Origin {
    #[cfg(feature = "tokio")]
    runtime: OnceCell<Option<Handle>>,
}

impl Origin {
    /// Notes where we are, the first time that it is called.
    pub(super) fn note(&self) {
        #[cfg(feature = "tokio")]
        self.runtime.get_or_init(|| Handle::try_current().ok());
    }
}

impl Task {
    /// Starts a driver, unless there is one.
    pub(super) fn start_driver(self: &Rc<Self>) {
        self.task_waker.register(self);
        self.registered.set(true);
        if !self.task_waker.driven.load(Ordering::Acquire) {
            spawn(&self.origin, || Driver::new(&self.task_waker));
            // A driver that was dropped has undone that.
            self.task_waker.register(self);
            if !self.task_waker.driven.load(Ordering::Acquire) {
                self.task_waker.strand();
            }
        }
    }
}

/// Gives a driver to the executor; where there is none it is dropped.
fn spawn(origin: &Origin, driver: impl Fn() -> Driver) {
    match SPAWNER.with_borrow(Clone::clone) {
        Some(spawner) => drop(spawner.spawn_local_obj(Box::new(driver()).into())),
        None => spawn_on_tokio(origin, driver),
    }
}

/// Gives a driver to Tokio. It is `Send`, so a current-thread runtime needs no
/// `LocalSet` for it: its tasks run on this thread.
#[cfg(feature = "tokio")]
fn spawn_on_tokio(origin: &Origin, driver: impl Fn() -> Driver) {
    if let Some(Some(runtime)) = origin.runtime.get()
        && runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
        && !runtime.spawn(driver()).is_finished()
    {
        return;
    }
    // It was started elsewhere, or that has ended.
    let driver = driver();
    let Ok(runtime) = Handle::try_current() else {
        tracing::debug!(
            target: "deferred",
            "no executor is here to wake a coroutine; it goes on when the thread's reactor runs",
        );
        return;
    };
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        drop(runtime.spawn(driver));
        return;
    }
    // On a thread of a pool there may be a `LocalSet`. Tokio panics where there
    // is none, and offers no way to look.
    let spawn = AssertUnwindSafe(|| drop(tokio::task::spawn_local(driver)));
    if catch_unwind(spawn).is_err() {
        stderr::log(
            "a coroutine awaits what nothing can wake it for: there is no LocalSet on this thread",
            None,
        );
    }
}

#[cfg(not(feature = "tokio"))]
fn spawn_on_tokio(_: &Origin, driver: impl Fn() -> Driver) {
    drop(driver());
}

/// Resumes one coroutine whenever it is woken.
struct Driver {
    task_waker: Arc<TaskWaker>,
}

impl Driver {
    fn new(task_waker: &Arc<TaskWaker>) -> Self {
        task_waker.driven.store(true, Ordering::Release);
        Self { task_waker: Arc::clone(task_waker) }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.task_waker.driver.register(context.waker());
        if self.task_waker.is_done() {
            return Poll::Ready(());
        }
        if self.task_waker.is_on_its_thread()
            && self.task_waker.take_woken()
            && let Some(task) = registered(self.task_waker.id)
        {
            task.resume_and_run();
        }
        if self.task_waker.is_done() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Lets go of the coroutine: its executor is gone, and with that whatever would
/// have woken it.
impl Drop for Driver {
    fn drop(&mut self) {
        self.task_waker.driven.store(false, Ordering::Release);
        self.task_waker.deregister();
    }
}
