//! Cancellation: the way that it takes, from a chain to the end of the line.
//!
//! Mirrors `Deferred.cancel`. Tested in `tests/chains/deferred.rs` and
//! `tests/memory/stack.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use smallvec::{SmallVec, smallvec};

use super::core::{Core, Members, Phase, Upstream};
use super::run;
use crate::coroutine::CancelTask;
use crate::error::CancelledError;
use crate::failure::Failure;
use crate::stderr;

/// The work that is left, the next thing last: lists of lists, and coroutines
/// that await coroutines, are gone through without recursion.
type ToDo = SmallVec<[Work; 4]>;

enum Work {
    /// Cancel this.
    Cancel(Rc<Core>),
    /// Fail this, if it has not been fired: all its members have been cancelled.
    Fail(Rc<Core>),
    /// Let this go on: what its coroutine waited for has been cancelled.
    Unhold(Rc<Core>),
}

/// Cancels `core`, or whatever it waits for at the end of the line.
pub(crate) fn cancel(core: &Rc<Core>) {
    let mut to_do: ToDo = smallvec![Work::Cancel(Rc::clone(core))];
    while let Some(work) = to_do.pop() {
        match work {
            Work::Cancel(core) => cancel_one(core, &mut to_do),
            Work::Fail(core) => fail(&core),
            Work::Unhold(core) => {
                core.held.set(false);
                if core.may_run() {
                    run(core);
                }
            }
        }
    }
}

fn cancel_one(core: Rc<Core>, to_do: &mut ToDo) {
    match core.phase.get() {
        Phase::Unfired if !core.held.get() => cancel_unfired(core, to_do),
        Phase::Waiting => to_do.extend(core.waits_for().map(Work::Cancel)),
        Phase::Unfired | Phase::Idle | Phase::Running => {}
    }
}

/// Cancels a chain that has not been fired.
fn cancel_unfired(core: Rc<Core>, to_do: &mut ToDo) {
    // It is being fired, whatever its canceller lets go of.
    let _head = CountedHead::new(&core);
    match core.upstream.take() {
        Upstream::Nobody | Upstream::Chain(_) | Upstream::Origin { .. } => {
            core.swallow.set(true);
            fail(&core);
        }
        // By its own canceller.
        Upstream::Cancelling => fail(&core),
        Upstream::Canceller(canceller) => call_canceller(&core, canceller),
        Upstream::Line { line, number } => call_canceller(&core, || {
            if let Some(line) = line.upgrade() {
                line.cancel(number);
            }
        }),
        Upstream::Members(members) => {
            // Kept for the next cancellation, as long as nobody has fired it.
            core.upstream.set(Upstream::Members(members.clone()));
            cancel_members(&core, &members, to_do);
        }
        Upstream::Task(task) if core.paused.get() > 0 => {
            core.upstream.set(Upstream::Task(task));
            core.cancel_later.set(true);
        }
        Upstream::Task(task) => {
            let coroutine = task.upgrade();
            core.upstream.set(Upstream::Task(task));
            match coroutine.map_or(CancelTask::Ended, |coroutine| coroutine.cancel()) {
                CancelTask::Nothing => {}
                CancelTask::Ended => fail(&core),
                CancelTask::Waits(waits) => {
                    // If the coroutine ends meanwhile, its chain goes on only
                    // when all of this is done.
                    core.held.set(true);
                    to_do.push(Work::Unhold(Rc::clone(&core)));
                    to_do.extend(waits.into_iter().rev().map(Work::Cancel));
                }
            }
        }
    }
}

/// Calls a canceller; if it does not fire the chain, that fails.
fn call_canceller(core: &Rc<Core>, canceller: impl FnOnce()) {
    core.upstream.set(Upstream::Cancelling);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(canceller)) {
        stderr::log("a canceller panicked", Some(&Failure::from_panic(payload)));
    }
    fail(core);
}

fn cancel_members(core: &Rc<Core>, members: &Members, to_do: &mut ToDo) {
    if members.fails {
        to_do.push(Work::Fail(Rc::clone(core)));
    }
    let handles = members.handles.iter().rev();
    to_do.extend(handles.map(|handle| Work::Cancel(Rc::clone(handle.core()))));
}

/// Fires `core` with a `CancelledError`, unless its canceller has fired it.
fn fail(core: &Rc<Core>) {
    if core.phase.get() == Phase::Unfired {
        core.upstream.take();
        core.pipeline.put_failure(CancelledError.into());
        core.phase.set(Phase::Idle);
        run(Rc::clone(core));
    }
}

/// Counts as a head of a chain while it lives.
struct CountedHead<'a> {
    core: &'a Core,
}

impl<'a> CountedHead<'a> {
    fn new(core: &'a Core) -> Self {
        core.heads.set(core.heads.get() + 1);
        Self { core }
    }
}

impl Drop for CountedHead<'_> {
    fn drop(&mut self) {
        self.core.heads.set(self.core.heads.get() - 1);
    }
}
