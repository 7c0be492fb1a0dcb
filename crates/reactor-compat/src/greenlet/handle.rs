//! [`Greenlet`]: a function on a stack of its own, and its result.
//!
//! Mirrors `gevent.Greenlet`, and `waitForGreenlet` of gevent's reactor for
//! Twisted. Tested in `tests/runtime/greenlet.rs`.

use std::fmt;
use std::future::IntoFuture;
use std::rc::Rc;

use deferred::{CallbackResult, CancelledError, Deferred};

use super::body::{Body, Shared};
use super::hub::Hub;
use super::kill::KillHandle;
use super::stack::DEFAULT_STACK_SIZE;

/// A function that runs on a stack of its own, and can wait.
///
/// It never leaves its thread. There may be as many as there is address space
/// for; on Linux about thirty thousand, unless `vm.max_map_count` is raised.
///
/// # Dropping
///
/// Dropping it stops nothing, as with a [`Deferred`]: the function goes on, and
/// a failure is reported. If nothing is left that could ever resume it, its
/// stack is unwound.
///
/// # Panics
///
/// A panic of the function becomes the failure of the greenlet, a
/// [`Panic`](deferred::Panic). A function that needs more stack than it has
/// ends the process, as on any thread.
///
/// ```
/// use deferred::{Deferred, testing::success_result_of};
/// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
///
/// let (number, trigger) = Deferred::new();
/// let greenlet = Greenlet::spawn(|hub| Ok(hub.wait_for_deferred(number)? + 1));
/// assert!(!greenlet.dead());
///
/// trigger.callback(41)?;
/// assert!(greenlet.dead());
/// assert_eq!(success_result_of(wait_for_greenlet(greenlet)), 42);
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[must_use = "dropping it drops its result"]
#[doc(alias = "gevent.Greenlet")]
pub struct Greenlet<T: 'static> {
    /// `None` if there was no stack for it.
    shared: Option<Rc<Shared<T>>>,
    deferred: Deferred<T>,
}

