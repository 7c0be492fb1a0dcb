//! [`RetryPolicy`]: how long a client waits before it tries again.
//!
//! Mirrors `backoffPolicy` of `twisted.application.internet`. Tested here, and in
//! `tests/network/client_service.rs`.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

/// The time before each new attempt to connect.
///
/// A function from the number of failures in a row, which is 1 or more, is one;
/// [`BackoffPolicy`] is what a [`ClientService`](super::ClientService) has unless it is
/// told otherwise; [`Delays`] are those of any iterator.
///
/// ```
/// use reactor_compat::service::RetryPolicy;
/// use std::time::Duration;
///
/// let policy = |failures: u32| Duration::from_secs(failures.min(5).into());
/// assert_eq!(policy.delay(2), Duration::from_secs(2));
/// assert_eq!(policy.delay(9), Duration::from_secs(5));
/// ```
pub trait RetryPolicy: 'static {
    /// How long to wait after so many failures in a row, 1 or more.
    ///
    /// See the [trait's example](Self).
    fn delay(&self, failures: u32) -> Duration;
}

impl<F: Fn(u32) -> Duration + 'static> RetryPolicy for F {
    fn delay(&self, failures: u32) -> Duration {
        self(failures)
    }
}

/// Delays that grow by a factor up to a limit, each with some time added by chance, so
/// that many clients do not come back at once.
///
/// They are `initial * factor ^ failures`, at most `max`, and up to `jitter` more. Unless
/// told otherwise: 1 second, at most 60, by 1.5, and up to a second more.
///
/// ```
/// use reactor_compat::service::{BackoffPolicy, RetryPolicy};
/// use std::time::Duration;
///
/// let policy = BackoffPolicy::new()
///     .initial_delay(Duration::from_secs(2))
///     .factor(2.0)
///     .max_delay(Duration::from_secs(10))
///     .jitter(Duration::ZERO);
/// let delays: Vec<_> = (1..5).map(|failures| policy.delay(failures).as_secs()).collect();
/// assert_eq!(delays, [4, 8, 10, 10]);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "backoffPolicy")]
pub struct BackoffPolicy {
    initial_delay: Duration,
    max_delay: Duration,
    factor: f64,
    jitter: Duration,
}

impl BackoffPolicy {
    /// 1 second, at most 60, growing by 1.5, and up to a second more by chance.
    ///
    /// See the [type's example](Self).
    pub const fn new() -> Self {
        Self {
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            factor: 1.5,
            jitter: Duration::from_secs(1),
        }
    }

    /// Sets the delay that the others are multiples of.
    ///
    /// See the [type's example](Self).
    #[must_use]
    #[doc(alias = "initialDelay")]
    pub const fn initial_delay(mut self, delay: Duration) -> Self {
        self.initial_delay = delay;
        self
    }

    /// Sets the longest delay, before what is added by chance.
    ///
    /// See the [type's example](Self).
    #[must_use]
    #[doc(alias = "maxDelay")]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets by how much the delay grows with each failure.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how much is added at most, by chance.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy for BackoffPolicy {
    fn delay(&self, failures: u32) -> Duration {
        let times = self.factor.powi(i32::try_from(failures.min(100)).unwrap_or(100));
        let seconds = self.initial_delay.as_secs_f64() * times;
        // What is no time, because the factor is odd, is the longest.
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        delay.min(self.max_delay).saturating_add(self.jitter.mul_f64(fastrand::f64()))
    }
}

/// The delays of an iterator, from its first one on after each success. When it has no
/// more, its last one counts; without any, a minute.
///
/// ```
/// use reactor_compat::service::{Delays, RetryPolicy};
/// use std::time::Duration;
///
/// let policy = Delays::new([1, 5, 30].map(Duration::from_secs));
/// let delays: Vec<_> = (1..6).map(|failures| policy.delay(failures).as_secs()).collect();
/// assert_eq!(delays, [1, 5, 30, 30, 30]);
/// assert_eq!(policy.delay(1).as_secs(), 1);
/// ```
pub struct Delays<I: Iterator<Item = Duration>> {
    first: I,
    place: RefCell<Place<I>>,
}

/// How far an iterator has come.
struct Place<I> {
    rest: I,
    failures: u32,
    delay: Duration,
}

impl<I: Iterator<Item = Duration> + Clone> Delays<I> {
    /// A policy of what can be iterated over from the start again.
    ///
    /// See the [type's example](Self).
    pub fn new(delays: impl IntoIterator<IntoIter = I>) -> Self {
        let first = delays.into_iter();
        let place = RefCell::new(Place::new(first.clone()));
        Self { first, place }
    }
}

impl<I: Iterator<Item = Duration>> Place<I> {
    fn new(first: I) -> Self {
        Self { rest: first, failures: 0, delay: BackoffPolicy::new().max_delay }
    }

    /// The delay after so many failures, of which it has not seen more.
    fn advance(&mut self, failures: u32) -> Duration {
        while self.failures < failures {
            let Some(delay) = self.rest.next() else { break };
            self.delay = delay;
            self.failures += 1;
        }
        self.delay
    }
}

impl<I: Iterator<Item = Duration> + Clone + 'static> RetryPolicy for Delays<I> {
    fn delay(&self, failures: u32) -> Duration {
        let mut place = self.place.borrow_mut();
        if failures < place.failures || failures <= 1 {
            *place = Place::new(self.first.clone());
        }
        place.advance(failures)
    }
}

impl<I: Iterator<Item = Duration>> fmt::Debug for Delays<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delays").field("delay", &self.place.borrow().delay).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::time::Duration;

    use super::{BackoffPolicy, Delays, RetryPolicy};

    #[test]
    fn the_default_is_that_of_twisted() {
        let policy = BackoffPolicy::default();
        for (failures, least) in [(1, 1.5), (2, 2.25), (10, 57.665), (11, 60.0), (u32::MAX, 60.0)] {
            let delay = policy.delay(failures).as_secs_f64();
            assert!((least - 0.001..=least + 1.0).contains(&delay), "{failures}: {delay}");
        }
    }

    #[test]
    fn odd_numbers_make_no_odd_times() {
        let policy = BackoffPolicy::new().jitter(Duration::ZERO);
        for factor in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(policy.factor(factor).delay(1), Duration::from_secs(60), "{factor}");
        }
        assert_eq!(policy.factor(0.0).delay(1), Duration::ZERO);
        let longest = BackoffPolicy::new().max_delay(Duration::MAX).factor(f64::MAX);
        assert_eq!(longest.delay(9), Duration::MAX);
    }

    #[test]
    fn an_iterator_without_delays_waits_a_minute() {
        assert_eq!(Delays::new(iter::empty()).delay(3), Duration::from_secs(60));
    }

    #[test]
    fn an_iterator_without_an_end_is_taken_as_far_as_needed() {
        let policy = Delays::new((1..).map(Duration::from_secs));
        assert_eq!(policy.delay(100), Duration::from_secs(100));
        assert_eq!(policy.delay(50), Duration::from_secs(50));
        assert_eq!(policy.delay(50), Duration::from_secs(50));
    }
}
