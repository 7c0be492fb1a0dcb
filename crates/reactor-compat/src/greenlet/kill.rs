//! [`KillHandle`]: ends a greenlet from afar.
//!
//! Mirrors `gevent.Greenlet.kill`. Tested in `tests/runtime/greenlet.rs`.

use std::fmt;
use std::rc::Rc;

use deferred::CancelHandle;

use super::body::Shared;

/// A greenlet, whatever its result.
trait Killable {
    fn kill(&self);
}

impl<T: 'static> Killable for Shared<T> {
    fn kill(&self) {
        Self::kill(self);
    }
}

/// Ends a greenlet, whoever has its result.
///
/// ```
/// use deferred::{CancelledError, Deferred, testing::failure_result_of};
/// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
///
/// let (never, _trigger) = Deferred::<()>::new();
/// let greenlet = Greenlet::spawn(|hub| hub.wait_for_deferred(never));
/// let handle = greenlet.kill_handle();
/// let result = wait_for_greenlet(greenlet);
/// handle.kill();
/// assert!(failure_result_of(result).is::<CancelledError>());
/// ```
#[derive(Clone)]
pub struct KillHandle {
    /// `None` if there was no stack for it.
    greenlet: Option<Rc<dyn Killable>>,
    cancel: CancelHandle,
}

impl KillHandle {
    pub(super) fn new<T: 'static>(greenlet: Option<&Rc<Shared<T>>>, cancel: CancelHandle) -> Self {
        let greenlet = greenlet.cloned().map(|greenlet| greenlet as Rc<dyn Killable>);
        Self { greenlet, cancel }
    }

    /// Ends the greenlet: its stack is unwound, so that destructors run, and
    /// its Deferred fails with a [`CancelledError`](deferred::CancelledError).
    ///
    /// One that is running, because this is called from inside it, ends when
    /// it next waits. One that has ended stays as it is.
    ///
    /// In gevent a greenlet can catch `GreenletExit` and go on. Here it must
    /// not: what catches panics, such as
    /// [`maybe_deferred`](deferred::maybe_deferred), catches the unwinding as
    /// well, and every wait after that fails with
    /// [`CannotWait`](super::CannotWait). A program compiled with
    /// `panic = "abort"` is aborted instead.
    ///
    /// A Deferred that the greenlet waited for is dropped, and not cancelled; to have it
    /// cancelled, [cancel](super::Greenlet::cancel) the greenlet.
    ///
    /// See the [type's example](Self).
    pub fn kill(&self) {
        if let Some(greenlet) = &self.greenlet {
            greenlet.kill();
        }
        self.cancel.cancel();
    }
}

impl fmt::Debug for KillHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KillHandle").finish_non_exhaustive()
    }
}
