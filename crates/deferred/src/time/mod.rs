//! Time, as an argument.
//!
//! - [`ReactorTime`]: the argument of everything that waits; a reactor is one, and
//!   so is
//! - [`Clock`]: time that passes when a test says so.
//! - [`DelayedCall`]: a call that was scheduled.
//! - [`TimerQueue`]: what both keep their calls in.
//!
//! Mirrors `IReactorTime` and `IDelayedCall` of `twisted.internet.interfaces`,
//! and `twisted.internet.task.Clock`. Tested in `tests/chains/time.rs`.

mod calls;
mod clock;
mod delayed_call;
mod queue;

use std::time::Duration;

use crate::failure::Failure;

pub use self::clock::Clock;
pub use self::delayed_call::{DelayedCall, DelayedCallError};
pub use self::queue::{DueCalls, TimerQueue};

/// A function to be called later.
///
/// ```
/// use deferred::time::Call;
/// use std::{cell::Cell, rc::Rc};
///
/// let called = Rc::new(Cell::new(false));
/// let inner = called.clone();
/// let call: Call = Box::new(move || inner.set(true));
/// call();
/// assert!(called.get());
/// ```
pub type Call = Box<dyn FnOnce()>;

/// Something that knows what time it is, and calls functions later.
///
/// Take `&impl ReactorTime` wherever you wait, and a test can use a [`Clock`].
/// Where it has to be a `dyn ReactorTime`, call
/// [`call_later_boxed`](Self::call_later_boxed).
///
/// Mirrors `twisted.internet.interfaces.IReactorTime`.
///
/// ```
/// use deferred::time::{Clock, ReactorTime};
/// use std::time::Duration;
///
/// fn remind(clock: &impl ReactorTime) {
///     clock.call_later(Duration::from_secs(60), || println!("tea"));
/// }
///
/// let clock = Clock::new();
/// remind(&clock);
/// assert_eq!(clock.get_delayed_calls().len(), 1);
/// ```
#[doc(alias = "IReactorTime")]
pub trait ReactorTime {
    /// The time since a moment that stays the same, such as the start.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// clock.advance(Duration::from_secs(2));
    /// assert_eq!(clock.seconds(), Duration::from_secs(2));
    /// ```
    fn seconds(&self) -> Duration;

    /// [`call_later`](Self::call_later) for a boxed function.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let any: &dyn ReactorTime = &clock;
    /// let call = any.call_later_boxed(Duration::from_secs(1), Box::new(|| ()));
    /// assert!(call.active());
    /// ```
    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall;

    /// The calls that are pending, the next one first.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let late = clock.call_later(Duration::from_secs(9), || ());
    /// let soon = clock.call_later(Duration::from_secs(1), || ());
    /// assert_eq!(clock.get_delayed_calls(), [soon, late]);
    /// ```
    #[doc(alias = "getDelayedCalls")]
    fn get_delayed_calls(&self) -> Vec<DelayedCall>;

    /// Checks that calls will be made: a clock that nothing drives where we are may
    /// say so, so that what waits for it can fail instead.
    ///
    /// # Errors
    ///
    /// Why they will not. Most clocks know of nothing.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    ///
    /// assert!(Clock::new().check_driven().is_ok());
    /// ```
    fn check_driven(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Calls `call` after `delay`, if the [`DelayedCall`] does not say
    /// otherwise meanwhile. Dropping that changes nothing.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let call = clock.call_later(Duration::from_secs(3), || ());
    /// assert_eq!(call.get_time(), Duration::from_secs(3));
    /// ```
    #[doc(alias = "callLater")]
    #[track_caller]
    fn call_later(&self, delay: Duration, call: impl FnOnce() + 'static) -> DelayedCall
    where
        Self: Sized,
    {
        self.call_later_boxed(delay, Box::new(call))
    }
}

impl<C: ReactorTime + ?Sized> ReactorTime for std::rc::Rc<C> {
    fn seconds(&self) -> Duration {
        (**self).seconds()
    }

    #[track_caller]
    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall {
        (**self).call_later_boxed(delay, call)
    }

    fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        (**self).get_delayed_calls()
    }

    fn check_driven(&self) -> Result<(), Failure> {
        (**self).check_driven()
    }
}
