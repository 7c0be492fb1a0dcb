//! [`ThreePhaseEvent`]: functions called before, during and after something.
//!
//! Mirrors `twisted.internet.base._ThreePhaseEvent`. Tested in
//! `tests/runtime/event.rs`, and trace by trace against Twisted by the conformance
//! programs of family `triggers`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use deferred::{Deferred, DeferredList, Outcome};

use crate::call_result::CallResult;
use crate::guard;

/// The words in the log for a trigger that fails.
pub(crate) const WHILE_TRIGGERING: &str = "While calling system event trigger handler";

/// One of the three phases of an event.
///
/// ```
/// use reactor_compat::Reactor;
/// use reactor_compat::event::EventPhase;
///
/// let reactor = Reactor::new();
/// let trigger = reactor.add_system_event_trigger(EventPhase::Before, "shutdown", || ());
/// assert!(reactor.remove_system_event_trigger(&trigger).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventPhase {
    /// The preparations, however long they take: a trigger that returns
    /// a Deferred holds the other phases up until that has its result.
    Before,
    /// The thing itself.
    During,
    /// The clean-up.
    After,
}

/// An event with triggers: functions that are called before, during and after
/// it.
///
/// Triggers are called once, in the order in which they were added, phase by
/// phase. One that fails or panics is logged, and the others are called all the
/// same; a Deferred that one returns is waited for in the phase
/// [`Before`](EventPhase::Before), and ignored in the other two.
///
/// A `ThreePhaseEvent` is a handle; clones are of the same event.
///
/// # Re-entrancy
///
/// Triggers may add and remove triggers, and fire the event. One that is added
/// to the phase that is being gone through, or to a later one, is still called;
/// one that is added to an earlier one waits for the event to be fired again.
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::event::{EventPhase, ThreePhaseEvent};
/// use std::{cell::RefCell, rc::Rc};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let note = |what: &'static str| {
///     let log = log.clone();
///     move || log.borrow_mut().push(what)
/// };
/// let shutdown = ThreePhaseEvent::new();
/// let (saved, trigger) = Deferred::<()>::new();
/// shutdown.add_trigger(EventPhase::After, note("say good-bye"));
/// shutdown.add_trigger(EventPhase::During, note("close the ports"));
/// shutdown.add_trigger(EventPhase::Before, move || saved);
///
/// let done = shutdown.fire_event();
/// assert!(log.borrow().is_empty() && !done.has_result());
/// trigger.callback(())?;
/// assert_eq!(*log.borrow(), ["close the ports", "say good-bye"]);
/// assert!(done.has_result());
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
#[derive(Clone, Default)]
#[doc(alias = "_ThreePhaseEvent")]
pub struct ThreePhaseEvent {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    before: Phase,
    during: Phase,
    after: Phase,
    state: Cell<State>,
    /// The `before` triggers that were called, while the state is `Before`.
    called: RefCell<Vec<EventTrigger>>,
}

/// ```text
/// Base ──fired──▶ Before ──all `before` triggers have their results──▶ Base
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Base,
    Before,
}

type Function = Box<dyn FnOnce() -> Outcome<()>>;

/// The triggers of a phase that are yet to be called.
#[derive(Default)]
struct Phase {
    triggers: RefCell<VecDeque<(EventTrigger, Function)>>,
}

/// A trigger that was added, to be removed with
/// [`remove_trigger`](ThreePhaseEvent::remove_trigger). Dropping it changes
/// nothing.
///
/// ```
/// use reactor_compat::event::{EventPhase, ThreePhaseEvent};
///
/// let event = ThreePhaseEvent::new();
/// let trigger = event.add_trigger(EventPhase::After, || ());
/// assert_eq!(trigger, trigger.clone());
/// assert_ne!(trigger, event.add_trigger(EventPhase::After, || ()));
/// ```
#[derive(Clone)]
pub struct EventTrigger {
    /// It is its address that tells it from others.
    phase: Rc<EventPhase>,
}

impl ThreePhaseEvent {
    /// An event without triggers.
    ///
    /// ```
    /// use reactor_compat::event::ThreePhaseEvent;
    ///
    /// assert!(ThreePhaseEvent::new().fire_event().has_result());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trigger, which is called the next time that `phase` is gone
    /// through, and then gone.
    ///
    /// It may return `()`, a `Result` or a `Deferred`: see [`CallResult`].
    ///
    /// ```
    /// use reactor_compat::event::{EventPhase, ThreePhaseEvent};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let shutdown = ThreePhaseEvent::new();
    /// let closed = Rc::new(Cell::new(false));
    /// let close = closed.clone();
    /// shutdown.add_trigger(EventPhase::During, move || close.set(true));
    /// shutdown.fire_event();
    /// assert!(closed.get());
    /// ```
    #[doc(alias = "addTrigger")]
    pub fn add_trigger<R>(
        &self,
        phase: EventPhase,
        function: impl FnOnce() -> R + 'static,
    ) -> EventTrigger
    where
        R: CallResult,
    {
        let trigger = EventTrigger { phase: Rc::new(phase) };
        let function: Function = Box::new(|| function().into_outcome());
        let phase = self.inner.phase(phase);
        phase.triggers.borrow_mut().push_back((trigger.clone(), function));
        trigger
    }

