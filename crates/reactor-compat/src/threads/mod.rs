//! Threads: reaching a reactor from another one, and using others from it.
//!
//! Mirrors `IReactorThreads` of `twisted.internet.interfaces` and
//! `twisted.internet.threads`. Tested in `tests/runtime/threads.rs`.

mod blocking;
mod defer;
mod mailbox;
mod pool;
mod reactor_thread;
mod remote;

pub use blocking::blocking_call_from_thread;
pub use defer::{call_multiple_in_thread, defer_to_thread, defer_to_thread_pool};
pub(crate) use mailbox::{Mailbox, Order};
pub use pool::{ThreadPool, ThreadPoolError};
pub use reactor_thread::ReactorThread;
pub use remote::Remote;
