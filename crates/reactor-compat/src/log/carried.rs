//! [`Carried`]: a Failure as the error of a `tracing` event.
//!
//! Tested in `tests/log_observer.rs`.

use std::error::Error;
use std::fmt;

use deferred::Failure;

/// A Failure on its way through `tracing`, which takes errors only: to all
/// others it looks like the error that it holds, and our own layer gets the
/// Failure out again.
pub(super) struct Carried(pub(super) Failure);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.value(), f)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.value(), f)
    }
}

impl Error for Carried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.value().source()
    }
}
