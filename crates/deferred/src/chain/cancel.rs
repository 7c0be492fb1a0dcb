//! Where a cancellation goes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use smallvec::SmallVec;

use super::core::{Core, Members, Phase, Upstream};
use super::run;
use crate::coroutine::CancelTask;
use crate::error::CancelledError;
use crate::failure::Failure;

/// Cancels `core`, or whatever it waits for at the end of the line.
pub(crate) fn cancel(core: &Rc<Core>) {
    // The chains of coroutines that the cancellation has passed through.
    let mut held: SmallVec<[Rc<Core>; 2]> = SmallVec::new();
    let mut next = Some(Rc::clone(core));
    while let Some(core) = next.take() {
        next = match core.phase.get() {
            Phase::Unfired if !core.held.get() => ask_canceller(&core, &mut held),
            Phase::Waiting => core.waits_for(),
            Phase::Unfired | Phase::Idle | Phase::Running => None,
        };
    }
    while let Some(core) = held.pop() {
        core.held.set(false);
        if core.may_run() {
            run(core);
        }
    }
}

/// Cancels a chain that has not been fired; what it returns is to be
/// cancelled in its place.
fn ask_canceller(core: &Rc<Core>, held: &mut SmallVec<[Rc<Core>; 2]>) -> Option<Rc<Core>> {
    match core.upstream.take() {
        Upstream::Nobody | Upstream::Chain(_) => {
            core.swallow.set(true);
            fail(core);
        }
        Upstream::Canceller(canceller) => {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(canceller)) {
                let failure = Failure::from_panic(&*payload);
                tracing::error!(target: "deferred", error = %failure, "a canceller panicked");
            }
            fail(core);
        }
        Upstream::Members(members) => {
            // Kept for the next cancellation, as long as nobody has fired it.
            core.upstream.set(Upstream::Members(members.clone()));
            cancel_members(core, members);
        }
        Upstream::Task(task) => {
            let coroutine = task.upgrade();
            core.upstream.set(Upstream::Task(task));
            match coroutine.map_or(CancelTask::Ended, |coroutine| coroutine.cancel()) {
                CancelTask::Nothing => {}
                CancelTask::Waits(waits) => return pass_on(core, &waits, held),
                CancelTask::Ended => fail(core),
            }
        }
    }
    None
}

/// Cancels what a coroutine waits for; the last of it is left to the caller.
///
/// If the coroutine ends meanwhile, its chain goes on only when all of that is
/// done.
fn pass_on(
    core: &Rc<Core>,
    waits: &[Rc<Core>],
    held: &mut SmallVec<[Rc<Core>; 2]>,
) -> Option<Rc<Core>> {
    core.held.set(true);
    held.push(Rc::clone(core));
    let (last, others) = waits.split_last()?;
    others.iter().for_each(cancel);
    Some(Rc::clone(last))
}

fn cancel_members(core: &Rc<Core>, members: Members) {
    for member in members.handles.iter() {
        member.cancel();
    }
    if members.fails {
        fail(core);
    }
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
