//! [`CallResult`]: the results of a function that nobody waits for.
//!
//! Tested in `tests/runtime/call_result.rs`.

use deferred::{Deferred, Failure, Outcome};

/// The results of a function that a reactor calls and nobody waits for: a
/// delayed call, a call from another thread, a trigger, a signal's handler.
///
/// - `()`: nothing to say;
/// - `Result<T, E>`: the value is ignored, and the error, of any type that
///   becomes a [`Failure`], is logged;
/// - `Deferred<T>`: the same for its result. In a trigger before an event it is
///   waited for;
/// - a function that never returns will do as well.
///
/// Where `?` meets errors of several types, say that they are to be a
/// [`Failure`]: `|| -> Result<(), Failure> { ... }`.
///
/// ```
/// use reactor_compat::reactor;
/// use std::time::Duration;
///
/// reactor().call_later(Duration::from_millis(1), || reactor().stop());
/// reactor().run()?;
/// # Ok::<(), reactor_compat::RunError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a function that nobody waits for cannot return `{Self}`",
    label = "this function returns `{Self}`",
    note = "it returns `()`, a `Result` whose error becomes a `Failure`, or a `Deferred`; \
            end it with `;` or `drop(...)` to return nothing"
)]
pub trait CallResult {
    /// The outcome that `self` stands for, without its value.
    ///
    /// ```
    /// use deferred::Outcome;
    /// use reactor_compat::CallResult;
    ///
    /// let failed: Result<i32, _> = Err(std::fmt::Error);
    /// assert!(matches!(failed.into_outcome(), Outcome::Done(Err(_))));
    /// ```
    fn into_outcome(self) -> Outcome<()>;
}

impl CallResult for () {
    #[inline]
    fn into_outcome(self) -> Outcome<()> {
        Outcome::Done(Ok(()))
    }
}

impl<T, E: Into<Failure>> CallResult for Result<T, E> {
    #[inline]
    fn into_outcome(self) -> Outcome<()> {
        Outcome::Done(self.map(drop).map_err(Into::into))
    }
}

impl<T: 'static> CallResult for Deferred<T> {
    fn into_outcome(self) -> Outcome<()> {
        Outcome::Wait(self.add_callback(drop))
    }
}

impl<T: 'static> CallResult for Outcome<T> {
    fn into_outcome(self) -> Outcome<()> {
        match self {
            Self::Done(result) => Outcome::Done(result.map(drop)),
            Self::Wait(deferred) => deferred.into_outcome(),
        }
    }
}

/// The type of a function's result, by which `!` has a name.
#[doc(hidden)]
pub trait FunctionResult {
    /// The function's return type.
    type Result;
}

impl<R> FunctionResult for fn() -> R {
    type Result = R;
}

impl CallResult for <fn() -> ! as FunctionResult>::Result {
    fn into_outcome(self) -> Outcome<()> {
        self
    }
}
