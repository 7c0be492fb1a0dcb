//! Deferreds, failures, coroutines, lists, locks, clocks: all that needs no
//! process of its own.

mod auto_traits;
mod coroutine;
mod deferred;
mod diagnostics;
mod error;
mod failure;
mod inference;
mod list;
mod queue;
mod race;
mod send;
mod spans;
mod stderr;
mod sync;
mod testing;
mod time;
mod timeout;
mod unhandled;
mod unread;
mod waiters;
