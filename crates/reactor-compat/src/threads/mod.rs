//! Threads: functions that block, and a reactor on a thread of its own.
//!
//! Mirrors `IReactorThreads` of `twisted.internet.interfaces` and
//! `twisted.internet.threads`. Tested in `tests/runtime/threads.rs`.

mod defer;
mod job_queue;
mod pool;
mod reactor_pool;
mod reactor_thread;

pub use defer::{call_multiple_in_thread, defer_to_thread, defer_to_thread_pool};
pub use pool::{ThreadPool, ThreadPoolError};
pub use reactor_thread::ReactorThread;
