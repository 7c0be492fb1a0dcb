//! The operations that go on in the reactor of this thread for other threads,
//! and can be cancelled.
//!
//! Tested in `tests/runtime/blocking.rs`.

use std::cell::RefCell;
use std::collections::HashMap;

use deferred::CancelHandle;

thread_local! {
    static OPERATIONS: RefCell<HashMap<u64, CancelHandle>> = RefCell::default();
}

/// Keeps the handle of an operation.
pub(super) fn insert(number: u64, handle: CancelHandle) {
    let replaced = OPERATIONS.with_borrow_mut(|operations| operations.insert(number, handle));
    drop(replaced);
}

/// Gives the handle of an operation up: it is done, or nobody can cancel it
/// any more.
pub(super) fn remove(number: u64) {
    // What the handle keeps is dropped when the borrow has ended; at the end of
    // the thread there is nothing left to remove.
    let removed = OPERATIONS.try_with(|operations| operations.borrow_mut().remove(&number));
    drop(removed);
}

/// Cancels an operation that is under way.
pub(super) fn cancel(number: u64) {
    let handle = OPERATIONS.with_borrow(|operations| operations.get(&number).cloned());
    if let Some(handle) = handle {
        handle.cancel();
    }
}
