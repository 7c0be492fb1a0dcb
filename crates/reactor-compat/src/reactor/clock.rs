//! [`Epoch`]: the reactor's clock. No other file asks what time it is, but for
//! threads that wait.
//!
//! Tested in `tests/runtime/reactor.rs`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::time::Instant;

/// Tokio's clock, counted from 1970 on, as Twisted's is.
///
/// It runs steadily: setting the computer's clock does not move it, and
/// `tokio::time::pause` halts it.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) start: Instant,
    pub(crate) seconds: Duration,
    /// The runtime whose clock it is; that of wherever we are, if it is none.
    pub(crate) of: Option<Handle>,
    /// The time that was read last.
    pub(crate) read: Rc<Cell<Duration>>,
}

impl Epoch {
    /// A clock that is right now.
    pub(crate) fn now() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), seconds, of: None, read: Rc::default() }
    }

    /// The time that it shows.
    pub(crate) fn seconds(&self) -> Duration {
        let _inside = self.of.as_ref().map(Handle::enter);
        let seconds = self.seconds + self.start.elapsed();
        self.read.set(seconds);
        seconds
    }

    /// Whether it shows `seconds` by now. A time that was seen before is not
    /// looked for again.
    pub(crate) fn has_come(&self, seconds: Duration) -> bool {
        seconds <= self.read.get() || seconds <= self.seconds()
    }

    /// The moment at which it will show `seconds`; `None` if that is beyond
    /// what a moment can be.
    pub(crate) fn moment(&self, seconds: Duration) -> Option<Instant> {
        self.start.checked_add(seconds.saturating_sub(self.seconds))
    }
}
