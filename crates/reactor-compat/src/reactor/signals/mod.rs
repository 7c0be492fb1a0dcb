//! Signals: those that stop a reactor, and handlers of the user's own.
//!
//! Mirrors `twisted.internet._signals`, and what Python's module `signal` does
//! for a program. Tested in `tests/signals.rs`.

mod disposition;
mod handlers;
mod signal;
mod streams;

pub(super) use handlers::Handlers;
pub use handlers::SignalError;
pub use signal::Signal;
pub(super) use streams::SignalStreams;
