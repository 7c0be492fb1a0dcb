//! The errors of loops and cooperative tasks.
//!
//! Mirrors `SchedulerError` of `twisted.internet.task` and the classes under
//! it. Tested in `tests/runtime/cooperate.rs` and `tests/runtime/looping_call.rs`.

/// The [`Cooperator`](super::Cooperator) was stopped, with tasks still in it or
/// before one was added.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::task::{Cooperator, SchedulerStopped};
///
/// let cooperator = Cooperator::new();
/// let task = cooperator.cooperate(std::iter::repeat(()));
/// cooperator.stop();
/// assert!(failure_result_of(task.when_done()).is::<SchedulerStopped>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler was stopped")]
pub struct SchedulerStopped;

/// The task has come to its end.
///
/// ```
/// use reactor_compat::task::{Clock, Cooperator, TaskDone};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let task = Cooperator::new().clock(&clock).cooperate(std::iter::empty::<()>());
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(task.stop(), Err(TaskDone.into()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the task is done")]
pub struct TaskDone;

/// The task was stopped. It is also what
/// [`when_done`](super::CooperativeTask::when_done) fails with then.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use reactor_compat::task::{TaskStopped, cooperate};
///
/// let task = cooperate(std::iter::repeat(()));
/// task.stop()?;
/// assert_eq!(task.pause(), Err(TaskStopped.into()));
/// assert!(failure_result_of(task.when_done()).is::<TaskStopped>());
/// # Ok::<(), reactor_compat::task::SchedulerError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the task was stopped")]
pub struct TaskStopped;

/// The task ended with an error, which
/// [`when_done`](super::CooperativeTask::when_done) gives.
///
/// ```
/// use deferred::{Failure, testing::failure_result_of};
/// use reactor_compat::task::{Clock, Cooperator, TaskFailed};
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let steps = [Err::<(), Failure>(std::fmt::Error.into())];
/// let task = Cooperator::new().clock(&clock).cooperate(steps.into_iter());
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(task.pause(), Err(TaskFailed.into()));
/// assert!(failure_result_of(task.when_done()).is::<std::fmt::Error>());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the task failed")]
pub struct TaskFailed;

/// A task was to be resumed that was not paused.
///
/// ```
/// use reactor_compat::task::{NotPaused, cooperate};
///
/// let task = cooperate(std::iter::repeat(()));
/// assert_eq!(task.resume(), Err(NotPaused));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the task is not paused")]
pub struct NotPaused;

/// A [`LoopingCall`](super::LoopingCall) was started that is running.
///
/// ```
/// use deferred::testing::{assert_no_result, failure_result_of};
/// use reactor_compat::task::{LoopAlreadyRunning, LoopingCall};
/// use std::time::Duration;
///
/// let looping = LoopingCall::new(|| ());
/// let stopped = looping.start(Duration::from_secs(1), true);
/// let again = looping.start(Duration::from_secs(1), true);
/// assert!(failure_result_of(again).is::<LoopAlreadyRunning>());
/// assert_no_result(&stopped);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the loop is already running")]
pub struct LoopAlreadyRunning;

/// A [`LoopingCall`](super::LoopingCall) was stopped or reset that is not
/// running.
///
/// ```
/// use reactor_compat::task::{LoopNotRunning, LoopingCall};
///
/// let looping = LoopingCall::new(|| ());
/// assert_eq!(looping.stop(), Err(LoopNotRunning));
/// assert_eq!(looping.reset(), Err(LoopNotRunning));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the loop is not running")]
pub struct LoopNotRunning;

/// The task has ended, one way or another.
///
/// ```
/// use reactor_compat::task::{TaskFinished, TaskStopped};
///
/// assert_eq!(TaskFinished::Stopped(TaskStopped).to_string(), "the task was stopped");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskFinished {
    /// It came to its end.
    #[error(transparent)]
    Done(TaskDone),
    /// It was stopped.
    #[error(transparent)]
    Stopped(TaskStopped),
    /// It failed.
    #[error(transparent)]
    Failed(TaskFailed),
}

/// Why a task, or what runs it, could not do what it was asked.
///
/// ```
/// use reactor_compat::task::{SchedulerError, TaskFinished, TaskStopped, cooperate};
///
/// let task = cooperate(std::iter::repeat(()));
/// task.stop()?;
/// let error = task.stop().unwrap_err();
/// assert_eq!(error, SchedulerError::Finished(TaskFinished::Stopped(TaskStopped)));
/// # Ok::<(), SchedulerError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerError {
    /// The cooperator was stopped.
    #[error(transparent)]
    Stopped(SchedulerStopped),
    /// The task has ended.
    #[error(transparent)]
    Finished(TaskFinished),
    /// The task was not paused.
    #[error(transparent)]
    NotPaused(NotPaused),
}

impl From<SchedulerStopped> for SchedulerError {
    fn from(error: SchedulerStopped) -> Self {
        Self::Stopped(error)
    }
}

impl From<NotPaused> for SchedulerError {
    fn from(error: NotPaused) -> Self {
        Self::NotPaused(error)
    }
}

impl From<TaskFinished> for SchedulerError {
    fn from(error: TaskFinished) -> Self {
        Self::Finished(error)
    }
}

impl From<TaskDone> for SchedulerError {
    fn from(error: TaskDone) -> Self {
        Self::Finished(TaskFinished::Done(error))
    }
}

impl From<TaskStopped> for SchedulerError {
    fn from(error: TaskStopped) -> Self {
        Self::Finished(TaskFinished::Stopped(error))
    }
}

impl From<TaskFailed> for SchedulerError {
    fn from(error: TaskFailed) -> Self {
        Self::Finished(TaskFinished::Failed(error))
    }
}
