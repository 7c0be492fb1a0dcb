//! [`Deferred`]: a result that will be there later.
//!
//! Mirrors `twisted.internet.defer.Deferred`. Tested in `tests/chains/deferred.rs`,
//! and trace by trace against Twisted by the conformance programs.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use crate::callback::{CallbackResult, ErrbackResult, Outcome};
use crate::cancel_handle::CancelHandle;
use crate::chain::{self, Head, Line, Next, Origin, Tail, Upstream, run};
use crate::context;
use crate::coroutine::{self, OnCancel};
use crate::failure::Failure;
use crate::trigger::{Trigger, note_firing};

/// A result that will be there later, and what is to be done with it.
///
/// A `Deferred<T>` is a chain of callbacks that ends in a `T` or a [`Failure`].
/// Adding a callback takes the handle and gives one of the new type, over the
/// same chain:
///
/// ```
/// use deferred::{Deferred, testing::success_result_of};
/// use std::num::ParseIntError;
///
/// let (d, trigger) = Deferred::new();
/// let d = d
///     .add_callback(|text: &str| Ok(text.parse::<i32>()?))
///     .add_errback(|failure| {
///         failure.trap::<ParseIntError>()?;
///         Ok(0)
///     })
///     .add_callback(|n| Ok(n + 1));
///
/// trigger.callback("not a number")?;
/// assert_eq!(success_result_of(d), 1);
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
///
/// The methods come in four families:
///
/// - **making** one: [`new`](Self::new), [`with_canceller`](Self::with_canceller),
///   [`succeed`](Self::succeed), [`fail`](Self::fail),
///   [`from_coroutine`](Self::from_coroutine), [`from_future`](Self::from_future);
/// - **adding** to it, which gives a new handle: `add_*` and
///   [`chain_deferred`](Self::chain_deferred);
/// - **steering** the chain as a whole, whatever was added: [`cancel`](Self::cancel),
///   [`pause`](Self::pause), [`unpause`](Self::unpause);
/// - **getting** the result: `.await`, [`take_result`](Self::take_result), or
///   one more callback.
///
/// A Deferred does not need a runtime, and never leaves its thread;
/// [`into_send_future`](Self::into_send_future) does.
///
/// # Dropping
///
/// Dropping a Deferred stops nothing: what was added still runs when it fires.
/// If it has failed, or later fails, the failure is
/// [reported](crate::unhandled). A lock or a value of a queue that it has, and
/// that nobody took, [goes back](crate::sync).
///
/// # Cancellation
///
/// A Deferred is a [`Future`]. Dropping a future that awaits one cancels
/// nothing: the Deferred is dropped with it, as above, and what it stands for
/// goes on. Where it is awaited by `&mut`, it stays, and can be awaited again.
/// To stop the work call [`cancel`](Self::cancel).
///
/// # Re-entrancy
///
/// No borrow is held while a callback, a canceller or a destructor of yours
/// runs: it may fire, cancel, pause, drop or add to any Deferred, the one it
/// belongs to included. What happens is in the documentation's
/// `docs/re-entrancy.md`.
///
/// Mirrors `twisted.internet.defer.Deferred`.
#[doc(alias = "twisted.internet.defer.Deferred")]
pub struct Deferred<T> {
    tail: Tail<T>,
}

