//! A greenlet as a future: polling it resumes its stack.
//!
//! Tested in `tests/runtime/greenlet.rs`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use deferred::{CallbackResult, CancelledError, Failure, Outcome};

use super::error::StackError;
use super::hub::{Hub, Running, next_number};
use super::stack;
use crate::guard;

type Stackful<T> = Coroutine<Waker, (), Outcome<T>, DefaultStack>;

/// Where a greenlet is.
///
/// ```text
///               ┌──resumed──▶ Running ──kill──▶ Killed
///   Suspended ──┤ ◀──waits──  │                  │ waits: is unwound
///               └──kill───────┴──returns──▶ Done ◀┘
/// ```
enum State<T: 'static> {
    /// It waits, or has not begun.
    Suspended(Stackful<T>),
    Running,
    /// It is running, and will be unwound when it waits.
    Killed,
    Done,
}

/// The state that the future and the handles of a greenlet share.
pub(super) struct Shared<T: 'static> {
    number: u64,
    stack_size: usize,
    state: Cell<State<T>>,
}

impl<T: 'static> Shared<T> {
    /// A greenlet that will call `function` when it is first polled.
    pub(super) fn new<R>(
        stack_size: usize,
        function: impl FnOnce(&Hub<'_>) -> R + 'static,
    ) -> Result<Rc<Self>, StackError>
    where
        R: CallbackResult<Value = T>,
    {
        let number = next_number();
        let stackful = Coroutine::with_stack(stack::take(stack_size)?, move |yielder, waker| {
            function(&Hub::new(yielder, number, waker)).into_outcome()
        });
        let state = Cell::new(State::Suspended(stackful));
        Ok(Rc::new(Self { number, stack_size, state }))
    }

    /// Whether it has ended.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state.replace(State::Done);
        let done = matches!(state, State::Done);
        self.state.set(state);
        done
    }

    /// Unwinds its stack: now, or, while it runs, when it waits.
    pub(super) fn kill(&self) {
        match self.state.replace(State::Done) {
            State::Suspended(stackful) => self.unwind(stackful),
            State::Running | State::Killed => self.state.set(State::Killed),
            State::Done => {}
        }
    }

    fn resume(&self, waker: &Waker) -> Poll<Outcome<T>> {
        let mut stackful = match self.state.replace(State::Running) {
            State::Suspended(stackful) => stackful,
            other => {
                self.state.set(other);
                return Poll::Ready(failed(CancelledError));
            }
        };
        let running = Running::enter(self.number);
        let resumed = guard::catch(|| stackful.resume(waker.clone()));
        drop(running);
        match resumed {
            Ok(CoroutineResult::Yield(())) => self.suspended(stackful),
            Ok(CoroutineResult::Return(outcome)) => {
                self.over(stackful);
                Poll::Ready(outcome)
            }
            Err(failure) => {
                self.over(stackful);
                Poll::Ready(failed(failure))
            }
        }
    }

    fn suspended(&self, stackful: Stackful<T>) -> Poll<Outcome<T>> {
        if let State::Killed = self.state.replace(State::Done) {
            self.unwind(stackful);
            return Poll::Ready(failed(CancelledError));
        }
        self.state.set(State::Suspended(stackful));
        Poll::Pending
    }

    /// Drops all that is on the stack. It runs destructors, so nothing is
    /// borrowed.
    fn unwind(&self, mut stackful: Stackful<T>) {
        if let Err(failure) = guard::catch(|| stackful.force_unwind()) {
            guard::log("a greenlet that was unwound", &failure);
        }
        self.over(stackful);
    }

    fn over(&self, stackful: Stackful<T>) {
        self.state.set(State::Done);
        stack::give_back(stackful.into_stack(), self.stack_size);
    }
}

fn failed<T>(failure: impl Into<Failure>) -> Outcome<T> {
    Outcome::Done(Err(failure.into()))
}

/// The future of a greenlet; dropping it unwinds the stack.
pub(super) struct Body<T: 'static>(pub(super) Rc<Shared<T>>);

impl<T: 'static> Future for Body<T> {
    type Output = Outcome<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<T>> {
        self.0.resume(context.waker())
    }
}

impl<T: 'static> Drop for Body<T> {
    fn drop(&mut self) {
        self.0.kill();
    }
}
