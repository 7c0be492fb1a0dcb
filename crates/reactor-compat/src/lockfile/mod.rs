//! [`lockfile`](self): locks between processes, by way of a file.
//!
//! [`FilesystemLock`] is had at once or not at all; [`DeferredFilesystemLock`]
//! is waited for.
//!
//! Mirrors `twisted.python.lockfile`, and `DeferredFilesystemLock` of
//! `twisted.internet.defer`. Tested in `tests/runtime/lockfile.rs`.

mod deferred_lock;

pub use deferred_lock::{AlreadyTryingToLockError, DeferredFilesystemLock};

pub use crate::filesystem_lock::{FilesystemLock, UnlockError, is_locked};
