//! Dropping things that hold one another, a hundred thousand deep, without
//! a hundred thousand nested drops.
//!
//! What is buried while something else is being dropped is dropped after it,
//! by the same loop.

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::thread;

use super::core::{Upstream, Waiter};
use super::pipeline::Pipeline;
use crate::failure::Failure;

/// A part of a chain that may hold other chains.
#[expect(dead_code, reason = "they are held to be dropped")]
pub(crate) enum Corpse {
    Pipeline(Pipeline),
    Upstream(Upstream),
    Waiter(Waiter),
    Future(Pin<Box<dyn Future<Output = ()>>>),
    Error(Box<dyn Error + Send + Sync>),
}

thread_local! {
    /// What waits for its drop; `None` while no drop is under way.
    static GRAVEYARD: RefCell<Option<Vec<Corpse>>> = const { RefCell::new(None) };
}

/// Drops `corpse`: now, or when the drop that is under way is done.
pub(crate) fn bury(corpse: Corpse) {
    let mut corpse = Some(corpse);
    let first = GRAVEYARD.try_with(|graveyard| match &mut *graveyard.borrow_mut() {
        Some(waiting) => {
            waiting.extend(corpse.take());
            false
        }
        idle => {
            *idle = Some(Vec::new());
            true
        }
    });
    // At the end of the thread the graveyard is gone, and drops nest.
    if let Ok(true) = first {
        let digging = Digging;
        let mut panic = None;
        while let Some(next) = corpse.take().or_else(next) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(next))) {
                panic.get_or_insert(payload);
            }
        }
        drop(digging);
        // A destructor that panics does not keep the others from being run.
        if let Some(payload) = panic.filter(|_| !thread::panicking()) {
            resume_unwind(payload);
        }
    }
}

/// Drops something of a user's where something of another's is to go on; a
/// panic of its destructor is logged.
pub(super) fn quietly(drop: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(drop)) {
        let failure = Failure::from_panic(payload);
        tracing::error!(target: "deferred", error = %failure, "a destructor panicked");
    }
}

fn next() -> Option<Corpse> {
    GRAVEYARD.with(|graveyard| graveyard.borrow_mut().as_mut().and_then(Vec::pop))
}

/// Ends the digging.
struct Digging;

impl Drop for Digging {
    fn drop(&mut self) {
        let left = GRAVEYARD.try_with(|graveyard| graveyard.borrow_mut().take());
        drop(left);
    }
}
