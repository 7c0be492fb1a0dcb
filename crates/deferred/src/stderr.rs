//! Standard error, for errors that no subscriber of `tracing` would hear.
//!
//! Mirrors what `twisted.logger` does until logging has begun: critical events go
//! to standard error. Tested in `tests/chains/stderr.rs`.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

use crate::failure::Failure;

static DISCARD: AtomicBool = AtomicBool::new(false);

/// Throws away, from now on, the errors that would be written to standard error
/// because no subscriber is set.
///
/// ```
/// use deferred::{Deferred, unhandled};
///
/// unhandled::silence_stderr();
/// drop(Deferred::<()>::fail(std::fmt::Error)); // nobody will know
/// ```
#[doc(alias = "discardLogs")]
pub fn silence_stderr() {
    DISCARD.store(true, Ordering::Relaxed);
}

/// Whether no subscriber would get an event of this thread.
pub(crate) fn has_no_subscriber() -> bool {
    dispatcher::get_default(|dispatch| dispatch.is::<NoSubscriber>())
}

/// Writes a line, or several, to standard error. If that cannot be written they
/// are lost.
pub(crate) fn write(text: impl Display) {
    if !DISCARD.load(Ordering::Relaxed) {
        // In one piece, so that those of two threads do not mix.
        let text = format!("{text}\n");
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Logs something that went wrong inside the library, or in what it called.
#[cold]
pub(crate) fn log(what: &str, failure: Option<&Failure>) {
    match (failure, has_no_subscriber()) {
        (Some(failure), true) => write(format_args!("{what}: {failure:#}")),
        (None, true) => write(what),
        (Some(failure), false) => tracing::error!(target: "deferred", error = %failure, "{what}"),
        (None, false) => tracing::error!(target: "deferred", "{what}"),
    }
}
