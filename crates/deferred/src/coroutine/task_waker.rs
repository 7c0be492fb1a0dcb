//! The waker of a coroutine, for all that is not a Deferred.
//!
//! Has no counterpart in Twisted, where only Deferreds are awaited. Tested in
//! `tests/chains/coroutine.rs`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, ThreadId};

use futures::task::AtomicWaker;

use super::Task;

/// Wakes a coroutine, from any thread.
///
/// The coroutine itself cannot leave its thread, so this has its number.
pub(super) struct TaskWaker {
    pub(super) id: u64,
    thread: ThreadId,
    /// Whether it was woken, and that was not looked at yet.
    woken: AtomicBool,
    done: AtomicBool,
    /// Whether there is a driver.
    pub(super) driven: AtomicBool,
    /// Wakes the driver; see [`super::driver`].
    pub(super) driver: AtomicWaker,
}

thread_local! {
    static THIS_THREAD: ThreadId = thread::current().id();
    static NEXT_ID: Cell<u64> = const { Cell::new(0) };
    /// The coroutines of this thread that something else may wake.
    static REGISTERED: RefCell<HashMap<u64, Rc<Task>>> = RefCell::new(HashMap::new());
    /// Numbers of those among them that no executor drives yet.
    static STRANDED: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
    /// Numbers of the coroutines that were woken while a chain's waker was
    /// called.
    static WOKEN: RefCell<Option<Vec<u64>>> = const { RefCell::new(None) };
}

impl TaskWaker {
    pub(super) fn new() -> Arc<Self> {
        let id = NEXT_ID.get();
        NEXT_ID.set(id + 1);
        Arc::new(Self {
            id,
            thread: THIS_THREAD.with(|here| *here),
            woken: AtomicBool::new(false),
            done: AtomicBool::new(false),
            driven: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        })
    }

    /// Keeps the task for whoever has the waker.
    pub(super) fn register(&self, task: &Rc<Task>) {
        REGISTERED.with_borrow_mut(|registered| registered.insert(self.id, Rc::clone(task)));
    }

    /// Notes that the task, which is registered, waits for an executor.
    pub(super) fn strand(&self) {
        STRANDED.with_borrow_mut(|stranded| stranded.insert(self.id));
    }

    /// Lets go of the task, when nothing has the waker any more.
    pub(super) fn deregister(&self) {
        if self.is_on_its_thread() {
            let _ = STRANDED.try_with(|stranded| stranded.borrow_mut().remove(&self.id));
        }
        // Dropped after the borrow has ended.
        let _task = REGISTERED.try_with(|registered| registered.borrow_mut().remove(&self.id));
    }

    /// Ends the driver, when the coroutine is done.
    pub(super) fn task_is_done(&self) {
        self.done.store(true, Ordering::Release);
        if self.driven.load(Ordering::Acquire) {
            self.driver.wake();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Whether it was woken, and that was not looked at yet.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// It is about to be polled, which is all that a waker could ask for.
    pub(super) fn forget_woken(&self) {
        if self.is_woken() {
            self.take_woken();
        }
    }

    /// Whether it was woken since this was last called.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    /// Whether this is the thread of the coroutine.
    pub(super) fn is_on_its_thread(&self) -> bool {
        THIS_THREAD.try_with(|here| *here == self.thread).unwrap_or(false)
    }

    fn note_if_collected(&self) {
        // At the end of a thread there is nobody left to wake.
        let _ = WOKEN.try_with(|woken| {
            if let Some(woken) = &mut *woken.borrow_mut()
                && self.is_on_its_thread()
            {
                woken.push(self.id);
            }
        });
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.note_if_collected();
        self.driver.wake();
    }
}

/// The registered task with this number.
pub(super) fn registered(id: u64) -> Option<Rc<Task>> {
    REGISTERED
        .try_with(|registered| registered.borrow().get(&id).map(Rc::clone))
        .unwrap_or_default()
}

/// Takes the tasks of this thread that wait for an executor, the first one first.
pub(super) fn take_stranded() -> Vec<Rc<Task>> {
    let stranded = STRANDED.with_borrow_mut(|stranded| {
        // Mostly there are none, and this is looked at often.
        if stranded.is_empty() { BTreeSet::new() } else { std::mem::take(stranded) }
    });
    stranded.into_iter().filter_map(registered).collect()
}

/// Wakes a waker that a chain has kept; returns the coroutines that were woken
/// by it, to be resumed at once.
///
/// They are those that polled the chain through something with wakers of its
/// own, such as `FuturesUnordered`.
pub(crate) fn wake(waker: Waker) -> Vec<Rc<Task>> {
    let collecting = Collecting::new();
    waker.wake();
    let woken = collecting.woken();
    woken.into_iter().filter_map(registered).filter(|task| task.task_waker.take_woken()).collect()
}

/// Collects the coroutines that are woken, for as long as it lives.
struct Collecting {
    outer: Option<Vec<u64>>,
}

impl Collecting {
    fn new() -> Self {
        Self { outer: WOKEN.replace(Some(Vec::new())) }
    }

    fn woken(&self) -> Vec<u64> {
        WOKEN.replace(None).unwrap_or_default()
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        WOKEN.set(self.outer.take());
    }
}
