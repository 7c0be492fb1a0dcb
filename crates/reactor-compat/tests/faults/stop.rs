//! The end of a reactor that has much to end: connections in every state,
//! ports and attempts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::deaf::Deaf;
use crate::support::{Event, Log, Recorder, Watchdog, listen, until};
use deferred::Deferred;
use deferred::testing::failure_result_of;
use reactor_compat::{Address, ConnectError, Connection, Factory, Producer, ProducerKind, Reactor};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many pairs of connections as there are descriptors for, and as many ports
/// and attempts each as a fourth of them.
fn how_many() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
    let may = getrlimit(Resource::Nofile).current.unwrap_or(100_000);
    usize::try_from(may.saturating_sub(200) / 4).unwrap().clamp(40, 1_500)
}

struct Closable {
    stopped: Rc<Cell<usize>>,
}

impl Factory for Closable {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        None
    }

    fn stop_factory(&mut self) {
        self.stopped.set(self.stopped.get() + 1);
    }
}

struct Endless;

impl Producer for Endless {
    fn pause_producing(&self) {}
    fn resume_producing(&self) {}
    fn stop_producing(&self) {}
}

/// Brings a connection into one of the states that one can be in.
fn put(connection: &Connection<Recorder>, state: usize) {
    match state % 6 {
        0 => {}
        1 => connection.pause_producing(),
        2 => connection.write(vec![1; 10_000_000 / 100]),
        3 => {
            connection.pause_sending();
            connection.write("never sent");
            connection.lose_connection();
        }
        4 => {
            connection.register_producer(Endless, ProducerKind::Push).unwrap();
            connection.lose_connection();
        }
        _ => connection.lose_write_connection(),
    }
}

/// All that hear of the end.
#[derive(Clone, Default)]
struct All {
    logs: Rc<RefCell<Vec<Log>>>,
    ports: Rc<Cell<usize>>,
    attempts: Rc<RefCell<Vec<Deferred<Connection<Recorder>>>>>,
}

impl All {
    fn recorder(&self) -> Recorder {
        let log = Log::default();
        self.logs.borrow_mut().push(log.clone());
        Recorder::new(&log)
    }
}

async fn fill(reactor: &Reactor, all: &All, count: usize) {
    let accepted = all.clone();
    let address = listen(reactor, move |_: Address| accepted.recorder());
    for state in 0..count {
        let connected = all.clone();
        let connector = reactor.connect_tcp(address, move |_: Address| connected.recorder());
        put(&connector.when_connected().await.unwrap(), state);
    }
    until(|| all.logs.borrow().len() == 2 * count).await;
    for _ in 0..count / 4 {
        let stopped = all.ports.clone();
        reactor.listen_tcp(("127.0.0.1", 0), Closable { stopped }).unwrap();
    }
}

#[test]
fn stopping_with_thousands_of_connections_ports_and_attempts_is_heard_by_all() {
    let count = how_many();
    let reactor = Reactor::new();
    let all = All::default();
    let deaf = Deaf::new();
    let address = deaf.address;
    let (inner, filled) = (reactor.clone(), all.clone());
    let attempting = move || {
        let silent = |_: Address| Recorder::default();
        let attempts = (0..count / 4).map(|_| inner.connect_tcp(address, silent).when_connected());
        filled.attempts.borrow_mut().extend(attempts);
        inner.clone()
    };
    let filled = all.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            let reactor = attempting();
            fill(&reactor, &filled, count).await;
            let inventory = reactor.inventory();
            assert_eq!(inventory.connecting.len(), count / 4);
            assert_eq!(inventory.ports.len(), count / 4 + 1);
            assert!(inventory.connections.len() > count);
            reactor.stop().unwrap();
        });
    });
    let watchdog = Watchdog::new();
    reactor.run().unwrap();
    drop((watchdog, deaf));

    assert_eq!(all.ports.get(), count / 4);
    let attempts = all.attempts.take();
    assert_eq!(attempts.len(), count / 4);
    for attempt in attempts {
        let failure = failure_result_of(attempt);
        assert_eq!(failure.check(), Some(&ConnectError::ReactorStopped));
    }
    let logs = all.logs.take();
    assert_eq!(logs.len(), 2 * count);
    for log in logs {
        let ends =
            log.events().into_iter().filter(|it| !matches!(it, Event::Made | Event::Data(_)));
        let ends: Vec<Event> = ends.collect();
        assert!(matches!(ends[..], [Event::Lost | Event::Done]), "{ends:?}");
    }
    let left = reactor.inventory();
    assert!(left.connections.is_empty() && left.ports.is_empty() && left.connecting.is_empty());
}
