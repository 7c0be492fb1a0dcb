//! Coroutines: futures that run inside the Deferreds they await.
//!
//! A coroutine starts at once, and is resumed by what it awaits, inside the
//! call that fires it: between Deferreds no executor is needed. What else it
//! awaits wakes it through a small task on the thread's executor, which is
//! started the first time that it is needed; where there is no executor, when there is
//! one ([`adopt_coroutines`]).
//!
//! Mirrors `inlineCallbacks` and `Deferred.fromCoroutine` of
//! `twisted.internet.defer`. Tested in `tests/chains/coroutine.rs`.

mod driver;
mod task_waker;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use tracing::Span;

use self::driver::Origin;
pub use self::driver::{adopt_coroutines, set_local_spawner};
use self::task_waker::TaskWaker;
pub(crate) use self::task_waker::wake;
use crate::callback::{CallbackResult, Outcome};
use crate::chain::{
    Consumer, Core, Head, Part, Phase, Tail, Upstream, Waiter, can_move, drop_later, lost_holder,
    run, would_close_a_circle,
};
use crate::context;
use crate::error::ChainCycleError;
use crate::failure::Failure;

type BoxedFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Effect of a cancellation: on the coroutine itself, or on what it waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnCancel {
    /// Cancel the Deferreds that it awaits.
    Forward,
    /// Drop it.
    End,
}

/// Outcome of a [`Task::cancel`].
pub(crate) enum CancelTask {
    /// None: the coroutine is running, or done.
    Nothing,
    /// The chains that it waits for, which are to be cancelled.
    Waits(Waits),
    /// The end of the coroutine: its Deferred is to fail.
    Ended,
}

pub(crate) type Waits = SmallVec<[Rc<Core>; 1]>;

/// A chain that a coroutine awaits.
struct Wait {
    core: Rc<Core>,
    /// The poll that it was last polled in.
    turn: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Suspended,
    Running,
    /// Running, and woken meanwhile.
    Notified,
    Done,
}

/// A coroutine under way.
///
/// It belongs to whatever will resume it: the chains it awaits, as their
/// waiter, and the thread's list of registered tasks while something else may
/// wake it.
pub(crate) struct Task {
    /// The chain of the coroutine's own Deferred.
    core: Rc<Core>,
    /// Out while it is polled, and when it is done.
    future: Cell<Option<BoxedFuture>>,
    state: Cell<State>,
    on_cancel: OnCancel,
    /// The chains that it will be resumed by. One that it polled once and did
    /// not poll since is among them: its future may count on being woken.
    waits: RefCell<SmallVec<[Wait; 1]>>,
    /// Number of polls, counted round.
    turn: Cell<u32>,
    task_waker: Arc<TaskWaker>,
    waker: Waker,
    /// Whether it is in the thread's list of registered tasks.
    registered: Cell<bool>,
    /// Where it was started.
    origin: Origin,
    span: Option<Span>,
}

thread_local! {
    /// The coroutine that is being polled.
    static CURRENT: Cell<Option<Rc<Task>>> = const { Cell::new(None) };
}

/// Starts a coroutine; the tail is that of its Deferred.
pub(crate) fn start<F>(future: F, on_cancel: OnCancel) -> Tail<<F::Output as CallbackResult>::Value>
where
    F: Future<Output: CallbackResult> + 'static,
{
    let (head, tail) = Head::new();
    let task_waker = TaskWaker::new();
    let task = Rc::new(Task {
        core: Rc::clone(tail.core()),
        future: Cell::new(Some(Box::pin(finish_into(head, future)))),
        state: Cell::new(State::Suspended),
        on_cancel,
        waits: RefCell::new(SmallVec::new()),
        turn: Cell::new(0),
        waker: Waker::from(Arc::clone(&task_waker)),
        task_waker,
        registered: Cell::new(false),
        origin: Origin::default(),
        span: context::current(),
    });
    tail.core().upstream.set(Upstream::Task(Rc::downgrade(&task)));
    task.resume_and_run();
    tail
}

/// The whole of a coroutine: runs its body, and gives the result to its chain.
async fn finish_into<F>(head: Head<<F::Output as CallbackResult>::Value>, body: F)
where
    F: Future<Output: CallbackResult>,
{
    let result = match body.await.into_outcome() {
        Outcome::Done(result) => result,
        Outcome::Wait(deferred) => deferred.await,
    };
    // Nobody else fires it, but a cancellation may have.
    let _ = head.prepare(result);
}

impl Task {
    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Polls the coroutine. What it returns, its own chain, is to be run.
    pub(crate) fn resume(self: &Rc<Self>) -> Option<Rc<Core>> {
        match self.state.get() {
            State::Suspended => {}
            State::Running => {
                self.state.set(State::Notified);
                return None;
            }
            State::Notified | State::Done => return None,
        }
        loop {
            self.state.set(State::Running);
            if self.poll().is_ready() {
                self.over();
                return Some(Rc::clone(&self.core));
            }
            if self.state.get() == State::Running {
                self.state.set(State::Suspended);
                self.suspended();
                return None;
            }
        }
    }

    fn resume_and_run(self: &Rc<Self>) {
        if let Some(core) = self.resume() {
            run(core);
        }
    }

