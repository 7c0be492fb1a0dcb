//! [`DeferredSemaphore`]: so many holders at a time.
//!
//! Mirrors `twisted.internet.defer.DeferredSemaphore`. Tested in
//! `tests/chains/sync.rs`.

use std::fmt;
use std::rc::Rc;

use thiserror::Error;

use super::primitive::{Handle, Primitive, ReleaseError};
use crate::callback::CallbackResult;
use crate::deferred::Deferred;

/// A number of tokens: while none is free, a Deferred of one fires later.
///
/// It is used as a [`DeferredLock`](crate::DeferredLock) is; what is said there
/// of cancellation and re-entrancy holds here.
///
/// Mirrors `twisted.internet.defer.DeferredSemaphore`.
///
/// ```
/// use deferred::{Deferred, DeferredSemaphore, testing::{assert_no_result, success_result_of}};
///
/// let downloads = DeferredSemaphore::new(2)?;
/// let (slow, _trigger) = Deferred::<()>::new();
/// let (fast, done) = Deferred::new();
/// let _first = downloads.run(|| slow);
/// let _second = downloads.run(|| fast);
/// let third = downloads.run(|| Ok("third"));
///
/// assert_no_result(&third);
/// done.callback(())?;
/// assert_eq!(success_result_of(third), "third");
/// # Ok::<(), deferred::Failure>(())
/// ```
#[derive(Clone)]
pub struct DeferredSemaphore {
    primitive: Rc<Primitive<Self>>,
}

impl Handle for DeferredSemaphore {
    fn primitive(&self) -> &Rc<Primitive<Self>> {
        &self.primitive
    }
}

impl DeferredSemaphore {
    /// A semaphore with `tokens` tokens.
    ///
    /// # Errors
    ///
    /// [`NoTokensError`] if that is zero.
    ///
    /// ```
    /// assert!(deferred::DeferredSemaphore::new(0).is_err());
    /// ```
    pub fn new(tokens: usize) -> Result<Self, NoTokensError> {
        if tokens == 0 {
            return Err(NoTokensError);
        }
        Ok(Self { primitive: Primitive::new(tokens) })
    }

    /// A Deferred that fires, with the semaphore, when a token is ours;
    /// [`release`](Self::release) it then. If nobody takes it from the Deferred
    /// it is free again when that is dropped.
    ///
    /// ```
    /// use deferred::{DeferredSemaphore, testing::success_result_of};
    ///
    /// let semaphore = DeferredSemaphore::new(2)?;
    /// success_result_of(semaphore.acquire());
    /// assert_eq!(semaphore.tokens(), 1);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    #[must_use = "a token that nobody takes from the Deferred is free again when that is dropped"]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Self> {
        Primitive::acquire(self)
    }

    /// A Deferred that fires, when a token is ours, with a guard that releases it
    /// on drop.
    ///
    /// ```
    /// use deferred::{DeferredSemaphore, testing::success_result_of};
    ///
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// let guard = success_result_of(semaphore.acquire_guard());
    /// assert_eq!(semaphore.tokens(), 0);
    /// drop(guard);
    /// assert_eq!(semaphore.tokens(), 1);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    #[doc(alias = "__aenter__")]
    #[track_caller]
    pub fn acquire_guard(&self) -> Deferred<DeferredSemaphoreGuard> {
        self.acquire().add_callback(|semaphore| Ok(DeferredSemaphoreGuard { semaphore }))
    }

    /// Gives a token to the first waiter, or puts it back.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if all tokens are there.
    ///
    /// ```
    /// assert!(deferred::DeferredSemaphore::new(1)?.release().is_err());
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    #[track_caller]
    pub fn release(&self) -> Result<(), ReleaseError> {
        Primitive::release(self)
    }

    /// Acquires a token, calls `work`, and releases the token when that, or
    /// the Deferred it returned, is done.
    ///
    /// ```
    /// use deferred::{DeferredSemaphore, testing::success_result_of};
    ///
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// assert_eq!(success_result_of(semaphore.run(|| Ok(1))), 1);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    #[track_caller]
    pub fn run<R: CallbackResult>(&self, work: impl FnOnce() -> R + 'static) -> Deferred<R::Value> {
        Primitive::run(self, work)
    }

    /// The number of free tokens.
    ///
    /// ```
    /// let semaphore = deferred::DeferredSemaphore::new(3)?;
    /// let _guard = deferred::testing::success_result_of(semaphore.acquire_guard());
    /// assert_eq!(semaphore.tokens(), 2);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    pub fn tokens(&self) -> usize {
        self.primitive.tokens()
    }

    /// The number of all tokens.
    ///
    /// ```
    /// let semaphore = deferred::DeferredSemaphore::new(3)?;
    /// let _guard = deferred::testing::success_result_of(semaphore.acquire_guard());
    /// assert_eq!(semaphore.limit(), 3);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    pub fn limit(&self) -> usize {
        self.primitive.limit()
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredSemaphore")
            .field("tokens", &self.tokens())
            .field("limit", &self.limit())
            .finish()
    }
}

/// Holds a token of a [`DeferredSemaphore`], and releases it when dropped.
///
/// ```
/// let semaphore = deferred::DeferredSemaphore::new(3)?;
/// let guard = deferred::testing::success_result_of(semaphore.acquire_guard());
/// assert_eq!(semaphore.tokens(), 2);
/// # Ok::<(), deferred::NoTokensError>(())
/// ```
#[must_use = "dropping it releases the token"]
#[derive(Debug)]
pub struct DeferredSemaphoreGuard {
    semaphore: DeferredSemaphore,
}

impl DeferredSemaphoreGuard {
    /// Releases the token, by name.
    ///
    /// ```
    /// use deferred::{DeferredSemaphore, testing::success_result_of};
    ///
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// success_result_of(semaphore.acquire_guard()).release();
    /// assert_eq!(semaphore.tokens(), 1);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    pub fn release(self) {}

    /// The semaphore.
    ///
    /// ```
    /// let semaphore = deferred::DeferredSemaphore::new(3)?;
    /// let guard = deferred::testing::success_result_of(semaphore.acquire_guard());
    /// assert_eq!(guard.semaphore().tokens(), 2);
    /// # Ok::<(), deferred::NoTokensError>(())
    /// ```
    pub fn semaphore(&self) -> &DeferredSemaphore {
        &self.semaphore
    }
}

impl Drop for DeferredSemaphoreGuard {
    fn drop(&mut self) {
        // It may have been released by hand.
        let _ = self.semaphore.release();
    }
}

/// The error of a semaphore without tokens, which would never let anybody pass.
///
/// ```
/// assert_eq!(deferred::DeferredSemaphore::new(0).unwrap_err(), deferred::NoTokensError);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[error("a semaphore needs at least one token")]
pub struct NoTokensError;
