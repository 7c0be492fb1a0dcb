//! A reactor, from other threads.
//!
//! Mirrors `IReactorFromThreads` of `twisted.internet.interfaces`, and
//! `blockingCallFromThread` of `twisted.internet.threads`. Tested in
//! `tests/runtime/threads.rs`.

mod blocking;
mod handle;
mod mailbox;

pub use blocking::blocking_call_from_thread;
pub use handle::Remote;
pub(super) use handle::WHILE_CALLING;
pub(super) use mailbox::{Mailbox, RemoteCall};
