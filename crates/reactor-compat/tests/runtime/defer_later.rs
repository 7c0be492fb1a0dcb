//! Functions that are called later, for their result.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::time::ReactorTime;
use deferred::{CancelledError, Deferred, Failure, Panic};
use reactor_compat::task::{Clock, defer_later};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_result_is_there_when_the_time_has_come() {
    let clock = Clock::new();
    let d = defer_later(&clock, 3 * SECOND, || Ok("now"));
    clock.advance(2 * SECOND);
    assert_no_result(&d);
    clock.advance(SECOND);
    assert_eq!(success_result_of(d), "now");
}

#[test]
fn with_nothing_to_do_it_waits() {
    let clock = Clock::new();
    let d = defer_later(&clock, SECOND, || ());
    clock.advance(SECOND);
    success_result_of(d);
}

#[test]
fn a_deferred_is_waited_for() {
    let clock = Clock::new();
    let (inner, trigger) = Deferred::new();
    let d = defer_later(&clock, SECOND, || inner);
    clock.advance(SECOND);
    assert_no_result(&d);
    trigger.callback(5).unwrap();
    assert_eq!(success_result_of(d), 5);
}

#[test]
fn errors_and_panics_are_failures() {
    let clock = Clock::new();
    let failing = defer_later(&clock, SECOND, || Err::<(), Failure>(std::fmt::Error.into()));
    let panicking = defer_later(&clock, SECOND, || -> Result<(), Failure> {
        panic!("this panic is part of the test")
    });
    clock.advance(SECOND);
    assert!(failure_result_of(failing).is::<std::fmt::Error>());
    assert!(failure_result_of(panicking).is::<Panic>());
}

#[test]
fn cancelling_takes_the_call_back() {
    let clock = Clock::new();
    let held = Rc::new(());
    let kept = held.clone();
    let d = defer_later(&clock, SECOND, move || drop(kept));
    d.cancel();
    assert!(failure_result_of(d).is::<CancelledError>());
    assert!(clock.get_delayed_calls().is_empty());
    assert_eq!(Rc::strong_count(&held), 1, "what the function held is gone");
    clock.advance(SECOND);
}

#[test]
fn cancelling_later_goes_to_what_it_waits_for() {
    let clock = Clock::new();
    let (inner, _trigger) = Deferred::<()>::new();
    let d = defer_later(&clock, SECOND, || inner);
    clock.advance(SECOND);
    d.cancel();
    assert!(failure_result_of(d).is::<CancelledError>());
}

#[test]
fn dropping_it_changes_nothing() {
    let errors = LoggedErrors::collect();
    let clock = Clock::new();
    let called = Rc::new(Cell::new(false));
    let see = called.clone();
    drop(defer_later(&clock, SECOND, move || -> Result<(), Failure> {
        see.set(true);
        Err(std::fmt::Error.into())
    }));
    clock.advance(SECOND);
    assert!(called.get());
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn any_clock_will_do() {
    let clock = Clock::new();
    let some: Rc<dyn ReactorTime> = Rc::new(clock.clone());
    let d = defer_later(&some, SECOND, || Ok(1));
    let e = defer_later(&*some, SECOND, || Ok(2));
    clock.advance(SECOND);
    assert_eq!(success_result_of(d) + success_result_of(e), 3);
}
