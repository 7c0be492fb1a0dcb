//! [`catch`]: user code whose panic becomes a Failure.
//!
//! It stands below the log, which runs user code as well; what logs the
//! Failure is in `guard`. Tested in `tests/faults/panic.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use deferred::Failure;

/// Runs user code; a panic in it becomes the Failure that a Deferred makes of
/// it.
#[inline]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Failure::from_panic)
}
