//! Doing things later, again, bit by bit, and until done.
//!
//! | here | in Twisted |
//! |---|---|
//! | [`LoopingCall`]: calls a function every so often | `LoopingCall` |
//! | [`defer_later()`]: calls a function later, and gives its result | `deferLater` |
//! | [`cooperate`], [`coiterate`], [`Cooperator`], [`CooperativeTask`]: long work in small steps | the same |
//! | [`react()`], [`SystemExit`]: a whole program, from its main function to its exit code | `react` |
//! | [`Clock`]: time that passes when a test says so | `Clock` |
//!
//! Each takes the clock that it goes by: a reactor, or a [`Clock`].
//!
//! Mirrors `twisted.internet.task`. Tested in `tests/runtime/looping_call.rs`,
//! `tests/runtime/defer_later.rs`, `tests/runtime/cooperate.rs` and `tests/runtime/react.rs`.

mod cooperative_task;
mod cooperator;
mod defer_later;
mod error;
mod intervals;
mod looping_call;
mod react;
mod slice;

pub use deferred::time::Clock;

pub use cooperative_task::CooperativeTask;
pub use cooperator::{Cooperator, coiterate, cooperate};
pub use defer_later::defer_later;
pub use error::{
    LoopAlreadyRunning, LoopNotRunning, NotPaused, SchedulerError, SchedulerStopped, TaskDone,
    TaskFailed, TaskFinished, TaskStopped,
};
pub use looping_call::LoopingCall;
pub use react::{SystemExit, react, react_on};
