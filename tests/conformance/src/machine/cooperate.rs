//! Cooperative tasks: a step every half second.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use deferred::time::ReactorTime;
use reactor_compat::task::{CooperativeTask, Cooperator, SchedulerError, TaskFinished};
use serde_json::json;

use super::Machine;
use super::callbacks::Returned;
use super::registry::Made;
use crate::error::ProgramError;
use crate::ops::Cooperate;
use crate::value::Value;

const TICK: Duration = Duration::from_millis(500);

/// The tasks of a program, by name, and what runs them.
#[derive(Default)]
pub(super) struct Tasks {
    cooperator: RefCell<Option<Cooperator>>,
    tasks: RefCell<HashMap<String, CooperativeTask>>,
}

impl Tasks {
    /// Lets go of all tasks.
    pub(super) fn release(&self) {
        drop((self.tasks.take(), self.cooperator.take()));
    }
}

impl Machine {
    pub(super) fn cooperate(&self, op: &Cooperate) {
        let task = self.cooperator().cooperate(self.steps(op));
        let old = self.0.tasks.tasks.borrow_mut().insert(op.t.clone(), task.clone());
        drop(old);
        let done = task.when_done().add_callback(|()| Ok(Value::Text("done".to_owned())));
        self.0.registry.insert(op.d, Made::elsewhere(done));
    }

    fn cooperator(&self) -> Cooperator {
        let make = || {
            let clock = self.0.time.clock.clone();
            Cooperator::new()
                .termination_predicate(|| || true)
                .scheduler(move |tick| clock.call_later(TICK, tick))
        };
        self.0.tasks.cooperator.borrow_mut().get_or_insert_with(make).clone()
    }

    fn steps(&self, op: &Cooperate) -> impl Iterator<Item = Returned> + 'static {
        let (machine, t) = (self.clone(), op.t.clone());
        let step = move |(number, deferred)| {
            machine.emit(json!(["step", t, number]));
            match deferred {
                Some(k) => machine.returning(k),
                None => Returned::result(Ok(Value::Null)),
            }
        };
        let failed = op.fail.clone().map(|error| Returned::result(Err(error.raise())));
        let deferreds: Vec<_> = op.steps.iter().map(|step| step.deferred).collect();
        deferreds.into_iter().enumerate().map(step).chain(failed)
    }

    pub(super) fn task_pause(&self, t: &str) -> Result<(), ProgramError> {
        self.on_task("task_pause", t, CooperativeTask::pause)
    }

    pub(super) fn task_resume(&self, t: &str) -> Result<(), ProgramError> {
        self.on_task("task_resume", t, |task| Ok(task.resume()?))
    }

    pub(super) fn task_stop(&self, t: &str) -> Result<(), ProgramError> {
        self.on_task("task_stop", t, CooperativeTask::stop)
    }

    /// Does something with a task.
    fn on_task(
        &self,
        what: &str,
        t: &str,
        how: impl FnOnce(&CooperativeTask) -> Result<(), SchedulerError>,
    ) -> Result<(), ProgramError> {
        let task = self.0.tasks.tasks.borrow().get(t).cloned();
        let task = task.ok_or_else(|| ProgramError::NoObject(t.to_owned()))?;
        let outcome = match how(&task) {
            Ok(()) => "ok",
            Err(SchedulerError::Stopped(_)) => "SchedulerStopped",
            Err(SchedulerError::NotPaused(_)) => "NotPaused",
            Err(SchedulerError::Finished(TaskFinished::Done(_))) => "TaskDone",
            Err(SchedulerError::Finished(TaskFinished::Stopped(_))) => "TaskStopped",
            Err(SchedulerError::Finished(TaskFinished::Failed(_))) => "TaskFailed",
        };
        self.emit(json!([what, t, outcome]));
        Ok(())
    }
}
