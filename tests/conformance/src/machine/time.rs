//! The clock, and what is called later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use deferred::time::{Clock, DelayedCall, DelayedCallError, ReactorTime};
use reactor_compat::task::defer_later;
use serde_json::json;

use super::callbacks::Returned;
use super::registry::Made;
use super::{Interrupt, Machine, Ran};
use crate::error::ProgramError;
use crate::ops::{DeferLater, Ident, Number, Op, Seconds};

/// The program's clock, and the calls that it knows by number.
#[derive(Default)]
pub(super) struct Time {
    pub(super) clock: Clock,
    calls: RefCell<BTreeMap<Ident, DelayedCall>>,
}

impl Time {
    /// What the clock shows, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.clock.seconds().as_secs_f64()
    }

    /// Lets go of all that is to be called.
    pub(super) fn release(&self) {
        for call in self.clock.get_delayed_calls() {
            // One may cancel another as it is dropped.
            let _ = call.cancel();
        }
    }
}

impl Machine {
    pub(super) fn call_later(&self, id: Ident, delay: Duration, ops: &[Op]) {
        let (machine, ops) = (self.clone(), ops.to_vec());
        let call = self.0.time.clock.call_later(delay, move || {
            machine.emit(json!(["call", id]));
            if let Err(why) = machine.run(&ops) {
                machine.interrupt_later(why);
            }
        });
        self.0.time.calls.borrow_mut().insert(id, call);
    }

    pub(super) fn call_cancel(&self, id: Ident) {
        self.on_call("call_cancel", id, DelayedCall::cancel);
    }

    pub(super) fn call_reset(&self, id: Ident, delay: Duration) {
        self.on_call("call_reset", id, |call| call.reset(delay));
    }

    pub(super) fn call_delay(&self, id: Ident, later: Duration) {
        self.on_call("call_delay", id, |call| call.delay(later));
    }

    /// Does something with a call, if there is one of that number.
    fn on_call(
        &self,
        what: &str,
        id: Ident,
        how: impl FnOnce(&DelayedCall) -> Result<(), DelayedCallError>,
    ) {
        let Some(call) = self.0.time.calls.borrow().get(&id).cloned() else { return };
        let outcome = match how(&call) {
            Ok(()) => "ok",
            Err(DelayedCallError::AlreadyCalled) => "AlreadyCalled",
            Err(DelayedCallError::AlreadyCancelled) => "AlreadyCancelled",
        };
        self.emit(json!([what, id, outcome]));
    }

    pub(super) fn call_active(&self, id: Ident) {
        let active = self.0.time.calls.borrow().get(&id).map(DelayedCall::active);
        if let Some(active) = active {
            self.emit(json!(["call_active", id, active]));
        }
    }

    pub(super) fn pending(&self) {
        let delayed = self.0.time.clock.get_delayed_calls();
        let calls = self.0.time.calls.borrow();
        let pending: Vec<Ident> =
            calls.iter().filter(|(_, call)| delayed.contains(call)).map(|(id, _)| *id).collect();
        drop(calls);
        self.emit(json!(["pending", pending]));
    }

    pub(super) fn advance(&self, steps: &[Seconds]) -> Ran {
        self.0.time.clock.pump(steps.iter().map(|seconds| seconds.0));
        if self.0.skip.get() { Err(Interrupt::Skip) } else { Ok(()) }
    }

    pub(super) fn defer_later(&self, op: &DeferLater) {
        let (machine, op_later) = (self.clone(), op.clone());
        let deferred = defer_later(&self.0.time.clock, op.delay.0, move || {
            machine.emit(json!(["later", op_later.d]));
            Returned::result(match op_later.fail {
                Some(error) => Err(error.raise()),
                None => Ok(op_later.value),
            })
        });
        self.0.registry.insert(op.d, Made::elsewhere(deferred));
    }

    pub(super) fn timeout(&self, d: Number, delay: Duration) -> Result<(), ProgramError> {
        let deferred = self.0.registry.borrow(d)?;
        let deferred = deferred.add_timeout(delay, &self.0.time.clock);
        self.0.registry.put_back(d, deferred);
        Ok(())
    }

    /// Notes that a call on the clock could not run one of its ops; whoever
    /// moved the clock will see.
    fn interrupt_later(&self, why: Interrupt) {
        if matches!(why, Interrupt::Skip) {
            self.0.skip.set(true);
        }
        drop(self.interrupted(why));
    }
}
