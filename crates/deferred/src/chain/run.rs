//! The loop that runs callbacks.
//!
//! Nothing in it recurses, however the chains hang together: a result is
//! handed from chain to chain, and from chain to coroutine to chain, by going
//! round. Only a callback that itself fires something nests, as in Twisted.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use smallvec::SmallVec;

use super::core::{Consumer, Core, Phase, Waiter};
use super::pipeline::{self, Step};
use crate::coroutine::{self, Task};
use crate::failure::Failure;

/// How far a chain got.
enum Advance {
    /// Its end, or as far as it can get now.
    Stopped,
    /// Its result went to this chain, which goes on in its place.
    Handed(Rc<Core>),
    /// A callback fired this chain; it runs first.
    Fed(Rc<Core>),
    /// Its result woke these coroutines.
    Woke(Vec<Rc<Task>>),
}

/// What is to go on when the current chain has stopped.
enum Next {
    /// A chain in the middle of a callback, which fed the current one.
    Chain(Rc<Core>),
    /// A coroutine that was woken.
    Task(Rc<Task>),
}

/// Runs `current`, and whatever gets its result, as far as it goes.
#[inline]
pub(crate) fn run(current: Rc<Core>) {
    // With its consumer in somebody's hand nothing waits for it.
    let quiet = current.may_run()
        && current.consumer.get() == Consumer::Held
        && !current.pipeline.has_stages();
    if quiet { current.settle() } else { run_all(current) }
}

fn run_all(current: Rc<Core>) {
    let mut running = Running { current, then: SmallVec::new() };
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| running.go_on())) {
        running.panicked(&*payload);
    }
}

struct Running {
    current: Rc<Core>,
    then: SmallVec<[Next; 4]>,
}

impl Running {
    fn go_on(&mut self) {
        loop {
            match advance(&self.current) {
                Advance::Handed(next) => {
                    self.current = next;
                    continue;
                }
                Advance::Fed(fed) => {
                    self.then.push(Next::Chain(mem::replace(&mut self.current, fed)));
                    continue;
                }
                Advance::Woke(tasks) => self.then.extend(tasks.into_iter().rev().map(Next::Task)),
                Advance::Stopped => {}
            }
            match next(&mut self.then) {
                Some(next) => self.current = next,
                None => return,
            }
        }
    }

    /// A callback panicked: that is its result.
    #[cold]
    fn panicked(&self, payload: &(dyn Any + Send)) {
        if self.current.phase.get() == Phase::Running {
            self.current.pipeline.put_failure(Failure::from_panic(payload));
            self.current.phase.set(Phase::Idle);
        }
    }
}

/// The next chain to run.
fn next(then: &mut SmallVec<[Next; 4]>) -> Option<Rc<Core>> {
    loop {
        match then.pop()? {
            Next::Chain(core) => {
                core.phase.set(Phase::Idle);
                return Some(core);
            }
            Next::Task(task) => {
                if let Some(core) = task.resume() {
                    return Some(core);
                }
            }
        }
    }
}

fn advance(core: &Rc<Core>) -> Advance {
    while core.may_run() {
        match pipeline::run_next(core) {
            Some(Step::Done) => core.phase.set(Phase::Idle),
            Some(Step::Waiting) => return Advance::Stopped,
            Some(Step::Fed(fed)) => return Advance::Fed(fed),
            None => return finish(core),
        }
    }
    Advance::Stopped
}

/// All callbacks have run: the result goes to whoever waits for it.
fn finish(core: &Rc<Core>) -> Advance {
    let waiter = core.waiter.take();
    if let Waiter::Chain(next) = waiter {
        pipeline::hand_over(core, &next);
        return Advance::Handed(next);
    }
    core.settle();
    if core.consumer.get() == Consumer::Suspended {
        core.consumer.set(Consumer::Held);
    }
    match waiter {
        Waiter::Nobody | Waiter::Chain(_) => Advance::Stopped,
        Waiter::Task(task) => {
            task.forget(core);
            task.resume().map_or(Advance::Stopped, Advance::Handed)
        }
        Waiter::Waker(waker) => Advance::Woke(coroutine::wake(waker)),
    }
}
