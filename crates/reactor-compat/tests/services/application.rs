//! A program of services, run by its reactor.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor_compat::Reactor;
use reactor_compat::service::{Application, ApplicationError, service_fn};

type Notes = Rc<RefCell<Vec<&'static str>>>;

#[test]
fn the_reactor_waits_for_services_that_stop() {
    let (reactor, notes) = (Reactor::new(), Notes::default());
    let application = Application::new(&reactor, "test");
    let (started, stopped, clock) = (notes.clone(), notes.clone(), reactor.clone());
    application.add_service(service_fn(
        move || {
            started.borrow_mut().push("starts");
            Ok(())
        },
        move |()| {
            let stopped = stopped.clone();
            let (wait, fire) = Deferred::new();
            clock.call_later(Duration::from_millis(5), move || {
                let _ = fire.callback(());
            });
            wait.add_callback(move |()| stopped.borrow_mut().push("stops"))
        },
    ));
    for _ in 0..2 {
        let stop = reactor.clone();
        reactor.call_when_running(move || stop.stop());
        application.run().unwrap();
        assert_eq!(notes.take(), ["starts", "stops"]);
    }
}

#[test]
fn one_that_does_not_start_ends_it_before_it_runs() {
    let application = Application::new(&Reactor::new(), "test");
    let broken = || Err::<(), _>(io::Error::other("no more room").into());
    application.add_named_service("disk", service_fn(broken, |()| Ok(()))).unwrap();
    let error = application.run().unwrap_err();
    assert_eq!(error.to_string(), "`disk` did not start: no more room");
}

#[test]
fn one_that_fails_late_stops_the_reactor() {
    let reactor = Reactor::new();
    let application = Application::new(&reactor, "test");
    let clock = reactor.clone();
    let late = move || {
        let (wait, fire) = Deferred::<()>::new();
        clock.call_later(Duration::from_millis(5), move || {
            let _ = fire.errback(io::Error::other("no more room"));
        });
        wait
    };
    application.add_named_service("disk", service_fn(late, |()| Ok(()))).unwrap();
    let error = application.run().unwrap_err();
    assert_eq!(error.to_string(), "`disk` did not start: no more room");
}

#[test]
fn one_that_does_not_stop_is_said() {
    let reactor = Reactor::new();
    let application = Application::new(&reactor, "test");
    let stuck = |()| Err::<(), Failure>(io::Error::other("stuck").into());
    application.add_named_service("disk", service_fn(|| Ok(()), stuck)).unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop());
    let error = application.run().unwrap_err();
    assert!(matches!(error, ApplicationError::Service(_)));
    assert_eq!(error.to_string(), "`disk` did not stop: stuck");
}

#[test]
fn services_are_stopped_where_the_reactor_cannot_run() {
    let (reactor, notes) = (Reactor::new(), Notes::default());
    let (started, stopped) = (notes.clone(), notes.clone());
    let application = Application::new(&reactor, "test");
    application.add_service(service_fn(
        move || {
            started.borrow_mut().push("starts");
            Ok(())
        },
        move |()| {
            stopped.borrow_mut().push("stops");
            Ok(())
        },
    ));
    let inside = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = inside.block_on(async { application.run() }).unwrap_err();
    assert!(matches!(error, ApplicationError::Run(_)));
    assert_eq!(notes.take(), ["starts", "stops"]);
}
