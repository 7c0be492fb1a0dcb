//! Dropping things that hold one another, a hundred thousand deep, without
//! a hundred thousand nested drops.
//!
//! What is buried while something else is being dropped is dropped after it,
//! by the same loop.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

use super::core::{Upstream, Waiter};
use super::pipeline::Pipeline;

/// A part of a chain that may hold other chains.
#[expect(dead_code, reason = "they are held to be dropped")]
pub(crate) enum Corpse {
    Pipeline(Pipeline),
    Upstream(Upstream),
    Waiter(Waiter),
    Future(Pin<Box<dyn Future<Output = ()>>>),
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
        let _digging = Digging;
        drop(corpse);
        while let Some(next) = next() {
            drop(next);
        }
    }
}

fn next() -> Option<Corpse> {
    GRAVEYARD.with(|graveyard| graveyard.borrow_mut().as_mut().and_then(Vec::pop))
}

/// Ends the digging even when a drop panics; what is left then is dropped
/// nested, if it must be.
struct Digging;

impl Drop for Digging {
    fn drop(&mut self) {
        let left = GRAVEYARD.try_with(|graveyard| graveyard.borrow_mut().take());
        drop(left);
    }
}
