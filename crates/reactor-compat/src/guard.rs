//! User code that nobody waits for: its panics and failures are logged, and end
//! nothing else.
//!
//! Tested in `tests/faults/panic.rs`.

use deferred::Failure;

pub(crate) use crate::panics::catch;

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
