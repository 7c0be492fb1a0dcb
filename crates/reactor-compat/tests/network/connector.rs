//! Connectors: one connection, made, given up, made again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::deaf::Deaf;
use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, listen, turns, until};
use deferred::Failure;
use deferred::testing::{assert_no_result, failure_result_of};
use reactor_compat::Connector;
use reactor_compat::{
    Address, ClientFactory, ConnectError, ConnectingCancelledError, Factory, NotConnectingError,
    Reactor, ReconnectingClientFactory,
};

fn silent(_: Address) -> Recorder {
    Recorder::default()
}

#[test]
fn a_connection_that_nobody_takes_is_refused() {
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let connector = reactor.connect_tcp(nowhere.address, silent);
        let failure = connector.when_connected().await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn a_name_without_an_address_is_an_error() {
    drive(|reactor| async move {
        let connector = reactor.connect_tcp(("no.such.host.invalid", 80), silent);
        let failure = connector.when_connected().await.unwrap_err();
        assert!(matches!(failure.check(), Some(ConnectError::UnknownHost(_))));
    });
}

#[test]
fn a_name_is_looked_up() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let connector = reactor.connect_tcp(("localhost", address.port()), silent);
        let connection = connector.when_connected().await.unwrap();
        assert_eq!(connection.get_peer().port(), Some(address.port()));
    });
}

#[test]
fn connection_made_comes_before_the_deferred() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let log = Log::default();
        let seen = log.clone();
        let connector = reactor.connect_tcp(address, move |_: Address| Recorder::new(&seen));
        let events = log.clone();
        let connected = connector.when_connected().add_callback(move |_| Ok(events.events()));
        assert_eq!(connected.await.unwrap(), [Event::Made]);
        let again = connector.when_connected().await.unwrap();
        assert_eq!(connector.stop_connecting(), Err(NotConnectingError));
        connector.disconnect();
        assert!(again.disconnecting());
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn an_attempt_can_be_given_up() {
    drive(|reactor| async move {
        // Nothing answers there; on a machine without a network it fails.
        let connector = reactor.connect_tcp(("192.0.2.1", 80), silent);
        let connected = connector.when_connected();
        connector.stop_connecting().unwrap();
        let failure = connected.await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::UserAborted));
        assert_eq!(connector.stop_connecting(), Err(NotConnectingError));
    });
}

#[test]
fn cancelling_gives_the_attempt_up() {
    drive(|reactor| async move {
        let connector = reactor.connect_tcp(("192.0.2.1", 80), silent);
        let connected = connector.when_connected();
        connected.cancel();
        let failure = failure_result_of(connected);
        let error = failure.check::<ConnectingCancelledError>().unwrap();
        assert_eq!(error.destination().to_string(), "192.0.2.1:80");
        until(|| connector.connect().is_ok()).await;
        connector.disconnect();
    });
}

/// One that is cancelled ends alone; the attempt is given up with the last one, in
/// whatever order they are.
#[test]
fn cancelling_one_of_several_leaves_the_others_waiting() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        drive(move |reactor| async move {
            let deaf = Deaf::new();
            let connector = reactor.connect_tcp(deaf.address, silent);
            let project = connector.project(|recorder| recorder);
            let mut waiting = [
                Some(connector.when_connected()),
                Some(project.when_connected()),
                Some(connector.when_connected()),
            ];
            for (place, cancelled) in order.into_iter().enumerate() {
                let one = waiting[cancelled].take().unwrap();
                one.cancel();
                assert!(failure_result_of(one).is::<ConnectingCancelledError>());
                for other in waiting.iter().flatten() {
                    assert_no_result(other);
                }
                if place < 2 {
                    assert!(connector.connect().is_err(), "the attempt should go on");
                }
            }
            until(|| connector.connect().is_ok()).await;
            connector.disconnect();
        });
    }
}

#[test]
fn who_was_not_cancelled_gets_the_connection() {
    for cancelled in 0..3 {
        drive(move |reactor| async move {
            let address = listen(&reactor, silent);
            let connector = reactor.connect_tcp(address, silent);
            let waiting = [(); 3].map(|()| connector.when_connected());
            waiting[cancelled].cancel();
            for (place, one) in waiting.into_iter().enumerate() {
                assert_eq!(one.await.is_ok(), place != cancelled);
            }
        });
    }
}

/// One that wants the connection, and has let its Deferred go.
#[test]
fn a_callback_that_nobody_holds_still_gets_the_connection() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let connector = reactor.connect_tcp(address, silent);
        let connected = Rc::new(Cell::new(false));
        let place = connected.clone();
        drop(connector.when_connected().add_callback(move |_| {
            place.set(true);
            Ok(())
        }));
        let other = connector.when_connected();
        other.cancel();
        assert!(failure_result_of(other).is::<ConnectingCancelledError>());
        until(|| connected.get()).await;
    });
}

