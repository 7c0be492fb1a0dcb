//! [`RunOptions`]: how a reactor runs.
//!
//! Mirrors the arguments of `IReactorCore.run`. Tested in `tests/runtime/run.rs`.

use std::time::Duration;

/// How a reactor runs, where that is not as usual.
///
/// ```
/// use reactor_compat::{Reactor, RunOptions};
///
/// let reactor = Reactor::new();
/// let stop = reactor.clone();
/// reactor.call_when_running(move || stop.stop().unwrap());
/// reactor.run_with(RunOptions::new().install_signal_handlers(false))?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing by themselves"]
pub struct RunOptions {
    pub(super) signal_handlers: bool,
    pub(super) thread_grace: Duration,
}

impl RunOptions {
    /// As usual: SIGINT and SIGTERM stop the reactor, and functions that still
    /// run in its thread pool when it stops are waited for for five seconds.
    ///
    /// ```
    /// use reactor_compat::RunOptions;
    ///
    /// assert_eq!(RunOptions::new(), RunOptions::default());
    /// ```
    pub const fn new() -> Self {
        Self { signal_handlers: true, thread_grace: Duration::from_secs(5) }
    }

    /// Sets whether SIGINT and SIGTERM (on Windows Ctrl-C and Ctrl-Break) stop the
    /// reactor. Handlers of [your own] are installed all the same.
    ///
    /// One that the process ignores when the reactor runs, as it does with SIGINT
    /// in the background of a script, is left ignored (on Linux; other systems do
    /// not tell).
    ///
    /// [your own]: crate::Reactor::set_signal_handler
    ///
    /// See the [type's example](Self).
    #[doc(alias = "installSignalHandlers")]
    pub const fn install_signal_handlers(mut self, install: bool) -> Self {
        self.signal_handlers = install;
        self
    }

    /// For how long functions are waited for that still run in the reactor's
    /// thread pool when it has stopped. After that they run on, with nobody to
    /// hear what comes of it, and a warning is logged.
    ///
    /// Only [`run`](crate::Reactor::run) waits; a reactor in somebody else's
    /// runtime leaves that to them.
    ///
    /// ```
    /// use reactor_compat::RunOptions;
    /// use std::time::Duration;
    ///
    /// let patient = RunOptions::new().thread_grace(Duration::from_secs(60));
    /// assert_ne!(patient, RunOptions::new());
    /// ```
    pub const fn thread_grace(mut self, grace: Duration) -> Self {
        self.thread_grace = grace;
        self
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self::new()
    }
}
