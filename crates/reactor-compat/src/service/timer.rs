//! [`TimerService`]: a function that is called again and again.
//!
//! Mirrors `TimerService` of `twisted.application.internet`. Tested in
//! `tests/services/parts.rs`.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CallbackResult, Deferred, maybe_deferred};

use super::Service;
use crate::clock_handle::ClockHandle;
use crate::task::LoopingCall;

/// Calls a function as soon as it is started, and again each time that an interval is
/// over, until it is stopped.
///
/// A function that fails is called no more; the failure is logged. Stopping waits for the
/// call that is going on, if there is one.
///
/// ```
/// use deferred::Deferred;
/// use deferred::testing::success_result_of;
/// use deferred::time::Clock;
/// use reactor_compat::service::{Service, TimerService};
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let (clock, calls) = (Clock::new(), Rc::new(Cell::new(0)));
/// let counting = calls.clone();
/// let timer = TimerService::new(&clock, Duration::from_secs(60), move || {
///     counting.set(counting.get() + 1);
///     Ok(())
/// });
/// success_result_of(timer.start_service());
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(calls.get(), 2);
/// success_result_of(timer.stop_service());
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(calls.get(), 2);
/// ```
pub struct TimerService {
    clock: ClockHandle,
    step: Duration,
    call: Rc<dyn Fn() -> Deferred<()>>,
    running: RefCell<Option<(LoopingCall, Deferred<()>)>>,
}

impl TimerService {
    /// A function, which may give a Deferred, and how often it is called.
    ///
    /// See the [type's example](Self).
    pub fn new<R: CallbackResult>(
        clock: impl Into<ClockHandle>,
        step: Duration,
        call: impl Fn() -> R + 'static,
    ) -> Self {
        Self {
            clock: clock.into(),
            step,
            call: Rc::new(move || maybe_deferred(&call).add_callback(drop)),
            running: RefCell::default(),
        }
    }
}

impl Service for TimerService {
    fn start_service(&self) -> Deferred<()> {
        let call = self.call.clone();
        let running = LoopingCall::new(move || call()).clock(&self.clock);
        let ended = running.start(self.step, true).add_callbacks(drop, |failure| {
            crate::log::err(failure, "a TimerService calls no more");
        });
        *self.running.borrow_mut() = Some((running, ended));
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        let Some((running, ended)) = self.running.take() else { return Deferred::succeed(()) };
        // One that has failed has ended.
        let _ = running.stop();
        ended
    }
}

impl fmt::Debug for TimerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerService").field("step", &self.step).finish_non_exhaustive()
    }
}