    /// Takes a trigger back.
    ///
    /// As long as the phase [`Before`](EventPhase::Before) lasts, one of that
    /// phase that was called can still be removed, which does nothing but log a
    /// warning, as in Twisted.
    ///
    /// # Errors
    ///
    /// [`NoSuchTrigger`] if it was called or removed before, or belongs to
    /// another event.
    ///
    /// ```
    /// use reactor_compat::event::{EventPhase, NoSuchTrigger, ThreePhaseEvent};
    ///
    /// let event = ThreePhaseEvent::new();
    /// let trigger = event.add_trigger(EventPhase::During, || println!("never"));
    /// event.remove_trigger(&trigger)?;
    /// assert_eq!(event.remove_trigger(&trigger), Err(NoSuchTrigger));
    /// event.fire_event();
    /// # Ok::<(), NoSuchTrigger>(())
    /// ```
    #[doc(alias = "removeTrigger")]
    pub fn remove_trigger(&self, trigger: &EventTrigger) -> Result<(), NoSuchTrigger> {
        if self.inner.state.get() == State::Before && self.inner.called.borrow().contains(trigger) {
            tracing::warn!("a system event trigger was removed that was called before");
            return Ok(());
        }
        let mut triggers = self.inner.phase(*trigger.phase).triggers.borrow_mut();
        let place = triggers.iter().position(|(other, _)| other == trigger);
        let removed = place.and_then(|place| triggers.remove(place)).ok_or(NoSuchTrigger)?;
        // What the function holds may use the event when it is dropped.
        drop(triggers);
        drop(removed);
        Ok(())
    }

    /// Calls the triggers, and fires when all of them have been called.
    ///
    /// Dropping the Deferred changes nothing.
    ///
    /// ```
    /// use reactor_compat::event::{EventPhase, ThreePhaseEvent};
    ///
    /// let event = ThreePhaseEvent::new();
    /// event.add_trigger(EventPhase::During, || {
    ///     Err::<(), _>(std::fmt::Error) // logged, and no more
    /// });
    /// assert!(event.fire_event().has_result());
    /// ```
    #[doc(alias = "fireEvent")]
    pub fn fire_event(&self) -> Deferred<()> {
        self.inner.state.set(State::Before);
        self.inner.called.take();
        let mut waits = Vec::new();
        while let Some((trigger, function)) = self.inner.before.next() {
            self.inner.called.borrow_mut().push(trigger);
            waits.extend(call(function));
        }
        let inner = self.inner.clone();
        let before = DeferredList::new(waits).into_deferred();
        before.add_callback(move |_results| inner.go_on())
    }
}

impl Inner {
    fn phase(&self, phase: EventPhase) -> &Phase {
        match phase {
            EventPhase::Before => &self.before,
            EventPhase::During => &self.during,
            EventPhase::After => &self.after,
        }
    }

    /// Goes through the other two phases.
    fn go_on(&self) {
        self.state.set(State::Base);
        self.called.take();
        for phase in [&self.during, &self.after] {
            while let Some((_, function)) = phase.next() {
                drop(call(function));
            }
        }
    }
}

impl Phase {
    fn next(&self) -> Option<(EventTrigger, Function)> {
        self.triggers.borrow_mut().pop_front()
    }
}

/// Calls a trigger, and gives the Deferred that it returned, if it did.
fn call(function: Function) -> Option<Deferred<()>> {
    match guard::catch(function) {
        Ok(Outcome::Wait(deferred)) => return Some(deferred),
        Ok(Outcome::Done(Ok(()))) => {}
        Ok(Outcome::Done(Err(failure))) | Err(failure) => {
            crate::log::err(failure, WHILE_TRIGGERING);
        }
    }
    None
}

impl fmt::Debug for ThreePhaseEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |phase: EventPhase| self.inner.phase(phase).triggers.borrow().len();
        f.debug_struct("ThreePhaseEvent")
            .field("state", &self.inner.state.get())
            .field("before", &count(EventPhase::Before))
            .field("during", &count(EventPhase::During))
            .field("after", &count(EventPhase::After))
            .finish()
    }
}

/// Two are equal if they are of one trigger.
impl PartialEq for EventTrigger {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.phase, &other.phase)
    }
}

impl Eq for EventTrigger {}

impl fmt::Debug for EventTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventTrigger").field("phase", &self.phase).finish_non_exhaustive()
    }
}

/// A trigger was to be removed that is not there: it was called or removed
/// before, or belongs to another event.
///
/// ```
/// use reactor_compat::event::{EventPhase, NoSuchTrigger, ThreePhaseEvent};
///
/// let (here, elsewhere) = (ThreePhaseEvent::new(), ThreePhaseEvent::new());
/// let trigger = here.add_trigger(EventPhase::Before, || ());
/// assert_eq!(elsewhere.remove_trigger(&trigger), Err(NoSuchTrigger));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the event has no such trigger")]
pub struct NoSuchTrigger;