impl<T: 'static> Deferred<T> {
    /// A Deferred, and what fires it.
    ///
    /// Cancelling it makes it fail with a
    /// [`CancelledError`](crate::CancelledError); one firing after that is
    /// swallowed.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let (d, trigger) = Deferred::new();
    /// trigger.callback(1)?;
    /// assert_eq!(success_result_of(d), 1);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn new() -> (Self, Trigger<T>) {
        let (head, tail) = Head::new();
        (Self::created(tail, Location::caller()), Trigger::new(head))
    }

    /// A Deferred that knows how to be cancelled.
    ///
    /// When it is cancelled before it was fired, `canceller` is called, once,
    /// with a trigger. If that is not used the Deferred fails with a
    /// [`CancelledError`](crate::CancelledError). A canceller that panics is
    /// logged, and taken for one that did nothing.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let (d, _trigger) = Deferred::with_canceller(|trigger| {
    ///     let _ = trigger.callback("half of it");
    /// });
    /// d.cancel();
    /// assert_eq!(success_result_of(d), "half of it");
    /// ```
    #[track_caller]
    pub fn with_canceller(canceller: impl FnOnce(&Trigger<T>) + 'static) -> (Self, Trigger<T>) {
        let (head, tail) = Head::new();
        let weak = head.downgrade();
        tail.core().upstream.set(Upstream::Canceller(Box::new(move || {
            if let Some(head) = weak.upgrade() {
                canceller(&Trigger::new(head));
            }
        })));
        (Self::created(tail, Location::caller()), Trigger::new(head))
    }

    /// A Deferred that has its value already.
    ///
    /// ```
    /// let d = deferred::Deferred::succeed(3).add_callback(|n| Ok(n * 2));
    /// assert_eq!(deferred::testing::success_result_of(d), 6);
    /// ```
    #[track_caller]
    #[inline]
    pub fn succeed(value: T) -> Self {
        Self::created(Tail::fired(Ok(value)), Location::caller())
    }

    /// A Deferred that has failed already.
    ///
    /// ```
    /// use deferred::{Deferred, testing::failure_result_of};
    ///
    /// let d: Deferred<u8> = Deferred::fail(std::fmt::Error);
    /// assert!(failure_result_of(d).is::<std::fmt::Error>());
    /// ```
    #[track_caller]
    pub fn fail(failure: impl Into<Failure>) -> Self {
        Self::created(Tail::fired(Err(failure.into())), Location::caller())
    }

    /// Starts a coroutine, now, and gives its result.
    ///
    /// The coroutine may return what a callback may: see [`CallbackResult`].
    /// It is resumed inside the call that fires what it awaits, with no
    /// runtime, as long as it awaits Deferreds; if it awaits anything else it
    /// needs a Tokio `LocalRuntime` or `LocalSet` around it, or
    /// [`set_local_spawner`](crate::set_local_spawner). Where there is none of these,
    /// as before a reactor runs, it waits for the reactor of the thread that is driven
    /// next ([`adopt_coroutines`](crate::adopt_coroutines)). It goes on when the
    /// Deferred is dropped, unless nothing is left that could ever wake it. If
    /// it panics, the Deferred fails with a [`Panic`](crate::Panic).
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred cancels the Deferreds that the coroutine awaits
    /// at the moment; it then sees their
    /// [`CancelledError`](crate::CancelledError), and may go on. If it awaits
    /// none, but something else, it is dropped, and the Deferred fails with a
    /// `CancelledError`. A coroutine that is running is not cancelled.
    ///
    /// What it awaits is what it polled when it was last polled: after a
    /// `select!` those that lost are not cancelled, unless it still polls them.
    ///
    /// Mirrors `Deferred.fromCoroutine`.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let (number, trigger) = Deferred::new();
    /// let d = Deferred::from_coroutine(async {
    ///     let n: i32 = number.await?;
    ///     Ok(n + 1)
    /// });
    /// trigger.callback(41)?;
    /// assert_eq!(success_result_of(d), 42);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[doc(alias = "fromCoroutine")]
    #[track_caller]
    pub fn from_coroutine<F>(coroutine: F) -> Self
    where
        F: Future<Output: CallbackResult<Value = T>> + 'static,
    {
        Self::created(coroutine::start(coroutine, OnCancel::Forward), Location::caller())
    }

    /// Runs any future on this thread, from now on, and gives its result.
    ///
    /// It differs from [`from_coroutine`](Self::from_coroutine) in what it
    /// takes, any kind of error, and in how it is cancelled. For a future that
    /// is to run on other threads see
    /// [`from_send_future`](Self::from_send_future).
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred drops the future, and the Deferred fails with a
    /// [`CancelledError`](crate::CancelledError).
    ///
    /// Mirrors `Deferred.fromFuture`.
    ///
    /// ```
    /// use deferred::{CancelledError, Deferred, testing::failure_result_of};
    /// use std::{convert::Infallible, future};
    ///
    /// let d = Deferred::from_future(future::pending::<Result<(), Infallible>>());
    /// d.cancel();
    /// assert!(failure_result_of(d).is::<CancelledError>());
    /// ```
    #[doc(alias = "fromFuture")]
    #[track_caller]
    pub fn from_future<F, E>(future: F) -> Self
    where
        F: Future<Output = Result<T, E>> + 'static,
        E: Into<Failure>,
    {
        let coroutine = async { future.await.map_err(Into::into) };
        Self::created(coroutine::start(coroutine, OnCancel::End), Location::caller())
    }

    /// A Deferred that has its value already, which goes back to `origin` if
    /// nobody takes it.
    #[track_caller]
    pub(crate) fn succeed_returnable(value: T, origin: Weak<dyn Origin>, number: u32) -> Self {
        let tail = Tail::fired(Ok(value));
        tail.core().return_to(origin, number);
        Self::created(tail, Location::caller())
    }

    /// A Deferred that waits in `line`, and what fires it.
    #[track_caller]
    pub(crate) fn in_line(line: Weak<dyn Line>, number: u32) -> (Self, Trigger<T>) {
        let (head, tail) = Head::new();
        tail.core().upstream.set(Upstream::Line { line, number });
        (Self::created(tail, Location::caller()), Trigger::new(head))
    }

    #[inline]
    fn created(tail: Tail<T>, place: &'static Location<'static>) -> Self {
        tail.core().note_creation(place);
        Self { tail }
    }

    /// Adds a callback for the value; a failure passes it by.
    ///
    /// It runs when the chain gets there: now, if the Deferred has its result.
    /// If it returns an error, or panics, the chain goes on with that failure;
    /// if it returns a Deferred, the chain waits for that one's result.
    ///
    /// It runs in the `tracing` span in which it was added.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let d = Deferred::succeed(3).add_callback(|n| Ok(vec![0; n]));
    /// assert_eq!(success_result_of(d), [0, 0, 0]);
    /// ```
    #[doc(alias = "addCallback")]
    #[track_caller]
    #[inline]
    pub fn add_callback<R, F>(self, callback: F) -> Deferred<R::Value>
    where
        F: FnOnce(T) -> R + 'static,
        R: CallbackResult,
    {
        self.add(Location::caller(), |result| match result {
            Ok(value) => callback(value).into_outcome().into(),
            Err(failure) => Next::Done(Err(failure)),
        })
    }

    /// Adds a callback for a failure; a value passes it by.
    ///
    /// It gives what the Deferred would have given, or passes a failure on; see
    /// [`ErrbackResult`]. Otherwise as [`add_callback`](Self::add_callback).
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let d = Deferred::fail(std::fmt::Error).add_errback(|failure| Ok(failure.to_string()));
    /// assert!(success_result_of(d).contains("formatting"));
    /// ```
    #[doc(alias = "addErrback")]
    #[track_caller]
    #[inline]
    pub fn add_errback<R, F>(self, errback: F) -> Self
    where
        F: FnOnce(Failure) -> R + 'static,
        R: ErrbackResult<T>,
    {
        self.add(Location::caller(), |result| match result {
            Ok(value) => Next::Pass(Ok(value)),
            Err(failure) => errback(failure).into_errback_outcome().into(),
        })
    }

    /// Adds one callback for the value and one for a failure, side by side:
    /// the second does not see what the first fails with.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let d = Deferred::succeed(1).add_callbacks(|n| Ok(n > 0), |_failure| Ok(false));
    /// assert!(success_result_of(d));
    /// ```
    #[doc(alias = "addCallbacks")]
    #[track_caller]
    #[inline]
    pub fn add_callbacks<R, S, F, G>(self, callback: F, errback: G) -> Deferred<R::Value>
    where
        F: FnOnce(T) -> R + 'static,
        G: FnOnce(Failure) -> S + 'static,
        R: CallbackResult,
        S: ErrbackResult<R::Value>,
    {
        self.add(Location::caller(), |result| match result {
            Ok(value) => callback(value).into_outcome().into(),
            Err(failure) => errback(failure).into_errback_outcome().into(),
        })
    }

    /// Adds one callback for either.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let d = Deferred::<i32>::fail(std::fmt::Error).add_both(|result| Ok(result.is_err()));
    /// assert!(success_result_of(d));
    /// ```
    #[doc(alias = "addBoth")]
    #[track_caller]
    #[inline]
    pub fn add_both<R, F>(self, callback: F) -> Deferred<R::Value>
    where
        F: FnOnce(Result<T, Failure>) -> R + 'static,
        R: CallbackResult,
    {
        self.add(Location::caller(), |result| callback(result).into_outcome().into())
    }

    /// Fires another Deferred with the result of this one.
    ///
    /// What is left here is `()`, or an
    /// [`AlreadyCalledError`](crate::AlreadyCalledError) if `trigger` had been
    /// used. Cancelling the other does not cancel this.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// let (other, trigger) = Deferred::new();
    /// success_result_of(Deferred::succeed(5).chain_deferred(trigger));
    /// assert_eq!(success_result_of(other), 5);
    /// ```
    #[doc(alias = "chainDeferred")]
    #[track_caller]
    pub fn chain_deferred(self, trigger: Trigger<T>) -> Deferred<()> {
        let place = Location::caller();
        self.add(place, move |result| feed(&trigger, result, Ok(()), place))
    }

    /// Cancels what this Deferred stands for.
    ///
    /// - If it has not been fired, its canceller is called; if it has none, or
    ///   the canceller does not fire it, it fails with a
    ///   [`CancelledError`](crate::CancelledError).
    /// - If it waits for a Deferred that a callback returned, that one is
    ///   cancelled.
    /// - If it has its result, nothing happens.
    ///
    /// ```
    /// use deferred::{CancelledError, Deferred, testing::failure_result_of};
    ///
    /// let (inner, _trigger) = Deferred::<()>::new();
    /// let d = Deferred::succeed(()).add_callback(|()| inner);
    /// d.cancel();
    /// assert!(failure_result_of(d).is::<CancelledError>());
    /// ```
    pub fn cancel(&self) {
        chain::cancel(self.tail.core());
    }

    /// A handle that can cancel it when the Deferred has been passed on.
    ///
    /// ```
    /// let (d, _trigger) = deferred::Deferred::<()>::new();
    /// let handle = d.cancel_handle();
    /// drop(d.add_errback(|_cancelled| Ok(())));
    /// handle.cancel();
    /// ```
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::new(self.tail.core())
    }

    /// Holds back the callbacks, until [`unpause`](Self::unpause) has been
    /// called as often as this.
    ///
    /// It can still be fired and cancelled, and added to. A Deferred that is
    /// paused and then returned from a callback, or awaited, is waited for for
    /// ever.
    ///
    /// ```
    /// use deferred::{Deferred, testing::{assert_no_result, success_result_of}};
    ///
    /// let (d, trigger) = Deferred::new();
    /// d.pause();
    /// trigger.callback(1)?;
    /// let d = d.add_callback(|n| Ok(n + 1));
    /// assert_no_result(&d);
    /// d.unpause();
    /// assert_eq!(success_result_of(d), 2);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn pause(&self) {
        let paused = &self.tail.core().paused;
        paused.set(paused.get().saturating_add(1));
    }

    /// Takes back one [`pause`](Self::pause); after the last one, runs what was
    /// held back. Without a pause it does nothing.
    ///
    /// ```
    /// let d = deferred::Deferred::succeed(1);
    /// d.unpause();
    /// assert_eq!(deferred::testing::success_result_of(d), 1);
    /// ```
    pub fn unpause(&self) {
        let core = self.tail.core();
        let paused = core.paused.get();
        core.paused.set(paused.saturating_sub(1));
        if paused != 1 {
            return;
        }
        if core.cancel_later.replace(false) {
            chain::cancel(core);
        }
        if core.may_run() {
            run(Rc::clone(core));
        }
    }

    /// The result, if it is there.
    ///
    /// # Errors
    ///
    /// The Deferred itself, if it is not.
    ///
    /// ```
    /// use deferred::Deferred;
    ///
    /// let (d, trigger) = Deferred::new();
    /// let d = d.take_result().unwrap_err();
    /// trigger.callback(1)?;
    /// assert_eq!(d.take_result().unwrap().unwrap(), 1);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    pub fn take_result(mut self) -> Result<Result<T, Failure>, Self> {
        self.tail.take().ok_or(self)
    }

    /// Whether the result is there: all callbacks have run, and it does not
    /// wait or is paused.
    ///
    /// ```
    /// assert!(deferred::Deferred::succeed(1).has_result());
    /// ```
    pub fn has_result(&self) -> bool {
        self.tail.core().has_result()
    }

    /// Whether it has its result, and that is a value.
    pub(crate) fn has_value(&self) -> bool {
        self.has_result() && !self.tail.core().pipeline.holds_failure()
    }

    /// Counts a failure that is there as handled.
    pub(crate) fn handle_failure(&mut self) {
        if self.has_result() && !self.has_value() {
            drop(self.tail.take());
        }
    }

    /// Adds a stage, and runs it if its time has come.
    #[inline]
    pub(crate) fn add<U: 'static>(
        self,
        place: &'static Location<'static>,
        stage: impl FnOnce(Result<T, Failure>) -> Next<U> + 'static,
    ) -> Deferred<U> {
        self.add_stage::<U, true>(place, stage)
    }

    /// Adds a stage that does not itself want the result.
    #[inline]
    pub(crate) fn add_timing(
        self,
        place: &'static Location<'static>,
        stage: impl FnOnce(Result<T, Failure>) -> Next<T> + 'static,
    ) -> Self {
        self.add_stage::<T, false>(place, stage)
    }

    #[inline]
    fn add_stage<U: 'static, const WANTS: bool>(
        self,
        place: &'static Location<'static>,
        stage: impl FnOnce(Result<T, Failure>) -> Next<U> + 'static,
    ) -> Deferred<U> {
        let core = self.tail.core();
        core.end_wait();
        core.note(|info, place| info.added = Some(place), place);
        let tail = match context::current() {
            None => self.tail.push::<U, WANTS>(stage),
            Some(span) => self.tail.push::<U, WANTS>(move |result| span.in_scope(|| stage(result))),
        };
        if tail.core().may_run() {
            run(Rc::clone(tail.core()));
        }
        Deferred { tail }
    }

    pub(crate) fn into_tail(self) -> Tail<T> {
        self.tail
    }
}

