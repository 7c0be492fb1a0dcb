//! [`ThreadLog`]: a log of one thread.
//!
//! Tested in `tests/logging/log.rs`.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing::subscriber::NoSubscriber;

use super::global::{self, LogHandle};
use super::hub::Hub;
use super::logging::Logging;

/// A log of what one thread says, until it is dropped: meanwhile that goes
/// nowhere else.
///
/// ```
/// use reactor_compat::log::{self, Logging};
///
/// let log = Logging::to(std::io::stdout()).start_on_this_thread();
/// log::msg("hello"); // 2015-02-17 11:46:16-0500 [-] hello
/// drop(log);
/// ```
#[must_use = "dropping it ends the log"]
pub struct ThreadLog {
    handle: LogHandle,
    scope: Option<DefaultGuard>,
}

/// As long as `tracing` knows of one subscriber only, it asks the thread that
/// comes first whether a place in the code is of interest, and that is that:
/// a subscriber of another thread would never hear of it. So there have to be
/// two.
static SECOND: OnceLock<Dispatch> = OnceLock::new();

impl Logging {
    /// Starts the log, for this thread alone, whatever subscriber the process
    /// has: for tests that run in parallel.
    ///
    /// ```
    /// use reactor_compat::log::{self, Logging};
    /// use std::io::{self, Read};
    ///
    /// let (mut read, write) = io::pipe()?;
    /// let log = Logging::to(write).start_on_this_thread();
    /// std::thread::spawn(|| log::msg("elsewhere")).join().unwrap();
    /// drop(log);
    /// let mut lines = String::new();
    /// read.read_to_string(&mut lines)?;
    /// assert_eq!(lines.lines().count(), 1);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn start_on_this_thread(self) -> ThreadLog {
        let log = ThreadLog::begin(self);
        log.handle.open();
        log
    }
}

impl ThreadLog {
    /// A log without its first line.
    pub(super) fn begin(logging: Logging) -> Self {
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::default()));
        let hub = Arc::new(Hub::of_our_own());
        let handle = LogHandle::begin(&hub, logging);
        let scope = tracing::dispatcher::set_default(&global::dispatch(&hub));
        Self { handle, scope: Some(scope) }
    }

    /// The last error of writing a line, if there was one since this was called
    /// last.
    ///
    /// ```
    /// let log = reactor_compat::log::Logging::to(std::io::sink()).start_on_this_thread();
    /// assert!(log.take_write_error().is_none());
    /// ```
    pub fn take_write_error(&self) -> Option<io::Error> {
        self.handle.take_write_error()
    }

    /// How many lines were lost so far because nobody read them; see
    /// [`HandOver`](super::HandOver).
    ///
    /// See the example of [`HandOver`](super::HandOver).
    pub fn lost_lines(&self) -> u64 {
        self.handle.lost_lines()
    }
}

/// Spans made meanwhile may live on; the writer does not.
impl Drop for ThreadLog {
    fn drop(&mut self) {
        drop(self.scope.take());
        self.handle.stop();
    }
}

impl fmt::Debug for ThreadLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadLog").finish_non_exhaustive()
    }
}
