//! [`DeferredFilesystemLock`]: a file's lock that is waited for.
//!
//! Mirrors `twisted.internet.defer.DeferredFilesystemLock`. Tested in
//! `tests/runtime/lockfile.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{DelayedCall, ReactorTime};
use deferred::{CancelledError, Deferred, Failure, TimeoutError, Trigger};

use crate::clock_handle::ClockHandle;
use crate::filesystem_lock::{FilesystemLock, UnlockError};
use crate::reactor::reactor;

/// How long it is between two attempts.
const INTERVAL: Duration = Duration::from_secs(1);

/// A [`FilesystemLock`] that can be waited for.
///
/// Nobody says when a lock is released, so it is tried for again and again,
/// once a second.
///
/// It is a handle; clones are of the same lock.
///
/// Mirrors `twisted.internet.defer.DeferredFilesystemLock`.
///
/// ```
/// use deferred::testing::{assert_no_result, success_result_of};
/// use reactor_compat::lockfile::{DeferredFilesystemLock, FilesystemLock};
/// use reactor_compat::task::Clock;
/// use std::time::Duration;
///
/// # let directory = std::env::temp_dir().join(format!("deferred-lock-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// let path = directory.join("mail.lock");
/// let theirs = FilesystemLock::new(&path);
/// theirs.lock()?;
///
/// let clock = Clock::new();
/// let ours = DeferredFilesystemLock::new(&path).clock(&clock);
/// let locked = ours.defer_until_locked(Some(Duration::from_secs(60)));
/// clock.advance(Duration::from_secs(1));
/// assert_no_result(&locked);
/// theirs.unlock()?;
/// clock.advance(Duration::from_secs(1));
/// success_result_of(locked);
/// ours.unlock()?;
/// # std::fs::remove_dir(directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.defer.DeferredFilesystemLock")]
pub struct DeferredFilesystemLock {
    inner: Rc<Inner>,
}

struct Inner {
    lock: FilesystemLock,
    clock: RefCell<ClockHandle>,
    interval: Cell<Duration>,
    waiting: RefCell<Option<Waiting>>,
}

/// A Deferred that waits for the lock.
struct Waiting {
    trigger: Trigger<()>,
    next_attempt: DelayedCall,
    timeout: Option<DelayedCall>,
}

impl DeferredFilesystemLock {
    /// The lock whose file is `name`, on the thread's reactor.
    ///
    /// ```
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// assert!(!DeferredFilesystemLock::new("mail.lock").locked());
    /// ```
    pub fn new(name: impl Into<PathBuf>) -> Self {
        let inner = Inner {
            lock: FilesystemLock::new(name),
            clock: RefCell::new(ClockHandle::from(&reactor())),
            interval: Cell::new(INTERVAL),
            waiting: RefCell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Goes by `clock` instead of the thread's reactor.
    ///
    /// ```
    /// use reactor_compat::lockfile::{DeferredFilesystemLock, FilesystemLock};
    /// use reactor_compat::task::Clock;
    /// use std::time::Duration;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("mail.lock");
    /// let other = FilesystemLock::new(&path);
    /// other.lock()?;
    /// let clock = Clock::new();
    /// let locked = DeferredFilesystemLock::new(&path).clock(&clock).defer_until_locked(None);
    /// other.unlock()?;
    /// assert!(!locked.has_result());
    /// clock.advance(Duration::from_secs(1));
    /// assert!(locked.has_result());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn clock(self, clock: impl Into<ClockHandle>) -> Self {
        let before = self.inner.clock.replace(clock.into());
        drop(before);
        self
    }

    /// Tries again after `interval` instead of a second.
    ///
    /// ```
    /// use reactor_compat::lockfile::{DeferredFilesystemLock, FilesystemLock};
    /// use reactor_compat::task::Clock;
    /// use std::time::Duration;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("mail.lock");
    /// let other = FilesystemLock::new(&path);
    /// other.lock()?;
    /// let clock = Clock::new();
    /// let soon = Duration::from_millis(5);
    /// let lock = DeferredFilesystemLock::new(&path).clock(&clock).interval(soon);
    /// let locked = lock.defer_until_locked(None);
    /// other.unlock()?;
    /// clock.advance(soon);
    /// assert!(locked.has_result());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        self.inner.interval.set(interval);
        self
    }

