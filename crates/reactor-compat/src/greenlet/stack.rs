//! The stacks of greenlets: how large they are, and some that are kept for the
//! next.
//!
//! Tested in `tests/runtime/greenlet.rs`.

use std::cell::RefCell;

use corosensei::stack::DefaultStack;

use super::error::StackError;

/// The size of a greenlet's stack, in bytes, unless it is given another.
///
/// It is address space; memory is taken as it is used, a page at a time.
///
/// ```
/// use reactor_compat::greenlet::{DEFAULT_STACK_SIZE, MAX_STACK_SIZE, MIN_STACK_SIZE};
///
/// assert_eq!(DEFAULT_STACK_SIZE, 256 * 1024);
/// assert!((MIN_STACK_SIZE..=MAX_STACK_SIZE).contains(&DEFAULT_STACK_SIZE));
/// ```
pub const DEFAULT_STACK_SIZE: usize = 256 << 10;

/// The smallest size that a greenlet's stack may have, in bytes: enough to
/// panic on.
///
/// See the example of [`DEFAULT_STACK_SIZE`].
pub const MIN_STACK_SIZE: usize = 64 << 10;

/// The largest size that a greenlet's stack may have, in bytes.
///
/// See the example of [`DEFAULT_STACK_SIZE`].
pub const MAX_STACK_SIZE: usize = 1 << 30;

/// How many stacks of the default size a thread keeps for its next greenlets.
const KEPT: usize = 32;

thread_local! {
    static SPARE: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// A stack of `size` bytes.
pub(super) fn take(size: usize) -> Result<DefaultStack, StackError> {
    if !(MIN_STACK_SIZE..=MAX_STACK_SIZE).contains(&size) {
        return Err(StackError::Size(size));
    }
    if size == DEFAULT_STACK_SIZE
        && let Ok(Some(stack)) = SPARE.try_with(|spare| spare.borrow_mut().pop())
    {
        return Ok(stack);
    }
    DefaultStack::new(size).map_err(|error| StackError::Os(error.kind()))
}

/// Takes back a stack of `size` bytes that is no longer used.
pub(super) fn give_back(stack: DefaultStack, size: usize) {
    if size != DEFAULT_STACK_SIZE {
        return;
    }
    // At the end of the thread it is let go.
    let _ = SPARE.try_with(move |spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < KEPT {
            spare.push(stack);
        }
    });
}