impl<T: 'static> Deferred<Deferred<T>> {
    /// Waits for the Deferred that this one gives.
    ///
    /// A callback that returns a Deferred is waited for as it is. One that wants
    /// to use `?` as well returns it in an `Ok`:
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    ///
    /// fn fetch(page: u32) -> Deferred<String> {
    ///     Deferred::succeed(format!("page {page}"))
    /// }
    ///
    /// let page = Deferred::succeed("7").add_callback(|text| Ok(fetch(text.parse()?))).flatten();
    /// assert_eq!(success_result_of(page), "page 7");
    /// ```
    #[track_caller]
    pub fn flatten(self) -> Deferred<T> {
        self.add_callback(|inner| inner)
    }
}

/// Fires `trigger` at the end of a callback: its chain runs before the one the
/// callback is in goes on, but not on top of it.
pub(crate) fn feed<T: 'static, U>(
    trigger: &Trigger<T>,
    result: Result<T, Failure>,
    then: Result<U, Failure>,
    place: &'static Location<'static>,
) -> Next<U> {
    match trigger.head().prepare(result) {
        Ok(Some(fed)) => {
            note_firing(trigger.head(), place);
            Next::Feed(then, fed)
        }
        Ok(None) => Next::Done(then),
        Err(already_called) => Next::Done(Err(already_called.into())),
    }
}

