//! [`CooperativeTask`]: one of the tasks that a cooperator runs.
//!
//! Mirrors `twisted.internet.task.CooperativeTask`. Tested in
//! `tests/runtime/cooperate.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use deferred::{CallbackResult, Deferred, Failure, Outcome, ResultTakenError, Trigger};

use super::cooperator;
use super::error::{
    NotPaused, SchedulerError, SchedulerStopped, TaskDone, TaskFailed, TaskStopped,
};
use crate::guard;

/// A task that a [`Cooperator`](super::Cooperator) runs, a step at a time.
///
/// A `CooperativeTask` is a handle; clones are of the same task, and dropping
/// them leaves it running.
///
/// Mirrors `twisted.internet.task.CooperativeTask`.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::task::{SchedulerError, TaskStopped, cooperate};
///
/// let task = cooperate(std::iter::repeat_with(|| println!("working")));
/// task.pause()?;
/// task.resume()?;
/// task.stop()?;
/// assert!(failure_result_of(task.when_done()).is::<TaskStopped>());
/// # Ok::<(), SchedulerError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.CooperativeTask")]
pub struct CooperativeTask {
    task: Rc<Task>,
}

/// A step of a task: what the iterator yielded, or that it is at its end.
pub(super) type Work = Box<dyn FnMut() -> Option<Outcome<()>>>;

pub(super) struct Task {
    cooperator: Weak<cooperator::Inner>,
    /// The same, while the task is paused: as long as it is not, the cooperator
    /// keeps the task.
    kept: RefCell<Option<Rc<cooperator::Inner>>>,
    /// Out while it makes a step, and when the task has ended.
    work: Cell<Option<Work>>,
    pauses: Cell<usize>,
    end: RefCell<Option<End>>,
    waiting: RefCell<Vec<Trigger<()>>>,
}

/// How a task ended.
#[derive(Clone)]
struct End {
    /// The error of those who want to do something with it.
    error: SchedulerError,
    /// The result of those who wait for it.
    result: Result<(), Failure>,
}

impl CooperativeTask {
    pub(super) fn new(cooperator: &Rc<cooperator::Inner>, work: Work) -> Self {
        let task = Rc::new(Task {
            cooperator: Rc::downgrade(cooperator),
            kept: RefCell::default(),
            work: Cell::new(Some(work)),
            pauses: Cell::new(0),
            end: RefCell::default(),
            waiting: RefCell::default(),
        });
        cooperator.add(&task);
        Self { task }
    }

    /// Fires when the task has come to its end; fails with its error, a panic
    /// included, with a [`TaskStopped`] if it was stopped, or with a
    /// [`SchedulerStopped`] if its cooperator was.
    ///
    /// ```
    /// use deferred::{Panic, testing::failure_result_of};
    /// use reactor_compat::task::{Clock, Cooperator};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let divide = [2, 1, 0].into_iter().map(|n| drop(10_i32.checked_div(n).expect("no zero")));
    /// let task = Cooperator::new().clock(&clock).cooperate(divide);
    /// clock.advance(Duration::from_secs(1));
    /// assert!(failure_result_of(task.when_done()).is::<Panic>());
    /// ```
    #[doc(alias = "whenDone")]
    #[track_caller]
    pub fn when_done(&self) -> Deferred<()> {
        let (deferred, trigger) = Deferred::new();
        match self.task.end() {
            None => self.task.waiting.borrow_mut().push(trigger),
            Some(end) => {
                // It is new.
                let _ = trigger.fire(end.result);
            }
        }
        deferred
    }

    /// Makes no more steps until [`resume`](Self::resume) has been called as
    /// often as this.
    ///
    /// # Errors
    ///
    /// If the task has ended: how.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, Cooperator}};
    ///
    /// let clock = Clock::new();
    /// let task = Cooperator::new().clock(&clock).cooperate(std::iter::repeat(()));
    /// task.pause()?;
    /// assert!(clock.get_delayed_calls().is_empty());
    /// # Ok::<(), reactor_compat::task::SchedulerError>(())
    /// ```
    pub fn pause(&self) -> Result<(), SchedulerError> {
        self.task.check()?;
        self.task.pause();
        Ok(())
    }

    /// Takes back one [`pause`](Self::pause).
    ///
    /// While it waits for a Deferred a task counts as paused once; this may go
    /// on without that, as in Twisted, and is then an error that the Deferred
    /// ends with.
    ///
    /// # Errors
    ///
    /// [`NotPaused`] if it is not.
    ///
    /// ```
    /// use reactor_compat::{ReactorTime, task::{Clock, Cooperator}};
    ///
    /// let clock = Clock::new();
    /// let task = Cooperator::new().clock(&clock).cooperate(std::iter::repeat(()));
    /// task.pause()?;
    /// task.resume()?;
    /// assert_eq!(clock.get_delayed_calls().len(), 1);
    /// # Ok::<(), reactor_compat::task::SchedulerError>(())
    /// ```
    pub fn resume(&self) -> Result<(), NotPaused> {
        self.task.resume()
    }

    /// Ends the task: it makes no more steps, its iterator is dropped, and
    /// [`when_done`](Self::when_done) fails with a [`TaskStopped`]. A Deferred
    /// that it waits for is not cancelled.
    ///
    /// # Errors
    ///
    /// If the task has ended before: how.
    ///
    /// ```
    /// use reactor_compat::task::{TaskStopped, cooperate};
    ///
    /// let task = cooperate(std::iter::repeat(()));
    /// assert_eq!(task.stop(), Ok(()));
    /// assert_eq!(task.stop(), Err(TaskStopped.into()));
    /// ```
    pub fn stop(&self) -> Result<(), SchedulerError> {
        self.task.check()?;
        // Those who wait have not been told anything yet.
        let _ = self.task.finish(TaskStopped, Err(TaskStopped.into()));
        Ok(())
    }
}

