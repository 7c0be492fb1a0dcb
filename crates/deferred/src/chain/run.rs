//! The loop that runs callbacks.
//!
//! Mirrors `Deferred._runCallbacks`. Tested in `tests/chains/deferred.rs`, and
//! for what does not nest in `tests/memory/stack.rs`.
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
use crate::stderr;

/// Progress of a chain.
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

/// Something to go on with when the current chain has stopped.
enum Next {
    /// A chain in the middle of a callback, which fed the current one.
    Chain(Rc<Core>),
    /// A coroutine that was woken.
    Task(Rc<Task>),
}

/// Runs `current`, and whatever gets its result, as far as it goes.
#[inline]
pub(crate) fn run(current: Rc<Core>) {
    // While the user has its consumer nothing waits for it.
    let quiet = current.may_run()
        && current.consumer.get() == Consumer::Held
        && !current.pipeline.has_stages();
    if quiet { current.settle() } else { run_all(current) }
}

fn run_all(current: Rc<Core>) {
    let mut running = Running { current, begun: false, then: SmallVec::new() };
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| running.go_on())) {
        running.panicked(payload);
    }
}

struct Running {
    current: Rc<Core>,
    /// Whether the current chain is in the middle of a run. As in Twisted, a
    /// pause that its own callbacks make holds back what is added later, not
    /// what follows in the run.
    begun: bool,
    then: SmallVec<[Next; 4]>,
}

impl Running {
    fn go_on(&mut self) {
        loop {
            let advance = if self.begun || self.current.may_run() {
                self.begun = true;
                advance(&self.current)
            } else {
                Advance::Stopped
            };
            match advance {
                Advance::Handed(next) => {
                    self.begin(next);
                    continue;
                }
                Advance::Fed(fed) => {
                    let fed_it = mem::replace(&mut self.current, fed);
                    self.then.push(Next::Chain(fed_it));
                    self.begun = false;
                    continue;
                }
                Advance::Woke(tasks) => self.then.extend(tasks.into_iter().rev().map(Next::Task)),
                Advance::Stopped => {}
            }
            if !self.next() {
                return;
            }
        }
    }

    fn begin(&mut self, chain: Rc<Core>) {
        self.current = chain;
        self.begun = false;
    }

    /// Takes up what is to go on now; `false` if there is nothing.
    fn next(&mut self) -> bool {
        while let Some(next) = self.then.pop() {
            match next {
                Next::Chain(core) => {
                    core.phase.set(Phase::Idle);
                    self.current = core;
                    self.begun = true;
                    return true;
                }
                Next::Task(task) => {
                    if let Some(core) = task.resume() {
                        self.begin(core);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Makes a panic the result of the callback that was running. What else may
    /// panic here is a waker, or an observer of unhandled errors.
    #[cold]
    fn panicked(&mut self, payload: Box<dyn Any + Send>) {
        let failure = Failure::from_panic(payload);
        if self.current.phase.get() == Phase::Running {
            self.current.pipeline.put_failure(failure);
            self.current.phase.set(Phase::Idle);
        } else {
            stderr::log("what a Deferred called panicked", Some(&failure));
            // It was between two callbacks, at its end, or waits by now.
            self.begun = false;
        }
    }
}

/// Runs the rest of a chain.
fn advance(core: &Rc<Core>) -> Advance {
    loop {
        match pipeline::run_next(core) {
            Some(Step::Done) => core.phase.set(Phase::Idle),
            Some(Step::Waiting) => return Advance::Stopped,
            Some(Step::Fed(fed)) => return Advance::Fed(fed),
            None => return finish(core),
        }
    }
}

/// Hands the result of a chain whose callbacks have run to what waits for it.
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
