//! Who is told to wait, and when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use reactor_compat::{AlreadyProducing, Producer, ProducerKind, Transport};

use crate::actor::{Actor, Event, Reason};
use crate::medium::{Medium, Stage};

/// What a producer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Pause,
    Resume,
    Stop,
}

/// A producer that notes what it is told, and writes so many pieces.
#[derive(Clone)]
struct Source {
    told: Rc<RefCell<Vec<Told>>>,
    left: Rc<Cell<usize>>,
    kind: ProducerKind,
    to: Transport,
}

const PIECE: &[u8] = &[b'p'; 1000];

impl Source {
    fn new(kind: ProducerKind, pieces: usize, to: Transport) -> Self {
        Self { told: Rc::default(), left: Rc::new(Cell::new(pieces)), kind, to }
    }

    fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    fn last(&self) -> Option<Told> {
        self.told.borrow().last().copied()
    }

    /// Writes for as long as it may.
    fn produce(&self) {
        while self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            self.to.write(PIECE);
            if self.kind == ProducerKind::Pull || self.last() == Some(Told::Pause) {
                return;
            }
        }
        self.to.unregister_producer();
    }
}

impl Producer for Source {
    fn pause_producing(&self) {
        self.told.borrow_mut().push(Told::Pause);
    }

    fn resume_producing(&self) {
        self.told.borrow_mut().push(Told::Resume);
        self.produce();
    }

    fn stop_producing(&self) {
        self.told.borrow_mut().push(Told::Stop);
    }
}

pub(crate) fn a_push_producer_waits_for_the_peer<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let pieces = M::LARGE / PIECE.len();
    let source = Source::new(ProducerKind::Push, pieces, client.transport());
    server.transport().pause_producing();
    client.transport().register_producer(source.clone(), ProducerKind::Push).expect("one");
    source.produce();
    stage.a_while();
    // As often as the medium took some, it went on.
    assert_eq!(source.last(), Some(Told::Pause));
    assert!(source.left.get() > 0);
    let marks = client.transport().water_marks();
    assert!(client.transport().unsent() <= marks.high() + PIECE.len());
    server.transport().resume_producing();
    stage.until(|| server.received() == pieces * PIECE.len());
    let told = source.told();
    let alternate = told.chunks(2).all(|pair| pair[0] == Told::Pause);
    assert!(alternate && told.len() >= 2, "{told:?}");
}

pub(crate) fn a_pull_producer_is_asked_each_time<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let source = Source::new(ProducerKind::Pull, 10, client.transport());
    client.transport().register_producer(source.clone(), ProducerKind::Pull).expect("one");
    assert_eq!(source.told(), [Told::Resume], "at once");
    stage.until(|| server.received() == 10 * PIECE.len());
    stage.until(|| source.told().len() == 11);
    stage.a_while();
    assert_eq!(source.told(), [Told::Resume; 11], "ten pieces, and the end");
}

pub(crate) fn a_close_waits_for_the_producer<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let source = Source::new(ProducerKind::Push, 0, client.transport());
    client.transport().register_producer(source.clone(), ProducerKind::Push).expect("one");
    client.transport().lose_connection();
    stage.a_while();
    assert_eq!(client.end(), None);
    client.transport().write("what it produced");
    client.transport().unregister_producer();
    client.transport().write("too late");
    stage.until_over(&server, &client);
    assert_eq!(server.data(), b"what it produced");
    assert_eq!(client.end(), Some(Reason::Done));
    assert_eq!(source.told(), [], "it was not there any more");
}

pub(crate) fn a_half_close_waits_for_the_producer<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new().on_read_lost(|_| ()), Actor::new());
    let source = Source::new(ProducerKind::Push, 0, client.transport());
    client.transport().register_producer(source, ProducerKind::Push).expect("one");
    client.transport().lose_write_connection();
    client.transport().write("what it produced");
    stage.until(|| server.received() == 16);
    stage.a_while();
    assert!(!server.has(&Event::ReadLost) && !client.has(&Event::WriteLost));
    client.transport().unregister_producer();
    stage.until(|| server.has(&Event::ReadLost) && client.has(&Event::WriteLost));
}

pub(crate) fn a_producer_is_stopped_with_the_connection<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    let source = Source::new(ProducerKind::Push, 0, client.transport());
    client.transport().register_producer(source.clone(), ProducerKind::Push).expect("one");
    client.transport().abort_connection();
    stage.until_over(&server, &client);
    assert_eq!(source.told(), [Told::Stop]);
    // And one that comes when it is gone is so at once.
    let late = Source::new(ProducerKind::Push, 0, client.transport());
    client.transport().register_producer(late.clone(), ProducerKind::Push).expect("none");
    assert_eq!(late.told(), [Told::Stop]);
}

pub(crate) fn there_is_one_producer_at_a_time<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (_server, client) = stage.connect(Actor::new(), Actor::new());
    let transport = client.transport();
    let source = || Source::new(ProducerKind::Push, 0, transport.clone());
    transport.register_producer(source(), ProducerKind::Push).expect("one");
    let second = transport.register_producer(source(), ProducerKind::Push);
    assert_eq!(second, Err(AlreadyProducing));
    transport.unregister_producer();
    transport.register_producer(source(), ProducerKind::Push).expect("one again");
}

pub(crate) fn a_paused_connection_reads_nothing<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (server, client) = stage.connect(Actor::new(), Actor::new());
    server.transport().pause_producing();
    assert!(!server.transport().reading());
    client.transport().write("hello");
    stage.a_while();
    assert_eq!(server.events(), [Event::Made]);
    server.transport().resume_producing();
    stage.until(|| server.received() == 5);
    assert_eq!(server.events(), [Event::Made, Event::Resumed, Event::Data]);
}

pub(crate) fn pausing_inside_a_callback_holds_up_the_rest<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_data(|me, _| me.pause_producing());
    let (server, client) = stage.connect(server, Actor::new());
    client.transport().write("x");
    stage.until(|| server.received() == 1);
    client.transport().write("y");
    stage.a_while();
    assert_eq!(server.received(), 1);
    server.transport().resume_producing();
    stage.until(|| server.received() == 2);
}

pub(crate) fn resuming_may_pause_again<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let server = Actor::new().on_resumed(|me| me.pause_producing());
    let (server, client) = stage.connect(server, Actor::new());
    server.transport().pause_producing();
    client.transport().write("x");
    server.transport().resume_producing();
    stage.until(|| server.has(&Event::Resumed));
    stage.a_while();
    assert_eq!(server.events(), [Event::Made, Event::Resumed]);
}

pub(crate) fn a_connection_is_the_producer_of_another<M: Medium>() {
    let mut stage = Stage::<M>::new();
    let (outlet, reader) = stage.connect(Actor::new(), Actor::new());
    let to = outlet.transport();
    let (inlet, writer) =
        stage.connect(Actor::new().on_data(move |_, data| to.write(data)), Actor::new());
    let producer = inlet.transport();
    outlet.transport().register_producer(producer, ProducerKind::Push).expect("one");
    reader.transport().pause_producing();
    stage.clog(&writer.transport());
    // What cannot go out is not taken in.
    stage.until(|| !inlet.transport().reading());
    assert!(inlet.received() < M::LARGE);
    reader.transport().resume_producing();
    stage.until(|| reader.received() == M::LARGE);
    writer.transport().lose_connection();
    stage.until(|| inlet.end().is_some());
    outlet.transport().unregister_producer();
}
