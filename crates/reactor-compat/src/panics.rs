//! [`catch`]: user code whose panic becomes a Failure.
//!
//! It stands below the log, which runs user code as well; what logs the
//! Failure is in `guard`. Tested in `tests/faults/panic.rs`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use deferred::{Failure, maybe_deferred};

/// Runs user code; a panic in it becomes a Failure.
#[inline]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(failure_of)
}

/// The Failure that a Deferred makes of the same panic.
#[cold]
fn failure_of(payload: Box<dyn Any + Send>) -> Failure {
    let failed = maybe_deferred(move || -> Result<(), Failure> { resume_unwind(payload) });
    match failed.take_result() {
        Ok(Err(failure)) => failure,
        Ok(Ok(())) | Err(_) => Failure::new(std::fmt::Error),
    }
}
