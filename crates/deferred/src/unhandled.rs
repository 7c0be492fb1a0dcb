//! Errors that nobody handled: their report, and its observers.
//!
//! A Deferred that ends with a failure, and to which nobody can add an errback
//! any more, reports it, exactly once, the moment that is certain: when the
//! Deferred is dropped, or when it fails after it was dropped. In Twisted the
//! garbage collector does it, some time.
//!
//! By default the report is a [`tracing`] event of level `ERROR`, target
//! `deferred`. Where there is no subscriber to hear it, it is written to standard
//! error instead, unless [`silence_stderr`] was called; a subscriber that comes
//! later does not get it again. [`observe`] puts something else in its place for a
//! thread, and [`LoggedErrors`](crate::testing::LoggedErrors) does so for a test.
//!
//! One kind of failure goes unreported, as in Twisted: one that arrives while
//! the Deferred is paused, if that is then dropped. Its callbacks have not run,
//! so whether they would have handled it nobody knows.
//!
//! Mirrors `DebugInfo.__del__` of `twisted.internet.defer`. Tested in
//! `tests/chains/unhandled.rs`.

use std::backtrace::BacktraceStatus;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::debug::DebugInfo;
use crate::failure::Failure;
use crate::stderr;

pub use crate::stderr::silence_stderr;

/// An error that nobody handled.
///
/// ```
/// use deferred::{Deferred, unhandled};
///
/// let _guard = unhandled::observe(|error| {
///     assert!(error.to_string().starts_with("Unhandled error in Deferred: "));
/// });
/// drop(Deferred::<()>::fail(std::fmt::Error));
/// ```
#[derive(Clone, Debug)]
pub struct UnhandledError {
    failure: Failure,
    debug_info: Option<DebugInfo>,
}

impl UnhandledError {
    /// The failure.
    ///
    /// ```
    /// use deferred::{CancelledError, Deferred, unhandled};
    ///
    /// let _guard = unhandled::observe(|error| assert!(error.failure().is::<CancelledError>()));
    /// drop(Deferred::<()>::fail(CancelledError));
    /// ```
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The places of its Deferred; `None` unless
    /// [debugging](crate::set_debugging) was on.
    ///
    /// ```
    /// use deferred::{Deferred, set_debugging, unhandled};
    ///
    /// set_debugging(true);
    /// let _guard = unhandled::observe(|error| assert!(error.debug_info().is_some()));
    /// drop(Deferred::<()>::fail(std::fmt::Error));
    /// ```
    pub fn debug_info(&self) -> Option<&DebugInfo> {
        self.debug_info.as_ref()
    }

    /// Reports it as is done when nobody observes: by a `tracing` event with the
    /// error and its causes, and what is known of the Deferred, or, where there
    /// is no subscriber, on standard error. A subscriber gets the failure itself
    /// out of the field `error` with [`Failure::find`].
    ///
    /// ```
    /// use deferred::{Deferred, unhandled};
    ///
    /// // Look at every error, and let it be logged all the same.
    /// let _guard = unhandled::observe(|error| error.log());
    /// drop(Deferred::<()>::fail(std::fmt::Error));
    /// ```
    pub fn log(&self) {
        if stderr::has_no_subscriber() {
            return self.write();
        }
        let error = self.failure.to_error();
        let error: &(dyn std::error::Error + 'static) = &error;
        let chain = format!("{:#}", self.failure);
        match &self.debug_info {
            Some(info) => tracing::error!(
                target: "deferred", error, chain, debug = %info, "Unhandled error in Deferred"
            ),
            None => {
                tracing::error!(target: "deferred", error, chain, "Unhandled error in Deferred")
            }
        }
    }
}

impl UnhandledError {
    /// Writes it to standard error, with its backtrace if it has one.
    #[cold]
    fn write(&self) {
        let backtrace = self.failure.backtrace();
        match backtrace.status() {
            BacktraceStatus::Captured => stderr::write(format_args!("{self}\n{backtrace}")),
            _ => stderr::write(self),
        }
    }
}

impl fmt::Display for UnhandledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unhandled error in Deferred: {:#}", self.failure)?;
        match &self.debug_info {
            Some(info) => write!(f, " ({info})"),
            None => Ok(()),
        }
    }
}

type Observer = Rc<dyn Fn(&UnhandledError)>;

/// The observers of a thread; the last one is called.
#[derive(Default)]
struct Observers {
    stack: Vec<(u64, Observer)>,
    next_number: u64,
}

thread_local! {
    static OBSERVERS: RefCell<Observers> = RefCell::default();
}

/// Gives the unhandled errors of this thread to `observer`, instead of logging
/// them, until the guard is dropped. Of several the last one is called.
///
/// # Re-entrancy
///
/// The observer may do anything, dropping Deferreds that report to it
/// included. It runs inside the drop, or the firing, that made the error
/// unhandled. If it panics, that goes on to whoever dropped the Deferred; in a
/// firing it is logged.
///
/// ```
/// use deferred::{Deferred, unhandled};
/// use std::{cell::RefCell, rc::Rc};
///
/// let errors = Rc::new(RefCell::new(Vec::new()));
/// let seen = errors.clone();
/// let guard = unhandled::observe(move |error| seen.borrow_mut().push(error.to_string()));
///
/// drop(Deferred::<()>::fail(std::fmt::Error));
/// drop(guard);
/// assert_eq!(errors.borrow().len(), 1);
/// ```
#[must_use = "dropping the guard ends the observation"]
pub fn observe(observer: impl Fn(&UnhandledError) + 'static) -> UnhandledObserver {
    let number = OBSERVERS.with_borrow_mut(|observers| {
        observers.next_number += 1;
        observers.stack.push((observers.next_number, Rc::new(observer)));
        observers.next_number
    });
    UnhandledObserver { number, _of_this_thread: PhantomData }
}

/// Ends an [observation](observe) when dropped.
///
/// ```
/// use deferred::{Deferred, unhandled};
///
/// let outer = unhandled::observe(|_error| ());
/// let inner = unhandled::observe(|_error| unreachable!("it was dropped"));
/// drop(inner);
/// drop(Deferred::<()>::fail(std::fmt::Error));
/// drop(outer);
/// ```
#[must_use = "dropping the guard ends the observation"]
pub struct UnhandledObserver {
    number: u64,
    _of_this_thread: PhantomData<*const ()>,
}

impl Drop for UnhandledObserver {
    fn drop(&mut self) {
        // What it holds is dropped when the borrow has ended.
        let _observer = OBSERVERS.try_with(|observers| {
            let stack = &mut observers.borrow_mut().stack;
            let place = stack.iter().position(|&(number, _)| number == self.number);
            place.map(|place| stack.remove(place))
        });
    }
}

impl fmt::Debug for UnhandledObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnhandledObserver")
    }
}

/// Reports a failure to the observer; at the very end of a thread there is none.
pub(crate) fn report(failure: Failure, debug_info: Option<DebugInfo>) {
    let error = UnhandledError { failure, debug_info };
    let last = OBSERVERS.try_with(|observers| observers.borrow().stack.last().cloned());
    let observer = last.ok().flatten().map(|(_, observer)| observer);
    match observer {
        Some(observer) => observer(&error),
        None => error.log(),
    }
}