    /// Fires when the lock has been taken, which may be now.
    ///
    /// # Errors
    ///
    /// The Deferred fails with a [`TimeoutError`] if there is a `timeout` and
    /// it goes by, with an [`io::Error`] if [`lock`](FilesystemLock::lock)
    /// does, and with an [`AlreadyTryingToLockError`] if somebody waits for
    /// this object's lock already.
    ///
    /// # Cancellation
    ///
    /// Cancelling it makes a last attempt, as its timeout does; if that fails,
    /// the Deferred fails with a [`CancelledError`].
    ///
    /// ```
    /// use deferred::testing::failure_result_of;
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// let lock = DeferredFilesystemLock::new("/no such directory/mail.lock");
    /// assert!(failure_result_of(lock.defer_until_locked(None)).is::<std::io::Error>());
    /// ```
    #[doc(alias = "deferUntilLocked")]
    #[track_caller]
    pub fn defer_until_locked(&self, timeout: Option<Duration>) -> Deferred<()> {
        if self.inner.waiting.borrow().is_some() {
            return Deferred::fail(AlreadyTryingToLockError);
        }
        match self.inner.lock.lock() {
            Ok(true) => return Deferred::succeed(()),
            Ok(false) => {}
            Err(error) => return Deferred::fail(error),
        }
        let weak = Rc::downgrade(&self.inner);
        let (deferred, trigger) = Deferred::with_canceller(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.give_up(CancelledError.into());
            }
        });
        let inner = self.inner.clone();
        let timeout = timeout.map(|timeout| {
            let give_up = move || inner.give_up(TimeoutError::new(timeout).into());
            self.inner.call_later(timeout, give_up)
        });
        let next_attempt = self.inner.schedule_attempt();
        self.inner.waiting.replace(Some(Waiting { trigger, next_attempt, timeout }));
        deferred
    }

    /// [`FilesystemLock::lock`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = DeferredFilesystemLock::new(directory.path().join("mail.lock"));
    /// assert!(lock.lock()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock(&self) -> io::Result<bool> {
        self.inner.lock.lock()
    }

    /// [`FilesystemLock::unlock`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = DeferredFilesystemLock::new(directory.path().join("mail.lock"));
    /// assert!(lock.unlock().is_err());
    /// lock.lock()?;
    /// lock.unlock()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unlock(&self) -> Result<(), UnlockError> {
        self.inner.lock.unlock()
    }

    /// [`FilesystemLock::locked`].
    ///
    /// ```
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = DeferredFilesystemLock::new(directory.path().join("mail.lock"));
    /// assert!(!lock.locked());
    /// lock.lock()?;
    /// assert!(lock.locked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn locked(&self) -> bool {
        self.inner.lock.locked()
    }

    /// [`FilesystemLock::clean`].
    ///
    /// ```
    /// use reactor_compat::lockfile::DeferredFilesystemLock;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let lock = DeferredFilesystemLock::new(directory.path().join("mail.lock"));
    /// lock.lock()?;
    /// assert_eq!(lock.clean(), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clean(&self) -> Option<bool> {
        self.inner.lock.clean()
    }
}

impl Inner {
    fn call_later(&self, delay: Duration, call: impl FnOnce() + 'static) -> DelayedCall {
        let clock = self.clock.borrow().clone();
        clock.call_later_boxed(delay, Box::new(call))
    }

    fn schedule_attempt(self: &Rc<Self>) -> DelayedCall {
        let inner = self.clone();
        self.call_later(self.interval.get(), move || inner.attempt())
    }

    fn attempt(self: &Rc<Self>) {
        match self.lock.lock() {
            Ok(false) => {
                let next_attempt = self.schedule_attempt();
                if let Some(waiting) = &mut *self.waiting.borrow_mut() {
                    waiting.next_attempt = next_attempt;
                }
            }
            Ok(true) => self.end(Ok(())),
            Err(error) => self.end(Err(error.into())),
        }
    }

    /// Makes a last attempt.
    fn give_up(&self, reason: Failure) {
        self.end(match self.lock.lock() {
            Ok(true) => Ok(()),
            Ok(false) => Err(reason),
            Err(error) => Err(error.into()),
        });
    }

    /// Tells whoever waits.
    fn end(&self, result: Result<(), Failure>) {
        let Some(Waiting { trigger, next_attempt, timeout }) = self.waiting.take() else { return };
        // Whichever of the two led here was made.
        let _ = next_attempt.cancel();
        let _ = timeout.map(|timeout| timeout.cancel());
        // Nobody else fires it: cancelling comes here as well.
        let _ = trigger.fire(result);
    }
}

impl fmt::Debug for DeferredFilesystemLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredFilesystemLock")
            .field("lock", &self.inner.lock)
            .field("waiting", &self.inner.waiting.borrow().is_some())
            .finish_non_exhaustive()
    }
}

/// A lock was to be waited for by way of an object through which somebody waits
/// for it already.
///
/// ```
/// use reactor_compat::lockfile::AlreadyTryingToLockError;
///
/// assert_eq!(AlreadyTryingToLockError.to_string(), "somebody waits for the lock already");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("somebody waits for the lock already")]
pub struct AlreadyTryingToLockError;
