//! The operations that go on in the reactor of this thread for other threads,
//! and can be cancelled.
//!
//! Tested in `tests/runtime/blocking.rs` and `tests/runtime/remote.rs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use deferred::CancelHandle;

/// The number of the next operation, of all reactors.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static OPERATIONS: RefCell<HashMap<u64, CancelHandle>> = RefCell::default();
}

/// A number for an operation that no other has.
pub(crate) fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Keeps the handle of an operation. As long as it can be cancelled it counts as
/// one that may come to its end.
pub(crate) fn insert(number: u64, handle: CancelHandle) {
    let replaced = OPERATIONS.with_borrow_mut(|operations| operations.insert(number, handle));
    drop(replaced);
}

/// Gives the handle of an operation up: it is done, or nobody can cancel it
/// any more.
pub(crate) fn remove(number: u64) {
    // What the handle keeps is dropped when the borrow has ended; at the end of
    // the thread there is nothing left to remove.
    let removed = OPERATIONS.try_with(|operations| operations.borrow_mut().remove(&number));
    drop(removed);
}

/// Cancels an operation that is under way.
pub(crate) fn cancel(number: u64) {
    let handle = OPERATIONS.with_borrow(|operations| operations.get(&number).cloned());
    if let Some(handle) = handle {
        handle.cancel();
    }
}
