//! Helpers for tests of code that uses Deferreds.
//!
//! Mirrors methods of `twisted.trial.unittest.SynchronousTestCase`. Tested in
//! `tests/chains/testing.rs`.
#![allow(clippy::panic, reason = "a test helper fails the test")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::thread;

use crate::deferred::Deferred;
use crate::failure::Failure;
use crate::unhandled::{UnhandledError, UnhandledObserver, observe};

/// The value of a Deferred that has one.
///
/// # Panics
///
/// If it has failed, or has no result.
///
/// ```
/// use deferred::{succeed, testing::success_result_of};
///
/// assert_eq!(success_result_of(succeed(1)), 1);
/// ```
#[doc(alias = "successResultOf")]
#[track_caller]
pub fn success_result_of<T: 'static>(deferred: Deferred<T>) -> T {
    match deferred.take_result() {
        Ok(Ok(value)) => value,
        Ok(Err(failure)) => panic!("success expected, but the Deferred failed: {failure:?}"),
        Err(deferred) => panic!("success expected, but there is no result: {deferred:?}"),
    }
}

/// The failure of a Deferred that has failed.
///
/// # Panics
///
/// If it has succeeded, or has no result.
///
/// ```
/// use deferred::{CancelledError, fail, testing::failure_result_of};
///
/// assert!(failure_result_of(fail::<()>(CancelledError)).is::<CancelledError>());
/// ```
#[doc(alias = "failureResultOf")]
#[track_caller]
pub fn failure_result_of<T: 'static>(deferred: Deferred<T>) -> Failure {
    match deferred.take_result() {
        Ok(Err(failure)) => failure,
        Ok(Ok(_)) => panic!("failure expected, but the Deferred succeeded"),
        Err(deferred) => panic!("failure expected, but there is no result: {deferred:?}"),
    }
}

/// Checks that a Deferred has no result.
///
/// # Panics
///
/// If it has one.
///
/// ```
/// use deferred::{Deferred, testing::assert_no_result};
///
/// let (d, _trigger) = Deferred::<()>::new();
/// assert_no_result(&d);
/// ```
#[doc(alias = "assertNoResult")]
#[track_caller]
pub fn assert_no_result<T: 'static>(deferred: &Deferred<T>) {
    assert!(!deferred.has_result(), "no result expected: {deferred:?}");
}

/// Collects the unhandled errors of this thread, for a test that expects some,
/// or none.
///
/// Whatever has not been [flushed](Self::flush_logged_errors) when it is
/// dropped fails the test.
///
/// ```
/// use deferred::{CancelledError, Deferred, testing::LoggedErrors};
///
/// let errors = LoggedErrors::collect();
/// drop(Deferred::<()>::fail(CancelledError));
/// assert_eq!(errors.flush_logged_errors::<CancelledError>().len(), 1);
/// ```
#[must_use = "it collects until it is dropped"]
pub struct LoggedErrors {
    errors: Rc<RefCell<Vec<UnhandledError>>>,
    guard: Option<UnhandledObserver>,
}

impl LoggedErrors {
    /// Begins to collect, instead of whoever observed before.
    ///
    /// ```should_panic
    /// use deferred::{Deferred, testing::LoggedErrors};
    ///
    /// let _errors = LoggedErrors::collect();
    /// drop(Deferred::<()>::fail(std::fmt::Error)); // nobody expects it
    /// ```
    pub fn collect() -> Self {
        let errors = Rc::new(RefCell::new(Vec::new()));
        let collected = Rc::clone(&errors);
        let guard = observe(move |error| collected.borrow_mut().push(error.clone()));
        Self { errors, guard: Some(guard) }
    }

    /// Takes the errors of type `E` that were collected.
    ///
    /// ```
    /// use deferred::testing::LoggedErrors;
    ///
    /// let errors = LoggedErrors::collect();
    /// assert!(errors.flush_logged_errors::<std::fmt::Error>().is_empty());
    /// ```
    #[doc(alias = "flushLoggedErrors")]
    pub fn flush_logged_errors<E: Error + 'static>(&self) -> Vec<Failure> {
        self.flush(|failure| failure.is::<E>())
    }

    /// Takes all errors that were collected.
    ///
    /// ```
    /// use deferred::{Deferred, testing::LoggedErrors};
    ///
    /// let errors = LoggedErrors::collect();
    /// drop(Deferred::<()>::fail(std::fmt::Error));
    /// assert_eq!(errors.flush_all().len(), 1);
    /// ```
    pub fn flush_all(&self) -> Vec<Failure> {
        self.flush(|_failure| true)
    }

    fn flush(&self, wanted: impl Fn(&Failure) -> bool) -> Vec<Failure> {
        let mut errors = self.errors.borrow_mut();
        let flushed = errors.extract_if(.., |error| wanted(error.failure()));
        flushed.map(|error| error.failure().clone()).collect()
    }
}

impl Drop for LoggedErrors {
    fn drop(&mut self) {
        drop(self.guard.take());
        let left: Vec<String> = self.errors.take().iter().map(ToString::to_string).collect();
        assert!(
            left.is_empty() || thread::panicking(),
            "errors that nobody expected:\n{}",
            left.join("\n")
        );
    }
}

impl fmt::Debug for LoggedErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.errors.borrow().iter()).finish()
    }
}
