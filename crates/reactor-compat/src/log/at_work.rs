//! The logs that are at work on a thread: what one of them logs itself goes to
//! the others only.
//!
//! Tested in `tests/logging/log_observer.rs` and `tests/logging/hand_over.rs`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static AT_WORK: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
}

/// One that may be at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worker(u64);

impl Worker {
    /// Another one than all before.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Those at work on this thread, for a thread that goes on for it.
pub(super) fn chain() -> Vec<Worker> {
    AT_WORK.try_with(|at_work| at_work.borrow().clone()).unwrap_or_default()
}

/// Has one do something, unless it is at work already.
#[cfg(feature = "logging")]
pub(super) fn unless_at_work<R>(worker: Worker, work: impl FnOnce() -> R) -> Option<R> {
    let free = AT_WORK.try_with(|at_work| !at_work.borrow().contains(&worker)) == Ok(true);
    free.then(|| with(&[worker], work))
}

/// Does something at which these are at work.
pub(super) fn with<R>(workers: &[Worker], work: impl FnOnce() -> R) -> R {
    struct Done(usize);
    impl Drop for Done {
        fn drop(&mut self) {
            let _ = AT_WORK.try_with(|at_work| at_work.borrow_mut().truncate(self.0));
        }
    }

    let before = AT_WORK.try_with(|at_work| {
        let mut at_work = at_work.borrow_mut();
        let before = at_work.len();
        at_work.extend_from_slice(workers);
        before
    });
    let _done = before.ok().map(Done);
    work()
}