/// See [`Deferred`], sections *Dropping* and *Cancellation*.
///
/// Polling it again after it has given its result gives a
/// [`ResultTakenError`](crate::ResultTakenError).
impl<T: 'static> Future for Deferred<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let tail = &mut self.get_mut().tail;
        match tail.take() {
            Some(result) => Poll::Ready(result),
            None => match coroutine::wait_for(tail.core(), context) {
                Ok(()) => Poll::Pending,
                Err(failure) => Poll::Ready(Err(failure)),
            },
        }
    }
}

/// Terminated when its result has been taken.
impl<T: 'static> FusedFuture for Deferred<T> {
    fn is_terminated(&self) -> bool {
        self.has_result() && !self.tail.core().pipeline.holds_result()
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.tail.core();
        write!(f, "<Deferred at {:p}", Rc::as_ptr(core))?;
        if let Some(other) = core.waits_for() {
            write!(f, " waiting on Deferred at {:p}", Rc::as_ptr(&other))?;
        } else if core.has_result() {
            f.write_str(" with a result")?;
        }
        f.write_str(">")
    }
}

/// [`Deferred::succeed`].
///
/// ```
/// assert_eq!(deferred::testing::success_result_of(deferred::succeed(1)), 1);
/// ```
#[track_caller]
pub fn succeed<T: 'static>(value: T) -> Deferred<T> {
    Deferred::succeed(value)
}