/// A connector that connects again by itself is not given up by those who wait.
#[test]
fn a_factory_that_keeps_trying_goes_on_when_nobody_waits() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let log = Log::default();
        let seen = log.clone();
        let factory = ReconnectingClientFactory::with_handle(|handle| {
            move |_: Address| {
                let handle = handle.clone();
                Recorder::new(&seen).made(move |_, ()| handle.stop_trying())
            }
        });
        let factory = factory.clock(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let waiting = connector.when_connected();
        waiting.cancel();
        assert!(failure_result_of(waiting).is::<ConnectingCancelledError>());
        until(|| log.events() == [Event::Made]).await;
        connector.disconnect();
    });
}

/// A cancellation that comes while others are told, when there is a new attempt
/// already, leaves that one alone.
#[test]
fn one_that_is_cancelled_too_late_gives_no_other_attempt_up() {
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let connector = reactor.connect_tcp(nowhere.address, silent);
        let first = connector.when_connected();
        let second = connector.when_connected();
        let (cancel, again) = (second.cancel_handle(), connector.clone());
        let first = first.add_errback(move |failure| {
            again.connect()?;
            cancel.cancel();
            Err(failure)
        });
        assert_eq!(first.await.unwrap_err().check(), Some(&ConnectError::ConnectionRefused));
        assert!(second.await.unwrap_err().is::<ConnectingCancelledError>());
        let failure = connector.when_connected().await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn a_factory_that_refuses_or_panics_fails_the_attempt() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let refusing = reactor.connect_tcp(address, |_: Address| None::<Recorder>);
        let failure = refusing.when_connected().await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::NoProtocol));
        let panicking = reactor.connect_tcp(address, |_: Address| -> Recorder { panic!("boom") });
        let failure = panicking.when_connected().await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::FactoryPanicked("boom".to_owned())));
    });
}

#[test]
fn the_reactors_end_is_the_attempts() {
    let reactor = Reactor::new();
    let connected = reactor.connect_tcp(("192.0.2.1", 80), silent).when_connected();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    let failure = failure_result_of(connected);
    assert_eq!(failure.check(), Some(&ConnectError::ReactorStopped));
}

/// Connects again, up to three times.
struct Persistent {
    log: Rc<RefCell<Vec<&'static str>>>,
    attempts: usize,
}

impl Factory for Persistent {
    type Protocol = Recorder;
    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        self.log.borrow_mut().push("build");
        Some(Recorder::default())
    }
}

impl Persistent {
    fn again(&mut self, connector: &Connector<Recorder>) {
        self.attempts += 1;
        if self.attempts < 3 {
            connector.connect().unwrap();
        } else {
            self.log.borrow_mut().push("enough");
        }
    }
}

impl ClientFactory for Persistent {
    fn started_connecting(&mut self, _: &Connector<Recorder>) {
        self.log.borrow_mut().push("started");
    }
    fn client_connection_failed(&mut self, connector: &Connector<Recorder>, reason: Failure) {
        assert!(reason.is::<ConnectError>());
        self.log.borrow_mut().push("failed");
        self.again(connector);
    }
    fn client_connection_lost(&mut self, connector: &Connector<Recorder>, _: Failure) {
        self.log.borrow_mut().push("lost");
        self.again(connector);
    }
}

fn persistent() -> (Persistent, Rc<RefCell<Vec<&'static str>>>) {
    let log = Rc::new(RefCell::new(Vec::new()));
    (Persistent { log: log.clone(), attempts: 0 }, log)
}

#[test]
fn a_factory_may_connect_again_when_it_failed() {
    drive(|reactor| async move {
        let (factory, log) = persistent();
        let nowhere = Reserved::new();
        reactor.connect_tcp(nowhere.address, factory);
        until(|| log.borrow().last() == Some(&"enough")).await;
        let expected = ["started", "failed", "started", "failed", "started", "failed", "enough"];
        assert_eq!(*log.borrow(), expected);
    });
}

#[test]
fn a_factory_that_connects_again_does_not_hold_up_the_reactors_end() {
    let (factory, log) = persistent();
    let reactor = Reactor::new();
    let connector = reactor.connect_tcp(("192.0.2.1", 80), factory);
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(*log.borrow(), ["started", "failed"]);
    drop(connector);
}

