//! What keeps a panic in user code from ending more than it must.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use deferred::{Failure, maybe_deferred};

/// Runs user code; a panic in it becomes a Failure.
#[inline]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(failure_of)
}

/// Runs user code that nobody waits for; a panic in it is logged.
#[inline]
pub(crate) fn run(what: &'static str, code: impl FnOnce()) {
    if let Err(failure) = catch(code) {
        log(what, &failure);
    }
}

/// Logs the failure of `what`, of which Twisted has nothing to say.
#[cold]
pub(crate) fn log(what: &'static str, failure: &Failure) {
    crate::log::err(failure.clone(), &format!("Unhandled error in {what}"));
}

/// Runs user code that nobody waits for; a panic in it is logged, with `why`
/// in front.
#[inline]
pub(crate) fn run_logged(why: &str, code: impl FnOnce()) {
    if let Err(failure) = catch(code) {
        crate::log::err(failure, why);
    }
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
