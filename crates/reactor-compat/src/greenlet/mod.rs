//! Code that waits where it stands: functions with stacks of their own.
//!
//! A [`Greenlet`] is a function that can stop in the middle, however deep in
//! calls of its own, until a Deferred has its result, while the thread does
//! other things. It is for synchronous code that cannot be made `async`; where
//! you can choose, an `async` block is smaller and the compiler checks it.
//!
//! ```
//! use deferred::{Deferred, Failure, testing::success_result_of};
//! use reactor_compat::greenlet::{Greenlet, Hub, wait_for_greenlet};
//!
//! // An ordinary function, which may be called by other ordinary functions.
//! fn sum(numbers: Vec<Deferred<i32>>, hub: &Hub<'_>) -> Result<i32, Failure> {
//!     let mut sum = 0;
//!     for number in numbers {
//!         sum += hub.wait_for_deferred(number)?;
//!     }
//!     Ok(sum)
//! }
//!
//! let (one, first) = Deferred::new();
//! let (two, second) = Deferred::new();
//! let sum = wait_for_greenlet(Greenlet::spawn(|hub| sum(vec![one, two], hub)));
//!
//! second.callback(2)?;
//! first.callback(1)?;
//! assert_eq!(success_result_of(sum), 3);
//! # Ok::<(), deferred::AlreadyCalledError>(())
//! ```
//!
//! | here | in gevent and its reactor for Twisted |
//! |---|---|
//! | [`Greenlet`], [`KillHandle`] | `gevent.Greenlet` |
//! | [`Hub`]: what a greenlet waits with | `gevent.get_hub()` |
//! | [`Hub::wait_for_deferred`] | `waitForDeferred` |
//! | [`wait_for_greenlet`] | `waitForGreenlet` |
//!
//! A greenlet is a coroutine of the crate [`deferred`] in all that concerns the
//! rest of the program: it starts at once, is resumed inside the call that
//! fires what it waits for, forwards a cancellation, and its panics become
//! Failures. Its stack comes from the crate `corosensei`.
//!
//! # What not to hold
//!
//! As with `.await`, but unseen by the compiler: while a greenlet waits, other
//! code of the thread runs. What belongs to the thread, such as a mutex's or a
//! `RefCell`'s guard, an entered `tracing` span or Tokio runtime, should not be
//! held meanwhile.
//!
//! # Features
//!
//! This module needs the feature `greenlet`.
//!
//! Tested in `tests/runtime/greenlet.rs`.

mod body;
mod error;
mod handle;
mod hub;
mod kill;
mod stack;

pub use error::{CannotWait, StackError};
pub use handle::{Greenlet, wait_for_greenlet};
pub use hub::Hub;
pub use kill::KillHandle;
pub use stack::{DEFAULT_STACK_SIZE, MAX_STACK_SIZE, MIN_STACK_SIZE};
