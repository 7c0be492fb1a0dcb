//! What a callback may return: a `Result`, a `Deferred`, or nothing.

use crate::chain::Next;
use crate::deferred::Deferred;
use crate::failure::Failure;

/// What came of a callback, a coroutine or a function: a result, or a Deferred
/// that will have it.
///
/// ```
/// use deferred::{Deferred, Outcome, testing::success_result_of};
///
/// // A callback whose two ways end in two types.
/// let page = |cached: bool| {
///     Deferred::succeed(cached).add_callback(|cached| match cached {
///         true => Outcome::Done(Ok("from the cache")),
///         false => Outcome::Wait(Deferred::succeed("from afar")),
///     })
/// };
/// assert_eq!(success_result_of(page(true)), "from the cache");
/// assert_eq!(success_result_of(page(false)), "from afar");
/// ```
pub enum Outcome<T> {
    /// It returned or failed.
    Done(Result<T, Failure>),
    /// It returned a Deferred, whose result is meant.
    Wait(Deferred<T>),
}

/// What callbacks, coroutines and functions given to this crate may return.
///
/// - `Result<T, Failure>`: a value, or an error raised, `?` included;
/// - `Deferred<T>`: go on when that has its result, and with it;
/// - `()`: nothing to say.
///
/// A callback that always panics has none of these types, and needs to say one:
/// `|_| -> Result<(), Failure> { panic!() }`.
///
/// One trait for the three is what lets [`add_callback`] take any of them
/// without annotations. Implement it for a type of your own that stands for
/// one of them.
///
/// [`add_callback`]: Deferred::add_callback
///
/// ```
/// use deferred::{Deferred, testing::success_result_of};
///
/// let d = Deferred::succeed("20")
///     .add_callback(|text| Ok(text.parse::<i32>()?))
///     .add_callback(|n| Deferred::succeed(n + 1))
///     .add_callback(|n| assert_eq!(n, 21));
/// success_result_of(d);
/// ```
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}`",
    label = "this callback returns `{Self}`",
    note = "a callback returns `Result<T, Failure>` (often `Ok(value)`), `Deferred<T>`, or `()`; \
            any error becomes a `Failure` by `?` or `.into()`"
)]
pub trait CallbackResult {
    /// What the next callback gets.
    type Value: 'static;

    /// The outcome that `self` stands for.
    ///
    /// ```
    /// use deferred::{CallbackResult, Deferred, Outcome, testing::success_result_of};
    ///
    /// /// What a lookup comes to.
    /// enum Lookup {
    ///     Known(u32),
    ///     Asked(Deferred<u32>),
    /// }
    ///
    /// impl CallbackResult for Lookup {
    ///     type Value = u32;
    ///
    ///     fn into_outcome(self) -> Outcome<u32> {
    ///         match self {
    ///             Self::Known(n) => Outcome::Done(Ok(n)),
    ///             Self::Asked(n) => Outcome::Wait(n),
    ///         }
    ///     }
    /// }
    ///
    /// let n = Deferred::succeed(()).add_callback(|()| Lookup::Asked(Deferred::succeed(7)));
    /// assert_eq!(success_result_of(n), 7);
    /// assert!(matches!(Lookup::Known(1).into_outcome(), Outcome::Done(Ok(1))));
    /// ```
    fn into_outcome(self) -> Outcome<Self::Value>;
}

impl<T: 'static> CallbackResult for Result<T, Failure> {
    type Value = T;

    #[inline]
    fn into_outcome(self) -> Outcome<T> {
        Outcome::Done(self)
    }
}

impl<T: 'static> CallbackResult for Deferred<T> {
    type Value = T;

    #[inline]
    fn into_outcome(self) -> Outcome<T> {
        Outcome::Wait(self)
    }
}

impl CallbackResult for () {
    type Value = ();

    #[inline]
    fn into_outcome(self) -> Outcome<()> {
        Outcome::Done(Ok(()))
    }
}

impl<T: 'static> CallbackResult for Outcome<T> {
    type Value = T;

    #[inline]
    fn into_outcome(self) -> Self {
        self
    }
}

impl<T: 'static> From<Outcome<T>> for Next<T> {
    #[inline]
    fn from(outcome: Outcome<T>) -> Self {
        match outcome {
            Outcome::Done(result) => Self::Done(result),
            Outcome::Wait(deferred) => Self::Wait(deferred.into_tail()),
        }
    }
}
