//! A reactor's time: the clock, and delayed calls.
//!
//! Mirrors `IReactorTime`. Tested in `tests/runtime/reactor.rs`.

use std::panic::Location;
use std::time::Duration;

use deferred::time::{Call, DelayedCall, ReactorTime};
use deferred::{Failure, get_debugging};
use tracing::Span;

use super::Reactor;
use super::turn::WHILE_HANDLING;
use crate::call_result::CallResult;
use crate::guard;

/// The same call, in the span that we are in.
fn in_span(call: Call) -> Call {
    let span = Span::current();
    if span.is_none() { call } else { Box::new(move || span.in_scope(call)) }
}

impl Reactor {
    /// Calls `call` after `delay`, unless the [`DelayedCall`] says otherwise
    /// meanwhile. Dropping that changes nothing.
    ///
    /// Calls of one time are made in the order in which they were scheduled; a
    /// call scheduled with no delay is made in the next turn. What it fails with
    /// is logged (see [`CallResult`]), and so is a panic.
    ///
    /// It is [`ReactorTime::call_later`] without the trait, for a call with a
    /// result.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use std::{cell::RefCell, rc::Rc, time::Duration};
    ///
    /// let reactor = Reactor::new();
    /// let order = Rc::new(RefCell::new(Vec::new()));
    /// for (name, delay) in [("second", 2), ("first", 1)] {
    ///     let order = order.clone();
    ///     reactor.call_later(Duration::from_millis(delay), move || order.borrow_mut().push(name));
    /// }
    /// let stop = reactor.clone();
    /// reactor.call_later(Duration::from_millis(3), move || stop.stop());
    /// reactor.run()?;
    /// assert_eq!(*order.borrow(), ["first", "second"]);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "callLater")]
    #[track_caller]
    pub fn call_later<R: CallResult>(
        &self,
        delay: Duration,
        call: impl FnOnce() -> R + 'static,
    ) -> DelayedCall {
        self.call_later_boxed(delay, Box::new(move || guard::report(WHILE_HANDLING, call())))
    }

    /// The time since 1970, by a clock that runs steadily.
    ///
    /// It is Tokio's, and stands still while `tokio::time::pause` is in force.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let reactor = Reactor::new();
    /// let before = reactor.seconds();
    /// assert!(reactor.seconds() >= before);
    /// ```
    pub fn seconds(&self) -> Duration {
        self.epoch().seconds()
    }

    /// The calls that are pending, the next one first.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new();
    /// let late = reactor.call_later(Duration::from_secs(9), || ());
    /// let soon = reactor.call_later(Duration::from_secs(1), || ());
    /// assert_eq!(reactor.get_delayed_calls(), [soon, late]);
    /// ```
    #[doc(alias = "getDelayedCalls")]
    pub fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        self.core.timers.delayed_calls()
    }
}

/// See [`Reactor::call_later`] and [`Reactor::seconds`], which need no trait.
impl ReactorTime for Reactor {
    fn seconds(&self) -> Duration {
        Self::seconds(self)
    }

    #[track_caller]
    fn call_later_boxed(&self, delay: Duration, call: Call) -> DelayedCall {
        let scheduled = self.core.timers.call_later(delay, in_span(call));
        self.auto_start();
        if get_debugging() {
            self.core.call_sites.note(&scheduled, Location::caller(), self.core.timers.len());
        }
        scheduled
    }

    fn get_delayed_calls(&self) -> Vec<DelayedCall> {
        Self::get_delayed_calls(self)
    }

    fn check_driven(&self) -> Result<(), Failure> {
        Ok(Self::check_driven(self)?)
    }
}