#[test]
fn a_factory_may_connect_again_when_the_connection_is_lost() {
    drive(|reactor| async move {
        let accepted = Rc::new(Cell::new(0));
        let counted = accepted.clone();
        let address = listen(&reactor, move |_: Address| {
            counted.set(counted.get() + 1);
            Recorder::default().made(|transport, ()| transport.lose_connection())
        });
        let (factory, log) = persistent();
        reactor.connect_tcp(address, factory);
        until(|| log.borrow().last() == Some(&"enough")).await;
        assert_eq!(log.borrow()[..3], ["started", "build", "lost"]);
        assert_eq!(accepted.get(), 3);
        turns(3).await;
    });
}

#[test]
fn a_factory_may_give_up_as_soon_as_it_starts() {
    struct Reluctant(Rc<Cell<bool>>);
    impl Factory for Reluctant {
        type Protocol = Recorder;
        fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
            None
        }
    }
    impl ClientFactory for Reluctant {
        fn started_connecting(&mut self, connector: &Connector<Recorder>) {
            connector.stop_connecting().unwrap();
        }
        fn client_connection_failed(&mut self, _: &Connector<Recorder>, reason: Failure) {
            self.0.set(reason.check() == Some(&ConnectError::UserAborted));
        }
    }

    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let given_up = Rc::new(Cell::new(false));
        reactor.connect_tcp(address, Reluctant(given_up.clone()));
        until(|| given_up.get()).await;
    });
}

#[test]
fn a_connector_that_nobody_has_any_more_goes_with_those_who_wait() {
    drive(|reactor| async move {
        let canary = Rc::new(());
        let kept = canary.clone();
        let nowhere = Reserved::new();
        let connector = reactor.connect_tcp(nowhere.address, move |_: Address| {
            let _ = &kept;
            Recorder::default()
        });
        connector.when_connected().await.unwrap_err();
        let waits = connector.when_connected();
        drop(connector);
        assert_eq!(Rc::strong_count(&canary), 1);
        waits.cancel();
        assert!(failure_result_of(waits).is::<ConnectingCancelledError>());
    });
}

/// A factory that says what it is told, and connects again as often as it is
/// to.
struct Told {
    told: Rc<RefCell<Vec<&'static str>>>,
    again: usize,
}

impl Told {
    fn say(&self, what: &'static str) {
        self.told.borrow_mut().push(what);
    }

    fn over(&mut self, what: &'static str, connector: &Connector<Recorder>) {
        self.say(what);
        if self.again > 0 {
            self.again -= 1;
            connector.connect().unwrap();
        }
    }
}

impl Factory for Told {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        self.say("build");
        Some(Recorder::default())
    }

    fn start_factory(&mut self) {
        self.say("start");
    }

    fn stop_factory(&mut self) {
        self.say("stop");
    }
}

impl ClientFactory for Told {
    fn started_connecting(&mut self, _: &Connector<Recorder>) {
        self.say("connecting");
    }

    fn client_connection_failed(&mut self, connector: &Connector<Recorder>, _: Failure) {
        self.over("failed", connector);
    }

    fn client_connection_lost(&mut self, connector: &Connector<Recorder>, _: Failure) {
        self.over("lost", connector);
    }
}

#[test]
fn a_factory_is_started_with_the_first_attempt_and_stopped_with_the_last() {
    drive(|reactor| async move {
        let told = Rc::new(RefCell::new(Vec::new()));
        let nowhere = Reserved::new();
        let connector = reactor.connect_tcp(nowhere.address, Told { told: told.clone(), again: 1 });
        until(|| told.borrow().last() == Some(&"stop")).await;
        let story = ["start", "connecting", "failed", "connecting", "failed", "stop"];
        assert_eq!(told.take(), story);
        // Another time it is started anew.
        connector.connect().unwrap();
        until(|| told.borrow().last() == Some(&"stop")).await;
        assert_eq!(told.take(), ["start", "connecting", "failed", "stop"]);
    });
}

#[test]
fn a_factory_is_stopped_when_its_connection_is_lost_for_good() {
    drive(|reactor| async move {
        let address = listen(&reactor, silent);
        let told = Rc::new(RefCell::new(Vec::new()));
        let connector = reactor.connect_tcp(address, Told { told: told.clone(), again: 1 });
        for round in 1..=2 {
            connector.when_connected().await.unwrap().lose_connection();
            let lost = || told.borrow().iter().filter(|said| **said == "lost").count();
            until(|| lost() == round).await;
        }
        until(|| told.borrow().last() == Some(&"stop")).await;
        let story = ["start", "connecting", "build", "lost", "connecting", "build", "lost", "stop"];
        assert_eq!(*told.borrow(), story);
    });
}

#[test]
fn a_factory_whose_attempt_never_began_is_stopped_as_it_was_started() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let reactor = Reactor::new();
    let nowhere = Reserved::new();
    reactor.connect_tcp(nowhere.address, Told { told: told.clone(), again: 1 });
    drop(reactor);
    assert_eq!(*told.borrow(), ["start", "failed", "stop"]);
}
