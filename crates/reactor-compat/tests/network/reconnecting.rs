//! Reconnecting: when there is a retry, after what delay, and what ends it.
//!
//! The tests of Twisted's `test_factories.py` are among them. Time is a
//! `Clock`'s; the connections are real where there are any.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::f64::consts::E;
use std::future::pending;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::{Failure, Panic};
use reactor_compat::log::LogCapture;
use reactor_compat::task::Clock;
use reactor_compat::{
    Address, ClientFactory, ConnectError, ConnectionDone, Connector, ConnectorBusy, Factory,
    Reactor, ReactorTime, ReconnectHandle, ReconnectingClientFactory, SharedFactory,
};

const SECOND: Duration = Duration::from_secs(1);

/// A connector whose reactor is gone, so that it does nothing.
fn idle_connector() -> Connector<Recorder> {
    Reactor::new().connect_tcp(("127.0.0.1", 1), silent)
}

fn silent(_: Address) -> Recorder {
    Recorder::default()
}

fn done() -> Failure {
    Failure::new(ConnectionDone)
}

fn refused() -> Failure {
    Failure::new(ConnectError::ConnectionRefused)
}

type Plain = fn(Address) -> Recorder;

/// A factory by this clock that leaves nothing to chance.
fn steady(clock: &Clock) -> ReconnectingClientFactory<Plain> {
    ReconnectingClientFactory::new(silent as Plain).clock(clock).jitter(0.0)
}

/// The delay until the next retry, which is then taken for made and failed.
fn next_delay(clock: &Clock) -> f64 {
    let calls = clock.get_delayed_calls();
    assert_eq!(calls.len(), 1, "there is one retry at a time");
    let delay = calls[0].get_time() - clock.seconds();
    calls[0].cancel().unwrap();
    delay.as_secs_f64()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6 * expected, "{found} is not {expected}");
    }
}

#[test]
fn stopping_to_try_while_connected_means_no_retry_when_it_is_lost() {
    let clock = Clock::new();
    let mut factory = steady(&clock);
    factory.build_protocol(Address::Pipe);
    factory.handle().stop_trying();
    factory.client_connection_lost(&idle_connector(), done());
    assert!(!factory.handle().continue_trying());
    assert_eq!(clock.get_delayed_calls(), []);
}

#[test]
fn the_clock_can_be_set_and_the_first_delay_is_the_initial_one() {
    for set in [None, Some(5 * SECOND)] {
        let clock = Clock::new();
        let mut factory = steady(&clock);
        if let Some(delay) = set {
            factory = factory.initial_delay(delay);
        }
        factory.client_connection_lost(&idle_connector(), done());
        assert_eq!(next_delay(&clock), set.map_or(1.0, |delay| delay.as_secs_f64()));
    }
}

#[test]
fn the_delay_grows_up_to_an_hour() {
    let clock = Clock::new();
    let (mut factory, connector) = (steady(&clock), idle_connector());
    let mut delays = Vec::new();
    for _ in 0..11 {
        factory.client_connection_failed(&connector, refused());
        delays.push(next_delay(&clock));
    }
    let expected: Vec<f64> = (0..11).map(|retry| E.powi(retry).min(3600.0)).collect();
    assert_close(&delays, &expected);
    assert_eq!(delays[10], 3600.0);
    assert_eq!(factory.handle().retries(), 11);
}

#[test]
fn growth_and_bound_can_be_set() {
    let clock = Clock::new();
    let connector = idle_connector();
    let mut factory = steady(&clock).factor(2.0).max_delay(3 * SECOND);
    let delays: Vec<f64> = (0..4)
        .map(|_| {
            factory.client_connection_failed(&connector, refused());
            next_delay(&clock)
        })
        .collect();
    assert_close(&delays, &[1.0, 2.0, 3.0, 3.0]);
}

#[test]
fn chance_changes_each_delay_and_those_after_it() {
    let clock = Clock::new();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let questions = asked.clone();
    let connector = idle_connector();
    let mut factory = steady(&clock).factor(2.0).jitter(0.5).random(move |mean, deviation| {
        questions.borrow_mut().push((mean, deviation));
        mean + deviation
    });
    let delays: Vec<f64> = (0..3)
        .map(|_| {
            factory.client_connection_failed(&connector, refused());
            next_delay(&clock)
        })
        .collect();
    assert_close(&delays, &[1.5, 4.5, 13.5]);
    assert_eq!(*asked.borrow(), [(1.0, 0.5), (3.0, 1.5), (9.0, 4.5)]);
}

