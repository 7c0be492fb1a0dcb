//! All that threads share in `reactor-compat`, in all orders of the threads'
//! steps.
//!
//! The files are those of the crate itself, built here with loom's locks: each
//! model is run once for every order in which its threads can come to them. So a
//! model has few threads and few steps. `cargo test -p models`.

#![cfg(test)]

mod job_queue_model;
mod log_queue_model;
mod mailbox_model;
mod slot_model;
mod waking;

#[path = "../../../crates/reactor-compat/src/threads/job_queue.rs"]
#[expect(dead_code, reason = "a model uses what it is about")]
mod job_queue;
#[path = "../../../crates/reactor-compat/src/reactor/remote/mailbox.rs"]
#[expect(dead_code, reason = "a model uses what it is about")]
mod mailbox;
#[path = "../../../crates/reactor-compat/src/reactor/remote/slot.rs"]
#[expect(dead_code, reason = "a model uses what it is about")]
mod slot;

/// The locks, as the crate's files name them.
mod sync {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
}

/// The errors, as the crate's files name them.
mod error {
    /// Stands for the crate's.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct ReactorStopped;
}
