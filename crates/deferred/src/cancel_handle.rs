//! [`CancelHandle`]: cancels a Deferred that someone else has.
//!
//! Mirrors `Deferred.cancel`. Tested in `tests/chains/deferred.rs`.

use std::fmt;
use std::rc::{Rc, Weak};

use crate::chain::{Consumer, Core, Phase, cancel, lost_holder};

/// Cancels a [`Deferred`](crate::Deferred) from afar.
///
/// It stays good however the Deferred is passed on: what is cancelled is the
/// chain, and whatever the chain waits for. It has no type, and keeps the
/// Deferred's callbacks alive as the Deferred itself does.
///
/// ```
/// use deferred::{CancelledError, Deferred, testing::failure_result_of};
///
/// let (d, _trigger) = Deferred::<u32>::new();
/// let handle = d.cancel_handle();
/// let d = d.add_callback(|n| Ok(n.to_string()));
///
/// handle.cancel();
/// assert!(failure_result_of(d).is::<CancelledError>());
/// ```
pub struct CancelHandle {
    core: Rc<Core>,
}

impl CancelHandle {
    pub(crate) fn new(core: &Rc<Core>) -> Self {
        core.cancel_handles.set(core.cancel_handles.get() + 1);
        Self { core: Rc::clone(core) }
    }

    /// Cancels; see [`Deferred::cancel`](crate::Deferred::cancel).
    ///
    /// ```
    /// let d = deferred::Deferred::succeed(1);
    /// d.cancel_handle().cancel(); // too late: nothing happens
    /// assert_eq!(deferred::testing::success_result_of(d), 1);
    /// ```
    pub fn cancel(&self) {
        cancel(&self.core);
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// A handle that does not keep the Deferred.
    pub(crate) fn downgrade(&self) -> WeakCancelHandle {
        WeakCancelHandle { core: Rc::downgrade(&self.core) }
    }
}

impl Clone for CancelHandle {
    fn clone(&self) -> Self {
        Self::new(&self.core)
    }
}

impl Drop for CancelHandle {
    fn drop(&mut self) {
        let core = &self.core;
        let left = core.cancel_handles.get() - 1;
        core.cancel_handles.set(left);
        let can_go_on =
            matches!(core.phase.get(), Phase::Unfired | Phase::Waiting) || core.paused.get() > 0;
        if left == 0 && can_go_on && core.consumer.get() != Consumer::Held {
            lost_holder(core);
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("phase", &self.core.phase.get())
            .finish_non_exhaustive()
    }
}

/// A [`CancelHandle`] that does not keep the Deferred.
#[derive(Clone)]
pub(crate) struct WeakCancelHandle {
    core: Weak<Core>,
}

impl WeakCancelHandle {
    pub(crate) fn cancel(&self) {
        if let Some(core) = self.core.upgrade() {
            cancel(&core);
        }
    }
}
