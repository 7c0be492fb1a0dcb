//! System events, their triggers, and what these fail with, which is logged.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use deferred::{CallbackResult, Deferred};
use reactor_compat::event::{EventPhase, EventTrigger, ThreePhaseEvent};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

use super::Machine;
use super::callbacks::Returned;
use super::frames::Frames;
use crate::error::ProgramError;
use crate::ops::{Ident, Phase, Trigger};
use crate::value::Value;

/// The events of a program, by name, and their triggers, by number.
#[derive(Default)]
pub(super) struct Events {
    events: RefCell<HashMap<String, ThreePhaseEvent>>,
    triggers: RefCell<HashMap<Ident, (ThreePhaseEvent, EventTrigger)>>,
    pub(super) frames: Frames,
}

impl Events {
    /// Lets go of all.
    pub(super) fn release(&self) {
        drop((self.events.take(), self.triggers.take()));
    }
}

impl Machine {
    pub(super) fn trigger(&self, op: &Trigger) {
        let event = self.event(&op.event);
        let phase = match op.phase {
            Phase::Before => EventPhase::Before,
            Phase::During => EventPhase::During,
            Phase::After => EventPhase::After,
        };
        let (machine, its) = (self.clone(), op.clone());
        let trigger = event.add_trigger(phase, move || {
            machine.0.events.frames.call(&its.event, || machine.run_trigger(&its)).into_outcome()
        });
        self.0.events.triggers.borrow_mut().insert(op.id, (event, trigger));
    }

    /// What a trigger returns, and whether it failed.
    fn run_trigger(&self, op: &Trigger) -> (Returned, bool) {
        self.emit(json!(["trigger", op.id]));
        if let Err(why) = self.run(&op.ops) {
            return (Returned::result(Err(self.interrupted(why))), true);
        }
        match (&op.fail, op.deferred) {
            (Some(error), _) => (Returned::result(Err(error.raise())), true),
            (None, Some(k)) => match self.0.registry.hand_over(k) {
                Ok(deferred) => (Returned::deferred(self.waited_for(op, deferred)), false),
                Err(error) => (Returned::result(Err(self.interrupted(error.into()))), true),
            },
            (None, None) => (Returned::result(Ok(Value::Null)), false),
        }
    }

    fn waited_for(&self, op: &Trigger, deferred: Deferred<Value>) -> Deferred<Value> {
        match op.phase {
            Phase::Before => self.0.events.frames.wait(&op.event, deferred),
            Phase::During | Phase::After => deferred,
        }
    }

    pub(super) fn remove_trigger(&self, id: Ident) -> Result<(), ProgramError> {
        let known = self.0.events.triggers.borrow().get(&id).cloned();
        let (event, trigger) = known.ok_or_else(|| ProgramError::NoObject(id.to_string()))?;
        let outcome = if event.remove_trigger(&trigger).is_ok() { "ok" } else { "error" };
        self.emit(json!(["remove_trigger", id, outcome]));
        Ok(())
    }

    pub(super) fn fire_event(&self, event: &str) {
        let fired = self.event(event);
        self.0.events.frames.fire(event, || drop(fired.fire_event()));
    }

    fn event(&self, name: &str) -> ThreePhaseEvent {
        self.0.events.events.borrow_mut().entry(name.to_owned()).or_default().clone()
    }
}

/// Collects the names of the errors that are logged on this thread, until the
/// guard is dropped.
pub(super) fn collect_logged(names: &Rc<RefCell<Vec<String>>>) -> DefaultGuard {
    LOGGED.set(Some(names.clone()));
    tracing::subscriber::set_default(Logged)
}

thread_local! {
    /// Where they are collected: a subscriber is shared between threads, and
    /// cannot have it itself.
    static LOGGED: RefCell<Option<Rc<RefCell<Vec<String>>>>> = const { RefCell::new(None) };
}

struct Logged;

impl Subscriber for Logged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut ErrorNames);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct ErrorNames;

impl Visit for ErrorNames {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_error(&mut self, _: &Field, error: &(dyn Error + 'static)) {
        let names = LOGGED.with_borrow(Option::clone);
        if let Some(names) = names {
            // The errors of programs say their names, and no more.
            names.borrow_mut().push(error.to_string());
        }
    }
}
