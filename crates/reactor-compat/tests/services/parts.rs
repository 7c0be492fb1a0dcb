//! The services that there are, each by itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Log, Recorder, drive, until};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{Deferred, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::service::{
    MultiService, Service, ServiceError, TimerService, service_fn, strports,
};
use reactor_compat::{CannotListenError, Reactor};

/// Says what it does.
fn part(log: &Rc<RefCell<Vec<String>>>, name: &'static str) -> impl Service {
    let (started, stopped) = (log.clone(), log.clone());
    service_fn(
        move || {
            started.borrow_mut().push(format!("+{name}"));
            Ok(())
        },
        move |()| {
            stopped.borrow_mut().push(format!("-{name}"));
            Ok(())
        },
    )
}

fn broken(why: &'static str) -> impl Service {
    service_fn(move || Err::<(), _>(io::Error::other(why).into()), |()| Ok(()))
}

#[test]
fn those_in_a_tree_start_in_order_and_stop_in_reverse() {
    let (log, clock) = (Rc::default(), Clock::new());
    let (outer, inner) = (MultiService::new(&clock), MultiService::new(&clock));
    outer.add_service(part(&log, "a"));
    inner.add_service(part(&log, "b"));
    inner.add_service(part(&log, "c"));
    outer.add_service(inner.clone());
    outer.add_service(part(&log, "d"));
    success_result_of(outer.start_service());
    assert!(inner.running());
    success_result_of(outer.stop_service());
    assert_eq!(*log.borrow(), ["+a", "+b", "+c", "+d", "-d", "-c", "-b", "-a"]);
    assert!(!inner.running());
}

#[test]
fn one_that_fails_deep_down_stops_what_had_started() {
    let (log, clock) = (Rc::default(), Clock::new());
    let (outer, inner) = (MultiService::new(&clock), MultiService::new(&clock));
    outer.add_service(part(&log, "a"));
    inner.add_service(part(&log, "b"));
    inner.add_named_service("disk", broken("no more room")).unwrap();
    outer.add_named_service("storage", inner).unwrap();
    outer.add_service(part(&log, "never"));
    let failure = failure_result_of(outer.start_service());
    assert_eq!(failure.to_string(), "`storage/disk` did not start: no more room");
    assert_eq!(*log.borrow(), ["+a", "+b", "-b", "-a"]);
    assert!(!outer.running());
}

#[test]
fn those_that_do_not_stop_do_not_keep_others_from_it() {
    let (log, clock) = (Rc::default(), Clock::new());
    let services = MultiService::new(&clock);
    let stubborn = |why: &'static str| {
        service_fn(|| Ok(()), move |()| Err::<(), _>(io::Error::other(why).into()))
    };
    services.add_service(part(&log, "a"));
    services.add_named_service("one", stubborn("stuck")).unwrap();
    let inner = MultiService::new(&clock);
    inner.add_named_service("two", stubborn("glued")).unwrap();
    services.add_named_service("inner", inner).unwrap();
    success_result_of(services.start_service());
    let failure = failure_result_of(services.stop_service());
    assert_eq!(failure.to_string(), "`inner/two` did not stop: glued; `one` did not stop: stuck");
    assert_eq!(*log.borrow(), ["+a", "-a"]);
    success_result_of(services.start_service());
}

#[test]
fn one_that_panics_has_failed() {
    let services = MultiService::new(&Clock::new());
    services
        .add_named_service(
            "mad",
            service_fn(
                || -> Result<(), deferred::Failure> { std::panic::panic_any("boo") },
                |()| Ok(()),
            ),
        )
        .unwrap();
    let failure = failure_result_of(services.start_service());
    let Some(ServiceError::NotStarted { reason, .. }) = failure.check() else { unreachable!() };
    assert!(reason.is::<Panic>());
}

#[test]
fn one_that_fails_when_added_is_logged_and_stays() {
    let capture = LogCapture::start();
    let services = MultiService::new(&Clock::new());
    success_result_of(services.start_service());
    let handle = services.add_named_service("disk", broken("no more room")).unwrap();
    assert!(!handle.running() && services.running());
    let logged = capture.flush_logged_errors::<io::Error>();
    assert_eq!(logged.len(), 1);
    assert_eq!(services.services().len(), 1);
}

#[test]
fn a_service_may_be_added_and_removed_by_one_that_starts() {
    let (log, clock): (Rc<RefCell<Vec<String>>>, _) = (Rc::default(), Clock::new());
    let services = MultiService::new(&clock);
    let (inner, seen) = (services.clone(), log.clone());
    services.add_service(service_fn(
        move || {
            let late = inner.add_named_service("late", part(&seen, "late")).unwrap();
            let gone = inner.add_service(part(&seen, "gone"));
            success_result_of(gone.disown_service_parent());
            assert!(!late.running());
            Ok(())
        },
        |()| Ok(()),
    ));
    success_result_of(services.start_service());
    assert_eq!(*log.borrow(), ["+late"]);
    assert!(services.get_service_named("late").unwrap().running());
}

