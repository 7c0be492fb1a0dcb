//! Why a greenlet cannot wait, or has no stack.
//!
//! Tested in `tests/runtime/greenlet.rs`.

use std::io;

use super::stack::{MAX_STACK_SIZE, MIN_STACK_SIZE};

/// Why a wait was refused.
///
/// ```
/// use reactor_compat::greenlet::CannotWait;
///
/// assert_eq!(CannotWait::Unwinding.to_string(), "a greenlet cannot wait while it is unwound");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotWait {
    /// The hub is not that of the greenlet that is running.
    #[error("the hub is not that of the greenlet that is running")]
    OfAnotherGreenlet,
    /// The wait is in a destructor, and the greenlet has panicked or was
    /// killed.
    #[error("a greenlet cannot wait while it is unwound")]
    Unwinding,
}

/// Why a greenlet has no stack; it fails with this, and its function is not
/// called.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::greenlet::{Greenlet, StackError, wait_for_greenlet};
///
/// let greenlet = Greenlet::with_stack_size(1, |_hub| Ok("never"));
/// let failure = failure_result_of(wait_for_greenlet(greenlet));
/// assert_eq!(failure.check(), Some(&StackError::Size(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// Its size, in bytes, would be outside the bounds.
    #[error("a stack of {0} bytes is not between {MIN_STACK_SIZE} and {MAX_STACK_SIZE}")]
    Size(usize),
    /// The operating system gave no memory.
    #[error("no memory for a stack: {0}")]
    Os(io::ErrorKind),
}

impl From<StackError> for io::Error {
    fn from(error: StackError) -> Self {
        let kind = match error {
            StackError::Size(_) => io::ErrorKind::InvalidInput,
            StackError::Os(kind) => kind,
        };
        Self::new(kind, error)
    }
}
