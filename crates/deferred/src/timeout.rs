//! Deferreds that give up: [`Deferred::add_timeout`].
//!
//! Mirrors `Deferred.addTimeout`. Tested in `tests/chains/timeout.rs`.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::callback::CallbackResult;
use crate::chain::Next;
use crate::deferred::Deferred;
use crate::error::{CancelledError, TimeoutError};
use crate::failure::Failure;
use crate::time::ReactorTime;

impl<T: 'static> Deferred<T> {
    /// Cancels the Deferred if it has no result after `timeout`; then it fails
    /// with a [`TimeoutError`].
    ///
    /// What was added before is part of what is timed, what is added later is
    /// not. If the canceller gives a result, or fails with another error, that
    /// is left as it is.
    ///
    /// ```
    /// use deferred::{Deferred, TimeoutError, testing::failure_result_of, time::Clock};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let (d, _trigger) = Deferred::<()>::new();
    /// let d = d.add_timeout(Duration::from_secs(30), &clock);
    /// clock.advance(Duration::from_secs(30));
    /// assert!(failure_result_of(d).is::<TimeoutError>());
    /// ```
    #[doc(alias = "addTimeout")]
    #[track_caller]
    pub fn add_timeout(self, timeout: Duration, clock: &(impl ReactorTime + ?Sized)) -> Self {
        self.time_out(timeout, clock, Location::caller(), cancelled_to_timed_out)
    }

    /// As [`add_timeout`](Self::add_timeout), with `on_timeout` to say what the
    /// result of a Deferred that was cancelled for its time is to be.
    ///
    /// Mirrors the argument `onTimeoutCancel`.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of, time::Clock};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let (d, _trigger) = Deferred::new();
    /// let d = d.add_timeout_with(Duration::from_secs(30), &clock, |_cancelled, _| Ok("too late"));
    /// clock.advance(Duration::from_secs(30));
    /// assert_eq!(success_result_of(d), "too late");
    /// ```
    #[doc(alias = "onTimeoutCancel")]
    #[track_caller]
    pub fn add_timeout_with<R>(
        self,
        timeout: Duration,
        clock: &(impl ReactorTime + ?Sized),
        on_timeout: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
    ) -> Self
    where
        R: CallbackResult<Value = T>,
    {
        self.time_out(timeout, clock, Location::caller(), on_timeout)
    }

    fn time_out<R>(
        self,
        timeout: Duration,
        clock: &(impl ReactorTime + ?Sized),
        place: &'static Location<'static>,
        on_timeout: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
    ) -> Self
    where
        R: CallbackResult<Value = T>,
    {
        let timed_out = Rc::new(Cell::new(false));
        let is_time = Rc::clone(&timed_out);
        let handle = self.cancel_handle();
        let call = Box::new(move || {
            is_time.set(true);
            handle.cancel();
        });
        let delayed_call = clock.call_later_boxed(timeout, call);
        self.add_timing(place, move |result| {
            if timed_out.get() {
                return on_timeout(result, timeout).into_outcome().into();
            }
            // It was made if it is what fires the Deferred, late.
            let _ = delayed_call.cancel();
            Next::Pass(result)
        })
    }
}

fn cancelled_to_timed_out<T>(result: Result<T, Failure>, timeout: Duration) -> Result<T, Failure> {
    result.map_err(|failure| match failure.check::<CancelledError>() {
        Some(_) => TimeoutError::new(timeout).into(),
        None => failure,
    })
}
