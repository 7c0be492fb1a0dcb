//! Twisted's Deferred, for Rust.
//!
//! A [`Deferred`] is a result that will be there later, and a chain of callbacks
//! that say what is to be done with it; it is fired by its [`Trigger`]. It is
//! also a `Future`, and a coroutine is a Deferred, so that callbacks and
//! `async`/`await` mix freely. It needs no runtime.
//!
//! ```
//! use deferred::{Deferred, ensure_deferred, testing::success_result_of};
//!
//! let (page, trigger) = Deferred::new();
//! let length = page.add_callback(|text: String| Ok(text.len()));
//! let doubled = ensure_deferred(async { Ok(length.await? * 2) });
//!
//! trigger.callback("hello".to_owned())?;
//! assert_eq!(success_result_of(doubled), 10);
//! # Ok::<(), deferred::AlreadyCalledError>(())
//! ```
//!
//! # Layout
//!
//! - [`Deferred`] and its ends: [`Trigger`], [`CancelHandle`]; what a callback
//!   returns: [`CallbackResult`].
//! - [`Failure`] and the errors.
//! - Several at once: [`DeferredList`], [`gather_results`], [`race()`].
//! - [`sync`]: [`DeferredLock`], [`DeferredSemaphore`], [`DeferredQueue`].
//! - [`time`]: clocks, for [`Deferred::add_timeout`] and everything that waits.
//! - [`unhandled`]: errors that nobody handled; [`set_debugging`]; [`unfired()`]:
//!   what waits.
//! - [`testing`]: helpers for tests.
//!
//! # Features
//!
//! - `tokio` (on by default): coroutines are woken by Tokio, and futures may
//!   run on its other threads.

#![deny(unsafe_code)]

mod callback;
mod cancel_handle;
mod chain;
mod context;
mod coroutine;
mod debug;
mod deferred;
mod error;
mod failure;
mod list;
mod race;
mod send;
mod stderr;
pub mod sync;
pub mod testing;
pub mod time;
mod timeout;
mod trigger;
mod unfired;
pub mod unhandled;
mod waiters;

pub use crate::callback::{CallbackResult, ErrbackResult, Outcome};
pub use crate::cancel_handle::CancelHandle;
pub use crate::coroutine::{adopt_coroutines, set_local_spawner};
pub use crate::debug::{DEBUG_VARIABLE, DebugInfo, get_debugging, set_debugging};
pub use crate::deferred::{
    Deferred, ensure_deferred, execute, fail, inline_callbacks, maybe_deferred, succeed,
};
pub use crate::error::{
    AlreadyCalledError, CancelledError, ChainCycleError, ResultTakenError, TimeoutError,
};
pub use crate::failure::{AnyError, Failure, Panic};
pub use crate::list::{
    DeferredList, FirstCallback, FirstError, ListOutcome, gather_results,
    gather_results_consuming_errors,
};
pub use crate::race::{FailureGroup, race};
pub use crate::send::SendFuture;
pub use crate::sync::{
    DeferredLock, DeferredLockGuard, DeferredQueue, DeferredSemaphore, DeferredSemaphoreGuard,
    NoTokensError, QueueClosed, QueueOverflow, QueueSink, QueueSinkError, QueueStream,
    QueueUnderflow, ReleaseError,
};
pub use crate::trigger::Trigger;
pub use crate::unfired::unfired;
pub use crate::waiters::Waiters;
