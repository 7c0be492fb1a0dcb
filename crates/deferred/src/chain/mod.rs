//! The machinery under a Deferred: one chain, its states, and how it runs.
//!
//! ```text
//!   Head<T>  ──fires──▶  Core ◀──owns── Tail<U>  (one; goes on in the type)
//!   (Trigger)             │              (Deferred)
//!                         ├─ phase: Unfired → Idle ⇄ Running, Idle ⇄ Waiting
//!                         ├─ pipeline: the current result, and what is to run
//!                         ├─ upstream: where a cancellation goes
//!                         └─ waiter: where the result goes at the end
//! ```
//!
//! Mirrors the inside of `twisted.internet.defer.Deferred`; `docs/architecture.md`
//! has the whole story.
//!
//! - [`core`]: the control block and its states.
//! - [`pipeline`]: the queue of callbacks and the result, of any types, in one
//!   buffer; the only module with `unsafe`.
//! - [`mod@run`]: the loop that runs callbacks, without recursion.
//! - [`mod@cancel`]: the way of a cancellation.
//! - [`liveness`]: which chains can still run, so that cycles are let go.
//! - [`deferred_drop`]: dropping a hundred thousand nested things on a small
//!   stack.

mod cancel;
mod core;
mod deferred_drop;
mod liveness;
mod pipeline;
mod run;

pub(crate) use self::cancel::cancel;
pub(crate) use self::core::{Consumer, Core, Line, Members, Origin, Phase, Upstream, Waiter};
pub(crate) use self::deferred_drop::{Part, drop_catching, drop_later};
pub(crate) use self::liveness::{
    can_be_cancelled, can_move, leave_line, lost_holder, lost_source, would_close_a_circle,
};
pub(crate) use self::pipeline::{Head, Next, Tail};
pub(crate) use self::run::run;
