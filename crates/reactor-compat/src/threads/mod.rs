//! Threads: reaching a reactor from another one.
//!
//! Mirrors `IReactorThreads` of `twisted.internet.interfaces` and
//! `twisted.internet.threads`. Tested in `tests/threads.rs`.

mod blocking;
mod mailbox;
mod remote;

pub use blocking::blocking_call_from_thread;
pub(crate) use mailbox::{Mailbox, Order};
pub use remote::Remote;
