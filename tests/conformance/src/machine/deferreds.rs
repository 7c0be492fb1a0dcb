//! Making, firing, cancelling, pausing, chaining and dropping Deferreds.

use deferred::{AlreadyCalledError, Deferred, Trigger};
use serde_json::json;

use super::registry::{Firing, Made};
use super::{Interrupt, Machine, Ran};
use crate::error::ProgramError;
use crate::names::ErrorName;
use crate::ops::{Canceller, Number};
use crate::value::Value;

impl Machine {
    pub(super) fn new_deferred(&self, d: Number, canceller: Option<&Canceller>) {
        let (deferred, trigger) = match canceller.cloned() {
            None => Deferred::new(),
            Some(canceller) => {
                let machine = self.clone();
                Deferred::with_canceller(move |trigger| {
                    machine.run_canceller(d, canceller, trigger)
                })
            }
        };
        let made = Made::fired_by(Firing::Trigger(trigger), deferred).kept_by(self.keeper());
        self.0.registry.insert(d, made);
    }

    fn run_canceller(&self, d: Number, canceller: Canceller, trigger: &Trigger<Value>) {
        self.emit(json!(["canceller", d]));
        let fired = match canceller {
            Canceller::Callback { callback } => trigger.callback(callback),
            Canceller::Errback { errback } => trigger.errback(errback.user_error()),
            Canceller::Nothing {} => Ok(()),
        };
        // A canceller only runs before its Deferred has fired, so that this
        // event is in no trace.
        if fired.is_err() {
            self.emit(json!(["canceller", d, "AlreadyCalledError"]));
        }
    }

    pub(super) fn succeed(&self, d: Number, value: &Value) {
        let deferred = Deferred::succeed(value.clone());
        self.0.registry.insert(d, Made::fired_by(Firing::Spent, deferred));
    }

    pub(super) fn fail(&self, d: Number, error: &ErrorName) {
        let deferred = Deferred::fail(error.user_error());
        self.0.registry.insert(d, Made::fired_by(Firing::Spent, deferred));
    }

    pub(super) fn callback(&self, d: Number, value: &Value) -> Ran {
        self.fire("callback", d, |trigger| trigger.callback(value.clone()))
    }

    pub(super) fn errback(&self, d: Number, error: &ErrorName) -> Ran {
        self.fire("errback", d, |trigger| trigger.errback(error.user_error()))
    }

    /// Fires a Deferred and traces how that went, after all that it set off.
    fn fire(
        &self,
        what: &str,
        d: Number,
        how: impl FnOnce(&Trigger<Value>) -> Result<(), AlreadyCalledError>,
    ) -> Ran {
        let fired = match self.0.registry.firing(d) {
            None => return Ok(()),
            Some(Firing::Trigger(trigger)) => how(&trigger),
            Some(Firing::Spent) => Err(AlreadyCalledError::default()),
            Some(Firing::Elsewhere) => return Err(ProgramError::NoTrigger(d).into()),
        };
        let outcome = if fired.is_ok() { "ok" } else { "AlreadyCalledError" };
        self.emit(json!([what, d, outcome]));
        Ok(())
    }

    /// Cancels a Deferred, whoever holds it.
    ///
    /// The exception is a list that has fired and waits for what one of its
    /// callbacks returned. Twisted's does not pass the cancel on, which is an
    /// accident of its making; the oracle refuses such an op, and so it is
    /// refused here.
    pub(super) fn cancel(&self, d: Number) -> Ran {
        let Some(handle) = self.0.registry.cancel_handle(d) else {
            return Ok(());
        };
        if self.0.registry.list_wait(d).is_some_and(|waits| waits.get()) {
            return Err(Interrupt::Skip);
        }
        self.emit(json!(["cancel", d]));
        handle.cancel();
        Ok(())
    }

    pub(super) fn pause(&self, d: Number) -> Result<(), ProgramError> {
        let deferred = self.0.registry.borrow(d)?;
        deferred.pause();
        self.0.registry.put_back(d, deferred);
        Ok(())
    }

    pub(super) fn unpause(&self, d: Number) -> Result<(), ProgramError> {
        let deferred = self.0.registry.borrow(d)?;
        deferred.unpause();
        self.0.registry.put_back(d, deferred);
        Ok(())
    }

    pub(super) fn chain(&self, d: Number, to: Number) -> Result<(), ProgramError> {
        let Some(Firing::Trigger(trigger)) = self.0.registry.firing(to) else {
            return Err(ProgramError::NoTrigger(to));
        };
        let called = trigger.called();
        let mut deferred = self.0.registry.borrow(d)?;
        if let Some(keeper) = self.0.registry.keeper(to) {
            deferred = keeper.keep_until(deferred);
        }
        // Twisted's chain goes on with None; here it goes on with nothing,
        // which is a value of programs only by that name.
        let chained = deferred.chain_deferred(trigger).add_callback(|()| Ok(Value::Null));
        self.0.registry.put_back(d, chained);
        self.0.registry.chained(d, to, called);
        Ok(())
    }

    pub(super) fn forget(&self, d: Number) -> Result<(), ProgramError> {
        let known = self.0.unhandled.borrow().len();
        self.0.registry.forget(d)?;
        self.emit(json!(["dropped", d, self.unhandled_since(known)]));
        Ok(())
    }
}
