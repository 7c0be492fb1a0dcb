//! One factory on several ports and in several attempts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use crate::support::reserved::Reserved;
use crate::support::{drive, turns, until};
use deferred::Failure;
use reactor_compat::log::LogCapture;
use reactor_compat::{
    Address, ClientFactory, Connector, Factory, Port, Protocol, Reactor, SharedFactory, WeakFactory,
};

#[derive(Default)]
struct Silent;

impl Protocol for Silent {}

type Told = Rc<RefCell<Vec<&'static str>>>;

/// Notes when it is started and stopped.
#[derive(Clone, Default)]
struct Noted {
    told: Told,
    quiet: bool,
}

impl Factory for Noted {
    type Protocol = Silent;

    fn build_protocol(&mut self, _: Address) -> Option<Silent> {
        self.told.borrow_mut().push("build");
        Some(Silent)
    }

    fn start_factory(&mut self) {
        self.told.borrow_mut().push("start");
    }

    fn stop_factory(&mut self) {
        self.told.borrow_mut().push("stop");
    }

    fn noisy(&self) -> bool {
        !self.quiet
    }
}

impl ClientFactory for Noted {
    fn client_connection_failed(&mut self, _: &Connector<Silent>, _: Failure) {
        self.told.borrow_mut().push("failed");
    }
}

#[test]
fn it_is_started_before_listening_and_connecting_return() {
    let reactor = Reactor::new();
    let listens = Noted::default();
    reactor.listen_tcp(("127.0.0.1", 0), listens.clone()).unwrap();
    assert_eq!(*listens.told.borrow(), ["start"]);
    let connects = Noted::default();
    reactor.connect_tcp(("127.0.0.1", 1), connects.clone());
    assert_eq!(*connects.told.borrow(), ["start"]);
}

#[test]
fn it_is_started_with_the_first_and_stopped_with_the_last() {
    drive(|reactor| async move {
        let noted = Noted::default();
        let shared = SharedFactory::new(noted.clone());
        let one = reactor.listen_tcp(("127.0.0.1", 0), shared.clone()).unwrap();
        let other = reactor.listen_tcp(("127.0.0.1", 0), shared.clone()).unwrap();
        let address = one.get_host().socket_addr().unwrap();
        let connector = reactor.connect_tcp(address, shared.clone());
        connector.when_connected().await.unwrap();
        until(|| noted.told.borrow().len() == 3).await;
        assert_eq!(*noted.told.borrow(), ["start", "build", "build"]);
        assert_eq!(shared.users(), 3);
        one.stop_listening().await.unwrap();
        other.stop_listening().await.unwrap();
        turns(20).await;
        assert_eq!(shared.users(), 1);
        assert!(!noted.told.borrow().contains(&"stop"));
        connector.disconnect();
        until(|| shared.users() == 0).await;
        assert_eq!(noted.told.borrow().iter().filter(|told| **told == "stop").count(), 1);
        assert_eq!(noted.told.borrow().iter().filter(|told| **told == "start").count(), 1);
        // And again.
        let port = reactor.listen_tcp(("127.0.0.1", 0), shared.clone()).unwrap();
        assert_eq!(noted.told.borrow().last(), Some(&"start"));
        port.stop_listening().await.unwrap();
        assert_eq!(noted.told.borrow().last(), Some(&"stop"));
    });
}

#[test]
fn an_attempt_that_fails_stops_it() {
    drive(|reactor| async move {
        let closed = Reserved::new();
        let noted = Noted::default();
        let shared = SharedFactory::new(noted.clone());
        let attempts =
            [(); 2].map(|()| reactor.connect_tcp(closed.address, shared.clone()).when_connected());
        for attempt in attempts {
            attempt.await.unwrap_err();
        }
        until(|| shared.users() == 0).await;
        assert_eq!(*noted.told.borrow(), ["start", "failed", "failed", "stop"]);
    });
}

/// A factory that listens, connects and stops a port from inside
/// `build_protocol`, with itself as the factory, too.
struct Restless {
    reactor: Reactor,
    own: WeakFactory<Self>,
    ports: Vec<Port>,
    built: usize,
}

impl Factory for Restless {
    type Protocol = Silent;

    fn build_protocol(&mut self, _: Address) -> Option<Silent> {
        self.built += 1;
        if self.built == 1 {
            let own = self.own.upgrade()?;
            let port = self.reactor.listen_tcp(("127.0.0.1", 0), own.clone()).ok()?;
            self.reactor.connect_tcp(port.get_host().socket_addr()?, own);
            self.ports.push(port);
            drop(self.ports.remove(0).stop_listening());
        }
        Some(Silent)
    }
}

impl ClientFactory for Restless {}

#[test]
fn a_factory_may_listen_connect_and_stop_ports_while_it_builds() {
    drive(|reactor| async move {
        let inner = reactor.clone();
        let shared = SharedFactory::new_cyclic(|own| Restless {
            reactor: inner,
            own,
            ports: Vec::new(),
            built: 0,
        });
        let port = reactor.listen_tcp(("127.0.0.1", 0), shared.clone()).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        shared.with(|factory| factory.ports.push(port.clone()));
        reactor.connect_tcp(address, |_| Silent);
        // The first connection, and both ends of the one that it made.
        until(|| shared.with(|factory| factory.built) == Some(3)).await;
        port.stop_listening().await.unwrap();
        assert_eq!(shared.users(), 2, "the new port, and the connector");
    });
}

#[test]
fn the_log_says_what_starts_and_stops_unless_it_is_quiet() {
    /// Wraps another, as a policy does.
    struct Wrapped(Noted);

    impl Factory for Wrapped {
        type Protocol = Silent;

        fn build_protocol(&mut self, peer: Address) -> Option<Silent> {
            self.0.build_protocol(peer)
        }

        fn log_prefix(&self) -> Cow<'static, str> {
            format!("{} (Wrapped)", self.0.log_prefix()).into()
        }

        fn do_start(&mut self) {
            self.0.do_start();
        }

        fn do_stop(&mut self) {
            self.0.do_stop();
        }
    }

    let log = LogCapture::start();
    drive(|reactor| async move {
        let quiet = Noted { quiet: true, ..Noted::default() };
        for port in [
            reactor.listen_tcp(("127.0.0.1", 0), Wrapped(Noted::default())).unwrap(),
            reactor.listen_tcp(("127.0.0.1", 0), quiet).unwrap(),
            reactor.listen_tcp(("127.0.0.1", 0), |_| Silent).unwrap(),
        ] {
            port.stop_listening().await.unwrap();
        }
    });
    let lines: Vec<String> = log.take().iter().map(|event| event.text().to_string()).collect();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("Noted (Wrapped) starting on "), 1, "{lines:#?}");
    assert_eq!(count("Noted starting on "), 1);
    assert_eq!(count("Factory starting on "), 1);
    assert_eq!([count("Starting factory Noted"), count("Stopping factory Noted")], [1, 1]);
    assert_eq!([count("Starting factory Factory"), count("Stopping factory Factory")], [1, 1]);
}
