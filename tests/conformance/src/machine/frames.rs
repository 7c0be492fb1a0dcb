//! What the last trigger that failed keeps alive in Twisted.
//!
//! Python's traceback of an error knows the frames of the functions that were
//! running, and these know their variables. Twisted keeps the error of the last
//! system event trigger that failed, whichever event it was of, until another
//! one fails. Among the variables are the Deferreds that the event waited for
//! before it went on, so that an error that one of them holds is reported when
//! the next trigger fails: later in the program, in a later one that the oracle
//! runs, or never.
//!
//! Here such an error is reported at once. So that the traces can be compared,
//! its name is put off as the oracle would, by programs that are run one after
//! the other on a thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem;
use std::rc::Rc;

use deferred::{Deferred, Failure};

use crate::value::Value;

/// The errors of the Deferreds that one firing of an event waits for.
type Firing = Rc<RefCell<Vec<Failure>>>;

/// What is going on with the events of a program.
#[derive(Default)]
pub(super) struct Frames {
    /// The firing that an event's triggers are called by.
    current: Rc<RefCell<HashMap<String, Firing>>>,
    /// The ops that fire events, and the events' names, from the outside in.
    firing: RefCell<Vec<(String, Firing)>>,
    /// The firings whose triggers are running, from the outside in.
    running: RefCell<Vec<Firing>>,
    /// Those of when a trigger last failed, if one has.
    kept: RefCell<Option<Vec<Firing>>>,
    /// The errors that were reported as unhandled.
    reported: RefCell<Vec<Failure>>,
}

thread_local! {
    /// The names that were put off, by this program and those before.
    static PUT_OFF: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Frames {
    /// Fires an event.
    pub(super) fn fire(&self, event: &str, fire: impl FnOnce()) {
        let firing = Firing::default();
        self.current.borrow_mut().insert(event.to_owned(), firing.clone());
        self.firing.borrow_mut().push((event.to_owned(), firing));
        fire();
        let mut around = self.firing.borrow_mut();
        around.pop();
        // The op may be part of a trigger of the same event.
        if let Some((_, outer)) = around.iter().rev().find(|(name, _)| name == event) {
            self.current.borrow_mut().insert(event.to_owned(), outer.clone());
        }
    }

    /// Calls a trigger of an event, which says whether it failed.
    pub(super) fn call<R>(&self, event: &str, call: impl FnOnce() -> (R, bool)) -> R {
        let firing = self.current.borrow().get(event).cloned().unwrap_or_default();
        self.running.borrow_mut().push(firing);
        let (returned, failed) = call();
        if failed {
            let running = self.running.borrow().clone();
            self.kept.replace(Some(running));
        }
        self.running.borrow_mut().pop();
        returned
    }

    /// Sees to a Deferred that an event is to wait for.
    pub(super) fn wait(&self, event: &str, deferred: Deferred<Value>) -> Deferred<Value> {
        let firing = self.current.borrow().get(event).cloned().unwrap_or_default();
        let (current, event) = (self.current.clone(), event.to_owned());
        deferred.add_both(move |result| {
            firing.borrow_mut().extend(result.as_ref().err().cloned());
            // If it was the last, the event goes on with this firing.
            current.borrow_mut().insert(event, firing);
            result
        })
    }

    /// An error was reported as unhandled.
    pub(super) fn report(&self, failure: &Failure) {
        self.reported.borrow_mut().push(failure.clone());
    }

    /// Puts off those of the program's `names` that have to wait for the next
    /// trigger that fails, and adds those that waited for one of this program.
    pub(super) fn settle(&self, names: &mut Vec<String>, name: impl Fn(&Failure) -> String) {
        let Some(kept) = self.kept.take() else { return };
        names.extend(PUT_OFF.take());
        let kept: Vec<Failure> = kept.iter().flat_map(|firing| firing.take()).collect();
        for failure in mem::take(&mut *self.reported.borrow_mut()) {
            let put_off = kept.iter().any(|other| other.same(&failure));
            let place = names.iter().position(|other| *other == name(&failure));
            if let (true, Some(place)) = (put_off, place) {
                let name = names.remove(place);
                PUT_OFF.with_borrow_mut(|put_off| put_off.push(name));
            }
        }
    }
}
