//! A reactor, from other threads.
//!
//! Mirrors `IReactorFromThreads` of `twisted.internet.interfaces`, and
//! `blockingCallFromThread` of `twisted.internet.threads`. Tested in
//! `tests/runtime/threads.rs` and `tests/runtime/remote.rs`.

mod blocking;
mod handle;
mod mailbox;
mod object;
pub(crate) mod operations;
mod result;
mod sender;
mod slot;

use std::any::Any;

pub use blocking::blocking_call_from_thread;
pub use handle::Remote;
pub(super) use handle::WHILE_CALLING;
pub(super) use mailbox::Mailbox;
/// Takes back what is called when a reactor's mailbox is closed.
pub(crate) type CloseWatch = mailbox::CloseWatch<RemoteCall>;
pub use object::RemoteObject;
pub use result::RemoteResult;
pub(crate) use slot::ResultSlot;

use super::Reactor;

/// A call from another thread.
pub(crate) enum RemoteCall {
    /// Call this.
    Run(Box<dyn FnOnce(&Reactor) + Send>),
    /// Give this to the pending result of that number.
    Complete(u64, Box<dyn Any + Send>),
    /// Stop.
    Stop,
}
