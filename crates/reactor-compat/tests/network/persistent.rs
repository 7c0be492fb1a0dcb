//! A `tower` service over connections that are made anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::deaf::Deaf;
use crate::support::reserved::Reserved;
use crate::support::{Recorder, drive, listen, turns, until};
use deferred::{Deferred, Failure, Trigger, ensure_deferred, gather_results};
use futures::FutureExt;
use reactor_compat::{
    Address, ClientFactory, ConnectError, Connection, ConnectionAborted, ConnectionDone,
    ConnectionGone, ConnectionSource, Connector, PersistentService, Protocol, Reactor,
    ReconnectHandle, ReconnectingClientFactory,
};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// Echoes; hangs up when it has answered so often.
struct Server {
    answers: usize,
    connections: Rc<Cell<usize>>,
}

impl Protocol for Server {
    fn connection_made(&mut self, _: &Connection<Self>) {
        self.connections.set(self.connections.get() + 1);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
        self.answers -= 1;
        if self.answers == 0 {
            transport.lose_connection();
        }
    }
}

/// Listens; where, and how many have connected.
fn serve(reactor: &Reactor, answers: usize) -> (SocketAddr, Rc<Cell<usize>>) {
    let connections = Rc::<Cell<usize>>::default();
    let count = connections.clone();
    let factory = move |_: Address| Server { answers, connections: count.clone() };
    (listen(reactor, factory), connections)
}

/// Has one answer given at a time; a question that has none when the connection is lost
/// fails.
#[derive(Default)]
struct Client(Option<Trigger<Vec<u8>>>);

impl Protocol for Client {
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        if let Some(asked) = self.0.take() {
            asked.callback(data.to_vec()).unwrap();
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
        if let Some(asked) = self.0.take() {
            asked.errback(reason).unwrap();
        }
    }
}

fn ask(connection: &Connection<Client>, word: &'static str) -> Deferred<Vec<u8>> {
    connection.call(move |client, transport| {
        let (answer, trigger) = Deferred::new();
        client.0 = Some(trigger);
        transport.write(word);
        answer
    })
}

fn service_of(
    connection: Connection<Client>,
) -> impl Service<&'static str, Response = Vec<u8>, Error = Failure> {
    service_fn(move |word| ask(&connection, word))
}

fn service_over<C: ConnectionSource<Protocol = Client>>(
    source: C,
) -> PersistentService<C, impl Service<&'static str, Response = Vec<u8>, Error = Failure>> {
    PersistentService::new(source, |connection| Ok(service_of(connection)))
}

/// Connects again after a millisecond.
fn reconnecting(reactor: &Reactor) -> (impl ClientFactory<Protocol = Client>, ReconnectHandle) {
    let factory = ReconnectingClientFactory::new(|_: Address| Client::default())
        .clock(reactor)
        .initial_delay(Duration::from_millis(1))
        .factor(1.0);
    let handle = factory.handle();
    (factory, handle)
}

#[test]
fn each_call_goes_to_the_connection_that_there_is() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, 2);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let mut service = service_over(connector);
        assert!(service.transport().is_none());
        for round in 1..=5 {
            for word in ["one", "two"] {
                let answer = service.ready().await.unwrap().call(word).await;
                assert_eq!(answer.unwrap(), word.as_bytes());
            }
            assert_eq!(connections.get(), round);
            // The peer hangs up: until we know, the connection is as good as any.
            let transport = service.transport().unwrap().clone();
            transport.when_lost().await.unwrap();
        }
        handle.stop_trying();
    });
}

#[test]
fn it_waits_until_somebody_listens() {
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(nowhere.address, factory);
        let mut service = service_over(connector);
        let mut ready = std::pin::pin!(async {
            service.ready().await.unwrap();
        });
        until(|| {
            assert!(ready.as_mut().now_or_never().is_none(), "nobody is there");
            handle.retries() > 3
        })
        .await;
        let port = reactor.listen_tcp(nowhere.address, |_: Address| Recorder::default()).unwrap();
        ready.await;
        handle.stop_trying();
        drop(port);
    });
}

#[test]
fn it_fails_where_nobody_tries_again() {
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let connector = reactor.connect_tcp(nowhere.address, |_: Address| Client::default());
        let mut service = service_over(connector.clone());
        let failure = service.ready().await.map(drop).unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
        // Somebody else may: it begins anew.
        let port = reactor.listen_tcp(nowhere.address, |_: Address| Recorder::default()).unwrap();
        connector.connect().unwrap();
        service.ready().await.map(drop).unwrap();
        drop(port);
    });
}

