//! What happens to errors while nobody listens: they go to standard error.
//!
//! Mirrors `twisted.python.log.DefaultObserver`, what `LogBeginner` does in
//! its place today, and `discardLogs`. Tested in `tests/logging/log.rs`.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use deferred::Failure;

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

/// Writes an error to standard error. If that is gone, so is the error.
pub(super) fn write(why: &str, failure: &Failure) {
    if !DISCARD.load(Ordering::Relaxed) {
        let text = format!("{why}\n{}\n", traceback::of(failure));
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
