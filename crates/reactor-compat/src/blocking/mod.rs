//! Blocking programs: a reactor in the background, and waiting for it.
//!
//! [`setup`] starts a reactor on a thread of its own; [`run_in_reactor`] and
//! [`wait_for`] have it do things, from any other thread.
//!
//! ```
//! use reactor_compat::blocking::{run_in_reactor, setup, wait_for};
//! use reactor_compat::{reactor, task::defer_later};
//! use std::time::Duration;
//!
//! setup()?;
//!
//! // Begin something, and look for the result when it is needed.
//! let tea = run_in_reactor(|| {
//!     defer_later(&reactor(), Duration::from_millis(3), || Ok("tea is ready"))
//! });
//! println!("meanwhile, the table");
//! assert_eq!(tea.wait(Duration::from_secs(10))?, "tea is ready");
//!
//! // Or wait for it at once.
//! let sum = wait_for(Duration::from_secs(10), || Ok(1 + 1))?;
//! assert_eq!(sum, 2);
//! # Ok::<(), deferred::Failure>(())
//! ```
//!
//! | here | in crochet |
//! |---|---|
//! | [`setup`], [`no_setup`] | the same |
//! | [`shutdown`] | what is done when the main thread ends |
//! | [`run_in_reactor`], [`wait_for`] | the decorators |
//! | [`EventualResult`], [`retrieve_result`] | the same |
//! | [`WaitTimeout`] | `TimeoutError` |
//! | [`ReactorStopped`] | the same |
//! | [`WouldDeadlock`] | the `RuntimeError` in the reactor's thread |
//! | [`EventLoop`]: one beside the process's own | `crochet._eventloop.EventLoop` |
//!
//! Functions that run in the reactor find it with [`reactor()`]. What they
//! return may be what a callback may return; of an async function make a
//! Deferred with [`ensure_deferred`](deferred::ensure_deferred).
//!
//! Mirrors the package `crochet`. Tested in `tests/runtime/blocking.rs`.
//!
//! [`reactor()`]: crate::reactor()
//! [`ReactorStopped`]: crate::ReactorStopped
//! [`WouldDeadlock`]: crate::WouldDeadlock

mod error;
mod event_loop;
mod eventual_result;
mod process;
mod registry;
mod slot;
mod store;

pub use error::{AlreadySetUp, NotSetUp, RetrieveError, SetupError, StashFull, WaitTimeout};
pub use event_loop::EventLoop;
pub use eventual_result::EventualResult;
pub use process::{no_setup, retrieve_result, run_in_reactor, setup, shutdown, wait_for};
pub use store::{ResultId, STASH_LIMIT};
