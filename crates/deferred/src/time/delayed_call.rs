//! [`DelayedCall`]: a call that was scheduled.
//!
//! Mirrors `twisted.internet.base.DelayedCall`. Tested in `tests/chains/time.rs`.

use std::fmt;
use std::rc::Weak;
use std::time::Duration;

use thiserror::Error;

use super::calls::SlotId;
use super::queue::Inner;

/// A call that was scheduled, to be cancelled or moved.
///
/// Dropping it leaves the call as it is; it keeps neither the call nor the
/// clock alive.
///
/// Mirrors `twisted.internet.interfaces.IDelayedCall`.
///
/// ```
/// use deferred::time::{Clock, DelayedCallError, ReactorTime};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let call = clock.call_later(Duration::from_secs(1), || unreachable!());
/// call.cancel()?;
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(call.cancel(), Err(DelayedCallError::AlreadyCancelled));
/// # Ok::<(), DelayedCallError>(())
/// ```
#[doc(alias = "IDelayedCall")]
pub struct DelayedCall {
    queue: Weak<Inner>,
    slot: SlotId,
}

impl DelayedCall {
    /// The slot's handle count already includes this one.
    pub(super) fn new(queue: Weak<Inner>, slot: SlotId) -> Self {
        Self { queue, slot }
    }

    /// Takes the call back; what it holds is dropped.
    ///
    /// # Errors
    ///
    /// When it is no longer pending. If its clock is gone, so is the call:
    /// that counts as cancelled.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use std::time::Duration;
    /// let call = Clock::new().call_later(Duration::ZERO, || ());
    /// assert!(call.cancel().is_err()); // the clock is gone
    /// ```
    pub fn cancel(&self) -> Result<(), DelayedCallError> {
        let queue = self.queue.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        queue.cancel(self.slot)
    }

    /// Moves the call to `delay` from now.
    ///
    /// # Errors
    ///
    /// When it is no longer pending.
    ///
    /// ```
    /// # use deferred::time::{Clock, DelayedCallError, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let call = clock.call_later(Duration::from_secs(9), || ());
    /// clock.advance(Duration::from_secs(1));
    /// call.reset(Duration::from_secs(2))?;
    /// assert_eq!(call.get_time(), Duration::from_secs(3));
    /// # Ok::<(), DelayedCallError>(())
    /// ```
    pub fn reset(&self, delay: Duration) -> Result<(), DelayedCallError> {
        let queue = self.queue.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        queue.move_to(self.slot, |now, _due| now.saturating_add(delay))
    }

    /// Moves the call to so much later than it would have been.
    ///
    /// # Errors
    ///
    /// When it is no longer pending.
    ///
    /// ```
    /// # use deferred::time::{Clock, DelayedCallError, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let call = clock.call_later(Duration::from_secs(9), || ());
    /// call.delay(Duration::from_secs(2))?;
    /// assert_eq!(call.get_time(), Duration::from_secs(11));
    /// # Ok::<(), DelayedCallError>(())
    /// ```
    pub fn delay(&self, later: Duration) -> Result<(), DelayedCallError> {
        let queue = self.queue.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        queue.move_to(self.slot, |_now, due| due.saturating_add(later))
    }

    /// Whether the call is still to be made.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let call = clock.call_later(Duration::ZERO, || ());
    /// assert!(call.active());
    /// clock.advance(Duration::ZERO);
    /// assert!(!call.active());
    /// ```
    pub fn active(&self) -> bool {
        self.queue.upgrade().is_some_and(|queue| queue.is_active(self.slot))
    }

    /// The time on its clock when the call is, or was, to be made; zero if the
    /// clock is gone.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let call = clock.call_later(Duration::from_secs(3), || ());
    /// assert_eq!(call.get_time(), Duration::from_secs(3));
    /// ```
    #[doc(alias = "getTime")]
    pub fn get_time(&self) -> Duration {
        self.queue.upgrade().map_or(Duration::ZERO, |queue| queue.due(self.slot))
    }
}

impl Clone for DelayedCall {
    fn clone(&self) -> Self {
        if let Some(queue) = self.queue.upgrade() {
            queue.add_handle(self.slot);
        }
        Self { queue: Weak::clone(&self.queue), slot: self.slot }
    }
}

impl Drop for DelayedCall {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.upgrade() {
            queue.drop_handle(self.slot);
        }
    }
}

/// Two are equal if they are of one call.
impl PartialEq for DelayedCall {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && Weak::ptr_eq(&self.queue, &other.queue)
    }
}

impl Eq for DelayedCall {}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<DelayedCall at {:?} active={}>", self.get_time(), self.active())
    }
}

/// The error of a call that is no longer pending.
///
/// ```
/// use deferred::time::{Clock, DelayedCallError, ReactorTime};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let call = clock.call_later(Duration::ZERO, || ());
/// clock.advance(Duration::ZERO);
/// assert_eq!(call.cancel(), Err(DelayedCallError::AlreadyCalled));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DelayedCallError {
    /// The call was made.
    #[error("the call was already made")]
    AlreadyCalled,
    /// The call was taken back.
    #[error("the call was already cancelled")]
    AlreadyCancelled,
}
