//! The arithmetic of [`LoopingCall`](super::LoopingCall): when the next call is
//! due, and how many were.
//!
//! Mirrors `LoopingCall._scheduleFrom` and `_intervalOf`. Tested here, and
//! through the loop in `tests/runtime/looping_call.rs`.

use std::time::Duration;

/// The beats of one run of a loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals {
    pub(super) start: Duration,
    pub(super) interval: Duration,
}

impl Intervals {
    /// How long it is from `now` to the next beat: a whole interval on a beat,
    /// and nothing if there are no intervals.
    pub(super) fn until_next(&self, now: Duration) -> Duration {
        let interval = self.interval.as_nanos();
        if interval == 0 {
            return Duration::ZERO;
        }
        let into = now.saturating_sub(self.start).as_nanos() % interval;
        // Less than the interval, which is a Duration itself.
        self.interval - Duration::from_nanos_u128(into)
    }

    /// The number of the interval that `time` is in, towards zero before the
    /// start.
    fn number(&self, time: Duration) -> i128 {
        let elapsed = nanoseconds(time) - nanoseconds(self.start);
        elapsed / nanoseconds(self.interval).max(1)
    }

    /// How many intervals began after `last` and up to `now`. Without a `last`
    /// they count from the start; with `at_start`, from one interval earlier.
    pub(super) fn since(&self, last: Option<Duration>, at_start: bool, now: Duration) -> u64 {
        if self.interval.is_zero() {
            return 1;
        }
        let before = last.map_or(-i128::from(at_start), |last| self.number(last));
        u64::try_from(self.number(now) - before).unwrap_or(0)
    }
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_next_beat_is_never_now() {
        let beats = Intervals { start: 5 * SECOND, interval: 2 * SECOND };
        assert_eq!(beats.until_next(5 * SECOND), 2 * SECOND);
        assert_eq!(beats.until_next(6 * SECOND), SECOND);
        assert_eq!(beats.until_next(7 * SECOND), 2 * SECOND);
        assert_eq!(beats.until_next(10 * SECOND + SECOND / 4), SECOND * 3 / 4);
        let none = Intervals { start: SECOND, interval: Duration::ZERO };
        assert_eq!(none.until_next(9 * SECOND), Duration::ZERO);
    }

    #[test]
    fn beats_are_counted_since_the_last_call() {
        let beats = Intervals { start: 5 * SECOND, interval: 2 * SECOND };
        assert_eq!(beats.since(None, true, 5 * SECOND), 1);
        assert_eq!(beats.since(None, false, 7 * SECOND), 1);
        assert_eq!(beats.since(Some(5 * SECOND), true, 11 * SECOND), 3);
        assert_eq!(beats.since(Some(7 * SECOND), true, 8 * SECOND), 0);
        // The last call came before the timer was reset.
        assert_eq!(beats.since(Some(4 * SECOND), true, 7 * SECOND), 1);
        assert_eq!(beats.since(Some(11 * SECOND), true, 7 * SECOND), 0);
    }

    #[test]
    fn the_largest_of_times_overflow_nothing() {
        let beats = Intervals { start: Duration::ZERO, interval: Duration::from_nanos(1) };
        assert_eq!(beats.until_next(Duration::MAX), Duration::from_nanos(1));
        assert_eq!(beats.since(None, true, Duration::MAX), 0);
        let slow = Intervals { start: Duration::ZERO, interval: Duration::MAX };
        assert_eq!(slow.until_next(Duration::ZERO), Duration::MAX);
    }
}
