//! Liveness: which chains can still run.
//!
//! Chains that wait for one another, and coroutines with what they await,
//! point at each other both ways: a result must find its way down, and a
//! cancellation its way up. While one of them can still happen all of them are
//! kept. When the last handle is gone through which it could, they are let go;
//! reference counts alone would keep them for ever.
//!
//! A chain is *stranded* when nothing can make it go on:
//!
//! - its root (what it waits for, at the end of the line) has lost its last
//!   [`Head`](super::Head), so nobody can fire it, and
//! - nobody can cancel it: neither the root nor anything on the way down from
//!   it to the last waiter has a [`CancelHandle`](crate::CancelHandle) or a
//!   consumer with the user.
//!
//! [`lost_source`] and [`lost_holder`] are called when a handle goes, and look up
//! and down the line. `abandoned` marks where nobody below can cancel, so that a
//! line is not walked again for each of its handles.
//!
//! Has no counterpart in Twisted, where it is the garbage collector's work. Tested
//! in `tests/memory/leaks.rs`.

use std::rc::Rc;

use super::core::{Consumer, Core, Phase, Upstream, Waiter};
use super::{Part, drop_later};

/// Lets go of a chain that can no longer go on, when its last head has gone and it
/// was not fired.
#[cold]
pub(crate) fn lost_source(root: &Rc<Core>) {
    if is_stuck(root) && !can_be_cancelled(root) {
        release(Rc::clone(root));
    }
}

/// Lets go of a chain that can no longer go on, when a handle has gone through
/// which it could be cancelled.
#[cold]
pub(crate) fn lost_holder(core: &Rc<Core>) {
    if can_be_cancelled(core) {
        return;
    }
    let mut core = Rc::clone(core);
    core.abandoned.set(true);
    while let Some(source) = uncancelled_source(&core) {
        if is_held(&source) {
            return;
        }
        source.abandoned.set(true);
        core = source;
    }
    // At the root. A list holds handles of its members, which hold the list.
    drop_members(&core);
    if is_stuck(&core) {
        release(core);
    }
}

/// The chain that `core` waits for, if it waits for just one.
pub(super) fn source(core: &Core) -> Option<Rc<Core>> {
    match core.phase.get() {
        Phase::Waiting => core.waits_for(),
        Phase::Unfired => core.task().and_then(|task| task.only_wait()),
        Phase::Idle | Phase::Running => None,
    }
}

/// The chain that `core` waits for, if nothing but a cancellation of `core` would
/// ever cancel it.
fn uncancelled_source(core: &Core) -> Option<Rc<Core>> {
    if core.phase.get() == Phase::Waiting {
        return core.waits_for();
    }
    let task = core.task()?;
    let first = task.waits().into_iter().next()?;
    (!task.may_go_on_without(&first)).then_some(first)
}

/// Whether someone has a handle of this very chain.
fn is_held(core: &Core) -> bool {
    core.cancel_handles.get() > 0 || core.consumer.get() == Consumer::Held
}

/// Whether no head can make `root` go on.
pub(super) fn is_stuck(root: &Core) -> bool {
    let unfireable = root.phase.get() == Phase::Unfired && root.heads.get() == 0;
    // Only its consumer could have ended the pause; a chain that is running
    // comes to its end all the same.
    let paused_for_ever = root.paused.get() > 0 && root.phase.get() != Phase::Running;
    unfireable || paused_for_ever
}

/// Whether `core` may still get a result, by way of itself or of what it waits
/// for.
pub(crate) fn can_move(core: &Rc<Core>) -> bool {
    let mut core = Rc::clone(core);
    loop {
        if is_held(&core) {
            return true;
        }
        match source(&core) {
            Some(source) => core = source,
            None => return !is_stuck(&core),
        }
    }
}

/// Whether someone can cancel `core`: through itself, or what waits for it.
pub(crate) fn can_be_cancelled(core: &Rc<Core>) -> bool {
    let mut core = Rc::clone(core);
    loop {
        if is_held(&core) || may_be_cancelled_by_its_waiter(&core) {
            return true;
        }
        match below(&core) {
            None => return false,
            Some(next) if next.abandoned.get() => return false,
            Some(next) => core = next,
        }
    }
}

