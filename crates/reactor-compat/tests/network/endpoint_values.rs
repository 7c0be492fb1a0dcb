//! Endpoints as values: without a type, of one's own, and with a factory that
//! connects again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, turns, until};
use deferred::{Deferred, Panic, Trigger};
use reactor_compat::endpoint::{
    Connect, Listen, StreamClientEndpoint, StreamServerEndpoint, client_from_string,
    server_from_string,
};
use reactor_compat::log::LogCapture;
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{
    ConnectError, ConnectingCancelledError, Reactor, ReconnectingClientFactory, SharedStream,
    Stream,
};

fn server(reactor: &Reactor) -> Rc<dyn StreamServerEndpoint> {
    Rc::new(server_from_string(reactor, "tcp:0:interface=127.0.0.1").unwrap())
}

fn client(reactor: &Reactor, port: u16) -> Rc<dyn StreamClientEndpoint> {
    Rc::new(client_from_string(reactor, &format!("tcp:127.0.0.1:{port}")).unwrap())
}

#[test]
fn endpoints_without_a_type_listen_and_connect() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let port = server(&reactor).listen(move |_| Recorder::echo(&seen)).await.unwrap();
        let endpoint = client(&reactor, port.get_host().port().unwrap());
        let ours = Log::default();
        let seen = ours.clone();
        let connection = endpoint.connect(move |_| Recorder::new(&seen)).await.unwrap();
        connection.write("hello");
        until(|| ours.data() == b"hello").await;
        assert_eq!(log.data(), b"hello");
    });
}

#[test]
fn dialling_gives_a_stream_that_knows_both_ends() {
    drive(|reactor| async move {
        let port = server(&reactor).listen(|_| Recorder::default()).await.unwrap();
        let endpoint = client(&reactor, port.get_host().port().unwrap());
        let stream = endpoint.dial().await.unwrap();
        assert_eq!(stream.get_peer(), *port.get_host());
        assert!(stream.get_host().ip().unwrap().is_loopback());
        assert!(stream.security().is_none());
    });
}

#[test]
fn a_bound_listener_is_given_by_value() {
    drive(|reactor| async move {
        let listener = server(&reactor).bind().await.unwrap();
        assert_ne!(listener.get_host().port(), Some(0));
    });
}

#[test]
fn a_refusal_fails_both_ways_by_name() {
    drive(|reactor| async move {
        let closed = Reserved::new();
        let endpoint = client(&reactor, closed.address.port());
        let failure = endpoint.dial().await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
        let failure = endpoint.connect(|_| Recorder::default()).await.unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
    });
}

#[test]
fn cancelling_gives_the_attempt_up_and_leaves_nothing() {
    let reactor = MemoryReactor::new();
    let endpoint = client(&reactor, 80);
    let dialled = endpoint.dial();
    let connected = endpoint.connect(|_| Recorder::default());
    reactor.settle().unwrap();
    assert_eq!(reactor.inventory().connecting.len(), 3, "the endpoint's own, and the attempt");
    for failure in [dialled.cancel_and_fail(), connected.cancel_and_fail()] {
        assert!(failure.is::<ConnectingCancelledError>());
    }
    reactor.settle().unwrap();
    assert!(reactor.inventory().connecting.is_empty());
    assert!(reactor.tcp_clients().iter().all(|client| !client.waiting()));
}

trait CancelAndFail {
    fn cancel_and_fail(self) -> deferred::Failure;
}

impl<T: 'static> CancelAndFail for Deferred<T> {
    fn cancel_and_fail(self) -> deferred::Failure {
        self.cancel();
        deferred::testing::failure_result_of(self)
    }
}

#[test]
fn a_reconnecting_factory_reconnects_over_an_endpoint() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let seen = log.clone();
    let factory = ReconnectingClientFactory::new(move |_| Recorder::new(&seen));
    let connected = client(&reactor, 80).connect(factory);
    reactor.settle().unwrap();
    reactor.tcp_clients()[0].refuse().unwrap();
    reactor.settle().unwrap();
    reactor.advance(Duration::from_secs(10)).unwrap();
    let peer = reactor.tcp_clients()[1].accept().unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.events(), [Event::Made]);
    drop(peer);
    reactor.flush().unwrap();
    reactor.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(reactor.tcp_clients().len(), 3, "it connects again");
    // The first attempt is what the Deferred is about.
    assert!(deferred::testing::failure_result_of(connected).is::<ConnectError>());
}

