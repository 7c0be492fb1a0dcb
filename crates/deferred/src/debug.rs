//! Debugging: the places where a Deferred was made, fired and last added to.
//!
//! Mirrors `setDebugging` and `DebugInfo` of `twisted.internet.defer`. Tested
//! in `tests/debugging.rs`.

use std::env;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::AlreadyCalledError;

/// The environment variable that turns debugging on: set, and neither empty
/// nor `0`.
///
/// ```
/// assert_eq!(deferred::DEBUG_VARIABLE, "DEFERRED_DEBUG");
/// ```
pub const DEBUG_VARIABLE: &str = "DEFERRED_DEBUG";

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

static DEBUGGING: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Turns debugging on or off, for Deferreds made and used from now on, on all
/// threads.
///
/// With it on, every Deferred knows where it was made, fired and last added
/// to; unhandled errors and [`AlreadyCalledError`] tell, and a Deferred whose
/// last [`Trigger`](crate::Trigger) goes without having fired it is warned of.
/// With it off it costs nothing but looking at a flag.
///
/// It begins as the environment variable [`DEBUG_VARIABLE`] says.
///
/// ```
/// use deferred::{Deferred, set_debugging};
///
/// set_debugging(true);
/// let (_d, trigger) = Deferred::new();
/// trigger.callback(1)?;
/// let error = trigger.callback(2).unwrap_err();
/// assert!(error.created().is_some_and(|place| place.line() > 0));
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[doc(alias = "setDebugging")]
pub fn set_debugging(on: bool) {
    DEBUGGING.store(if on { ON } else { OFF }, Ordering::Relaxed);
}

/// Whether debugging is on.
///
/// ```
/// deferred::set_debugging(true);
/// assert!(deferred::get_debugging());
/// ```
#[doc(alias = "getDebugging")]
#[inline]
pub fn get_debugging() -> bool {
    match DEBUGGING.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => read_environment(),
    }
}

#[cold]
fn read_environment() -> bool {
    let on = env::var_os(DEBUG_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0");
    // Unless it has been set meanwhile.
    let _ = DEBUGGING.compare_exchange(
        UNKNOWN,
        if on { ON } else { OFF },
        Ordering::Relaxed,
        Ordering::Relaxed,
    );
    on
}

/// The places of a Deferred that are noted with [debugging](set_debugging) on.
///
/// ```
/// use deferred::{Deferred, set_debugging, unhandled};
/// use std::{cell::Cell, rc::Rc};
///
/// set_debugging(true);
/// let line = Rc::new(Cell::new(0));
/// let seen = line.clone();
/// let _guard = unhandled::observe(move |error| {
///     let added = error.debug_info().and_then(|info| info.added());
///     seen.set(added.map_or(0, |place| place.line()));
/// });
/// drop(Deferred::<i32>::fail(std::fmt::Error).add_callback(|n| Ok(n))); let here = line!();
/// assert_eq!(line.get(), here);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebugInfo {
    pub(crate) created: Option<&'static Location<'static>>,
    pub(crate) fired: Option<&'static Location<'static>>,
    pub(crate) added: Option<&'static Location<'static>>,
}

impl DebugInfo {
    /// The place where the Deferred was made.
    ///
    /// ```
    /// use deferred::{Deferred, set_debugging, unhandled};
    ///
    /// set_debugging(true);
    /// let _guard = unhandled::observe(|error| {
    ///     let place = error.debug_info().and_then(|info| info.created());
    ///     assert!(place.is_some_and(|place| place.line() > 0));
    /// });
    /// drop(Deferred::<()>::fail(std::fmt::Error));
    /// ```
    pub fn created(&self) -> Option<&'static Location<'static>> {
        self.created
    }

    /// The place where it was fired. `None` for one that was cancelled, or was
    /// fired by the end of a coroutine, or with something that had come back.
    ///
    /// ```
    /// use deferred::{Deferred, set_debugging, unhandled};
    ///
    /// set_debugging(true);
    /// let _guard = unhandled::observe(|error| {
    ///     let place = error.debug_info().and_then(|info| info.fired());
    ///     assert!(place.is_some_and(|place| place.line() > 0));
    /// });
    /// let (d, trigger) = Deferred::<()>::new();
    /// trigger.errback(std::fmt::Error)?;
    /// drop(d);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn fired(&self) -> Option<&'static Location<'static>> {
        self.fired
    }

    /// The place where a callback was added to it last.
    ///
    /// ```
    /// use deferred::{Deferred, set_debugging, unhandled};
    ///
    /// set_debugging(true);
    /// let _guard = unhandled::observe(|error| {
    ///     let place = error.debug_info().and_then(|info| info.added());
    ///     assert!(place.is_some_and(|place| place.line() > 0));
    /// });
    /// drop(Deferred::<()>::fail(std::fmt::Error).add_callback(|()| Ok(())));
    /// ```
    pub fn added(&self) -> Option<&'static Location<'static>> {
        self.added
    }

    pub(crate) fn already_called(&self) -> AlreadyCalledError {
        AlreadyCalledError { created: self.created, fired: self.fired }
    }
}

impl fmt::Display for DebugInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places =
            [("created", self.created), ("fired", self.fired), ("last added to", self.added)];
        let mut separator = "";
        for (what, place) in places {
            if let Some(place) = place {
                write!(f, "{separator}{what} at {place}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