#[test]
fn it_fails_when_it_was_tried_often_enough() {
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let factory = ReconnectingClientFactory::new(|_: Address| Client::default())
            .clock(&reactor)
            .initial_delay(Duration::from_millis(1))
            .max_retries(3);
        let handle = factory.handle();
        let connector = reactor.connect_tcp(nowhere.address, factory);
        let mut service = service_over(connector);
        let failure = service.ready().await.map(drop).unwrap_err();
        assert_eq!(failure.check(), Some(&ConnectError::ConnectionRefused));
        assert!(handle.retries() >= 3);
    });
}

#[test]
fn it_fails_with_the_reactor() {
    let failure = Rc::new(RefCell::new(None));
    let place = failure.clone();
    drive(move |reactor| async move {
        let deaf = Deaf::new();
        let (factory, _) = reconnecting(&reactor);
        let connector: Connector<Client> = reactor.connect_tcp(deaf.address, factory);
        let mut service = service_over(connector);
        // Somebody waits for it.
        std::mem::forget(ensure_deferred(async move {
            let _deaf = deaf;
            place.replace(service.ready().await.map(drop).err());
            Ok(())
        }));
        turns(3).await;
    });
    let failure = failure.take().expect("it should have failed");
    assert_eq!(failure.check(), Some(&ConnectError::ReactorStopped));
}

#[test]
fn a_call_under_way_fails_with_its_connection_and_the_next_one_does_not() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, usize::MAX);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let mut service = service_over(connector);
        let call = service.ready().await.unwrap().call("lost");
        service.transport().unwrap().abort_connection();
        assert!(call.await.is_err());
        let answer = service.ready().await.unwrap().call("again").await;
        assert_eq!((answer.unwrap(), connections.get()), (b"again".to_vec(), 2));
        handle.stop_trying();
    });
}

#[test]
fn one_that_we_close_is_not_called_any_more() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, usize::MAX);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let mut service = service_over(connector);
        for round in 1..=3 {
            let answer = service.ready().await.unwrap().call("word").await;
            assert_eq!((answer.unwrap(), connections.get()), (b"word".to_vec(), round));
            service.transport().unwrap().lose_connection();
        }
        handle.stop_trying();
    });
}

/// Fails to be ready the first time.
struct Moody(Rc<Cell<bool>>);

impl Service<()> for Moody {
    type Response = ();
    type Error = Failure;
    type Future = Deferred<()>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(if self.0.replace(true) { Ok(()) } else { Err(std::fmt::Error.into()) })
    }

    fn call(&mut self, (): ()) -> Deferred<()> {
        Deferred::succeed(())
    }
}

#[test]
fn what_the_service_itself_fails_with_is_told_and_it_begins_anew() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, 1);
        let connector = reactor.connect_tcp(address, |_: Address| Client::default());
        let been = Rc::<Cell<bool>>::default();
        let mut service = PersistentService::new(connector, move |_| {
            // It may take a while to make.
            let moody = Moody(been.clone());
            ensure_deferred(async move {
                turns(3).await;
                Ok(moody)
            })
        });
        assert!(service.ready().await.map(drop).unwrap_err().is::<std::fmt::Error>());
        service.ready().await.unwrap().call(()).await.unwrap();
        assert_eq!(connections.get(), 1);
    });
}

#[test]
fn a_call_without_a_connection_fails() {
    let connector = Reactor::new().connect_tcp(("127.0.0.1", 1), |_: Address| Client::default());
    let mut service = service_over(connector);
    let failure = service.call("x").now_or_never().unwrap().unwrap_err();
    assert!(failure.is::<ConnectionGone>());
}

#[test]
fn one_that_is_dropped_while_it_waits_leaves_no_error() {
    let errors = Rc::new(RefCell::new(Vec::new()));
    let seen = errors.clone();
    let _observer =
        deferred::unhandled::observe(move |error| seen.borrow_mut().push(error.to_string()));
    drive(|reactor| async move {
        let nowhere = Reserved::new();
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(nowhere.address, factory);
        let mut service = service_over(connector);
        let waits = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(waits.is_pending());
        drop(service);
        // The attempts are not its own.
        until(|| handle.retries() > 3).await;
        handle.stop_trying();
    });
    assert_eq!(*errors.borrow(), [""; 0]);
}

#[test]
fn clones_and_layers_go_around_it() {
    drive(|reactor| async move {
        let (address, _) = serve(&reactor, 1);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let service = service_over(connector);
        let limit = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(1));
        let service = limit.service(service);
        let calls = ["one", "two", "three"].map(|word| {
            let service = service.clone();
            ensure_deferred(async move {
                // A connection that hangs up may be met before it is known.
                loop {
                    if let Ok(answer) = service.clone().oneshot(word).await {
                        return Ok(answer);
                    }
                }
            })
        });
        let answers = gather_results(calls).await.unwrap();
        assert_eq!(answers, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        handle.stop_trying();
    });
}

