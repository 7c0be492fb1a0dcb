//! Why a greenlet cannot wait, or has no stack.
//!
//! Tested in `tests/runtime/greenlet.rs`.

use std::error::Error;
use std::fmt;
use std::io;

use super::stack::{MAX_STACK_SIZE, MIN_STACK_SIZE};

/// Why a wait was refused.
///
/// ```
/// use reactor_compat::greenlet::CannotWait;
///
/// assert_eq!(CannotWait::Unwinding.to_string(), "a greenlet cannot wait while it is unwound");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotWait {
    /// The hub is not that of the greenlet that is running.
    OfAnotherGreenlet,
    /// The wait is in a destructor, and the greenlet has panicked or was
    /// killed.
    Unwinding,
}

impl fmt::Display for CannotWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfAnotherGreenlet => "the hub is not that of the greenlet that is running",
            Self::Unwinding => "a greenlet cannot wait while it is unwound",
        })
    }
}

impl Error for CannotWait {}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// Its size, in bytes, would be outside the bounds.
    Size(usize),
    /// The operating system gave no memory.
    Os(io::ErrorKind),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(
                f,
                "a stack of {size} bytes is not between {MIN_STACK_SIZE} and {MAX_STACK_SIZE}"
            ),
            Self::Os(kind) => write!(f, "no memory for a stack: {kind}"),
        }
    }
}

impl Error for StackError {}

impl From<StackError> for io::Error {
    fn from(error: StackError) -> Self {
        let kind = match error {
            StackError::Size(_) => io::ErrorKind::InvalidInput,
            StackError::Os(kind) => kind,
        };
        Self::new(kind, error)
    }
}
