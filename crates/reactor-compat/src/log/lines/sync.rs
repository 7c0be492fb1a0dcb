//! Locks and time as [`Queue`](super::queue::Queue) uses them; its model in
//! the package `models` has others of the same names.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

/// When waiting ends.
pub(super) enum Deadline {
    /// It does not begin.
    Now,
    At(Instant),
    /// Too far away to be counted.
    Never,
}

impl Deadline {
    pub(super) fn after(start: Instant, time: Duration) -> Self {
        if time.is_zero() {
            return Self::Now;
        }
        start.checked_add(time).map_or(Self::Never, Self::At)
    }

    pub(super) fn is_now(&self) -> bool {
        matches!(self, Self::Now)
    }

    /// Waits to be notified, until the deadline; says whether that has passed.
    pub(super) fn wait<'a, T>(
        &self,
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
    ) -> (MutexGuard<'a, T>, bool) {
        let at = match self {
            Self::Now => return (guard, true),
            Self::Never => {
                return (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false);
            }
            Self::At(at) => at,
        };
        let left = at.saturating_duration_since(Instant::now());
        let (guard, waited) =
            condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
        (guard, waited.timed_out())
    }
}
