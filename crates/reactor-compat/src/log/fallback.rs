//! Errors while no log is written: they go to standard error.
//!
//! Mirrors `twisted.python.log.DefaultObserver`, what `LogBeginner` does in
//! its place today, and `discardLogs`. Tested in `tests/logging/log.rs`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use deferred::Failure;

use super::at_work::Worker;
use super::lines::{Delivery, Lines};
use super::traceback;

static DISCARD: AtomicBool = AtomicBool::new(false);

/// Has errors thrown away, for good, that [`err`](super::err) would write to
/// standard error because the program has no subscriber.
///
/// ```
/// use reactor_compat::log;
///
/// log::discard_logs();
/// log::err(std::fmt::Error, "nobody will know");
/// ```
#[doc(alias = "discardLogs")]
#[doc(alias = "DefaultObserver")]
pub fn discard_logs() {
    DISCARD.store(true, Ordering::Relaxed);
}

/// Writes an error to standard error, handed over as the lines of a log are. If
/// that is gone, so is the error.
pub(super) fn write(why: &str, failure: &Failure) {
    static STDERR: OnceLock<Lines> = OnceLock::new();

    if !DISCARD.load(Ordering::Relaxed) {
        let stderr = STDERR.get_or_init(|| {
            let lost = |lost| format!("{lost} errors were lost, since nobody read them\n");
            let delivery = Delivery::fitting(&io::stderr());
            Lines::new(Box::new(io::stderr()), delivery, Worker::new(), Arc::new(lost))
        });
        stderr.write(format!("{why}\n{}\n", traceback::of(failure)));
    }
}