#[test]
fn chance_is_there_unless_turned_off_and_is_not_too_great() {
    let clock = Clock::new();
    let connector = idle_connector();
    let handle = ReconnectingClientFactory::new(silent).clock(&clock).handle();
    let delays: Vec<f64> = (0..1000)
        .map(|_| {
            handle.reset_delay();
            handle.retry(&connector);
            next_delay(&clock)
        })
        .collect();
    // Eight standard deviations either way: this does not happen.
    assert!(delays.iter().all(|delay| (0.04..1.96).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 0.95));
    assert!(delays.iter().any(|delay| *delay > 1.05));
}

#[test]
fn no_chance_makes_a_delay_that_is_none() {
    for nonsense in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let clock = Clock::new();
        let mut factory = steady(&clock).jitter(1.0).random(move |_, _| nonsense);
        factory.client_connection_failed(&idle_connector(), refused());
        assert_eq!(next_delay(&clock), 1.0, "for {nonsense}");
    }
    let clock = Clock::new();
    let mut factory = steady(&clock).jitter(1.0).random(|_, _| f64::INFINITY);
    factory.client_connection_failed(&idle_connector(), refused());
    assert_eq!(next_delay(&clock), 3600.0);
}

#[test]
fn it_gives_up_after_so_many_retries() {
    let clock = Clock::new();
    let connector = idle_connector();
    let mut factory = steady(&clock).max_retries(2);
    for _ in 0..2 {
        factory.client_connection_failed(&connector, refused());
        next_delay(&clock);
    }
    factory.client_connection_failed(&connector, refused());
    assert_eq!(clock.get_delayed_calls(), []);
    assert!(factory.handle().continue_trying(), "as in Twisted");

    factory.handle().reset_delay();
    factory.client_connection_failed(&connector, refused());
    assert_eq!(next_delay(&clock), 1.0);
}

#[test]
fn stopping_to_try_takes_a_retry_back_and_resetting_allows_the_next() {
    let clock = Clock::new();
    let connector = idle_connector();
    let mut factory = steady(&clock);
    let handle = factory.handle();
    factory.client_connection_failed(&connector, refused());
    handle.stop_trying();
    assert_eq!(clock.get_delayed_calls(), []);

    handle.retry(&connector);
    assert_eq!(clock.get_delayed_calls(), [], "an explicit request outlasts a retry");

    handle.reset_delay();
    assert_eq!((handle.retries(), handle.delay()), (0, SECOND));
    handle.retry(&connector);
    assert_eq!(next_delay(&clock), 1.0);
}

#[test]
fn a_retry_outlasts_a_reset_and_can_still_be_taken_back() {
    let clock = Clock::new();
    let mut factory = steady(&clock);
    factory.client_connection_failed(&idle_connector(), refused());
    factory.handle().reset_delay();
    assert_eq!(clock.get_delayed_calls().len(), 1);
    factory.handle().stop_trying();
    assert_eq!(clock.get_delayed_calls(), []);
}

#[test]
fn a_retry_takes_the_place_of_another() {
    let clock = Clock::new();
    let connector = idle_connector();
    let handle = steady(&clock).factor(2.0).handle();
    handle.retry(&connector);
    handle.retry(&connector);
    assert_eq!(next_delay(&clock), 2.0);
}

#[test]
fn each_connector_has_a_retry_of_its_own() {
    let clock = Clock::new();
    let connectors = [idle_connector(), idle_connector()];
    let handle = steady(&clock).handle();
    for _ in 0..2 {
        connectors.iter().for_each(|connector| handle.retry(connector));
    }
    assert_eq!(clock.get_delayed_calls().len(), 2);
    handle.stop_trying();
    assert_eq!(clock.get_delayed_calls(), []);
}