/// Whether what waits for `core` may go on without it, and then cancel it: a
/// future elsewhere, or a coroutine that something else can resume.
fn may_be_cancelled_by_its_waiter(core: &Rc<Core>) -> bool {
    Core::peek(&core.waiter, |waiter| match waiter {
        Waiter::Nobody | Waiter::Chain(_) => false,
        Waiter::Task(task) => task.may_go_on_without(core),
        Waiter::Waker(_) => true,
    })
}

/// The chain that goes on with what `core` gives.
fn below(core: &Core) -> Option<Rc<Core>> {
    Core::peek(&core.waiter, |waiter| match waiter {
        Waiter::Chain(next) => Some(Rc::clone(next)),
        Waiter::Task(task) => Some(Rc::clone(task.core())),
        Waiter::Nobody | Waiter::Waker(_) => None,
    })
}

/// Whether nobody wants the result that `core` will have: no callback, coroutine
/// or reader at the end of the line.
pub(super) fn is_unwanted(core: &Rc<Core>) -> bool {
    let mut core = Rc::clone(core);
    loop {
        if core.pipeline.wants_result() {
            return false;
        }
        let next = Core::peek(&core.waiter, |waiter| match waiter {
            Waiter::Chain(next) => Ok(Rc::clone(next)),
            Waiter::Nobody => Err(core.consumer.get() == Consumer::Gone),
            Waiter::Task(_) | Waiter::Waker(_) => Err(false),
        });
        match next {
            Ok(next) => core = next,
            Err(unwanted) => return unwanted,
        }
    }
}

/// Takes `core`, whose consumer is gone, or what it waits for, out of the line
/// that it stands in, unless a callback wants the result.
#[cold]
pub(crate) fn leave_line(core: &Rc<Core>) {
    let mut core = Rc::clone(core);
    while !core.pipeline.wants_result() {
        match core.waits_for() {
            Some(source) => core = source,
            None => return core.leave_line(),
        }
    }
}

fn drop_members(core: &Core) {
    let members = Core::peek(&core.upstream, |upstream| matches!(upstream, Upstream::Members(_)));
    if members {
        drop_later(Part::Upstream(core.upstream.take()));
    }
}

/// Lets go of a stranded chain and all that waits for it.
fn release(root: Rc<Core>) {
    let mut stranded = vec![root];
    while let Some(core) = stranded.pop() {
        match core.waiter.take() {
            Waiter::Chain(next) => stranded.push(next),
            Waiter::Task(task) => {
                // All that it waits for is stranded; each has a hold of it.
                let others = task.waits().into_iter().filter(|wait| !Rc::ptr_eq(wait, &core));
                stranded.extend(others.map(root_of));
                drop_later(Part::Waiter(Waiter::Task(task)));
            }
            Waiter::Nobody | Waiter::Waker(_) => {}
        }
        if core.phase.get() == Phase::Unfired {
            drop_later(Part::Upstream(core.upstream.take()));
        }
        // While there is a tail the pipeline has to stay of its type; it comes
        // here again when the tail goes.
        if core.consumer.get() == Consumer::Gone {
            // It was there before the chain was paused, for ever.
            core.discard_unread();
            drop_later(Part::Pipeline(core.pipeline.take_stages()));
        }
    }
}

fn root_of(mut core: Rc<Core>) -> Rc<Core> {
    while let Some(source) = source(&core) {
        core = source;
    }
    core
}

/// Whether `core` would wait for itself if it waited for `source`.
///
/// Looks up from the one and down from the other in step, so that it costs the
/// shorter of the two ways: chains grow at one of their ends.
pub(crate) fn would_close_a_circle(core: &Rc<Core>, source_of_it: &Rc<Core>) -> bool {
    let mut up = Rc::clone(source_of_it);
    let mut down = Rc::clone(core);
    loop {
        if Rc::ptr_eq(&up, core) || Rc::ptr_eq(&down, source_of_it) {
            return true;
        }
        match source(&up) {
            Some(next) => up = next,
            None => return false,
        }
        match below(&down) {
            Some(next) => down = next,
            None => return false,
        }
    }
}
