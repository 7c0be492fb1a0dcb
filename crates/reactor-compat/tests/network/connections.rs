//! The connections of a connector, one after the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{Deferred, Failure, ensure_deferred};
use futures::StreamExt;
use reactor_compat::testing::{MemoryReactor, Peer};
use reactor_compat::{
    Address, ClientFactory, ConnectError, Connections, Connector, Factory, Protocol, Reactor,
    ReconnectHandle, ReconnectingClientFactory,
};

/// A protocol that another one may run.
#[derive(Default)]
struct Silent;

impl Protocol for Silent {}

#[derive(Default)]
struct Outer(Silent);

impl Protocol for Outer {}

/// A client that counts its connections, and what it counted when the stream ended.
struct Client {
    reactor: MemoryReactor,
    count: Rc<Cell<usize>>,
    over: Deferred<()>,
}

impl Client {
    fn of<P: Protocol>(reactor: MemoryReactor, mut connections: Connections<P>) -> Self {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let over = ensure_deferred(async move {
            while let Some(connection) = connections.next().await {
                assert!(connection.connected());
                counted.set(counted.get() + 1);
            }
            // It stays so.
            assert!(connections.next().await.is_none());
            Ok::<_, Failure>(())
        });
        reactor.settle().unwrap();
        Self { reactor, count, over }
    }

    /// One whose factory keeps trying.
    fn reconnecting() -> (Self, ReconnectHandle) {
        let reactor = MemoryReactor::new();
        let factory = patient(&reactor);
        let handle = factory.handle();
        let connections = reactor.connect_tcp(("server", 80), factory).connections();
        (Self::of(reactor, connections), handle)
    }

    /// Takes the latest attempt.
    fn accept(&self) -> Peer {
        let peer = self.reactor.tcp_clients().last().unwrap().accept().unwrap();
        self.reactor.settle().unwrap();
        peer
    }

    fn refuse(&self) {
        self.reactor.tcp_clients().last().unwrap().refuse().unwrap();
        self.reactor.settle().unwrap();
    }

    fn reset(&self, peer: Peer) {
        peer.reset();
        self.reactor.flush().unwrap();
    }

    fn wait(&self) {
        self.reactor.advance(Duration::from_secs(1)).unwrap();
    }

    fn stop(&self) {
        self.reactor.stop().unwrap();
        self.reactor.settle().unwrap();
    }

    /// It is over, after so many connections.
    fn ended(self, count: usize) {
        success_result_of(self.over);
        assert_eq!(self.count.get(), count);
    }
}

/// A factory that tries each second.
fn patient(reactor: &MemoryReactor) -> ReconnectingClientFactory<impl ClientFactory> {
    ReconnectingClientFactory::new(|_: Address| Silent).clock(&**reactor).jitter(0.0).factor(1.0)
}

#[test]
fn each_connection_is_given_whatever_fails_between_them() {
    let (client, _) = Client::reconnecting();
    client.refuse();
    client.wait();
    let first = client.accept();
    assert_eq!(client.count.get(), 1);
    client.reset(first);
    client.wait();
    client.refuse();
    client.wait();
    let _second = client.accept();
    assert_eq!(client.count.get(), 2);
    assert_no_result(&client.over);
    client.stop();
    client.ended(2);
}