#[test]
fn all_connectors_of_a_shared_factory_connect_again() {
    drive(|reactor| async move {
        let clock = Clock::new();
        let servers = [(); 2].map(|()| Log::default());
        let shared = SharedFactory::new(steady(&clock));
        for log in servers.clone() {
            let hang_up = move |_: Address| {
                Recorder::new(&log).made(|transport, ()| transport.lose_connection())
            };
            reactor.connect_tcp(listen(&reactor, hang_up), shared.clone());
        }
        for times in 1..4 {
            until(|| clock.get_delayed_calls().len() == 2).await;
            for log in &servers {
                let made = log.events().iter().filter(|event| **event == Event::Made).count();
                assert_eq!(made, times);
            }
            clock.advance(3600 * SECOND);
        }
        until(|| clock.get_delayed_calls().len() == 2).await;
        shared.with(|factory| factory.handle().stop_trying());
        assert_eq!(clock.get_delayed_calls(), []);
    });
}

#[test]
fn stopping_to_try_gives_the_retries_of_all_connectors_up() {
    drive(|reactor| async move {
        be_slow(&reactor);
        let clock = Clock::new();
        let shared = SharedFactory::new(steady(&clock));
        for _ in 0..2 {
            reactor.connect_tcp(("slow.test", 1), shared.clone()).stop_connecting().unwrap();
        }
        until(|| clock.get_delayed_calls().len() == 2).await;
        clock.advance(3600 * SECOND);
        turns(20).await;
        assert_eq!(reactor.inventory().connecting.len(), 2);
        shared.with(|factory| factory.handle().stop_trying());
        until(|| shared.users() == 0).await;
        assert!(reactor.inventory().connecting.is_empty());
        assert_eq!(clock.get_delayed_calls(), []);
    });
}

#[test]
fn a_retry_while_it_connects_is_logged_and_nothing_else() {
    let log = LogCapture::start();
    let clock = Clock::new();
    let handle = steady(&clock).handle();
    // It does not run: the connector has been connecting all the time.
    let reactor = Reactor::new();
    handle.retry(&reactor.connect_tcp(("127.0.0.1", 1), silent));
    clock.advance(SECOND);
    assert_eq!(log.flush_logged_errors::<ConnectorBusy>().len(), 1);
    assert_eq!(clock.get_delayed_calls(), []);
    assert_eq!(handle.retries(), 1);
}

#[test]
fn the_log_says_when_there_will_be_a_retry_and_when_there_will_be_none() {
    let clock = Clock::new();
    let connector = idle_connector();
    let log = LogCapture::start();
    let handle = steady(&clock).max_retries(2).handle();
    for _ in 0..3 {
        handle.retry(&connector);
    }
    handle.stop_trying();
    handle.retry(&connector);
    let lines = [
        "127.0.0.1:1 will retry in 1 seconds",
        "127.0.0.1:1 will retry in 2 seconds",
        "Abandoning 127.0.0.1:1 after 3 retries.",
        "Abandoning 127.0.0.1:1 on explicit request",
    ];
    assert_eq!(log.messages(), lines);
}

/// A factory that notes what it hears, and does with it what the test says.
struct Witness {
    heard: Rc<RefCell<Vec<&'static str>>>,
    act: Box<dyn FnMut(&'static str)>,
    log: Log,
    _dropped: SetOnDrop,
}

struct SetOnDrop(Rc<Cell<bool>>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl Witness {
    fn note(&mut self, what: &'static str) {
        self.heard.borrow_mut().push(what);
        (self.act)(what);
    }
}

impl Factory for Witness {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        self.note("build");
        Some(Recorder::new(&self.log))
    }
}

impl ClientFactory for Witness {
    fn started_connecting(&mut self, _: &Connector<Recorder>) {
        self.note("started");
    }

    fn client_connection_failed(&mut self, _: &Connector<Recorder>, reason: Failure) {
        let given_up = reason.check() == Some(&ConnectError::UserAborted);
        self.note(if given_up { "given up" } else { "failed" });
    }

