//! Coroutines, which run and resume inside the call that lets them.

use deferred::{Deferred, Failure};
use serde_json::json;

use super::lifetime::Keeper;
use super::registry::Made;
use super::{Interrupt, Machine};
use crate::error::ProgramError;
use crate::names::error_name;
use crate::ops::{Number, Step};
use crate::value::Value;

impl Machine {
    pub(super) fn coroutine(&self, d: Number, body: &[Step]) -> Result<(), ProgramError> {
        for step in body {
            if let Step::Await { awaited, .. } = step {
                self.0.registry.reserve(*awaited)?;
            }
        }
        let keeper = self.keeper();
        let coroutine = Coroutine { machine: self.clone(), d, keeper: keeper.clone() };
        // Its number is unknown to what it runs before it first waits.
        let deferred = Deferred::from_coroutine(coroutine.run(body.to_vec()));
        self.0.registry.insert(d, Made::elsewhere(deferred).kept_by(keeper));
        Ok(())
    }
}

/// A coroutine of a program.
struct Coroutine {
    machine: Machine,
    d: Number,
    keeper: Keeper,
}

impl Coroutine {
    async fn run(self, body: Vec<Step>) -> Result<Value, Failure> {
        for step in body {
            match step {
                Step::Emit { emit } => self.machine.emit(json!(["co", self.d, emit])),
                Step::Await { awaited, catch } => self.wait_for(awaited, catch).await?,
                Step::Do { ops } => self.machine.run(&ops).map_err(|why| self.interrupted(why))?,
                Step::Raise { raise } => return Err(raise.raise()),
                Step::Return { value } => return Ok(value),
            }
        }
        Ok(Value::Null)
    }

    async fn wait_for(&self, awaited: Number, catch: bool) -> Result<(), Failure> {
        let awaited = self.machine.0.registry.take_reserved(awaited);
        let deferred = awaited.map_err(|error| self.interrupted(error.into()))?;
        let waits = self.machine.keeper();
        let deferred = waits.keep_until(deferred);
        let failed_before = !waits.keeps();
        match deferred.await {
            Ok(value) => self.machine.emit(json!(["co_got", self.d, value.show()])),
            Err(failure) => {
                self.machine.emit(json!(["co_err", self.d, error_name(&failure)]));
                if !catch {
                    if failed_before {
                        self.keeper.keep();
                    }
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    fn interrupted(&self, why: Interrupt) -> Failure {
        self.machine.interrupted(why)
    }
}
