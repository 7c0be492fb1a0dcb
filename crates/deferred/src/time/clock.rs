//! [`Clock`]: time that passes when a test says so.
//!
//! Mirrors `twisted.internet.task.Clock`. Tested in `tests/chains/time.rs`.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::{Call, DelayedCall, ReactorTime, TimerQueue};

/// A clock that stands still until it is told to go on.
///
/// Clones are the same clock.
///
/// Mirrors `twisted.internet.task.Clock`.
///
/// ```
/// use deferred::time::{Clock, ReactorTime};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let clock = Clock::new();
/// let rang = Rc::new(Cell::new(false));
/// let ring = rang.clone();
/// clock.call_later(Duration::from_secs(3), move || ring.set(true));
///
/// clock.advance(Duration::from_secs(2));
/// assert!(!rang.get());
/// clock.advance(Duration::from_secs(1));
/// assert!(rang.get());
/// ```
#[derive(Clone)]
pub struct Clock {
    now: Rc<Cell<Duration>>,
    calls: TimerQueue,
}

impl Clock {
    /// A clock that shows zero.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    ///
    /// assert!(Clock::new().seconds().is_zero());
    /// ```
    pub fn new() -> Self {
        let now = Rc::new(Cell::new(Duration::ZERO));
        let read = Rc::clone(&now);
        Self { now, calls: TimerQueue::new(move || read.get()) }
    }

    /// Moves the clock forward, and then makes the calls that are due, in the
    /// order of their times.
    ///
    /// As in Twisted the clock jumps first: a call that was due at one second
    /// sees ten if it is moved by ten. Calls that are scheduled meanwhile, and
    /// are due, are made as well.
    ///
    /// # Panics
    ///
    /// If a call panics; the others that are due are made by the next
    /// `advance`.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let later = clock.clone();
    /// clock.call_later(Duration::from_secs(1), move || {
    ///     assert_eq!(later.seconds(), Duration::from_secs(10));
    /// });
    /// clock.advance(Duration::from_secs(10));
    /// ```
    pub fn advance(&self, amount: Duration) {
        self.now.set(self.now.get().saturating_add(amount));
        while let Some(call) = self.calls.pop_due() {
            call();
        }
    }

    /// Moves the clock forward step by step.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// clock.pump([Duration::from_secs(1), Duration::from_secs(2)]);
    /// assert_eq!(clock.seconds(), Duration::from_secs(3));
    /// ```
    pub fn pump(&self, timings: impl IntoIterator<Item = Duration>) {
        timings.into_iter().for_each(|amount| self.advance(amount));
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl ReactorTime for Clock {
    fn seconds(&self) -> Duration {
        self.now.get()
    }

    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall {
        self.calls.call_later(delay, call)
    }

    fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        self.calls.delayed_calls()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("now", &self.now.get())
            .field("calls", &self.calls.len())
            .finish()
    }
}