#[test]
fn one_that_stops_all_while_it_starts_is_stopped_itself() {
    let (log, clock) = (Rc::default(), Clock::new());
    let services = MultiService::new(&clock);
    services.add_service(part(&log, "a"));
    let inner = services.clone();
    let stopping = Rc::new(RefCell::new(None));
    let kept = stopping.clone();
    services.add_service(service_fn(
        move || {
            *kept.borrow_mut() = Some(inner.stop_service());
            Ok(())
        },
        |()| Ok(()),
    ));
    services.add_service(part(&log, "never"));
    let failure = failure_result_of(services.start_service());
    assert!(matches!(failure.check(), Some(ServiceError::GivenUp)));
    success_result_of(stopping.take().unwrap());
    assert_eq!(*log.borrow(), ["+a", "-a"]);
}

#[test]
fn who_is_slow_is_said_again_and_again() {
    let (capture, clock) = (LogCapture::start(), Clock::new());
    let services = MultiService::new(&clock);
    let (waiting, fire) = pending();
    let slow = service_fn(|| Ok(()), move |()| waiting.take().unwrap());
    services.add_named_service("slow", slow).unwrap();
    success_result_of(services.start_service());
    let stopping = services.stop_service();
    for _ in 0..25 {
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(
        capture.messages(),
        ["`slow` takes its time to stop: 10s by now", "`slow` takes its time to stop: 20s by now"]
    );
    fire.callback(()).unwrap();
    success_result_of(stopping);
}

/// A Deferred that can be fired until the test drops the trigger.
fn pending() -> (Cell<Option<Deferred<()>>>, deferred::Trigger<()>) {
    let (waiting, fire) = Deferred::new();
    (Cell::new(Some(waiting)), fire)
}

#[test]
fn a_stop_that_can_never_end_is_a_failure() {
    let services = MultiService::new(&Clock::new());
    let (waiting, fire) = pending();
    let lost = service_fn(|| Ok(()), move |()| waiting.take().unwrap());
    services.add_named_service("lost", lost).unwrap();
    success_result_of(services.start_service());
    let stopping = services.stop_service();
    drop(fire);
    let said = "`lost` did not stop: it gave a Deferred that nobody can fire any more";
    assert_eq!(failure_result_of(stopping).to_string(), said);
}

#[test]
fn a_start_that_can_never_end_can_be_given_up() {
    let services = MultiService::new(&Clock::new());
    let never = service_fn(|| Deferred::<()>::new().0, |()| Ok(()));
    services.add_named_service("lost", never).unwrap();
    let starting = services.start_service();
    success_result_of(services.stop_service());
    let failure = failure_result_of(starting);
    assert!(matches!(failure.check(), Some(ServiceError::GivenUp)));
}

#[test]
fn a_timer_that_fails_is_logged_and_calls_no_more() {
    let (capture, clock) = (LogCapture::start(), Clock::new());
    let calls = Rc::new(Cell::new(0));
    let counting = calls.clone();
    let timer = TimerService::new(&clock, Duration::from_secs(1), move || {
        counting.set(counting.get() + 1);
        if counting.get() == 2 { Err(io::Error::other("broken").into()) } else { Ok(()) }
    });
    success_result_of(timer.start_service());
    clock.advance(Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(calls.get(), 2);
    assert_eq!(capture.flush_logged_errors::<io::Error>().len(), 1);
    success_result_of(timer.stop_service());
    success_result_of(timer.start_service());
    assert_eq!(calls.get(), 3);
    success_result_of(timer.stop_service());
}

#[test]
fn a_timer_that_stops_waits_for_its_call() {
    let clock = Clock::new();
    let (pending, fire) = Deferred::new();
    let pending = Rc::new(RefCell::new(Some(pending)));
    let timer = TimerService::new(&clock, Duration::from_secs(1), move || {
        pending.take().unwrap_or_else(|| Deferred::succeed(()))
    });
    success_result_of(timer.start_service());
    let stopping = timer.stop_service();
    let stopped = Rc::new(Cell::new(false));
    let told = stopped.clone();
    drop(stopping.add_callback(move |()| told.set(true)));
    assert!(!stopped.get());
    fire.callback(()).unwrap();
    assert!(stopped.get());
}

#[test]
fn a_port_is_open_while_its_service_runs() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let text = "tcp:0:interface=127.0.0.1";
        let service = strports(&reactor, text, move |_| Recorder::echo(&seen)).unwrap();
        for _ in 0..2 {
            service.start_service().await.unwrap();
            let address = service.port().unwrap().get_host().socket_addr().unwrap();
            let client = tokio::net::TcpStream::connect(address).await.unwrap();
            until(|| service.connections() == 1).await;
            service.stop_service().await.unwrap();
            assert!(service.port().is_none());
            // As in Twisted, connections live on.
            assert_eq!(service.connections(), 1);
            drop(client);
            until(|| service.connections() == 0).await;
        }
    });
}

#[test]
fn a_port_that_is_taken_is_why_a_service_does_not_start() {
    let reactor = Reactor::new();
    let taken = reactor.listen_tcp(("127.0.0.1", 0), |_| Recorder::default()).unwrap();
    let services = MultiService::new(&reactor);
    let text = taken.get_host().server_string().unwrap();
    let service = strports(&reactor, &text, |_| Recorder::default()).unwrap();
    services.add_named_service("web", service).unwrap();
    let failure = failure_result_of(services.start_service());
    let Some(ServiceError::NotStarted { service, reason }) = failure.check() else {
        unreachable!("{failure}")
    };
    assert_eq!(service, "web");
    assert!(reason.is::<CannotListenError>());
    assert_eq!(reactor.inventory().ports.len(), 1);
}