/// [`Deferred::fail`].
///
/// ```
/// let d: deferred::Deferred<()> = deferred::fail(std::fmt::Error);
/// assert!(deferred::testing::failure_result_of(d).is::<std::fmt::Error>());
/// ```
#[track_caller]
pub fn fail<T: 'static>(failure: impl Into<Failure>) -> Deferred<T> {
    Deferred::fail(failure)
}

/// Calls `function` and makes a Deferred of whatever comes of it: a value, an
/// error, a panic, or a Deferred, which is returned as it is.
///
/// ```
/// use deferred::{maybe_deferred, succeed, testing::success_result_of};
///
/// assert_eq!(success_result_of(maybe_deferred(|| Ok("at once"))), "at once");
/// assert_eq!(success_result_of(maybe_deferred(|| succeed("later"))), "later");
/// ```
#[doc(alias = "maybeDeferred")]
#[track_caller]
pub fn maybe_deferred<R: CallbackResult>(function: impl FnOnce() -> R) -> Deferred<R::Value> {
    let outcome = catch_unwind(AssertUnwindSafe(|| function().into_outcome()))
        .unwrap_or_else(|payload| Outcome::Done(Err(Failure::from_panic(payload))));
    match outcome {
        Outcome::Done(result) => Deferred::created(Tail::fired(result), Location::caller()),
        Outcome::Wait(deferred) => deferred,
    }
}

