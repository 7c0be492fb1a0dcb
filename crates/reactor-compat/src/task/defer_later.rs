//! [`defer_later()`]: calls a function later, and gives its result.
//!
//! Mirrors `twisted.internet.task.deferLater`. Tested in
//! `tests/runtime/defer_later.rs`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{DelayedCall, ReactorTime};
use deferred::{CallbackResult, Deferred};

/// Calls `function` after `delay`, and gives what comes of it.
///
/// The function may return what a callback may: see [`CallbackResult`]. To do
/// nothing but wait, give it `|| ()`.
///
/// If nothing drives the clock where we are, such as a reactor that nobody runs
/// in a runtime of several threads, it fails at once, with a
/// [`ReactorNotDriven`](crate::ReactorNotDriven).
///
/// # Cancellation
///
/// Cancelling the Deferred takes the call back, if it has not been made.
/// Dropping it does not.
///
/// ```
/// use deferred::testing::{assert_no_result, success_result_of};
/// use reactor_compat::task::{Clock, defer_later};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let d = defer_later(&clock, Duration::from_secs(3), || Ok("tea is ready"));
/// clock.advance(Duration::from_secs(2));
/// assert_no_result(&d);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(success_result_of(d), "tea is ready");
/// ```
///
/// In a coroutine:
///
/// ```
/// use deferred::{Failure, ensure_deferred, testing::success_result_of};
/// use reactor_compat::{ReactorTime, task::{Clock, defer_later}};
/// use std::time::Duration;
///
/// async fn thrice(clock: Clock) -> Result<Duration, Failure> {
///     for _ in 0..3 {
///         defer_later(&clock, Duration::from_secs(1), || ()).await?;
///     }
///     Ok(clock.seconds())
/// }
///
/// let clock = Clock::new();
/// let d = ensure_deferred(thrice(clock.clone()));
/// clock.pump([Duration::from_secs(1); 3]);
/// assert_eq!(success_result_of(d), Duration::from_secs(3));
/// ```
#[doc(alias = "deferLater")]
#[track_caller]
pub fn defer_later<R>(
    clock: &(impl ReactorTime + ?Sized),
    delay: Duration,
    function: impl FnOnce() -> R + 'static,
) -> Deferred<R::Value>
where
    R: CallbackResult,
{
    if let Err(failure) = clock.check_driven() {
        return Deferred::fail(failure);
    }
    let call: Rc<Cell<Option<DelayedCall>>> = Rc::default();
    let scheduled = call.clone();
    let (deferred, trigger) = Deferred::with_canceller(move |_| {
        if let Some(call) = call.take() {
            // It is pending: otherwise there would be nothing to cancel.
            let _ = call.cancel();
        }
    });
    let fire = move || {
        // The canceller would have taken the call back.
        let _ = trigger.callback(());
    };
    scheduled.set(Some(clock.call_later_boxed(delay, Box::new(fire))));
    deferred.add_callback(move |()| function())
}
