//! [`HandOver`]: the bounds of handing lines over to a thread.
//!
//! Tested in `tests/logging/hand_over.rs`.

use std::time::Duration;

/// How lines are handed over to a thread that writes them: who logs waits for
/// his line to be written, but not for ever, and what waits is bounded.
///
/// As long as the lines are read, all is as if they were written where they are
/// logged: they are out when the call that logged them returns, in order with
/// what the program prints itself, and a reader who is merely slow slows the
/// program down. When a line is not written within the
/// [patience](Self::patience), the log is *stalled*: from then on nobody waits,
/// lines wait in a queue, and those that have no room there are lost. In their
/// place the log says how many they were. Once all that waited has been written
/// the log flows as before.
///
/// ```
/// use reactor_compat::log::{self, HandOver, Logging};
/// use std::time::Duration;
///
/// let (read, write) = std::io::pipe()?;
/// let bounds = HandOver::new()
///     .patience(Duration::ZERO)
///     .queue_limit(1000)
///     .flush_timeout(Duration::ZERO);
/// let log = Logging::to(write).hand_over(bounds).start_on_this_thread();
/// for _ in 0..5000 {
///     log::msg("nobody reads this");
/// }
/// assert!(log.lost_lines() > 0);
/// # drop(log);
/// # drop(read);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    pub(super) patience: Duration,
    pub(super) queue_limit: usize,
    pub(super) flush_timeout: Duration,
}

impl HandOver {
    /// Begins with the bounds that hold unless told otherwise.
    ///
    /// ```
    /// use reactor_compat::log::HandOver;
    /// use std::time::Duration;
    ///
    /// let bounds = HandOver::new()
    ///     .patience(Duration::from_millis(100))
    ///     .queue_limit(1024 * 1024)
    ///     .flush_timeout(Duration::from_secs(1));
    /// assert_eq!(bounds, HandOver::new());
    /// ```
    pub fn new() -> Self {
        Self {
            patience: Duration::from_millis(100),
            queue_limit: 1024 * 1024,
            flush_timeout: Duration::from_secs(1),
        }
    }

    /// Sets how long who logs waits for a line to be written, while the log is
    /// not stalled. Zero is never: lines are written some time later.
    ///
    /// See the example of [`new`](Self::new).
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how many bytes of lines may wait. A single line may be longer.
    ///
    /// See the example of [`new`](Self::new).
    #[must_use]
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }

    /// Sets how long an orderly end waits for what is not yet written: that of
    /// the log, of the reactor, of the program.
    ///
    /// See the example of [`new`](Self::new).
    #[must_use]
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }
}

impl Default for HandOver {
    fn default() -> Self {
        Self::new()
    }
}
