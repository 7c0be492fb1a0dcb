//! How long a [`Cooperator`](super::Cooperator) works at a time, unless it is
//! told.
//!
//! Mirrors `twisted.internet.task._Timer`. Tested in `tests/runtime/cooperate.rs`.

use std::time::Duration;

use deferred::time::ReactorTime;

use crate::clock_handle::ClockHandle;

/// How long a slice is.
const LENGTH: Duration = Duration::from_millis(10);

/// How many steps a slice has at most. It ends what a clock that stands still
/// would not; where time passes, starting the next slice costs nothing to speak
/// of after so many.
const STEPS: u32 = 1024;

/// Says whether a slice is over.
pub(super) type IsOver = Box<dyn FnMut() -> bool>;

/// Starts a slice on `clock`.
pub(super) fn begin(clock: &ClockHandle) -> IsOver {
    let clock = clock.clone();
    let end = clock.seconds().saturating_add(LENGTH);
    let mut steps = 0;
    Box::new(move || {
        steps += 1;
        steps >= STEPS || clock.seconds() >= end
    })
}
