//! The results of functions that nobody waits for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor_compat::event::EventPhase;
use reactor_compat::testing::{TestReactor, run_test};
use reactor_compat::{CallResult, Reactor, ReactorNotRunning, reactor};

/// Whether one error of that type was logged, and only one.
fn logged_once(reactor: &TestReactor) -> bool {
    reactor.flush_logged_errors::<fmt::Error>().len() == 1
}

/// Calls `start` with functions of each kind that fails; each is logged once.
fn each_failure_is_logged(reactor: &TestReactor, start: impl Fn(&dyn Start)) {
    start(&|| Err::<(), fmt::Error>(fmt::Error));
    assert!(logged_once(reactor), "an error");
    start(&|| Err::<u8, Failure>(fmt::Error.into()));
    assert!(logged_once(reactor), "a failure");
    start(&|| Deferred::<u8>::fail(fmt::Error));
    assert!(logged_once(reactor), "a Deferred that has failed");
    start(&|| Deferred::<u8>::succeed(1));
    start(&|| Ok::<u8, fmt::Error>(1));
    start(&|| ());
    assert!(!logged_once(reactor), "what succeeds");
}

/// A function to be started, whatever its result.
trait Start {
    fn outcome(&self) -> deferred::Outcome<()>;
}

impl<R: CallResult, F: Fn() -> R> Start for F {
    fn outcome(&self) -> deferred::Outcome<()> {
        self().into_outcome()
    }
}

#[test]
fn stopping_is_said_as_in_python() {
    let remote = reactor().remote();
    remote.call_from_thread(|| reactor().stop()).unwrap();
    reactor().run().unwrap();
    reactor().call_later(Duration::ZERO, || reactor().stop());
    reactor().run().unwrap();
    reactor().call_when_running(|| reactor().stop());
    reactor().run().unwrap();
}

#[test]
fn failures_of_delayed_calls_are_logged() {
    run_test(|reactor| async move {
        reactor.call_later(Duration::ZERO, || Err::<(), _>(fmt::Error));
        reactor.call_later(Duration::ZERO, || Deferred::<u8>::fail(fmt::Error));
        let (late, trigger) = Deferred::<()>::new();
        reactor.call_later(Duration::ZERO, move || late);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(reactor.flush_logged_errors::<fmt::Error>().len(), 2);
        // It is dropped, and reported when it fails.
        trigger.errback(fmt::Error).unwrap();
        assert!(logged_once(&reactor));
    });
}

#[test]
fn failures_of_calls_at_once_are_logged() {
    run_test(|reactor| async move {
        each_failure_is_logged(&reactor, |call| {
            let outcome = Cell::new(Some(call.outcome()));
            // It runs: the call is made before this returns.
            assert!(reactor.call_when_running(move || outcome.take().unwrap()).is_none());
        });
    });
}

#[test]
fn failures_of_triggers_are_logged() {
    run_test(|reactor| async move {
        for phase in [EventPhase::Before, EventPhase::During, EventPhase::After] {
            each_failure_is_logged(&reactor, |call| {
                let outcome = Cell::new(Some(call.outcome()));
                reactor.add_system_event_trigger(phase, "tea", move || outcome.take().unwrap());
                reactor.fire_system_event("tea");
            });
        }
    });
}

#[test]
fn failures_of_calls_from_threads_are_logged() {
    run_test(|reactor| async move {
        let remote = reactor.remote();
        remote.call_from_thread(|| Err::<(), _>(fmt::Error)).unwrap();
        remote.call_from_thread(|| Deferred::<()>::fail(fmt::Error)).unwrap();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(reactor.flush_logged_errors::<fmt::Error>().len(), 2);
    });
}

#[test]
fn stopping_twice_is_logged_and_no_more() {
    run_test(|reactor| async move {
        let idle = Reactor::new();
        reactor.call_later(Duration::ZERO, move || idle.stop());
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(reactor.flush_logged_errors::<ReactorNotRunning>().len(), 1);
    });
}

#[test]
fn a_function_that_never_returns_will_do() {
    let called = Rc::new(Cell::new(false));
    let dropped = called.clone();
    let call = reactor().call_later(Duration::from_secs(60), move || {
        dropped.set(true);
        panic!("it is never called")
    });
    call.cancel().unwrap();
    assert!(!called.get());
}
