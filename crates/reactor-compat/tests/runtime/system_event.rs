//! Events of the user's own, and triggers as such.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::rc::Rc;

use deferred::Deferred;
use reactor_compat::Reactor;
use reactor_compat::event::EventPhase::{After, Before, During};
use reactor_compat::event::NoSuchTrigger;

fn never() {
    unreachable!("this trigger was removed, or its event never happens")
}

#[test]
fn an_event_of_ones_own_goes_through_its_phases() {
    let (reactor, log) = (Reactor::new(), Rc::new(RefCell::new(Vec::new())));
    let (held, trigger) = Deferred::<()>::new();
    for (phase, name) in [(After, "after"), (During, "during"), (Before, "before")] {
        let log = log.clone();
        reactor.add_system_event_trigger(phase, "tea", move || log.borrow_mut().push(name));
    }
    reactor.add_system_event_trigger(Before, "tea", move || held);
    reactor.fire_system_event("tea");
    assert_eq!(*log.borrow(), ["before"]);
    trigger.callback(()).unwrap();
    assert_eq!(*log.borrow(), ["before", "during", "after"]);
    // They are gone.
    reactor.fire_system_event("tea");
    assert_eq!(log.borrow().len(), 3);
}

#[test]
fn events_are_told_apart_by_their_names() {
    let reactor = Reactor::new();
    let tea = reactor.add_system_event_trigger(During, "tea", never);
    reactor.add_system_event_trigger(During, String::from("coffee"), || ());
    reactor.fire_system_event("coffee");
    reactor.fire_system_event("an event that nobody knows");
    reactor.remove_system_event_trigger(&tea).unwrap();
}

#[test]
fn a_trigger_is_removed_once_and_from_its_own_reactor() {
    for event in ["startup", "shutdown", "tea"] {
        for phase in [Before, During, After] {
            let (reactor, other) = (Reactor::new(), Reactor::new());
            let trigger = reactor.add_system_event_trigger(phase, event, never);
            assert_eq!(other.remove_system_event_trigger(&trigger), Err(NoSuchTrigger));
            assert_eq!(reactor.remove_system_event_trigger(&trigger), Ok(()));
            assert_eq!(reactor.remove_system_event_trigger(&trigger), Err(NoSuchTrigger));
        }
    }
}

#[test]
fn a_trigger_may_fire_other_events_and_add_triggers() {
    let (reactor, log) = (Reactor::new(), Rc::new(RefCell::new(Vec::new())));
    let (inner, seen) = (reactor.clone(), log.clone());
    reactor.add_system_event_trigger(During, "one", move || {
        let (other, later) = (seen.clone(), seen.clone());
        inner.add_system_event_trigger(During, "two", move || other.borrow_mut().push("two"));
        inner.add_system_event_trigger(After, "one", move || later.borrow_mut().push("after one"));
        inner.fire_system_event("two");
        seen.borrow_mut().push("one");
    });
    reactor.fire_system_event("one");
    assert_eq!(*log.borrow(), ["two", "one", "after one"]);
}

#[test]
fn triggers_run_in_the_span_they_were_added_in() {
    use reactor_compat::log::{self, LogCapture};
    let capture = LogCapture::start();
    let reactor = Reactor::new();
    log::call_with_system("Adder", || {
        reactor.add_system_event_trigger(During, "tea", || log::msg("tea"));
    });
    reactor.fire_system_event("tea");
    assert_eq!(capture.take()[0].system(), "Adder");
}
