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

/// Gives the first value that there is among `members`, with its index, and
/// cancels the others.
///
/// If all fail it fails with a [`FailureGroup`]. With no members it never fires,
/// as in Twisted. A lock, or a value of a queue, that one of the others has by
/// then goes [back](crate::sync).
///
/// # Cancellation
///
/// Cancelling it cancels all members.
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
pub fn race<T: 'static>(members: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    let place = Location::caller();
    let members: Vec<_> = members.into_iter().collect();
    let (result, trigger) = Deferred::new();
    let handles: Rc<[CancelHandle]> = members.iter().map(Deferred::cancel_handle).collect();
    let race = Rc::new(Race {
        members: handles.iter().map(CancelHandle::downgrade).collect(),
        failures: RefCell::new(vec![None; members.len()]),
        running: Cell::new(members.len()),
        won: Cell::new(false),
        trigger,
    });
    race.trigger.head().core().upstream.set(Upstream::Members(Members { handles, fails: true }));
    for (index, member) in members.into_iter().enumerate() {
        if race.won.get() && member.has_value() {
            // Untaken it goes back, if it is a lock.
            continue;
        }
        let race = Rc::clone(&race);
        drop(member.add(place, move |result| match result {
            Ok(value) => race.succeeded(index, value, place),
            Err(failure) => race.failed(index, failure, place),
        }));
    }
    result
}

/// The state of a race.
struct Race<T> {
    /// Weak, since the members have the race.
    members: Vec<WeakCancelHandle>,
    failures: RefCell<Vec<Option<Failure>>>,
    running: Cell<usize>,
    won: Cell<bool>,
    trigger: Trigger<(usize, T)>,
}

impl<T: 'static> Race<T> {
    fn succeeded(&self, winner: usize, value: T, place: &'static Location<'static>) -> Next<()> {
        // The canceller of another may give a value: too late.
        if self.won.replace(true) {
            return Next::Done(Ok(()));
        }
        for (index, member) in self.members.iter().enumerate() {
            if index != winner {
                member.cancel();
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

/// The error of a [`race`] all of whose members failed.
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

    /// The failures, in the order of the members.
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
