//! User code that nobody waits for: its panics and failures are logged, and end
//! nothing else.
//!
//! Tested in `tests/faults/panic.rs`.

use deferred::{Failure, Outcome};

use crate::call_result::CallResult;

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

/// Logs the error of a call that nobody waits for, with `why` in front. That of
/// a Deferred is reported when it comes.
#[inline]
pub(crate) fn report<R: CallResult>(why: &str, result: R) {
    match result.into_outcome() {
        Outcome::Done(Ok(())) => {}
        Outcome::Done(Err(failure)) => crate::log::err(failure, why),
        Outcome::Wait(deferred) => drop(deferred),
    }
}

/// Runs user code that nobody waits for; a panic in it is logged, with `why`
/// in front.
#[inline]
pub(crate) fn run_logged(why: &str, code: impl FnOnce()) {
    if let Err(failure) = catch(code) {
        crate::log::err(failure, why);
    }
}

/// Lets go of a user's value; a panic in its destructor is logged.
pub(crate) fn let_go<T>(value: T) {
    run_logged("", || drop(value));
}
