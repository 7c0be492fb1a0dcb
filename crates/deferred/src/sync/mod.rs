//! Locks, semaphores and queues for callbacks and coroutines of one thread.
//!
//! - [`DeferredLock`]: one holder at a time.
//! - [`DeferredSemaphore`]: so many holders at a time.
//! - [`DeferredQueue`]: values from those who have them to those who wait; also
//!   as a [stream](DeferredQueue::stream) and a [sink](DeferredQueue::sink).
//!
//! Each is a handle; clones are the same object. Waiters are served in their
//! order, inside the call that serves them. One that is cancelled leaves the
//! line, and so does one that is dropped with no callback that waits. What a
//! Deferred was given, and nobody took from it before it was dropped, goes to
//! the next, or back to its place. A callback, an `.await` or a list takes it;
//! an errback and a timeout let it pass.
//!
//! Mirrors the classes of the same names in `twisted.internet.defer`. Tested in
//! `tests/chains/sync.rs` and `tests/chains/unread.rs`.

mod lock;
mod primitive;
mod queue;
mod queue_sink;
mod queue_stream;
mod semaphore;

pub use self::lock::{DeferredLock, DeferredLockGuard};
pub use self::primitive::ReleaseError;
pub use self::queue::{DeferredQueue, QueueClosed, QueueOverflow, QueueUnderflow};
pub use self::queue_sink::{QueueSink, QueueSinkError};
pub use self::queue_stream::QueueStream;
pub use self::semaphore::{DeferredSemaphore, DeferredSemaphoreGuard, NoTokensError};
