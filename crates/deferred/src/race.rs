//! [`race`]: the first of several Deferreds.
//!
//! Mirrors `race` of `twisted.internet.defer`. Tested in `tests/chains/race.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use thiserror::Error;

use crate::cancel_handle::{CancelHandle, WeakCancelHandle};
use crate::chain::{Members, Next, Upstream};
use crate::deferred::{Deferred, feed};
use crate::failure::Failure;
use crate::trigger::Trigger;

/// Gives the first value there is among `runners`, with its index, and cancels
/// the others.
///
/// If all fail it fails with a [`FailureGroup`]. With no runners it never
/// fires, as in Twisted.
///
/// # Cancellation
///
/// Cancelling it cancels all runners.
///
/// ```
/// use deferred::{Deferred, race, testing::success_result_of};
///
/// let (tortoise, _trigger) = Deferred::new();
/// let (hare, trigger) = Deferred::new();
/// let winner = race([tortoise, hare]);
/// trigger.callback("hare")?;
/// assert_eq!(success_result_of(winner), (1, "hare"));
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[track_caller]
pub fn race<T: 'static>(runners: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    let place = Location::caller();
    let runners: Vec<_> = runners.into_iter().collect();
    let (result, trigger) = Deferred::new();
    let handles: Rc<[CancelHandle]> = runners.iter().map(Deferred::cancel_handle).collect();
    let track = Rc::new(Track {
        runners: handles.iter().map(CancelHandle::downgrade).collect(),
        failures: RefCell::new(vec![None; runners.len()]),
        running: Cell::new(runners.len()),
        won: Cell::new(false),
        trigger,
    });
    track.trigger.head().core().upstream.set(Upstream::Members(Members { handles, fails: true }));
    for (index, runner) in runners.into_iter().enumerate() {
        if track.won.get() && runner.has_value() {
            // It is too late to take it: a lock goes back.
            continue;
        }
        let track = Rc::clone(&track);
        drop(runner.add(place, move |result| match result {
            Ok(value) => track.succeeded(index, value, place),
            Err(failure) => track.failed(index, failure, place),
        }));
    }
    result
}

/// The state of a race.
struct Track<T> {
    /// Weak, since the runners have the track.
    runners: Vec<WeakCancelHandle>,
    failures: RefCell<Vec<Option<Failure>>>,
    running: Cell<usize>,
    won: Cell<bool>,
    trigger: Trigger<(usize, T)>,
}

impl<T: 'static> Track<T> {
    fn succeeded(&self, winner: usize, value: T, place: &'static Location<'static>) -> Next<()> {
        // A runner's canceller may give a value: too late.
        if self.won.replace(true) {
            return Next::Done(Ok(()));
        }
        for (index, runner) in self.runners.iter().enumerate() {
            if index != winner {
                runner.cancel();
            }
        }
        feed(&self.trigger, Ok((winner, value)), Ok(()), place)
    }

    fn failed(
        &self,
        index: usize,
        failure: Failure,
        place: &'static Location<'static>,
    ) -> Next<()> {
        self.failures.borrow_mut()[index] = Some(failure);
        self.running.set(self.running.get() - 1);
        if self.running.get() > 0 {
            return Next::Done(Ok(()));
        }
        let failures = self.failures.take().into_iter().flatten().collect();
        feed(&self.trigger, Err(FailureGroup { failures }.into()), Ok(()), place)
    }
}

/// All runners of a [`race`] failed.
///
/// ```
/// use deferred::{Deferred, FailureGroup, race, testing::failure_result_of};
///
/// let broken: [Deferred<()>; 2] = [(); 2].map(|()| Deferred::fail(std::fmt::Error));
/// let failure = failure_result_of(race(broken));
/// assert_eq!(failure.check::<FailureGroup>().unwrap().failures().len(), 2);
/// ```
#[derive(Clone, Debug, Error)]
pub struct FailureGroup {
    failures: Vec<Failure>,
}

impl FailureGroup {
    /// An error that says all these happened.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure, FailureGroup};
    ///
    /// let group = FailureGroup::new([Failure::new(CancelledError), Failure::msg("too late")]);
    /// assert_eq!(group.to_string(), "all failed: cancelled; too late");
    /// ```
    pub fn new(failures: impl IntoIterator<Item = Failure>) -> Self {
        Self { failures: failures.into_iter().collect() }
    }

    /// The failures, in the order of the runners.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure, FailureGroup};
    ///
    /// let group = FailureGroup::new([Failure::new(CancelledError), Failure::msg("too late")]);
    /// assert!(group.failures()[0].is::<CancelledError>());
    /// ```
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all failed:")?;
        for (index, failure) in self.failures.iter().enumerate() {
            let separator = if index > 0 { ";" } else { "" };
            // Races may be nested deeper than the stack is.
            match failure.check::<Self>() {
                Some(group) => write!(f, "{separator} a group of {}", group.failures.len())?,
                None => write!(f, "{separator} {failure}")?,
            }
        }
        Ok(())
    }
}
