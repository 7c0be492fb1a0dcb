//! Locks, semaphores and queues for callbacks and coroutines of one thread.
//!
//! - [`DeferredLock`]: one at a time.
//! - [`DeferredSemaphore`]: so many at a time.
//! - [`DeferredQueue`]: values from those who have them to those who wait.
//!
//! Each is a handle; clones are the same object. Waiters are served in their
//! order, inside the call that serves them, and one that is cancelled leaves
//! the line.
//!
//! Mirrors the classes of the same names in `twisted.internet.defer`. Tested in
//! `tests/chains/sync.rs`.

mod lock;
mod primitive;
mod queue;
mod semaphore;
mod waiting;

pub use self::lock::{DeferredLock, DeferredLockGuard};
pub use self::primitive::ReleaseError;
pub use self::queue::{DeferredQueue, QueueOverflow, QueueUnderflow};
pub use self::semaphore::{DeferredSemaphore, DeferredSemaphoreGuard, NoTokensError};
