//! The doubles of `testing`, each put to its use: the same small service is
//! looked at from four distances.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{Clock, ReactorTime};
use deferred::{Failure, Trigger};
use reactor_compat::testing::{MemoryReactor, StringTransport, TestRun, connect, run_test};
use reactor_compat::{
    Address, CannotListenError, Connection, ConnectionDone, Port, Protocol, Reactor,
};

/// Answers each line with its length, and hangs up on who is silent.
struct Measure<C> {
    clock: C,
    line: Vec<u8>,
    patience: Option<reactor_compat::DelayedCall>,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl<C> Measure<C> {
    fn new(clock: C) -> Self {
        Self { clock, line: Vec::new(), patience: None }
    }
}

impl<C: ReactorTime + 'static> Protocol for Measure<C> {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        let transport = transport.transport().clone();
        self.patience = Some(self.clock.call_later(PATIENCE, move || transport.lose_connection()));
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        if let Some(patience) = &self.patience {
            patience.reset(PATIENCE).unwrap();
        }
        for byte in data {
            match byte {
                b'\n' => transport.write(format!("{}\n", std::mem::take(&mut self.line).len())),
                byte => self.line.push(*byte),
            }
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        if let Some(patience) = self.patience.take().filter(|patience| patience.active()) {
            patience.cancel().unwrap();
        }
    }
}

/// Has one line measured, and tells the result.
struct Ask {
    answer: Vec<u8>,
    told: Rc<RefCell<Option<Trigger<String>>>>,
}

impl Protocol for Ask {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write("hello\n");
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.answer.extend(data);
        if let Some(line) = self.answer.strip_suffix(b"\n")
            && let Some(trigger) = self.told.take()
        {
            trigger.callback(String::from_utf8_lossy(line).into_owned()).unwrap();
            transport.lose_connection();
        }
    }
}

fn ask() -> (Ask, deferred::Deferred<String>) {
    let (answer, trigger) = deferred::Deferred::new();
    (Ask { answer: Vec::new(), told: Rc::new(RefCell::new(Some(trigger))) }, answer)
}

fn serve(reactor: &Reactor, port: u16) -> Result<Port, CannotListenError> {
    let its = reactor.clone();
    reactor.listen_tcp(("127.0.0.1", port), move |_: Address| Measure::new(its.clone()))
}

#[test]
fn alone_with_a_string_transport_and_a_clock() {
    let clock = Clock::new();
    let transport = StringTransport::new(Measure::new(clock.clone()));
    transport.data_received(b"hello\nx");
    assert_eq!(transport.take_value(), b"5\n");
    clock.advance(PATIENCE);
    assert!(transport.disconnecting());
    transport.connection_lost(ConnectionDone);
    assert!(clock.get_delayed_calls().is_empty());
}

#[test]
fn with_its_peer() {
    let (ask, answer) = ask();
    let pair = connect(Measure::new(Clock::new()), ask);
    pair.flush_bytes(1).unwrap();
    assert_eq!(deferred::testing::success_result_of(answer), "5");
    assert!(pair.server().reason().unwrap().is::<ConnectionDone>());
}

#[test]
fn in_a_reactor_without_a_network() {
    let reactor = MemoryReactor::new();
    serve(&reactor, 7777).unwrap();
    let peer = reactor.tcp_servers()[0].connect().unwrap();
    peer.write("four\n").unwrap();
    reactor.flush().unwrap();
    assert_eq!(peer.read(), b"4\n");
    reactor.advance(PATIENCE - Duration::from_millis(1)).unwrap();
    reactor.flush().unwrap();
    assert!(!peer.ended());
    reactor.advance(Duration::from_millis(1)).unwrap();
    reactor.flush().unwrap();
    assert!(peer.ended());
}

#[test]
fn over_a_real_network() {
    run_test(|reactor| async move {
        let port = serve(&reactor, 0).unwrap();
        let (ask, answer) = ask();
        let mut ask = Some(ask);
        let address = port.get_host().socket_addr().unwrap();
        reactor.connect_tcp(address, move |_: Address| ask.take());
        assert_eq!(answer.await.unwrap(), "5");
        port.stop_listening().await.unwrap();
    });
}

#[test]
fn what_it_forgets_is_found() {
    let error = TestRun::new()
        .run(|reactor| async move {
            drop(serve(&reactor, 0).unwrap());
        })
        .unwrap_err();
    assert_eq!(error.left().ports.len(), 1);
}