    fn client_connection_lost(&mut self, _: &Connector<Recorder>, _: Failure) {
        self.note("lost");
    }
}

/// A reconnecting factory around a [`Witness`], and all that can be seen of it.
struct Scene {
    clock: Clock,
    heard: Rc<RefCell<Vec<&'static str>>>,
    dropped: Rc<Cell<bool>>,
    log: Log,
    handle: ReconnectHandle,
}

impl Scene {
    fn new(
        act: impl FnOnce(ReconnectHandle) -> Box<dyn FnMut(&'static str)>,
    ) -> (Self, ReconnectingClientFactory<Witness>) {
        let (clock, heard, log) = (Clock::new(), Rc::default(), Log::default());
        let dropped = Rc::new(Cell::new(false));
        let factory = ReconnectingClientFactory::with_handle(|handle| Witness {
            heard: Rc::clone(&heard),
            act: act(handle),
            log: log.clone(),
            _dropped: SetOnDrop(dropped.clone()),
        });
        let factory = factory.clock(&clock).jitter(0.0);
        let handle = factory.handle();
        (Self { clock, heard, dropped, log, handle }, factory)
    }

    fn plain() -> (Self, ReconnectingClientFactory<Witness>) {
        Self::new(|_| Box::new(|_| ()))
    }

    fn heard(&self) -> Vec<&'static str> {
        self.heard.borrow().clone()
    }

    /// Waits until it has heard so many things; the last of them.
    async fn hears(&self, things: usize) -> &'static str {
        until(|| self.heard.borrow().len() >= things).await;
        assert_eq!(self.heard.borrow().len(), things);
        self.heard.borrow()[things - 1]
    }

    /// Waits until a retry waits, and has its time come.
    async fn retry(&self) {
        until(|| !self.clock.get_delayed_calls().is_empty()).await;
        let due = self.clock.get_delayed_calls()[0].get_time();
        self.clock.advance(due - self.clock.seconds());
    }

    /// Waits until the connection is made.
    async fn connected(&self, times: usize) {
        let made = || self.log.events().iter().filter(|event| **event == Event::Made).count();
        until(|| made() == times).await;
    }
}

#[test]
fn a_server_that_comes_late_and_comes_back_is_found() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let address = reserved.address;
        let (scene, factory) = Scene::plain();
        reactor.connect_tcp(address, factory);
        assert_eq!(scene.hears(2).await, "failed");
        scene.retry().await;
        assert_eq!(scene.hears(4).await, "failed");

        let hang_up = |_: Address| Recorder::default().made(|its, ()| its.lose_connection());
        let port = reactor.listen_tcp(address, hang_up).unwrap();
        scene.retry().await;
        assert_eq!(scene.hears(7).await, "lost");
        port.stop_listening().await.unwrap();

        let port = reactor.listen_tcp(address, silent).unwrap();
        scene.retry().await;
        scene.connected(2).await;
        scene.handle.stop_trying();
        let attempt = ["started", "failed"];
        let lost = ["started", "build", "lost"];
        assert_eq!(scene.heard(), [&attempt[..], &attempt, &lost, &["started", "build"]].concat());
        port.stop_listening().await.unwrap();
    });
}

#[test]
fn who_waits_between_two_attempts_hears_that_the_reactor_stops() {
    let waiting = drive(|reactor| async move {
        let address = Reserved::new();
        let (scene, factory) = Scene::plain();
        let connector = reactor.connect_tcp(address.address, factory);
        assert_eq!(scene.hears(2).await, "failed");
        Some(connector.when_connected())
    });
    let failure = waiting.unwrap().take_result().unwrap().map(drop).unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectError::ReactorStopped));
}

/// What Twisted does as well: only `stop_trying` stops it.
#[test]
fn there_is_a_retry_after_stop_connecting_and_disconnect_too() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let (scene, factory) = Scene::plain();
        let connector = reactor.connect_tcp(address, factory);
        connector.stop_connecting().unwrap();
        assert_eq!(scene.hears(2).await, "given up");
        scene.retry().await;
        scene.connected(1).await;
        connector.disconnect();
        assert_eq!(scene.hears(5).await, "lost");
        scene.retry().await;
        scene.connected(2).await;

        scene.handle.stop_trying();
        connector.disconnect();
        assert_eq!(scene.hears(8).await, "lost");
        assert_eq!(scene.clock.get_delayed_calls(), []);
    });
}

/// Has every name stay without an answer, so that attempts go on and on.
fn be_slow(reactor: &Reactor) {
    reactor.install_resolver(|_: String, _: u16| pending::<Result<Vec<SocketAddr>, Failure>>());
}

