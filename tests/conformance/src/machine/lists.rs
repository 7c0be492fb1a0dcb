//! Lists, gatherings and races.

use deferred::{Deferred, DeferredList, ListOutcome};

use super::Machine;
use super::lifetime::Keeper;
use super::registry::Made;
use crate::error::ProgramError;
use crate::ops::{List, Number};
use crate::value::Value;

impl Machine {
    pub(super) fn list(&self, op: &List) -> Result<(), ProgramError> {
        let keeper = self.keeper();
        let mut list = DeferredList::new(self.hand_over_all(&op.of, &keeper)?);
        if op.fire_on_one_errback {
            list = list.fire_on_one_errback();
        }
        if op.consume_errors {
            list = list.consume_errors();
        }
        let deferred = if op.fire_on_one_callback {
            list.fire_on_one_callback().into_deferred().add_callback(|outcome| {
                Ok(match outcome {
                    ListOutcome::First(value, index) => {
                        Value::List(vec![value, Value::from_index(index)])
                    }
                    ListOutcome::All(results) => from_list(results),
                })
            })
        } else {
            list.into_deferred().add_callback(|results| Ok(from_list(results)))
        };
        self.0.registry.insert(op.d, Made::elsewhere(deferred).list().kept_by(keeper));
        Ok(())
    }

    pub(super) fn gather(
        &self,
        d: Number,
        of: &[Number],
        consume_errors: bool,
    ) -> Result<(), ProgramError> {
        let keeper = self.keeper();
        let of = self.hand_over_all(of, &keeper)?;
        let gathered = if consume_errors {
            deferred::gather_results_consuming_errors(of)
        } else {
            deferred::gather_results(of)
        };
        let deferred = gathered.add_callback(|values| Ok(Value::List(values)));
        self.0.registry.insert(d, Made::elsewhere(deferred).list().kept_by(keeper));
        Ok(())
    }

    pub(super) fn race(&self, d: Number, of: &[Number]) -> Result<(), ProgramError> {
        let keeper = self.keeper();
        let raced = deferred::race(self.hand_over_all(of, &keeper)?)
            .add_callback(|(index, value)| Ok(Value::List(vec![Value::from_index(index), value])));
        // Unlike a list, a race is an ordinary Deferred of Twisted's.
        self.0.registry.insert(d, Made::elsewhere(raced).kept_by(keeper));
        Ok(())
    }

    /// Hands Deferreds over to a list, which each keeps until it has called it.
    fn hand_over_all(
        &self,
        of: &[Number],
        keeper: &Keeper,
    ) -> Result<Vec<Deferred<Value>>, ProgramError> {
        of.iter().map(|k| Ok(keeper.keep_until(self.0.registry.hand_over(*k)?))).collect()
    }
}

/// The result of a list that waited for all.
fn from_list(results: Vec<Result<Value, deferred::Failure>>) -> Value {
    Value::List(results.into_iter().map(Value::from_list_item).collect())
}