    fn poll(self: &Rc<Self>) -> Poll<()> {
        let Some(mut future) = self.future.take() else { return Poll::Ready(()) };
        self.turn.set(self.turn.get().wrapping_add(1));
        self.task_waker.forget_woken();
        let entered = Entered::new(Rc::clone(self));
        let mut context = Context::from_waker(&self.waker);
        let mut poll = || future.as_mut().poll(&mut context);
        let polled = catch_unwind(AssertUnwindSafe(|| match &self.span {
            Some(span) => span.in_scope(poll),
            None => poll(),
        }));
        drop(entered);
        match polled {
            Ok(Poll::Pending) => {
                self.future.set(Some(future));
                Poll::Pending
            }
            Ok(Poll::Ready(())) => Poll::Ready(()),
            Err(payload) => {
                self.fail(Failure::from_panic(payload));
                Poll::Ready(())
            }
        }
    }

    fn fail(&self, failure: Failure) {
        if self.core.phase.get() == Phase::Unfired {
            self.core.upstream.take();
            self.core.pipeline.put_failure(failure);
            self.core.phase.set(Phase::Idle);
        }
    }

    /// Prepares for being woken, after a poll that left it waiting.
    fn suspended(self: &Rc<Self>) {
        self.origin.note();
        if self.may_be_woken() {
            self.start_driver();
        } else {
            self.deregister();
        }
        // Nobody cancels it any more, so nobody cancels what it now waits for.
        if self.core.abandoned.get() {
            self.waits().first().into_iter().for_each(lost_holder);
        }
    }

    /// Whether something other than a Deferred has a waker of it, or has woken it since
    /// it was polled, as a future does that only lets others have their turn.
    fn may_be_woken(&self) -> bool {
        let ours = 2 + usize::from(self.task_waker.driven.load(Ordering::Acquire));
        Arc::strong_count(&self.task_waker) > ours || self.task_waker.is_woken()
    }

    /// The one chain that it waits for, if it waits for nothing else.
    pub(crate) fn only_wait(&self) -> Option<Rc<Core>> {
        match self.waits.borrow().as_slice() {
            [only] if self.is_suspended() => Some(Rc::clone(&only.core)),
            _ => None,
        }
    }

    /// The chains that it will be resumed by.
    pub(crate) fn waits(&self) -> Waits {
        self.waits.borrow().iter().map(|wait| Rc::clone(&wait.core)).collect()
    }

    /// Whether something other than `core` may resume it.
    pub(crate) fn may_go_on_without(&self, core: &Rc<Core>) -> bool {
        let others = || self.waits().into_iter().filter(|wait| !Rc::ptr_eq(wait, core));
        !self.is_suspended() || others().any(|wait| can_move(&wait))
    }

    /// Whether nothing but the chains it awaits can make it go on.
    fn is_suspended(&self) -> bool {
        self.state.get() == State::Suspended && !self.may_be_woken()
    }

    fn add_wait(&self, core: &Rc<Core>) {
        let wait = Wait { core: Rc::clone(core), turn: self.turn.get() };
        self.waits.borrow_mut().push(wait);
    }

    /// Forgets `core`, which has come to its end, or is not awaited any more.
    pub(crate) fn forget(&self, core: &Rc<Core>) {
        self.waits.borrow_mut().retain(|wait| !Rc::ptr_eq(&wait.core, core));
    }

    /// Finds what it waits for, to be cancelled, or ends it where that is no
    /// Deferred.
    pub(crate) fn cancel(&self) -> CancelTask {
        if self.state.get() != State::Suspended {
            return CancelTask::Nothing;
        }
        let waits = match self.on_cancel {
            OnCancel::Forward => self.current_waits(),
            OnCancel::End => Waits::new(),
        };
        if waits.is_empty() {
            self.end();
            return CancelTask::Ended;
        }
        CancelTask::Waits(waits)
    }

    /// The chains that it polled when it was last polled: it awaits those now.
    fn current_waits(&self) -> Waits {
        let waits = self.waits.borrow();
        let current = waits.iter().filter(|wait| wait.turn == self.turn.get());
        current.map(|wait| Rc::clone(&wait.core)).collect()
    }

    fn end(&self) {
        self.over();
        if let Some(future) = self.future.take() {
            drop_later(Part::Future(future));
        }
    }

    fn over(&self) {
        self.state.set(State::Done);
        self.task_waker.task_is_done();
        self.deregister();
    }

    fn deregister(&self) {
        if self.registered.replace(false) {
            self.task_waker.deregister();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.state.get() != State::Done {
            self.end();
        }
    }
}

/// Makes a task the current one, for as long as it lives.
struct Entered {
    previous: Option<Rc<Task>>,
}

impl Entered {
    fn new(task: Rc<Task>) -> Self {
        Self { previous: CURRENT.replace(Some(task)) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.previous.take());
    }
}

/// Makes the poller wait for `core`, which has no result yet.
pub(crate) fn wait_for(core: &Rc<Core>, context: &Context<'_>) -> Result<(), Failure> {
    core.end_wait();
    let current = CURRENT.take();
    // A coroutine may poll through something that has wakers of its own, and
    // is then woken by them.
    let task =
        current.as_ref().filter(|task| context.waker().will_wake(&task.waker)).map(Rc::clone);
    CURRENT.set(current);
    let waiter = match task {
        Some(task) if would_close_a_circle(task.core(), core) => return Err(ChainCycleError.into()),
        Some(task) => {
            task.add_wait(core);
            Waiter::Task(task)
        }
        None => Waiter::Waker(context.waker().clone()),
    };
    core.waiter.set(waiter);
    core.consumer.set(Consumer::Suspended);
    Ok(())
}
