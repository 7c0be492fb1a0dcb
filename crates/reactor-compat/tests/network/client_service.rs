//! A client that connects again and again: its states on the virtual clock and on the
//! simulated network. Its traces are compared with Twisted's by the conformance family
//! `client_service`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Event, Log, Recorder};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{CancelledError, Deferred};
use reactor_compat::endpoint::client_from_string;
use reactor_compat::service::{ClientService, Delays};
use reactor_compat::testing::{Link, MemoryReactor, Simulation};
use reactor_compat::{Address, ConnectError, Connection};

const SECOND: Duration = Duration::from_secs(1);

/// A service on the memory network, whose time the test moves, and what its protocols
/// hear.
fn service(reactor: &MemoryReactor, clock: &Clock) -> (ClientService<Recorder>, Log) {
    let log = Log::default();
    let its = log.clone();
    let place = client_from_string(reactor, "tcp:192.0.2.1:80").unwrap();
    let service = ClientService::new(place, move |_: Address| Recorder::new(&its))
        .retry_policy(Delays::new([SECOND, 2 * SECOND]))
        .clock(clock);
    (service, log)
}

fn attempts(reactor: &MemoryReactor) -> usize {
    reactor.settle().unwrap();
    reactor.tcp_clients().len()
}

#[test]
fn it_connects_again_after_what_the_policy_says_and_from_the_start_after_a_success() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let (service, _) = service(&reactor, &clock);
    service.start_service();
    for (before, delay) in [(1, SECOND), (2, 2 * SECOND), (3, 2 * SECOND)] {
        assert_eq!(attempts(&reactor), before);
        reactor.tcp_clients()[before - 1].fail(ConnectError::ConnectionRefused).unwrap();
        reactor.settle().unwrap();
        clock.advance(delay - Duration::from_millis(1));
        assert_eq!(attempts(&reactor), before);
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(attempts(&reactor), 4);
    let connected = service.when_connected(None);
    let peer = reactor.tcp_clients()[3].accept().unwrap();
    reactor.flush().unwrap();
    assert!(success_result_of(connected).connected());
    drop(peer);
    reactor.flush().unwrap();
    clock.advance(SECOND);
    assert_eq!(attempts(&reactor), 5);
}

#[test]
fn a_connection_that_is_lost_while_it_is_prepared_is_a_failure() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let (service, log) = service(&reactor, &clock);
    let cancelled = Rc::new(Cell::new(false));
    let seen = cancelled.clone();
    let service = service.prepare_connection(move |_: &Connection<Recorder>| {
        let seen = seen.clone();
        Deferred::<()>::with_canceller(move |_| seen.set(true)).0
    });
    service.start_service();
    let connected = service.when_connected(1);
    reactor.settle().unwrap();
    let peer = reactor.tcp_clients()[0].accept().unwrap();
    reactor.flush().unwrap();
    assert_no_result(&connected);
    drop(peer);
    reactor.flush().unwrap();
    assert!(cancelled.get());
    assert_eq!(log.end(), Some(Event::Done));
    // Not that of what was cancelled.
    assert!(failure_result_of(connected).is::<reactor_compat::ConnectionDone>());
    clock.advance(SECOND);
    assert_eq!(attempts(&reactor), 2);
}

#[test]
fn who_waits_may_stop_it_and_start_it_from_where_he_is_told() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let (service, _) = service(&reactor, &clock);
    service.start_service();
    let its = service.clone();
    let stopped = service.when_connected(None).add_callback(move |_| {
        let stopped = its.stop_service();
        its.start_service();
        stopped
    });
    reactor.settle().unwrap();
    let first = reactor.tcp_clients()[0].accept().unwrap();
    reactor.flush().unwrap();
    drop(first);
    reactor.flush().unwrap();
    success_result_of(stopped);
    assert_eq!(attempts(&reactor), 2);
    assert!(service.running());
}

#[test]
fn stopping_gives_the_attempt_up_and_tells_who_waits() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let (service, _) = service(&reactor, &clock);
    service.start_service();
    let connected = service.when_connected(3);
    // Before the attempt has begun, and after.
    success_result_of(service.stop_service());
    assert!(failure_result_of(connected).is::<CancelledError>());
    service.start_service();
    reactor.settle().unwrap();
    success_result_of(service.stop_service());
    reactor.settle().unwrap();
    assert!(reactor.inventory().connecting.is_empty());
    assert!(failure_result_of(service.when_connected(None)).is::<CancelledError>());
}

#[test]
fn one_who_gives_up_waiting_is_forgotten() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let (service, _) = service(&reactor, &clock);
    let waiting = service.when_connected(None);
    waiting.cancel();
    assert!(failure_result_of(waiting).is::<CancelledError>());
    assert!(format!("{service:?}").contains("waiting: 0"), "{service:?}");
}

#[test]
fn a_policy_and_a_preparation_that_panic_are_failures() {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let logged = reactor_compat::log::LogCapture::start();
    let (service, _) = service(&reactor, &clock);
    let service = service
        .retry_policy(|failures: u32| {
            assert_ne!(failures, 1, "boom");
            SECOND
        })
        .prepare_connection(|_: &Connection<Recorder>| -> Result<(), deferred::Failure> {
            unreachable!("boom")
        });
    service.start_service();
    let connected = service.when_connected(1);
    reactor.settle().unwrap();
    let _peer = reactor.tcp_clients()[0].accept().unwrap();
    reactor.flush().unwrap();
    assert!(failure_result_of(connected).is::<deferred::Panic>());
    assert_eq!(logged.flush_logged_errors::<deferred::Panic>().len(), 1);
    clock.advance(3 * SECOND);
    assert_eq!(attempts(&reactor), 2);
}

#[test]
fn over_a_bad_network_it_comes_back() {
    let simulation = Simulation::new(7);
    simulation.set_default_link(Link::new().latency(Duration::from_millis(50)));
    let log = Log::default();
    let its = log.clone();
    let server = simulation.node("server", move |reactor| {
        let log = its.clone();
        reactor.listen_tcp(80, move |_: Address| Recorder::echo(&log)).unwrap();
    });
    let client = simulation.node("client", |_| ());
    let place = client_from_string(&client.reactor(), "tcp:server:80").unwrap();
    let service = ClientService::new(place, |_: Address| Recorder::default());
    service.start_service();
    let connected = service.when_connected(None);
    simulation.run_for(SECOND).unwrap();
    let first = success_result_of(connected);
    server.crash();
    server.start();
    first.write("anybody there?");
    simulation.run_for(10 * SECOND).unwrap();
    assert!(!first.connected());
    assert!(success_result_of(service.when_connected(None)).connected());
}
