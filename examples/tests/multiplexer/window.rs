//! How much may come that is not read.

use std::cell::RefCell;
use std::rc::Rc;

use examples::multiplexer::Limits;
use reactor_compat::{Producer, ProducerKind, Transport, WaterMarks};

use crate::actor::{Actor, Witness};
use crate::media::OverMemory;
use crate::medium::Medium;

const WINDOW: usize = 1000;

/// A channel with a small window.
fn narrow() -> (OverMemory, Witness, Witness) {
    let mut over = OverMemory::with(Limits::default().with_window(1000));
    let (server, client) = (Actor::new(), Actor::new());
    let witnesses = (server.witness(), client.witness());
    over.connect(server, client);
    over.pair.flush().expect("rest");
    (over, witnesses.0, witnesses.1)
}

#[test]
fn no_more_is_sent_than_the_window_allows() {
    let (over, server, client) = narrow();
    server.transport().pause_producing();
    client.transport().write(vec![1; 5 * WINDOW]);
    over.pair.flush().expect("rest");
    assert_eq!(client.transport().unsent(), 4 * WINDOW);
    // The connection has nothing to do with it.
    assert_eq!(over.pair.client().unsent(), 0);
    server.transport().resume_producing();
    over.pair.flush().expect("rest");
    assert_eq!((server.received(), client.transport().unsent()), (5 * WINDOW, 0));
}

#[test]
fn a_byte_may_be_all_that_is_allowed() {
    let mut over = OverMemory::with(Limits::default().with_window(0));
    let (server, client) = (Actor::echo(), Actor::new());
    let witness = client.witness();
    over.connect(server, client);
    over.pair.flush().expect("rest");
    witness.transport().write("byte by byte");
    over.pair.flush().expect("rest");
    assert_eq!(witness.data(), b"byte by byte");
}

/// A producer that writes a piece each time it is told to go on, and while it may.
#[derive(Clone)]
struct Source {
    told: Rc<RefCell<Vec<&'static str>>>,
    to: Transport,
}

impl Source {
    fn produce(&self) {
        while self.told.borrow().last() != Some(&"pause") {
            self.to.write([7; 100]);
        }
    }
}

impl Producer for Source {
    fn pause_producing(&self) {
        self.told.borrow_mut().push("pause");
    }

    fn resume_producing(&self) {
        self.told.borrow_mut().push("resume");
        self.produce();
    }

    fn stop_producing(&self) {
        self.told.borrow_mut().push("stop");
    }
}

#[test]
fn a_producer_is_paused_and_resumed_by_the_window() {
    let (over, server, client) = narrow();
    client.transport().set_water_marks(WaterMarks::new(100, 400));
    server.transport().pause_producing();
    let source = Source { told: Rc::default(), to: client.transport() };
    client.transport().register_producer(source.clone(), ProducerKind::Push).expect("one");
    source.produce();
    over.pair.flush().expect("rest");
    // The window takes a first load, and then no more.
    let before = source.told.borrow().len();
    assert_eq!(source.told.borrow().last(), Some(&"pause"));
    assert!(client.transport().written() <= 2 * WINDOW as u64);
    over.pair.flush().expect("rest");
    assert_eq!(source.told.borrow().len(), before, "nothing happens by itself");

    // Each time that the peer reads, it goes on; and stops again with it.
    let produced = client.transport().written();
    server.transport().resume_producing();
    over.pair.pump().expect("rest");
    server.transport().pause_producing();
    over.pair.flush().expect("rest");
    assert!(client.transport().written() > produced);
    assert_eq!(source.told.borrow().last(), Some(&"pause"));
    assert!(source.told.borrow().len() > before);

    client.transport().abort_connection();
    over.pair.flush().expect("rest");
    assert_eq!(source.told.borrow().last(), Some(&"stop"));
}

#[test]
fn draining_waits_for_the_window() {
    let (over, server, client) = narrow();
    client.transport().set_water_marks(WaterMarks::new(100, 400));
    server.transport().pause_producing();
    client.transport().write(vec![1; 2 * WINDOW]);
    over.pair.flush().expect("rest");
    let drained = client.transport().drain();
    assert!(!drained.has_result());
    server.transport().resume_producing();
    over.pair.flush().expect("rest");
    deferred::testing::success_result_of(drained);
}

#[test]
fn each_end_has_a_window_of_its_own() {
    let reactor = reactor_compat::testing::MemoryReactor::new();
    let (server, servers) = crate::media::Place::new(&reactor, Limits::default().with_window(10));
    let (client, clients) = crate::media::Place::new(&reactor, Limits::default().with_window(20));
    let pair = reactor.connect(servers, clients);
    let (one, other) = (Actor::new(), Actor::new());
    let (at_server, at_client) = (one.witness(), other.witness());
    server.waiting.add(one);
    client.channels.connect(other).expect("a channel");
    pair.flush().expect("rest");
    for witness in [&at_server, &at_client] {
        witness.transport().pause_producing();
        witness.transport().write([0; 100]);
    }
    pair.flush().expect("rest");
    assert_eq!(at_client.transport().unsent(), 90);
    assert_eq!(at_server.transport().unsent(), 80);
}
