//! Producers: who is told to wait, and when.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::rc::Rc;

use crate::support::{Event, Log, Recorder, drive, until};
use reactor_compat::testing::StringTransport;
use reactor_compat::{
    AlreadyProducing, ConnectionDone, Producer, ProducerKind, Transport, WaterMarks,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Keeps a list of what it is told; a pull producer, it writes each time.
#[derive(Clone, Default)]
struct Told {
    log: Rc<RefCell<Vec<&'static str>>>,
    writes: Rc<RefCell<Vec<&'static str>>>,
    to: Option<Transport>,
}

impl Told {
    fn take(&self) -> Vec<&'static str> {
        self.log.take()
    }
}

impl Producer for Told {
    fn pause_producing(&self) {
        self.log.borrow_mut().push("pause");
    }
    fn resume_producing(&self) {
        self.log.borrow_mut().push("resume");
        let next = self.writes.borrow_mut().pop();
        if let (Some(to), Some(next)) = (&self.to, next) {
            to.write(next);
        }
    }
    fn stop_producing(&self) {
        self.log.borrow_mut().push("stop");
    }
}

fn transport() -> StringTransport<Recorder> {
    StringTransport::new(Recorder::default())
}

#[test]
fn a_push_producer_is_paused_above_the_mark_and_resumed_once() {
    let (transport, told) = (transport(), Told::default());
    transport.set_water_marks(WaterMarks::new(2, 4));
    transport.register_producer(told.clone(), ProducerKind::Push).unwrap();
    transport.write("1234");
    assert!(told.take().is_empty());
    transport.write("5");
    transport.write("6");
    assert_eq!(told.take(), ["pause"]);
    assert!(transport.reading(), "it is the producer that is held up");
    assert_eq!(transport.take_value(), b"123456");
    assert_eq!(told.take(), ["resume"]);
    transport.connection_lost(ConnectionDone);
    assert_eq!(told.take(), ["stop"]);
}

#[test]
fn a_producer_that_comes_late_is_paused_at_once_or_stopped() {
    let (transport, told) = (transport(), Told::default());
    transport.set_water_marks(WaterMarks::new(0, 0));
    transport.write("x");
    transport.register_producer(told.clone(), ProducerKind::Push).unwrap();
    assert_eq!(told.take(), ["pause"]);
    transport.connection_lost(ConnectionDone);
    assert_eq!(told.take(), ["stop"]);
    transport.register_producer(told.clone(), ProducerKind::Push).unwrap();
    assert_eq!(told.take(), ["stop"]);
}

#[test]
fn there_is_one_at_a_time() {
    let (transport, told) = (transport(), Told::default());
    transport.register_producer(told.clone(), ProducerKind::Push).unwrap();
    let second = transport.register_producer(told.clone(), ProducerKind::Push);
    assert_eq!(second, Err(AlreadyProducing));
    transport.unregister_producer();
    transport.register_producer(told.clone(), ProducerKind::Push).unwrap();
    assert!(told.take().is_empty());
}

#[test]
fn a_pull_producer_is_asked_when_all_is_sent() {
    let transport = transport();
    let told = Told {
        writes: Rc::new(RefCell::new(vec!["second", "first"])),
        to: Some(transport.transport().clone()),
        ..Told::default()
    };
    transport.register_producer(told.clone(), ProducerKind::Pull).unwrap();
    assert_eq!(told.take(), ["resume"]);
    assert_eq!(transport.take_value(), b"first");
    assert_eq!(told.take(), ["resume"]);
    assert_eq!(transport.take_value(), b"second");
    assert_eq!(told.take(), ["resume"]);
    assert_eq!(transport.take_value(), b"");
    assert!(told.take().is_empty(), "it wrote nothing, and is not asked again");
}

#[test]
fn a_close_waits_for_the_producer() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(100);
        let connection = reactor.serve(ours, Recorder::new(&log));
        let told = Told {
            writes: Rc::new(RefCell::new(vec!["c", "b", "a"])),
            to: Some(connection.transport().clone()),
            ..Told::default()
        };
        connection.register_producer(told.clone(), ProducerKind::Pull).unwrap();
        connection.lose_connection();
        let mut heard = [0; 3];
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"abc");
        assert_eq!(log.end(), None);
        connection.unregister_producer();
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn two_that_forward_to_each_other_do_not_wait_for_each_other() {
    // Each end writes much before it reads anything.
    drive(|reactor| async move {
        let (ours, theirs) = duplex(1000);
        let mut tasks = Vec::new();
        for end in [ours, theirs] {
            let log = Log::default();
            let seen = log.clone();
            let connection = reactor.serve(end, Recorder::new(&seen));
            connection.register_producer(Told::default(), ProducerKind::Push).unwrap();
            connection.write(vec![1; 1_000_000]);
            tasks.push(log);
        }
        until(|| tasks.iter().all(|log| log.data().len() == 1_000_000)).await;
    });
}

#[test]
fn one_connection_is_the_producer_of_another() {
    drive(|reactor| async move {
        let (back, mut reader) = duplex(1000);
        let back = reactor.serve(back, Recorder::default());
        let to = back.transport().clone();
        let (front, mut writer) = duplex(1000);
        let front = reactor.serve(front, Recorder::default().data(move |_, data| to.write(data)));
        back.register_producer(front.transport().clone(), ProducerKind::Push).unwrap();

        let all: Vec<u8> = (0..500_000_u32).map(|n| (n % 249) as u8).collect();
        let sent = all.clone();
        let writing = tokio::task::spawn_local(async move {
            writer.write_all(&sent).await.unwrap();
            writer
        });
        until(|| !front.reading()).await;
        assert!(back.unsent() <= 2 * 64 * 1024);
        let mut heard = vec![0; all.len()];
        reader.read_exact(&mut heard).await.unwrap();
        assert!(heard == all);
        drop(writing.await.unwrap());
    });
}
