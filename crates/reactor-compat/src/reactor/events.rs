//! The reactor's events: `startup`, `shutdown`, and those of the user's own.
//!
//! Mirrors `addSystemEventTrigger`, `removeSystemEventTrigger` and
//! `fireSystemEvent` of `twisted.internet.base.ReactorBase`. Tested in
//! `tests/runtime/system_event.rs`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use tracing::Span;

use super::Reactor;
use crate::call_result::CallResult;
use crate::event::{EventPhase, EventTrigger, NoSuchTrigger, ThreePhaseEvent};

const STARTUP: &str = "startup";
const SHUTDOWN: &str = "shutdown";

/// All the events of a reactor.
#[derive(Default)]
pub(super) struct Events {
    pub(super) startup: SplitEvent,
    pub(super) shutdown: SplitEvent,
    own: RefCell<HashMap<Cow<'static, str>, ThreePhaseEvent>>,
}

/// An event between whose first phase and the others the reactor has something
/// to do.
#[derive(Default)]
pub(super) struct SplitEvent {
    /// Has the phase `before`.
    pub(super) first: ThreePhaseEvent,
    /// Has the others.
    pub(super) rest: ThreePhaseEvent,
}

/// A trigger that was added to one of a reactor's events, to be removed with
/// [`remove_system_event_trigger`](Reactor::remove_system_event_trigger).
/// Dropping it changes nothing.
///
/// ```
/// use reactor_compat::{Reactor, event::EventPhase};
///
/// let reactor = Reactor::new();
/// let trigger = reactor.add_system_event_trigger(EventPhase::Before, "shutdown", || ());
/// reactor.remove_system_event_trigger(&trigger)?;
/// assert!(reactor.remove_system_event_trigger(&trigger).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemEventTrigger {
    event: Cow<'static, str>,
    phase: EventPhase,
    trigger: EventTrigger,
}

impl SplitEvent {
    fn of(&self, phase: EventPhase) -> ThreePhaseEvent {
        match phase {
            EventPhase::Before => self.first.clone(),
            EventPhase::During | EventPhase::After => self.rest.clone(),
        }
    }
}

impl Events {
    /// The event that has this phase of `name`, if there is one.
    fn find(&self, name: &str, phase: EventPhase) -> Option<ThreePhaseEvent> {
        match name {
            STARTUP => Some(self.startup.of(phase)),
            SHUTDOWN => Some(self.shutdown.of(phase)),
            name => self.own.borrow().get(name).cloned(),
        }
    }

    fn find_or_make(&self, name: Cow<'static, str>, phase: EventPhase) -> ThreePhaseEvent {
        self.find(&name, phase)
            .unwrap_or_else(|| self.own.borrow_mut().entry(name).or_default().clone())
    }
}

impl Reactor {
    /// Has `function` called when `event` happens: the next time that its
    /// `phase` is gone through, in the order in which triggers were added.
    ///
    /// `startup` happens when the reactor is [run](Self::run), `shutdown` when
    /// it [stops](Self::stop), and any other event when
    /// [`fire_system_event`](Self::fire_system_event) says so. The function may
    /// return `()`, a `Result` or a `Deferred` (see [`CallResult`]); a Deferred that is returned in
    /// the phase [`Before`](EventPhase::Before) holds the other phases up until
    /// it has its result, however long that takes. What fails or panics is
    /// logged.
    ///
    /// While the reactor stops, the order is: the triggers before `shutdown`,
    /// with all that they wait for; `connection_lost` of each connection, and
    /// `stop_factory` of each port; the triggers during `shutdown`, those after
    /// it, and the end of the run.
    ///
    /// ```
    /// use reactor_compat::{Reactor, ReactorTime, event::EventPhase, task::defer_later};
    /// use std::{cell::RefCell, rc::Rc, time::Duration};
    ///
    /// let reactor = Reactor::new();
    /// let log = Rc::new(RefCell::new(Vec::new()));
    /// let note = |what| {
    ///     let log = log.clone();
    ///     move || log.borrow_mut().push(what)
    /// };
    /// reactor.add_system_event_trigger(EventPhase::After, "shutdown", note("good-bye"));
    /// let (its, saved) = (reactor.clone(), note("saved"));
    /// reactor.add_system_event_trigger(EventPhase::Before, "shutdown", move || {
    ///     defer_later(&its, Duration::from_millis(1), saved)
    /// });
    /// let stop = reactor.clone();
    /// reactor.call_when_running(move || stop.stop().unwrap());
    /// reactor.run()?;
    /// assert_eq!(*log.borrow(), ["saved", "good-bye"]);
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    #[doc(alias = "addSystemEventTrigger")]
    pub fn add_system_event_trigger<R>(
        &self,
        phase: EventPhase,
        event: impl Into<Cow<'static, str>>,
        function: impl FnOnce() -> R + 'static,
    ) -> SystemEventTrigger
    where
        R: CallResult,
    {
        let event = event.into();
        let span = Span::current();
        let target = self.core.events.find_or_make(event.clone(), phase);
        let trigger = if span.is_none() {
            target.add_trigger(phase, function)
        } else {
            target.add_trigger(phase, move || span.in_scope(function))
        };
        SystemEventTrigger { event, phase, trigger }
    }

    /// Takes a trigger back.
    ///
    /// # Errors
    ///
    /// [`NoSuchTrigger`] if it was called or removed before, or belongs to
    /// another reactor.
    ///
    /// ```
    /// use reactor_compat::{Reactor, event::{EventPhase, NoSuchTrigger}};
    ///
    /// let reactor = Reactor::new();
    /// let trigger = reactor.add_system_event_trigger(EventPhase::During, "tea", || println!("never"));
    /// reactor.remove_system_event_trigger(&trigger)?;
    /// assert_eq!(reactor.remove_system_event_trigger(&trigger), Err(NoSuchTrigger));
    /// reactor.fire_system_event("tea");
    /// # Ok::<(), NoSuchTrigger>(())
    /// ```
    #[doc(alias = "removeSystemEventTrigger")]
    pub fn remove_system_event_trigger(
        &self,
        trigger: &SystemEventTrigger,
    ) -> Result<(), NoSuchTrigger> {
        let event = self.core.events.find(&trigger.event, trigger.phase).ok_or(NoSuchTrigger)?;
        event.remove_trigger(&trigger.trigger)
    }

    /// Makes an event happen: calls its triggers, phase by phase. One that
    /// nobody has added a trigger to passes unnoticed.
    ///
    /// `shutdown` is the same as [`stop`](Self::stop), but at once, and no
    /// error if the reactor does not run. `startup` belongs to the reactor:
    /// here it does nothing.
    ///
    /// # Re-entrancy
    ///
    /// The triggers are called before this returns, but for those that have to
    /// wait for a Deferred.
    ///
    /// ```
    /// use reactor_compat::{Reactor, event::EventPhase};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let reactor = Reactor::new();
    /// let cups = Rc::new(Cell::new(0));
    /// let pour = cups.clone();
    /// reactor.add_system_event_trigger(EventPhase::During, "tea", move || pour.set(1));
    /// reactor.fire_system_event("tea");
    /// assert_eq!(cups.get(), 1);
    /// ```
    #[doc(alias = "fireSystemEvent")]
    pub fn fire_system_event(&self, event: &str) {
        match event {
            STARTUP => {}
            SHUTDOWN => {
                // It has to run, and that is all that could be wrong.
                if self.core.stop() {
                    self.core.fire_shutdown();
                }
            }
            event => {
                let own = self.core.events.own.borrow().get(event).cloned();
                if let Some(event) = own {
                    drop(event.fire_event());
                }
            }
        }
    }
}