#[test]
fn stopping_to_try_gives_a_retry_up_that_is_under_way() {
    drive(|reactor| async move {
        be_slow(&reactor);
        let (scene, factory) = Scene::plain();
        let connector = reactor.connect_tcp(("slow.test", 1), factory);
        connector.stop_connecting().unwrap();
        scene.retry().await;
        assert_eq!(scene.hears(3).await, "started");
        scene.handle.stop_trying();
        assert_eq!(scene.hears(4).await, "given up");
        assert_eq!(scene.clock.get_delayed_calls(), []);
    });
}

#[test]
fn stopping_to_try_gives_a_retry_up_that_has_yet_to_begin() {
    drive(|reactor| async move {
        be_slow(&reactor);
        let (scene, factory) = Scene::plain();
        let connector = reactor.connect_tcp(("slow.test", 1), factory);
        connector.stop_connecting().unwrap();
        scene.retry().await;
        scene.handle.stop_trying();
        assert_eq!(scene.hears(4).await, "given up");
        assert_eq!(scene.clock.get_delayed_calls(), []);
    });
}

#[test]
fn stopping_to_try_leaves_the_first_attempt_as_it_is() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let (scene, factory) = Scene::plain();
        let connector = reactor.connect_tcp(address, factory);
        scene.handle.stop_trying();
        scene.connected(1).await;
        connector.disconnect();
        assert_eq!(scene.hears(3).await, "lost");
        assert_eq!(scene.clock.get_delayed_calls(), []);
    });
}

#[test]
fn the_factory_hears_first_and_may_put_an_end_to_it() {
    for end in ["started", "failed"] {
        drive(move |reactor| async move {
            let reserved = Reserved::new();
            let nowhere = reserved.address;
            let (scene, factory) = Scene::new(|handle| {
                Box::new(move |what| {
                    if what == end {
                        handle.stop_trying();
                    }
                })
            });
            reactor.connect_tcp(nowhere, factory);
            assert_eq!(scene.hears(2).await, "failed");
            turns(3).await;
            assert_eq!(scene.clock.get_delayed_calls(), []);
        });
    }
}

#[test]
fn a_factory_that_panics_has_its_retries_all_the_same() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let nowhere = reserved.address;
        let log = LogCapture::start();
        let (scene, factory) = Scene::new(|_| {
            Box::new(|what| {
                if what == "failed" {
                    std::panic::resume_unwind(Box::new("a fault of the factory"));
                }
            })
        });
        reactor.connect_tcp(nowhere, factory);
        scene.retry().await;
        assert_eq!(scene.hears(4).await, "failed");
        scene.retry().await;
        scene.handle.stop_trying();
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 2);
    });
}

#[test]
fn what_has_come_to_its_end_is_dropped_while_handles_are_kept() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let nowhere = reserved.address;
        // While a retry waits.
        let (scene, factory) = Scene::plain();
        reactor.connect_tcp(nowhere, factory);
        until(|| !scene.clock.get_delayed_calls().is_empty()).await;
        turns(3).await;
        assert!(!scene.dropped.get());
        scene.handle.stop_trying();
        assert!(scene.dropped.get());

        // During a retry.
        be_slow(&reactor);
        let (scene, factory) = Scene::plain();
        reactor.connect_tcp(("slow.test", 1), factory).stop_connecting().unwrap();
        scene.retry().await;
        assert_eq!(scene.hears(3).await, "started");
        scene.handle.stop_trying();
        until(|| scene.dropped.get()).await;

        // After the last retry.
        let (scene, factory) = Scene::plain();
        reactor.connect_tcp(nowhere, factory.max_retries(1));
        scene.retry().await;
        until(|| scene.dropped.get()).await;
        assert_eq!(scene.heard(), ["started", "failed", "started", "failed"]);
    });
}

#[test]
fn a_retry_that_comes_when_the_reactor_has_stopped_does_nothing() {
    let scene = drive(|reactor| async move {
        let reserved = Reserved::new();
        let nowhere = reserved.address;
        let (scene, factory) = Scene::plain();
        reactor.connect_tcp(nowhere, factory);
        assert_eq!(scene.hears(2).await, "failed");
        until(|| !scene.clock.get_delayed_calls().is_empty()).await;
        scene
    });
    scene.clock.advance(SECOND);
    assert_eq!(scene.heard(), ["started", "failed"]);
    assert_eq!(scene.handle.retries(), 1);
}
