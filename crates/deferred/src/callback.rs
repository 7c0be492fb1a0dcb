//! Return types of callbacks: a `Result`, a `Deferred`, or nothing.
//!
//! Mirrors what `Deferred.addCallback` of Twisted does with what its callback
//! returns or raises. Tested in `tests/chains/inference.rs`, and in
//! `tests/chains/diagnostics.rs`.

use crate::chain::Next;
use crate::deferred::Deferred;
use crate::failure::Failure;

/// The outcome of a callback, a coroutine or a function: a result, or a Deferred
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
    /// A value that was returned, or a failure.
    Done(Result<T, Failure>),
    /// A Deferred that was returned, whose result is meant.
    Wait(Deferred<T>),
}

/// Return types of callbacks, coroutines and functions that are given to this
/// crate.
///
/// - `Result<T, Failure>`: a value, or an error raised, `?` included;
/// - `Deferred<T>`: go on when that has its result, and with it;
/// - `()`: nothing to say.
///
/// A callback that never returns has none of these types, and needs to say one:
/// `|_| -> Result<(), Failure> { panic!() }`. An errback need not; see
/// [`ErrbackResult`].
///
/// `?` works where a `Result` is returned, so a callback that uses it and returns
/// a Deferred wraps that in `Ok`; [`flatten`](Deferred::flatten) then waits for it.
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
            any error becomes a `Failure` by `?` or `.into()`",
    note = "one that never returns needs a return type: `|_| -> Result<(), Failure>`, then its body"
)]
pub trait CallbackResult {
    /// The type of value that the next callback gets.
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

/// Return types of an errback of a `Deferred<T>`.
///
/// They are those of a [callback](CallbackResult), as long as their value is a
/// `T`: an errback gives what the callbacks would have given. One that never
/// returns, because it ends the process or panics, will do as well.
///
/// ```
/// use deferred::{Deferred, testing::success_result_of};
/// use std::process;
///
/// let port = Deferred::succeed(80).add_errback(|failure| {
///     eprintln!("no port: {failure}");
///     process::exit(1)
/// });
/// assert_eq!(success_result_of(port), 80);
/// ```
#[diagnostic::on_unimplemented(
    message = "an errback of a `Deferred<{T}>` cannot return `{Self}`",
    label = "this errback returns `{Self}`",
    note = "an errback gives what the Deferred would have given: `Ok(value)` with a value of \
            `{T}`, or a `Deferred<{T}>`; `Err(failure)` passes the failure on",
    note = "to end a chain with `()`, put `.add_callback(|_| ())` before the errback"
)]
pub trait ErrbackResult<T> {
    /// The outcome that `self` stands for.
    ///
    /// ```
    /// use deferred::{ErrbackResult, Failure, Outcome};
    ///
    /// let outcome = Ok::<u8, Failure>(3).into_errback_outcome();
    /// assert!(matches!(outcome, Outcome::Done(Ok(3))));
    /// ```
    fn into_errback_outcome(self) -> Outcome<T>;
}

#[diagnostic::do_not_recommend]
impl<T: 'static, R: CallbackResult<Value = T>> ErrbackResult<T> for R {
    #[inline]
    fn into_errback_outcome(self) -> Outcome<T> {
        self.into_outcome()
    }
}

#[diagnostic::do_not_recommend]
impl<T: 'static> ErrbackResult<T> for Never {
    fn into_errback_outcome(self) -> Outcome<T> {
        self
    }
}

/// The type `!`, which cannot be written here yet: what such a function gives.
type Never = <fn() -> ! as Function>::Output;

/// Function types, whose return types can be named so. Public, and in no path,
/// for the sake of the implementation above.
pub trait Function {
    /// The return type.
    type Output;
}

impl<T> Function for fn() -> T {
    type Output = T;
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