#[test]
fn what_the_function_fails_with_is_told_while_the_connection_lives() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, usize::MAX);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let calls = Rc::<Cell<usize>>::default();
        let count = calls.clone();
        let mut service = PersistentService::new(connector, move |connection| {
            count.set(count.get() + 1);
            if count.get() < 3 {
                return Err(Failure::new(std::fmt::Error));
            }
            Ok(service_of(connection))
        });
        for made in 1..=2 {
            assert!(service.ready().await.map(drop).unwrap_err().is::<std::fmt::Error>());
            assert_eq!(calls.get(), made, "once for each time that it is polled");
        }
        assert_eq!(service.ready().await.unwrap().call("word").await.unwrap(), b"word");
        assert_eq!((calls.get(), connections.get()), (3, 1));
        handle.stop_trying();
    });
}

#[test]
fn it_fails_where_the_connection_is_lost_and_nobody_tries_again() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, usize::MAX);
        let connector = reactor.connect_tcp(address, |_: Address| Client::default());
        let mut service = service_over(connector.clone());
        for round in 1..=4 {
            service.ready().await.map(drop).unwrap();
            assert_eq!(connections.get(), round);
            let transport = service.transport().unwrap().clone();
            if round % 2 == 0 {
                transport.lose_connection();
                let failure = service.ready().await.map(drop).unwrap_err();
                assert!(failure.is::<ConnectionDone>(), "{failure}");
            } else {
                transport.abort_connection();
                let failure = service.ready().await.map(drop).unwrap_err();
                assert!(failure.is::<ConnectionAborted>(), "{failure}");
            }
            // Somebody else may connect.
            let mut cx = Context::from_waker(Waker::noop());
            assert!(service.poll_ready(&mut cx).is_pending());
            connector.connect().unwrap();
        }
    });
}

/// A greeting that never comes.
type Greeting = Rc<RefCell<Vec<Trigger<()>>>>;

#[test]
fn a_connection_that_is_lost_while_the_service_is_made_is_not_waited_for() {
    drive(|reactor| async move {
        let (address, connections) = serve(&reactor, usize::MAX);
        let (factory, handle) = reconnecting(&reactor);
        let connector = reactor.connect_tcp(address, factory);
        let (greetings, cancelled) = (Greeting::default(), Rc::<Cell<usize>>::default());
        let (kept, count) = (greetings.clone(), cancelled.clone());
        let mut service = PersistentService::new(connector, move |connection| {
            let count = count.clone();
            let (greeting, trigger) = Deferred::with_canceller(move |_| count.set(count.get() + 1));
            kept.borrow_mut().push(trigger);
            if kept.borrow().len() < 3 {
                connection.transport().abort_connection();
            } else {
                kept.borrow_mut().pop().unwrap().callback(()).unwrap();
            }
            greeting.add_callback(move |()| Ok(service_of(connection)))
        });
        assert_eq!(service.ready().await.unwrap().call("word").await.unwrap(), b"word");
        assert_eq!((connections.get(), cancelled.get()), (3, 2));
        handle.stop_trying();
    });
}

#[test]
fn so_it_is_where_nobody_tries_again_and_where_the_service_is_dropped() {
    drive(|reactor| async move {
        let (address, _) = serve(&reactor, usize::MAX);
        for loses in [true, false] {
            let connector = reactor.connect_tcp(address, |_: Address| Client::default());
            let [made, cancelled] = [Rc::<Cell<bool>>::default(), Rc::default()];
            let flags = [made.clone(), cancelled.clone()];
            let mut service = PersistentService::new(connector, move |connection| {
                let [made, cancelled] = flags.clone();
                made.set(true);
                let (greeting, trigger) =
                    Deferred::<()>::with_canceller(move |_| cancelled.set(true));
                std::mem::forget(trigger);
                if loses {
                    connection.transport().lose_connection();
                }
                greeting.add_callback(move |()| Ok(service_of(connection)))
            });
            if loses {
                let failure = service.ready().await.map(drop).unwrap_err();
                assert!(failure.is::<ConnectionDone>(), "{failure}");
            } else {
                let mut cx = Context::from_waker(Waker::noop());
                until(|| {
                    assert!(service.poll_ready(&mut cx).is_pending());
                    made.get()
                })
                .await;
                drop(service);
            }
            assert!(cancelled.get());
        }
    });
}