impl<T: 'static> Greenlet<T> {
    /// Calls `function` on a stack of its own of [`DEFAULT_STACK_SIZE`], now,
    /// and returns when it has returned or waits.
    ///
    /// It may return what a callback may: see [`CallbackResult`]. In gevent it
    /// would be called by the hub, later.
    ///
    /// ```
    /// use reactor_compat::greenlet::Greenlet;
    ///
    /// let greenlet = Greenlet::spawn(|_hub| println!("at once"));
    /// assert!(greenlet.dead());
    /// ```
    #[doc(alias = "gevent.spawn")]
    #[track_caller]
    pub fn spawn<R>(function: impl FnOnce(&Hub<'_>) -> R + 'static) -> Self
    where
        R: CallbackResult<Value = T>,
    {
        Self::with_stack_size(DEFAULT_STACK_SIZE, function)
    }

    /// [`spawn`](Self::spawn) with a stack of `bytes`.
    ///
    /// If that is not between [`MIN_STACK_SIZE`](super::MIN_STACK_SIZE) and
    /// [`MAX_STACK_SIZE`](super::MAX_STACK_SIZE), or the operating system has
    /// no memory, the greenlet fails with a
    /// [`StackError`](super::StackError).
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
    ///
    /// let greenlet = Greenlet::with_stack_size(4 << 20, |_hub| {
    ///     let a_lot = [1_u8; 1 << 20];
    ///     Ok(a_lot.iter().map(|&n| usize::from(n)).sum::<usize>())
    /// });
    /// assert_eq!(success_result_of(wait_for_greenlet(greenlet)), 1 << 20);
    /// ```
    #[track_caller]
    pub fn with_stack_size<R>(bytes: usize, function: impl FnOnce(&Hub<'_>) -> R + 'static) -> Self
    where
        R: CallbackResult<Value = T>,
    {
        match Shared::new(bytes, function) {
            Ok(shared) => {
                let deferred = Deferred::from_coroutine(Body(shared.clone()));
                Self { shared: Some(shared), deferred }
            }
            Err(error) => Self { shared: None, deferred: Deferred::fail(error) },
        }
    }

    /// Whether the function has ended, in whatever way.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::greenlet::Greenlet;
    ///
    /// let (never, _trigger) = Deferred::<()>::new();
    /// assert!(!Greenlet::spawn(|hub| hub.wait_for_deferred(never)).dead());
    /// ```
    pub fn dead(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.is_done())
    }

    /// Cancels what it waits for; what the function makes of that is its own
    /// affair. If it waits for no Deferred, but another future, its stack is
    /// unwound.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    /// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
    ///
    /// let (never, _trigger) = Deferred::<()>::new();
    /// let greenlet = Greenlet::spawn(|hub| Ok(hub.wait_for_deferred(never).is_err()));
    /// greenlet.cancel();
    /// assert!(success_result_of(wait_for_greenlet(greenlet)));
    /// ```
    pub fn cancel(&self) {
        self.deferred.cancel();
    }

    /// Ends it; see [`KillHandle::kill`]. That it was killed is not reported
    /// as a failure that nobody handled.
    ///
    /// ```
    /// use deferred::Deferred;
    /// use reactor_compat::greenlet::Greenlet;
    /// use std::rc::Rc;
    ///
    /// let (never, _trigger) = Deferred::<()>::new();
    /// let held = Rc::new(());
    /// let kept = held.clone();
    /// let greenlet = Greenlet::spawn(move |hub| {
    ///     let _kept = kept;
    ///     hub.wait_for_deferred(never)
    /// });
    /// assert_eq!(Rc::strong_count(&held), 2);
    /// greenlet.kill();
    /// assert_eq!(Rc::strong_count(&held), 1);
    /// ```
    pub fn kill(self) {
        let handle = self.kill_handle();
        drop(self.deferred.add_both(|result| match result {
            Err(failure) if !failure.is::<CancelledError>() => Err(failure),
            Ok(_) | Err(_) => Ok(()),
        }));
        handle.kill();
    }

    /// A handle that ends it, for when the greenlet has been passed on. It
    /// keeps the greenlet, as long as it waits.
    ///
    /// ```
    /// let greenlet = reactor_compat::greenlet::Greenlet::spawn(|_hub| Ok(1));
    /// greenlet.kill_handle().kill(); // too late: nothing happens
    /// assert!(greenlet.dead());
    /// ```
    pub fn kill_handle(&self) -> KillHandle {
        KillHandle::new(self.shared.as_ref(), self.deferred.cancel_handle())
    }
}

/// The result of a greenlet, as a Deferred; cancelling that
/// [cancels](Greenlet::cancel) the greenlet.
///
/// ```
/// use deferred::testing::success_result_of;
/// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
///
/// let length = wait_for_greenlet(Greenlet::spawn(|_hub| Ok("hello")))
///     .add_callback(|text| Ok(text.len()));
/// assert_eq!(success_result_of(length), 5);
/// ```
#[doc(alias = "waitForGreenlet")]
pub fn wait_for_greenlet<T: 'static>(greenlet: Greenlet<T>) -> Deferred<T> {
    greenlet.deferred
}

impl<T: 'static> From<Greenlet<T>> for Deferred<T> {
    fn from(greenlet: Greenlet<T>) -> Self {
        wait_for_greenlet(greenlet)
    }
}

/// A greenlet can be awaited.
impl<T: 'static> IntoFuture for Greenlet<T> {
    type Output = <Deferred<T> as IntoFuture>::Output;
    type IntoFuture = Deferred<T>;

    fn into_future(self) -> Deferred<T> {
        wait_for_greenlet(self)
    }
}

impl<T: 'static> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet").field("dead", &self.dead()).finish_non_exhaustive()
    }
}