/// Calls `function` and makes a Deferred of its result.
///
/// ```
/// use deferred::{execute, testing::failure_result_of};
///
/// let d = execute(|| Ok("x".parse::<i32>()?));
/// assert!(failure_result_of(d).is::<std::num::ParseIntError>());
/// ```
#[track_caller]
pub fn execute<T: 'static>(function: impl FnOnce() -> Result<T, Failure>) -> Deferred<T> {
    maybe_deferred(function)
}

/// [`Deferred::from_coroutine`], which says what drives a coroutine that awaits
/// something other than Deferreds.
///
/// ```
/// use deferred::{ensure_deferred, succeed, testing::success_result_of};
///
/// let d = ensure_deferred(async { Ok(succeed(1).await? + 1) });
/// assert_eq!(success_result_of(d), 2);
/// ```
#[doc(alias = "ensureDeferred")]
#[track_caller]
pub fn ensure_deferred<F>(coroutine: F) -> Deferred<<F::Output as CallbackResult>::Value>
where
    F: Future<Output: CallbackResult> + 'static,
{
    Deferred::from_coroutine(coroutine)
}

/// Makes an async function return a Deferred: the decorator, as a function.
///
/// Calling what it returns starts the coroutine, as
/// [`from_coroutine`](Deferred::from_coroutine) does.
///
/// ```
/// use deferred::{Deferred, Failure, inline_callbacks, testing::success_result_of};
///
/// async fn add((a, b): (Deferred<i32>, Deferred<i32>)) -> Result<i32, Failure> {
///     Ok(a.await? + b.await?)
/// }
///
/// let add = inline_callbacks(add);
/// assert_eq!(success_result_of(add((Deferred::succeed(1), Deferred::succeed(2)))), 3);
/// ```
#[doc(alias = "inlineCallbacks")]
#[track_caller]
pub fn inline_callbacks<A, F>(
    function: impl Fn(A) -> F,
) -> impl Fn(A) -> Deferred<<F::Output as CallbackResult>::Value>
where
    F: Future<Output: CallbackResult> + 'static,
{
    let place = Location::caller();
    move |argument| {
        let coroutine = function(argument);
        Deferred::created(coroutine::start(coroutine, OnCancel::Forward), place)
    }
}
