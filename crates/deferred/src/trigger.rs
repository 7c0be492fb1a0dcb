//! [`Trigger`]: the end of a Deferred that fires it.
//!
//! Mirrors `callback` and `errback` of `twisted.internet.defer.Deferred`. Tested in
//! `tests/chains/deferred.rs`.

use std::fmt;
use std::panic::Location;

use crate::chain::{Head, run};
use crate::debug::DebugInfo;
use crate::error::AlreadyCalledError;
use crate::failure::Failure;

/// Fires a [`Deferred`](crate::Deferred), once.
///
/// In Twisted whoever has the Deferred can fire it; here the right to is an
/// object of its own, made together with the Deferred. It can be cloned, and
/// whichever clone comes first wins.
///
/// Dropping all of them leaves the Deferred as it is, pending, as in Twisted;
/// with [debugging](crate::set_debugging) on a warning says so. Its callbacks
/// are let go as soon as nobody can cancel it either.
///
/// # Re-entrancy
///
/// Firing runs the callbacks, and whatever they set off, before it returns. It
/// may be done from anywhere on the thread, callbacks and cancellers of the
/// same Deferred included.
///
/// ```
/// use deferred::Deferred;
/// use std::{cell::Cell, rc::Rc};
///
/// let (d, trigger) = Deferred::new();
/// let got = Rc::new(Cell::new(0));
/// let seen = got.clone();
/// let _done = d.add_callback(move |n| seen.set(n));
///
/// trigger.callback(7)?;
/// assert_eq!(got.get(), 7);
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
///
/// What goes in is what comes out, to the letter: a trigger for functions that
/// take any `&str` takes no function that wants a `&'static str`.
///
/// ```compile_fail,E0308
/// use deferred::{Deferred, Trigger};
///
/// type Any = for<'a> fn(&'a str);
/// let (d, trigger): (Deferred<Any>, Trigger<Any>) = Deferred::new();
/// let trigger: Trigger<fn(&'static str)> = trigger;
/// ```
#[derive(Clone)]
pub struct Trigger<T> {
    head: Head<T>,
}

impl<T: 'static> Trigger<T> {
    pub(crate) fn new(head: Head<T>) -> Self {
        Self { head }
    }

    pub(crate) fn head(&self) -> &Head<T> {
        &self.head
    }

    /// Fires the Deferred with a value.
    ///
    /// # Errors
    ///
    /// [`AlreadyCalledError`] if it was fired before, or cancelled where its
    /// canceller should have kept you from firing it. A Deferred that was
    /// cancelled and has no canceller swallows one firing.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let (d, trigger) = Deferred::new();
    /// trigger.callback("done")?;
    /// assert_eq!(success_result_of(d), "done");
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn callback(&self, value: T) -> Result<(), AlreadyCalledError> {
        self.fire(Ok(value))
    }

    /// Fires the Deferred with an error.
    ///
    /// # Errors
    ///
    /// As [`callback`](Self::callback).
    ///
    /// ```
    /// use deferred::{Deferred, testing::failure_result_of};
    /// use std::io;
    ///
    /// let (d, trigger) = Deferred::<()>::new();
    /// trigger.errback(io::Error::other("the line is dead"))?;
    /// assert!(failure_result_of(d).is::<io::Error>());
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[track_caller]
    pub fn errback(&self, failure: impl Into<Failure>) -> Result<(), AlreadyCalledError> {
        self.fire(Err(failure.into()))
    }

    /// Fires the Deferred with either.
    ///
    /// # Errors
    ///
    /// As [`callback`](Self::callback).
    ///
    /// ```
    /// use deferred::{Deferred, Failure, testing::success_result_of};
    ///
    /// fn answer() -> Result<u8, Failure> {
    ///     Ok("42".parse()?)
    /// }
    ///
    /// let (d, trigger) = Deferred::new();
    /// trigger.fire(answer())?;
    /// assert_eq!(success_result_of(d), 42);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn fire(&self, result: Result<T, Failure>) -> Result<(), AlreadyCalledError> {
        if let Some(core) = self.head.prepare(result)? {
            note_firing(&self.head, Location::caller());
            run(core);
        }
        Ok(())
    }

    /// Whether the Deferred has been fired or cancelled.
    ///
    /// ```
    /// let (_d, trigger) = deferred::Deferred::new();
    /// assert!(!trigger.called());
    /// trigger.callback(())?;
    /// assert!(trigger.called());
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn called(&self) -> bool {
        self.head.core().phase.get() != crate::chain::Phase::Unfired
    }

    /// Whether anybody still has the Deferred, a handle that cancels it, or
    /// something that waits for it. If not, its callbacks are all that is left;
    /// a failure that they do not handle is reported.
    ///
    /// One who has to give up may let such a Deferred go, by dropping the
    /// trigger, instead of failing it.
    ///
    /// ```
    /// let (d, trigger) = deferred::Deferred::<()>::new();
    /// let d = d.add_callback(|()| println!("done"));
    /// assert!(trigger.is_held());
    /// drop(d);
    /// assert!(!trigger.is_held());
    /// ```
    pub fn is_held(&self) -> bool {
        crate::chain::can_be_cancelled(self.head.core())
    }
}

/// Notes where a Deferred is fired for the first time, with debugging on.
#[inline]
pub(crate) fn note_firing<T: 'static>(head: &Head<T>, place: &'static Location<'static>) {
    let first = |info: &mut DebugInfo, place| info.fired = info.fired.or(Some(place));
    head.core().note(first, place);
}

impl<T: 'static> fmt::Debug for Trigger<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trigger").field("called", &self.called()).finish_non_exhaustive()
    }
}
