//! [`DeferredLock`]: one holder at a time.
//!
//! Mirrors `twisted.internet.defer.DeferredLock`. Tested in
//! `tests/chains/sync.rs`.

use std::fmt;
use std::rc::Rc;

use super::primitive::{Handle, Primitive, ReleaseError};
use crate::callback::CallbackResult;
use crate::deferred::Deferred;

/// A lock for code of one thread: a Deferred of one that is held fires later.
///
/// There are three ways to use it: [`run`](Self::run), which is the safest,
/// [`acquire_guard`](Self::acquire_guard), whose guard releases it on drop, and
/// Twisted's own pair, [`acquire`](Self::acquire) and
/// [`release`](Self::release).
///
/// # Cancellation
///
/// Cancelling a Deferred that waits for the lock takes it out of the line.
/// Cancelling what `run` returned does so, too, or cancels the work.
///
/// The lock is yours when a callback, an `.await` or
/// [`take_result`](Deferred::take_result) has taken it from the Deferred of
/// `acquire`. A Deferred that is dropped before leaves the line, or gives the
/// lock to the next: so a `select!` or a timeout around `acquire().await` loses
/// nothing. What has taken it, such as a coroutine that is then dropped, has to
/// release it: use a guard there.
///
/// # Re-entrancy
///
/// Releasing runs the next waiter before it returns, and so does dropping a
/// guard, or a Deferred that has the lock.
///
/// Mirrors `twisted.internet.defer.DeferredLock`.
///
/// ```
/// use deferred::{Deferred, DeferredLock, testing::{assert_no_result, success_result_of}};
///
/// let lock = DeferredLock::new();
/// let (work, done) = Deferred::new();
/// let first = lock.run(|| work);
/// let second = lock.run(|| Ok("second"));
///
/// assert_no_result(&second);
/// done.callback("first")?;
/// assert_eq!(success_result_of(first), "first");
/// assert_eq!(success_result_of(second), "second");
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[derive(Clone)]
pub struct DeferredLock {
    primitive: Rc<Primitive<Self>>,
}

impl Handle for DeferredLock {
    fn primitive(&self) -> &Rc<Primitive<Self>> {
        &self.primitive
    }
}

impl DeferredLock {
    /// A free lock.
    ///
    /// ```
    /// assert!(!deferred::DeferredLock::new().locked());
    /// ```
    pub fn new() -> Self {
        Self { primitive: Primitive::new(1) }
    }

    /// A Deferred that fires, with the lock, when it is ours; [`release`](Self::release) it
    /// then. If nobody takes it from the Deferred it is free again when that is
    /// dropped.
    ///
    /// ```
    /// use deferred::{DeferredLock, testing::success_result_of};
    ///
    /// let lock = DeferredLock::new();
    /// drop(lock.acquire());
    /// assert!(!lock.locked());
    ///
    /// let held = success_result_of(lock.acquire());
    /// assert!(lock.locked());
    /// held.release()?;
    /// assert!(!lock.locked());
    /// # Ok::<(), deferred::ReleaseError>(())
    /// ```
    #[must_use = "a lock that nobody takes from the Deferred is free again when that is dropped"]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Self> {
        Primitive::acquire(self)
    }

    /// A Deferred that fires, when the lock is ours, with a guard that releases it
    /// on drop.
    ///
    /// ```
    /// use deferred::{DeferredLock, ensure_deferred, testing::success_result_of};
    ///
    /// let lock = DeferredLock::new();
    /// let shared = lock.clone();
    /// success_result_of(ensure_deferred(async move {
    ///     let _guard = shared.acquire_guard().await?;
    ///     assert!(shared.locked());
    ///     Ok(())
    /// }));
    /// assert!(!lock.locked());
    /// ```
    #[doc(alias = "__aenter__")]
    #[track_caller]
    pub fn acquire_guard(&self) -> Deferred<DeferredLockGuard> {
        self.acquire().add_callback(|lock| Ok(DeferredLockGuard { lock }))
    }

    /// Gives the lock to the first waiter, or frees it.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if nobody holds it.
    ///
    /// ```
    /// assert!(deferred::DeferredLock::new().release().is_err());
    /// ```
    #[track_caller]
    pub fn release(&self) -> Result<(), ReleaseError> {
        Primitive::release(self)
    }

    /// Acquires the lock, calls `work`, and releases the lock when that, or
    /// the Deferred it returned, is done.
    ///
    /// ```
    /// use deferred::{DeferredLock, testing::success_result_of};
    ///
    /// let lock = DeferredLock::new();
    /// assert_eq!(success_result_of(lock.run(|| Ok(1))), 1);
    /// ```
    #[track_caller]
    pub fn run<R: CallbackResult>(&self, work: impl FnOnce() -> R + 'static) -> Deferred<R::Value> {
        Primitive::run(self, work)
    }

    /// Whether someone holds it.
    ///
    /// ```
    /// assert!(!deferred::DeferredLock::new().locked());
    /// ```
    pub fn locked(&self) -> bool {
        self.primitive.tokens() == 0
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DeferredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredLock").field("locked", &self.locked()).finish()
    }
}

/// Holds a [`DeferredLock`], and releases it when dropped.
///
/// ```
/// use deferred::{DeferredLock, testing::success_result_of};
///
/// let lock = DeferredLock::new();
/// let guard = success_result_of(lock.acquire_guard());
/// guard.release(); // or drop(guard)
/// assert!(!lock.locked());
/// ```
#[must_use = "dropping it releases the lock"]
#[derive(Debug)]
pub struct DeferredLockGuard {
    lock: DeferredLock,
}

impl DeferredLockGuard {
    /// Releases the lock, by name.
    ///
    /// ```
    /// use deferred::{DeferredLock, testing::success_result_of};
    ///
    /// let lock = DeferredLock::new();
    /// let guard = success_result_of(lock.acquire_guard());
    /// guard.release();
    /// assert!(!lock.locked());
    /// ```
    pub fn release(self) {}

    /// The lock.
    ///
    /// ```
    /// use deferred::{DeferredLock, testing::success_result_of};
    ///
    /// let lock = DeferredLock::new();
    /// let guard = success_result_of(lock.acquire_guard());
    /// assert!(guard.lock().locked());
    /// ```
    pub fn lock(&self) -> &DeferredLock {
        &self.lock
    }
}

impl Drop for DeferredLockGuard {
    fn drop(&mut self) {
        // It may have been released by hand.
        let _ = self.lock.release();
    }
}
