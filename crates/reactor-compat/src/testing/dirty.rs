//! [`DirtyReactorError`]: the things that a test has left behind.
//!
//! Mirrors `twisted.trial.util.DirtyReactorAggregateError`. Tested in
//! `tests/runtime/per_test_reactor.rs`.

use std::error::Error;
use std::fmt;

use crate::reactor::Inventory;

/// The things that a test has left behind, or why it has not ended.
///
/// Its `Display` has a line for each thing.
///
/// ```
/// use reactor_compat::testing::TestRun;
/// use reactor_compat::{ReactorTime, log};
/// use std::time::Duration;
///
/// let left = TestRun::new().run(|reactor| async move {
///     reactor.call_later(Duration::from_secs(60), || ());
///     log::err(std::fmt::Error, "while printing");
/// });
/// let error = left.unwrap_err();
/// assert_eq!(error.left().delayed_calls.len(), 1);
/// assert!(error.errors()[0].starts_with("while printing"));
/// assert!(error.to_string().starts_with("the reactor was unclean"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "DirtyReactorAggregateError")]
pub struct DirtyReactorError {
    left: Box<Inventory>,
    errors: Vec<String>,
    unfinished: Option<Unfinished>,
}

/// Why a test has not come to its end.
///
/// ```
/// use reactor_compat::testing::{TestRun, Unfinished};
///
/// let run = TestRun::new().run(|reactor| async move {
///     reactor.stop().unwrap();
///     std::future::pending::<()>().await;
/// });
/// assert_eq!(run.unwrap_err().unfinished(), Some(Unfinished::ReactorStopped));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfinished {
    /// It took too long.
    TimedOut,
    /// The reactor stopped before.
    ReactorStopped,
}

impl DirtyReactorError {
    pub(super) fn new(
        left: Inventory,
        errors: Vec<String>,
        unfinished: Option<Unfinished>,
    ) -> Self {
        Self { left: Box::new(left), errors, unfinished }
    }

    /// The error, if there is any.
    pub(super) fn unless_clean(
        left: Inventory,
        errors: Vec<String>,
        unfinished: Option<Unfinished>,
    ) -> Result<(), Self> {
        if left == Inventory::default() && errors.is_empty() && unfinished.is_none() {
            return Ok(());
        }
        Err(Self::new(left, errors, unfinished))
    }

    /// The things that were still open.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "delayedCalls")]
    #[doc(alias = "selectables")]
    pub fn left(&self) -> &Inventory {
        &self.left
    }

    /// The errors that were logged, or that a Deferred went away with, and
    /// that the test did not [expect](super::TestReactor::flush_logged_errors).
    ///
    /// See the [type's example](Self).
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Why the test has not come to its end, if it has not.
    ///
    /// See the example of [`Unfinished`].
    pub fn unfinished(&self) -> Option<Unfinished> {
        self.unfinished
    }
}

impl fmt::Display for DirtyReactorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unfinished {
            Some(Unfinished::TimedOut) => f.write_str("the test took too long\n")?,
            Some(Unfinished::ReactorStopped) => {
                f.write_str("the reactor stopped before the test ended\n")?;
            }
            None => {}
        }
        if *self.left != Inventory::default() {
            write!(f, "the reactor was unclean: {}", self.left)?;
            if self.left.delayed_calls.iter().any(|call| call.made_at.is_none()) {
                let variable = deferred::DEBUG_VARIABLE;
                writeln!(f, "(set {variable}=1 to learn where delayed calls were made)")?;
            }
        }
        if !self.errors.is_empty() {
            writeln!(f, "errors were logged that nobody expected:")?;
        }
        self.errors.iter().try_for_each(|error| writeln!(f, "{error}"))
    }
}

impl Error for DirtyReactorError {}
