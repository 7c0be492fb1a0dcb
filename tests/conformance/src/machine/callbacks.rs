//! What is added to a Deferred.

use deferred::{CallbackResult, Deferred, Failure, Outcome};
use serde_json::json;

use super::Machine;
use super::registry::ListWait;
use crate::error::ProgramError;
use crate::ops::{Action, Add, Ident, Number, On, Ret};
use crate::value::{Value, show};

/// What a callback returned: only the program knows which kind it is.
pub(super) struct Returned(Outcome<Value>);

impl Returned {
    /// A Deferred, handed over.
    pub(super) fn deferred(deferred: Deferred<Value>) -> Self {
        Self(Outcome::Wait(deferred))
    }

    /// A value, or a failure.
    pub(super) fn result(result: Result<Value, Failure>) -> Self {
        Self(Outcome::Done(result))
    }
}

impl CallbackResult for Returned {
    type Value = Value;

    fn into_outcome(self) -> Outcome<Value> {
        self.0
    }
}

/// A callback that a program added.
#[derive(Clone)]
struct Callback {
    machine: Machine,
    kind: &'static str,
    id: Ident,
    action: Action,
    list_wait: Option<ListWait>,
}

impl Callback {
    fn run(self, argument: Result<Value, Failure>) -> Returned {
        self.machine.emit(json!([self.kind, self.id, show(&argument)]));
        if let Err(why) = self.machine.run(&self.action.before) {
            return Returned::result(Err(self.machine.interrupted(why)));
        }
        match self.action.ret {
            Ret::Same => Returned::result(argument),
            Ret::Value(value) => Returned::result(Ok(value)),
            Ret::Fail(error) => Returned::result(Err(error.raise())),
            Ret::Deferred(k) => self.hand_over(k),
        }
    }

    fn hand_over(&self, k: Number) -> Returned {
        match self.machine.0.registry.hand_over(k) {
            Ok(deferred) => {
                if let Some(waits) = &self.list_wait {
                    waits.set(true);
                }
                Returned::deferred(deferred)
            }
            Err(error) => Returned::result(Err(self.machine.interrupted(error.into()))),
        }
    }
}

impl Machine {
    /// What a function returns that hands a Deferred over.
    pub(super) fn returning(&self, k: Number) -> Returned {
        match self.0.registry.hand_over(k) {
            Ok(deferred) => Returned::deferred(deferred),
            Err(error) => Returned::result(Err(self.interrupted(error.into()))),
        }
    }

    pub(super) fn add(&self, add: &Add) -> Result<(), ProgramError> {
        let list_wait = self.0.registry.list_wait(add.d);
        let callback = |kind, action: &Action| Callback {
            machine: self.clone(),
            kind,
            id: add.id,
            action: action.clone(),
            list_wait: list_wait.clone(),
        };
        let deferred = self.0.registry.borrow(add.d)?;
        let deferred = match add.on {
            On::Callback => {
                let cb = callback("cb", &add.action);
                deferred.add_callback(move |value| cb.run(Ok(value)))
            }
            On::Errback => {
                let eb = callback("eb", &add.action);
                deferred.add_errback(move |failure| eb.run(Err(failure)))
            }
            On::Both => {
                let both = callback("both", &add.action);
                deferred.add_both(move |result| both.run(result))
            }
            On::Callbacks => {
                let cb = callback("cb", &add.action);
                let eb = callback("eb", &add.error_action);
                deferred.add_callbacks(
                    move |value| cb.run(Ok(value)),
                    move |failure| eb.run(Err(failure)),
                )
            }
        };
        let deferred = match list_wait {
            Some(waits) if add.may_wait() => note_going_on(deferred, waits),
            _ => deferred,
        };
        self.0.registry.put_back(add.d, deferred);
        Ok(())
    }
}

/// Notes that a list has what it waited for, when it has.
fn note_going_on(list: Deferred<Value>, waits: ListWait) -> Deferred<Value> {
    list.add_both(move |result| {
        waits.set(false);
        result
    })
}
