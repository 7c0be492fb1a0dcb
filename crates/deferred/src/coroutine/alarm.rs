//! The waker of a coroutine, for all that is not a Deferred.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, ThreadId};

use futures::task::AtomicWaker;

use super::Task;

/// Wakes a coroutine, from any thread.
///
/// The coroutine itself cannot leave its thread, so the alarm has its number.
pub(super) struct Alarm {
    pub(super) id: u64,
    home: ThreadId,
    /// Rung, and not looked at yet.
    rung: AtomicBool,
    done: AtomicBool,
    /// Whether there is a driver.
    pub(super) driven: AtomicBool,
    /// Wakes the driver; see [`super::driver`].
    pub(super) driver: AtomicWaker,
}

thread_local! {
    static HERE: ThreadId = thread::current().id();
    static NEXT_ID: Cell<u64> = const { Cell::new(0) };
    /// The coroutines of this thread that something else may wake.
    static ARMED: RefCell<HashMap<u64, Rc<Task>>> = RefCell::new(HashMap::new());
    /// The alarms that went off while a chain's waker was called.
    static RUNG: RefCell<Option<Vec<u64>>> = const { RefCell::new(None) };
}

impl Alarm {
    pub(super) fn new() -> Arc<Self> {
        let id = NEXT_ID.get();
        NEXT_ID.set(id + 1);
        Arc::new(Self {
            id,
            home: HERE.with(|here| *here),
            rung: AtomicBool::new(false),
            done: AtomicBool::new(false),
            driven: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        })
    }

    /// Keeps the task for whoever has the waker.
    pub(super) fn arm(&self, task: &Rc<Task>) {
        ARMED.with_borrow_mut(|armed| armed.insert(self.id, Rc::clone(task)));
    }

    /// Nobody has the waker any more.
    pub(super) fn disarm(&self) {
        // Dropped after the borrow has ended.
        let _task = ARMED.try_with(|armed| armed.borrow_mut().remove(&self.id));
    }

    /// The coroutine is over, and with it its driver.
    pub(super) fn task_is_done(&self) {
        self.done.store(true, Ordering::Release);
        if self.driven.load(Ordering::Acquire) {
            self.driver.wake();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Whether it has gone off since it was last asked.
    pub(super) fn take_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    /// Whether this is the thread of the coroutine.
    pub(super) fn is_home(&self) -> bool {
        HERE.try_with(|here| *here == self.home).unwrap_or(false)
    }

    fn note_on_this_thread(&self) {
        // At the end of a thread there is nobody left to wake.
        let _ = RUNG.try_with(|rung| {
            if let Some(rung) = &mut *rung.borrow_mut()
                && self.is_home()
            {
                rung.push(self.id);
            }
        });
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.note_on_this_thread();
        self.driver.wake();
    }
}

/// The armed task with this number.
pub(super) fn armed(id: u64) -> Option<Rc<Task>> {
    ARMED.try_with(|armed| armed.borrow().get(&id).map(Rc::clone)).unwrap_or_default()
}

/// Wakes a waker that a chain has kept; returns the coroutines that went off,
/// to be resumed at once.
///
/// They are those that polled the chain through something with wakers of its
/// own, such as `FuturesUnordered`.
pub(crate) fn wake(waker: Waker) -> Vec<Rc<Task>> {
    let listening = Listening::new();
    waker.wake();
    let rung = listening.rung();
    rung.into_iter().filter_map(armed).filter(|task| task.alarm.take_rung()).collect()
}

/// Notes the alarms that go off, for as long as it lives.
struct Listening {
    outer: Option<Vec<u64>>,
}

impl Listening {
    fn new() -> Self {
        Self { outer: RUNG.replace(Some(Vec::new())) }
    }

    fn rung(&self) -> Vec<u64> {
        RUNG.replace(None).unwrap_or_default()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        RUNG.set(self.outer.take());
    }
}
