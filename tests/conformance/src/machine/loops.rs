//! LoopingCalls.

use std::cell::RefCell;
use std::collections::HashMap;

use reactor_compat::task::{LoopNotRunning, LoopingCall};
use serde_json::json;

use super::Machine;
use super::callbacks::Returned;
use super::registry::Made;
use crate::error::ProgramError;
use crate::ops::{Loop, LoopStep};
use crate::value::Value;

/// The loops of a program, by name.
pub(super) type Loops = RefCell<HashMap<String, LoopingCall>>;

impl Machine {
    pub(super) fn start_loop(&self, op: &Loop) {
        let (machine, plan) = (self.clone(), op.clone());
        let mut count = 0_u64;
        let mut body = move |missed: Option<u64>| {
            count += 1;
            machine.emit(match missed {
                None => json!(["loop", plan.l, count]),
                Some(missed) => json!(["loop", plan.l, count, missed]),
            });
            machine.loop_step(plan.plan.get(&count.to_string()))
        };
        let looping = if op.with_count {
            LoopingCall::with_count(move |missed| body(Some(missed)))
        } else {
            LoopingCall::new(move || body(None))
        };
        let looping = looping.clock(&self.0.time.clock);
        let old = self.0.loops.borrow_mut().insert(op.l.clone(), looping.clone());
        drop(old);
        let done = looping.start(op.interval.0, op.now);
        let done = done.add_callback(|_loop| Ok(Value::Text("stopped".to_owned())));
        self.0.registry.insert(op.d, Made::elsewhere(done));
    }

    fn loop_step(&self, step: Option<&LoopStep>) -> Returned {
        let Some(step) = step else { return Returned::result(Ok(Value::Null)) };
        if let Err(why) = self.run(&step.before) {
            return Returned::result(Err(self.interrupted(why)));
        }
        match (&step.fail, step.deferred) {
            (Some(error), _) => Returned::result(Err(error.raise())),
            (None, Some(k)) => self.returning(k),
            (None, None) => Returned::result(Ok(Value::Null)),
        }
    }

    pub(super) fn loop_stop(&self, l: &str) -> Result<(), ProgramError> {
        self.on_loop("loop_stop", l, LoopingCall::stop)
    }

    pub(super) fn loop_reset(&self, l: &str) -> Result<(), ProgramError> {
        self.on_loop("loop_reset", l, LoopingCall::reset)
    }

    /// Does something with a loop.
    fn on_loop(
        &self,
        what: &str,
        l: &str,
        how: impl FnOnce(&LoopingCall) -> Result<(), LoopNotRunning>,
    ) -> Result<(), ProgramError> {
        let looping = self.0.loops.borrow().get(l).cloned();
        let looping = looping.ok_or_else(|| ProgramError::NoObject(l.to_owned()))?;
        let outcome = if how(&looping).is_ok() { "ok" } else { "not running" };
        self.emit(json!([what, l, outcome]));
        Ok(())
    }
}
