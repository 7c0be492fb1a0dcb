//! Deferred drop: things that hold one another, a hundred thousand deep, are
//! dropped without a hundred thousand nested drops.
//!
//! A part of a chain that is given to [`drop_later`] while another is being
//! dropped waits for that one, and is then dropped by the same loop. Python's
//! collector does as much for Twisted. Tested in `tests/memory/stack.rs`.

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::thread;

use super::core::{Upstream, Waiter};
use super::pipeline::Pipeline;
use crate::failure::Failure;
use crate::stderr;

/// A part of a chain that may hold other chains.
#[expect(dead_code, reason = "they are held to be dropped")]
pub(crate) enum Part {
    Pipeline(Pipeline),
    Upstream(Upstream),
    Waiter(Waiter),
    Future(Pin<Box<dyn Future<Output = ()>>>),
    Error(Box<dyn Error + Send + Sync>),
}

thread_local! {
    /// The parts that wait for their drop; `None` while no drop is under way.
    static WAITING: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

/// Drops `part`: now, or when the drop that is under way is done.
pub(crate) fn drop_later(part: Part) {
    let mut part = Some(part);
    let first = WAITING.try_with(|waiting| match &mut *waiting.borrow_mut() {
        Some(parts) => {
            parts.extend(part.take());
            false
        }
        idle => {
            *idle = Some(Vec::new());
            true
        }
    });
    // At the end of the thread the list is gone, and drops nest.
    if let Ok(true) = first {
        let dropping = Dropping;
        let mut panic = None;
        while let Some(next) = part.take().or_else(next) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(next))) {
                panic.get_or_insert(payload);
            }
        }
        drop(dropping);
        // A destructor that panics does not keep the others from being run.
        if let Some(payload) = panic.filter(|_| !thread::panicking()) {
            resume_unwind(payload);
        }
    }
}

/// Drops something of a user's where something of another's is to go on; a
/// panic of its destructor is logged.
pub(crate) fn drop_catching(drop: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(drop)) {
        stderr::log("a destructor panicked", Some(&Failure::from_panic(payload)));
    }
}

fn next() -> Option<Part> {
    WAITING.with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop))
}

/// Ends the loop of drops.
struct Dropping;

impl Drop for Dropping {
    fn drop(&mut self) {
        let left = WAITING.try_with(|waiting| waiting.borrow_mut().take());
        drop(left);
    }
}
