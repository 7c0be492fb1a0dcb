//! When a Deferred that a program drops goes away.
//!
//! It goes when nothing refers to it any more, and it reports its error then.
//! In Rust that is when its owner drops it; an object of Python's lives on while
//! anything else refers to it, which decides whether the error is in the event
//! of the drop or in the last one. So that the two can be compared, what the
//! program drops is kept here while it would live on in Twisted:
//!
//! * a list or a race, while one of its Deferreds has yet to call it;
//! * a coroutine that died of a Deferred that had failed before it was awaited:
//!   such a Deferred keeps its failure, whose traceback knows the coroutine;
//! * one that another was chained to, while that other has yet to fire it;
//! * one that was chained to another which had been called already, and which
//!   refers back to it until it is used again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::Deferred;
use serde_json::Value as Json;

use crate::ops::Number;
use crate::value::Value;

/// Whether a program drops anything, so that it matters what keeps it.
pub(super) fn has_drops(program: &Json) -> bool {
    match program {
        Json::Object(fields) => {
            fields.get("op").is_some_and(|op| op == "drop") || fields.values().any(has_drops)
        }
        Json::Array(items) => items.iter().any(has_drops),
        _ => false,
    }
}

/// How many refer to a Deferred besides the program.
#[derive(Clone, Default)]
pub(super) struct Keeper {
    references: Rc<Cell<usize>>,
    /// Whether anybody asks. If not, programs run without the callbacks that
    /// counting would add to theirs.
    counting: bool,
}

impl Keeper {
    pub(super) fn new(counting: bool) -> Self {
        Self { references: Rc::default(), counting }
    }

    /// One more does.
    pub(super) fn keep(&self) {
        self.references.set(self.references.get() + 1);
    }

    pub(super) fn keeps(&self) -> bool {
        self.references.get() > 0
    }

    /// One more does, until `deferred` has its result.
    pub(super) fn keep_until(&self, deferred: Deferred<Value>) -> Deferred<Value> {
        if !self.counting {
            return deferred;
        }
        self.keep();
        let references = self.references.clone();
        deferred.add_both(move |result| {
            references.set(references.get() - 1);
            result
        })
    }
}

/// What was dropped but would live on.
#[derive(Default)]
pub(super) struct Lingering {
    kept: RefCell<Vec<Kept>>,
}

struct Kept {
    /// The number of the Deferred that refers to it, if one does.
    referring: Option<Number>,
    /// It only has to be there.
    _deferred: Deferred<Value>,
}

impl Lingering {
    /// Keeps a Deferred; until that of the number `referring` is dropped, if
    /// that is all that refers to it.
    pub(super) fn keep(&self, deferred: Deferred<Value>, referring: Option<Number>) {
        self.kept.borrow_mut().push(Kept { referring, _deferred: deferred });
    }

    /// The Deferred of that number is gone, and what only it referred to.
    pub(super) fn forget(&self, number: Number) {
        let kept = self.kept.take();
        let (gone, kept) = kept.into_iter().partition(|kept| kept.referring == Some(number));
        self.kept.replace(kept);
        drop::<Vec<Kept>>(gone);
    }

    /// Drops all.
    pub(super) fn release(&self) {
        drop(self.kept.take());
    }
}
