//! [`IfGone`]: the result of a call to a protocol that is no more.

use deferred::{CallbackResult, Deferred, Failure};

use super::gone;

/// The result of a call to a protocol that is no more; implemented for all
/// that a callback may return.
///
/// A callback that returns nothing is left out, and the chain goes on: nobody
/// misses it. One that owes a value fails with
/// [`ConnectionGone`](crate::ConnectionGone).
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{ConnectionGone, IfGone};
///
/// assert!(<()>::if_gone().is_ok());
/// assert!(Result::<u8, Failure>::if_gone().unwrap_err().is::<ConnectionGone>());
/// ```
pub trait IfGone: CallbackResult + 'static {
    /// The result in its stead.
    ///
    /// # Errors
    ///
    /// [`ConnectionGone`](crate::ConnectionGone), where a value is owed.
    fn if_gone() -> Result<Self::Value, Failure>;
}

impl IfGone for () {
    fn if_gone() -> Result<(), Failure> {
        Ok(())
    }
}

impl<T: 'static> IfGone for Result<T, Failure> {
    fn if_gone() -> Self {
        Err(gone())
    }
}

impl<T: 'static> IfGone for Deferred<T> {
    fn if_gone() -> Result<T, Failure> {
        Err(gone())
    }
}