/// A name, and what is done before the reactor stops, or the factory gives up; with how
/// many connections there were by then.
type Moment = (&'static str, fn(&Client), usize);

const MOMENTS: &[Moment] = &[
    ("connecting", |_| (), 0),
    ("between two attempts", Client::refuse, 0),
    (
        "connecting again",
        |client| {
            client.refuse();
            client.wait();
        },
        0,
    ),
    ("connected", |client| drop(client.accept()), 1),
    (
        "connection lost",
        |client| {
            let peer = client.accept();
            client.reset(peer);
        },
        1,
    ),
];

#[test]
fn it_ends_when_the_reactor_stops() {
    for (name, act, count) in MOMENTS {
        let (client, _) = Client::reconnecting();
        act(&client);
        assert!(!client.over.has_result(), "{name}");
        client.stop();
        assert!(client.over.has_result(), "{name}");
        client.ended(*count);
    }
}

/// The first attempt goes on, and so does a connection: they end it, then.
#[test]
fn it_ends_when_the_factory_is_told_to_stop_trying() {
    for (name, act, count) in MOMENTS {
        let (client, handle) = Client::reconnecting();
        act(&client);
        handle.stop_trying();
        client.reactor.settle().unwrap();
        match *name {
            "connecting" => client.refuse(),
            "connected" => client.reactor.flush().map(drop).unwrap(),
            _ => {}
        }
        assert!(client.over.has_result(), "{name}");
        client.ended(*count);
    }
}

#[test]
fn it_ends_after_the_last_retry() {
    let reactor = MemoryReactor::new();
    let factory = patient(&reactor).max_retries(1);
    let connections = reactor.connect_tcp(("server", 80), factory).connections();
    let client = Client::of(reactor, connections);
    client.refuse();
    client.wait();
    assert_no_result(&client.over);
    client.refuse();
    client.ended(0);
}

#[test]
fn a_factory_that_does_not_try_again_has_one_connection_or_none() {
    for refused in [true, false] {
        let reactor = MemoryReactor::new();
        let connector = reactor.connect_tcp(("server", 80), |_: Address| Silent);
        let client = Client::of(reactor, connector.connections());
        if refused {
            client.refuse();
        } else {
            let peer = client.accept();
            assert_no_result(&client.over);
            client.reset(peer);
        }
        client.ended(usize::from(!refused));
    }
}

/// One that says nothing of it beforehand, but does it when it hears of the loss.
#[test]
fn a_factory_that_connects_at_once_goes_on() {
    struct Again;

    impl Factory for Again {
        type Protocol = Silent;

        fn build_protocol(&mut self, _: Address) -> Option<Silent> {
            Some(Silent)
        }
    }

    impl ClientFactory for Again {
        fn client_connection_lost(&mut self, connector: &Connector<Silent>, _: Failure) {
            connector.connect().unwrap();
        }
    }

    let reactor = MemoryReactor::new();
    let connections = reactor.connect_tcp(("server", 80), Again).connections();
    let client = Client::of(reactor, connections);
    let peer = client.accept();
    client.reset(peer);
    let _peer = client.accept();
    assert_no_result(&client.over);
    assert_eq!(client.count.get(), 2);
}

#[test]
fn a_part_of_the_protocol_has_them_too() {
    let reactor = MemoryReactor::new();
    let factory = ReconnectingClientFactory::new(|_: Address| Outer::default());
    let whole = reactor.connect_tcp(("server", 80), factory.clock(&*reactor));
    let connections = whole.project(|outer| &mut outer.0).connections();
    let client = Client::of(reactor, connections);
    let _peer = client.accept();
    assert_eq!(client.count.get(), 1);
    client.stop();
    client.ended(1);
}

#[test]
fn one_that_came_and_went_meanwhile_is_left_out() {
    let reactor = MemoryReactor::new();
    let connector = reactor.connect_tcp(("server", 80), patient(&reactor));
    let mut connections = connector.connections();
    let next = Rc::new(RefCell::new(Vec::new()));
    reactor.settle().unwrap();
    for _ in 0..2 {
        let peer = reactor.tcp_clients().last().unwrap().accept().unwrap();
        reactor.settle().unwrap();
        peer.reset();
        reactor.flush().unwrap();
        reactor.advance(Duration::from_secs(1)).unwrap();
    }
    let _peer = reactor.tcp_clients().last().unwrap().accept().unwrap();
    reactor.settle().unwrap();
    let seen = next.clone();
    let following = ensure_deferred(async move {
        while let Some(connection) = connections.next().await {
            seen.borrow_mut().push(connection.connected());
        }
        Ok::<_, Failure>(())
    });
    assert_eq!(*next.borrow(), [true]);
    assert_no_result(&following);
    reactor.stop().unwrap();
    reactor.settle().unwrap();
    success_result_of(following);
}

/// Dropping it ends the waiting only.
#[test]
fn the_connector_goes_on_without_it() {
    let reactor = MemoryReactor::new();
    let connector = reactor.connect_tcp(("server", 80), |_: Address| Silent);
    let mut connections = connector.connections();
    assert!(futures::FutureExt::now_or_never(connections.next()).is_none());
    drop(connections);
    reactor.settle().unwrap();
    let _peer = reactor.tcp_clients()[0].accept().unwrap();
    reactor.settle().unwrap();
    let connection = success_result_of(connector.when_connected());

    let mut connections = connector.connections();
    assert!(futures::FutureExt::now_or_never(connections.next()).is_some());
    assert!(futures::FutureExt::now_or_never(connections.next()).is_none());
    drop(connections);
    assert!(connection.connected());
}

/// Who waits by it wants the connection: cancelling another one does not end the attempt.
#[test]
fn an_attempt_is_not_given_up_while_it_is_waited_for() {
    let reactor = MemoryReactor::new();
    let connector = reactor.connect_tcp(("server", 80), |_: Address| Silent);
    let client = Client::of(reactor, connector.connections());
    let other = connector.when_connected();
    other.cancel();
    drop(other.add_both(|_| Ok(())));
    client.reactor.settle().unwrap();
    let _peer = client.accept();
    assert_eq!(client.count.get(), 1);
}

/// The reactor goes before it has run, and the attempt with it.
#[test]
fn it_ends_when_the_reactor_is_dropped() {
    let reactor = Reactor::new();
    let connector = reactor.connect_tcp(("127.0.0.1", 9), |_: Address| Silent);
    let mut connections = connector.connections();
    drop(connector);
    let over = ensure_deferred(async move { Ok(connections.next().await.is_none()) });
    assert_no_result(&over);
    drop(reactor);
    assert!(success_result_of(over));
}

/// The errors that end a loop around `when_connected`.
#[test]
fn errors_of_a_reactor_that_is_gone_are_final() {
    let reactor = MemoryReactor::new();
    let connector = reactor.connect_tcp(("server", 80), patient(&reactor));
    let errors = ensure_deferred(async move {
        let mut errors = Vec::new();
        loop {
            let Err(failure) = connector.when_connected().await else { continue };
            let error = failure.check::<ConnectError>().unwrap().clone();
            errors.push(error.clone());
            if error.is_final() {
                return Ok::<_, Failure>(errors);
            }
        }
    });
    reactor.settle().unwrap();
    reactor.tcp_clients()[0].refuse().unwrap();
    reactor.settle().unwrap();
    reactor.stop().unwrap();
    reactor.settle().unwrap();
    let errors = success_result_of(errors);
    assert_eq!(errors, [ConnectError::ConnectionRefused, ConnectError::ReactorStopped]);
}