/// An endpoint of one's own: tries one place after the other.
#[derive(Clone)]
struct Either {
    places: Rc<[Rc<dyn StreamClientEndpoint>]>,
    tried: Rc<Cell<usize>>,
}

impl StreamClientEndpoint for Either {
    fn reactor(&self) -> Reactor {
        self.places[0].reactor()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let this = self.clone();
        Deferred::from_coroutine(async move {
            for place in &this.places[..this.places.len() - 1] {
                this.tried.set(this.tried.get() + 1);
                if let Ok(stream) = place.dial().await {
                    return Ok(stream);
                }
            }
            this.places[this.places.len() - 1].dial().await
        })
    }

    fn description(&self) -> String {
        let places: Vec<String> = self.places.iter().map(|place| place.description()).collect();
        places.join(" or ")
    }
}

/// An endpoint that connects when it is told, and counts how often it is cancelled.
#[derive(Clone)]
struct Slow {
    reactor: Reactor,
    cancelled: Rc<Cell<usize>>,
    dialling: Rc<RefCell<Vec<Trigger<SharedStream>>>>,
}

impl StreamClientEndpoint for Slow {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let cancelled = self.cancelled.clone();
        let (dialled, trigger) = Deferred::with_canceller(move |_| {
            cancelled.set(cancelled.get() + 1);
        });
        self.dialling.borrow_mut().push(trigger);
        dialled
    }

    fn description(&self) -> String {
        "somewhere slow".to_owned()
    }
}

/// As in Twisted the canceller runs inside of `cancel`; and nobody has to handle that
/// it was cancelled but the one who connects.
#[test]
fn cancelling_runs_the_endpoints_canceller_at_once_and_reports_nothing() {
    let log = LogCapture::start();
    let reactor = MemoryReactor::new();
    let own = (*reactor).clone();
    let slow = Slow { reactor: own, cancelled: Rc::default(), dialling: Rc::default() };
    let connected = slow.connect(|_| Recorder::default());
    reactor.settle().unwrap();
    assert_eq!(slow.dialling.borrow().len(), 1);
    connected.cancel();
    assert_eq!(slow.cancelled.get(), 1);
    assert!(deferred::testing::failure_result_of(connected).is::<ConnectingCancelledError>());
    reactor.settle().unwrap();
    assert_eq!(slow.cancelled.get(), 1);
    assert!(reactor.inventory().connecting.is_empty());
    drop(log);

    // As in Twisted one is under way when `connect` returns, and cancelled as well.
    slow.connect(|_| Recorder::default()).cancel_and_fail();
    reactor.settle().unwrap();
    assert_eq!((slow.dialling.borrow().len(), slow.cancelled.get()), (2, 2));
}

/// An endpoint that panics when it is to connect.
#[derive(Clone)]
struct Panics(Reactor);

impl StreamClientEndpoint for Panics {
    fn reactor(&self) -> Reactor {
        self.0.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        panic!("as it is told")
    }

    fn description(&self) -> String {
        "nowhere".to_owned()
    }
}

#[test]
fn an_endpoint_that_panics_fails_the_attempt_by_name() {
    let log = LogCapture::start();
    let reactor = MemoryReactor::new();
    let connected = Panics((*reactor).clone()).connect(|_| Recorder::default());
    reactor.settle().unwrap();
    assert!(deferred::testing::failure_result_of(connected).is::<Panic>());
    assert_eq!(log.flush_logged_errors::<Panic>().len(), 1);
}

#[test]
fn an_endpoint_of_ones_own_connects_a_factory() {
    drive(|reactor| async move {
        let closed = Reserved::new();
        let port = server(&reactor).listen(|_| Recorder::default()).await.unwrap();
        let places = [
            client(&reactor, closed.address.port()),
            client(&reactor, port.get_host().port().unwrap()),
        ];
        let either = Either { places: Rc::new(places), tried: Rc::default() };
        let connection = either.connect(|_| Recorder::default()).await.unwrap();
        assert_eq!(connection.get_peer(), port.get_host());
        assert_eq!(either.tried.get(), 1);
        turns(10).await;
    });
}