impl Task {
    fn end(&self) -> Option<End> {
        self.end.borrow().clone()
    }

    fn check(&self) -> Result<(), SchedulerError> {
        self.end().map_or(Ok(()), |end| Err(end.error))
    }

    fn pause(self: &Rc<Self>) {
        self.pauses.set(self.pauses.get() + 1);
        if self.pauses.get() == 1 {
            self.kept.replace(self.cooperator.upgrade());
            self.leave();
        }
    }

    fn resume(self: &Rc<Self>) -> Result<(), NotPaused> {
        let left = self.pauses.get().checked_sub(1).ok_or(NotPaused)?;
        self.pauses.set(left);
        let kept = if left == 0 { self.kept.take() } else { None };
        if let Some(cooperator) = kept.filter(|_| self.end.borrow().is_none()) {
            cooperator.add(self);
        }
        Ok(())
    }

    /// Has the cooperator forget it, if that is still there.
    fn leave(self: &Rc<Self>) {
        if let Some(cooperator) = self.cooperator.upgrade() {
            cooperator.remove(self);
        }
    }

    /// Its cooperator was stopped.
    pub(super) fn stop_with(self: &Rc<Self>, stopped: SchedulerStopped) {
        if self.end.borrow().is_none() {
            // Those who wait have not been told anything yet.
            let _ = self.finish(stopped, Err(stopped.into()));
        }
    }

    /// Ends it. The task is gone from its cooperator before anybody is told,
    /// for whoever is may do anything with either.
    ///
    /// Ending it once more is an error: how it ended before, or if it is
    /// paused, that those who wait were told already.
    fn finish(
        self: &Rc<Self>,
        error: impl Into<SchedulerError>,
        result: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let end = End { error: error.into(), result: result.clone() };
        let before = self.end.replace(Some(end));
        if self.pauses.get() == 0 {
            if let Some(End { error, .. }) = before {
                return Err(error.into());
            }
            self.leave();
        }
        drop((before, self.work.take()));
        let waiting = self.waiting.borrow().clone();
        waiting.iter().try_for_each(|trigger| Ok(trigger.fire(result.clone())?))
    }

    /// Makes one step.
    pub(super) fn step(self: &Rc<Self>) {
        let Some(mut work) = self.work.take() else {
            return; // it is in the middle of one, further up the stack
        };
        let stepped = guard::catch(&mut work);
        if self.end.borrow().is_some() {
            // It was stopped by its own step, and what that gave is too late.
            if let Err(failure) | Ok(Some(Outcome::Done(Err(failure)))) = stepped {
                guard::log("a task that was stopped", &failure);
            }
            return;
        }
        self.work.set(Some(work));
        // Below, those who wait have not been told anything yet.
        match stepped {
            Ok(Some(Outcome::Done(Ok(())))) => {}
            Ok(Some(Outcome::Wait(deferred))) => self.wait_for(deferred),
            Ok(None) => {
                let _ = self.finish(TaskDone, Ok(()));
            }
            Ok(Some(Outcome::Done(Err(failure)))) | Err(failure) => {
                let _ = self.finish(TaskFailed, Err(failure));
            }
        }
    }

    /// Pauses until `deferred` has its result. An error in it fails the task,
    /// even one that has ended meanwhile, as in Twisted; that it had is then
    /// what `deferred` ends with.
    fn wait_for(self: &Rc<Self>, deferred: Deferred<()>) {
        self.pause();
        let (going_on, failing) = (self.clone(), self.clone());
        drop(deferred.add_callbacks(
            move |()| Ok(going_on.resume()?),
            move |failure| failing.finish(TaskFailed, Err(failure)),
        ));
    }
}

impl fmt::Debug for CooperativeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CooperativeTask")
            .field("pauses", &self.task.pauses.get())
            .field("end", &self.task.end().map(|end| end.error))
            .finish_non_exhaustive()
    }
}

/// The steps of an iterator.
pub(super) fn work_of<I>(mut iterator: I) -> Work
where
    I: Iterator<Item: CallbackResult> + 'static,
{
    Box::new(move || iterator.next().map(ignore_value))
}

/// The steps of an iterator, and where that is to be found when it has come to
/// its end.
pub(super) fn work_that_returns_iterator<I>(iterator: I) -> (Work, ReturnedIterator<I>)
where
    I: Iterator<Item: CallbackResult> + 'static,
{
    let ended = Rc::new(Cell::new(None));
    let returned = ReturnedIterator(ended.clone());
    let mut iterator = Some(iterator);
    let work = move || {
        let yielded = iterator.as_mut().and_then(Iterator::next);
        if yielded.is_none() {
            ended.set(iterator.take());
        }
        yielded.map(ignore_value)
    };
    (Box::new(work), returned)
}

/// Where an iterator is when it has come to its end.
pub(super) struct ReturnedIterator<I>(Rc<Cell<Option<I>>>);

impl<I> ReturnedIterator<I> {
    pub(super) fn take(&self) -> Result<I, Failure> {
        Ok(self.0.take().ok_or(ResultTakenError)?)
    }
}

fn ignore_value<R: CallbackResult>(yielded: R) -> Outcome<()> {
    match yielded.into_outcome() {
        Outcome::Done(result) => Outcome::Done(result.map(drop)),
        Outcome::Wait(deferred) => Outcome::Wait(deferred.add_callback(drop)),
    }
}
