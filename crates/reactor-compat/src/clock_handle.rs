//! [`ClockHandle`]: the clock that something keeps and goes by.
//!
//! Tested here, and by all that have a method `clock`.

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use deferred::time::{Call, DelayedCall, ReactorTime};

/// A handle to a clock: to a [`Reactor`](crate::Reactor), or to a test's
/// [`Clock`](crate::task::Clock).
///
/// Functions that wait take `&impl ReactorTime`. A type that keeps its clock
/// has a field of this type, and takes `impl Into<ClockHandle>`: whoever makes
/// one passes `&reactor` or `&clock`.
///
/// ```
/// use reactor_compat::{ClockHandle, ReactorTime, task::Clock};
/// use std::time::Duration;
///
/// struct Egg { clock: ClockHandle }
///
/// impl Egg {
///     fn new(clock: impl Into<ClockHandle>) -> Self {
///         Self { clock: clock.into() }
///     }
///
///     fn boil(&self) {
///         self.clock.call_later(Duration::from_secs(300), || println!("done"));
///     }
/// }
///
/// let clock = Clock::new();
/// Egg::new(&clock).boil();
/// assert_eq!(clock.get_delayed_calls().len(), 1);
/// ```
#[derive(Clone)]
#[doc(alias = "IReactorTime")]
pub struct ClockHandle {
    clock: Rc<dyn ReactorTime>,
}

impl<C: ReactorTime + Clone + 'static> From<&C> for ClockHandle {
    fn from(clock: &C) -> Self {
        // A handle to a handle would do, but cost one more call each time.
        let any: &dyn Any = clock;
        match any.downcast_ref::<Self>() {
            Some(handle) => handle.clone(),
            None => Self { clock: Rc::new(clock.clone()) },
        }
    }
}

impl ReactorTime for ClockHandle {
    fn seconds(&self) -> Duration {
        self.clock.seconds()
    }

    #[track_caller]
    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall {
        self.clock.call_later_boxed(delay, call)
    }

    fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        self.clock.get_delayed_calls()
    }

    fn check_driven(&self) -> Result<(), Failure> {
        self.clock.check_driven()
    }
}

impl fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockHandle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use deferred::time::Clock;

    use super::*;

    #[test]
    fn a_handle_to_a_handle_is_the_same() {
        let clock = Clock::new();
        let handle = ClockHandle::from(&clock);
        let again = ClockHandle::from(&handle);
        assert!(Rc::ptr_eq(&handle.clock, &again.clock));
        clock.advance(Duration::from_secs(2));
        assert_eq!(again.seconds(), Duration::from_secs(2));
    }

    #[test]
    fn one_may_be_made_of_whatever_is_a_clock() {
        let shared: Rc<dyn ReactorTime> = Rc::new(Clock::new());
        let call = ClockHandle::from(&shared).call_later(Duration::ZERO, || ());
        assert_eq!(shared.get_delayed_calls(), [call]);
    }
}
