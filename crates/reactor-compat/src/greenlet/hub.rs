//! [`Hub`]: has a greenlet wait.
//!
//! Mirrors `gevent.get_hub` and `waitForDeferred` of gevent's reactor for
//! Twisted. Tested in `tests/runtime/greenlet.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::IntoFuture;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use corosensei::Yielder;
use deferred::{Deferred, Failure};

use super::error::CannotWait;

thread_local! {
    /// The number of the greenlet that is running; 0 outside of all.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
    /// The number that was given last.
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// A number for a greenlet that no other of this thread has.
pub(super) fn next_number() -> u64 {
    LAST.with(|last| {
        last.set(last.get() + 1);
        last.get()
    })
}

/// Says that a greenlet is running, for as long as it lives.
pub(super) struct Running {
    previous: u64,
}

impl Running {
    pub(super) fn enter(number: u64) -> Self {
        Self { previous: RUNNING.with(|running| running.replace(number)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with(|running| running.set(self.previous));
    }
}

/// Has a greenlet wait: its function is given one.
///
/// It stays on the greenlet's stack: pass it to the functions that you call.
///
/// In gevent the hub is looked up; here having one is what makes sure that
/// there is a stack to leave.
///
/// ```
/// use deferred::{Deferred, testing::success_result_of};
/// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
///
/// let (name, trigger) = Deferred::new();
/// let greeting = wait_for_greenlet(Greenlet::spawn(|hub| {
///     let name: &str = hub.wait_for_deferred(name)?;
///     Ok(format!("Hello, {name}!"))
/// }));
/// trigger.callback("Twisted")?;
/// assert_eq!(success_result_of(greeting), "Hello, Twisted!");
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[doc(alias = "get_hub")]
pub struct Hub<'a> {
    yielder: &'a Yielder<Waker, ()>,
    number: u64,
    /// Only while the greenlet runs: who holds one says that something else
    /// may wake it.
    waker: RefCell<Option<Waker>>,
    /// Whether the thread was unwinding when the greenlet was resumed.
    resumed_by_unwinding: Cell<bool>,
}

impl<'a> Hub<'a> {
    pub(super) fn new(yielder: &'a Yielder<Waker, ()>, number: u64, waker: Waker) -> Self {
        Self {
            yielder,
            number,
            waker: RefCell::new(Some(waker)),
            resumed_by_unwinding: Cell::new(thread::panicking()),
        }
    }

    /// Waits until `deferred` has its result, and gives it. If it has it
    /// already, that is at once.
    ///
    /// # Errors
    ///
    /// The failure of the Deferred, or [`CannotWait`].
    ///
    /// # Cancellation
    ///
    /// Cancelling the greenlet cancels `deferred`, and this returns its
    /// [`CancelledError`](deferred::CancelledError). If the greenlet is
    /// [killed](super::KillHandle::kill) this does not return: the stack is
    /// unwound from here.
    ///
    /// # Re-entrancy
    ///
    /// It returns inside the call that fires the Deferred.
    ///
    /// ```
    /// use deferred::{Deferred, testing::success_result_of};
    /// use reactor_compat::greenlet::{Greenlet, wait_for_greenlet};
    ///
    /// let (page, trigger) = Deferred::<String>::new();
    /// let size = wait_for_greenlet(Greenlet::spawn(|hub| match hub.wait_for_deferred(page) {
    ///     Ok(text) => Ok(text.len()),
    ///     Err(_no_page) => Ok(0),
    /// }));
    /// trigger.errback(std::fmt::Error)?;
    /// assert_eq!(success_result_of(size), 0);
    /// # Ok::<(), deferred::AlreadyCalledError>(())
    /// ```
    #[doc(alias = "waitForDeferred")]
    pub fn wait_for_deferred<T: 'static>(&self, deferred: Deferred<T>) -> Result<T, Failure> {
        self.wait_for_future(deferred)?
    }

    /// Waits for any future, and gives its output.
    ///
    /// A future that is not a Deferred has to be woken, so the thread has to run a
    /// reactor or another Tokio `LocalRuntime`, as for a
    /// [coroutine](Deferred::from_coroutine).
    ///
    /// # Errors
    ///
    /// [`CannotWait`].
    ///
    /// # Cancellation
    ///
    /// Cancelling the greenlet while it waits for something else than a
    /// Deferred unwinds its stack, as dropping does to a coroutine.
    ///
    /// ```
    /// use reactor_compat::{Reactor, greenlet::Greenlet};
    ///
    /// let reactor = Reactor::new();
    /// let stop = reactor.clone();
    /// reactor.call_when_running(move || {
    ///     drop(Greenlet::spawn(move |hub| {
    ///         hub.wait_for_future(tokio::task::yield_now())?;
    ///         Ok(stop.stop()?)
    ///     }));
    /// });
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn wait_for_future<F: IntoFuture>(&self, future: F) -> Result<F::Output, CannotWait> {
        let mut future = pin!(future.into_future());
        loop {
            let Some(waker) = self.waker.borrow().clone() else {
                return Err(CannotWait::OfAnotherGreenlet);
            };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(output);
            }
            drop(waker);
            self.suspend()?;
        }
    }

    /// Goes back to whoever resumed the greenlet, until it is resumed again.
    fn suspend(&self) -> Result<(), CannotWait> {
        if RUNNING.with(Cell::get) != self.number {
            return Err(CannotWait::OfAnotherGreenlet);
        }
        // The thread counts its panics; one that began here has to end here.
        if thread::panicking() && !self.resumed_by_unwinding.get() {
            return Err(CannotWait::Unwinding);
        }
        self.waker.take();
        let waker = self.yielder.suspend(());
        *self.waker.borrow_mut() = Some(waker);
        self.resumed_by_unwinding.set(thread::panicking());
        Ok(())
    }
}

impl fmt::Debug for Hub<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("greenlet", &self.number).finish_non_exhaustive()
    }
}
