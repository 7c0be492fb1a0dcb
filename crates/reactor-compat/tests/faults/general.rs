//! Peers that break off, stand still or dawdle, at each stage of a connection;
//! and what a transport does that has lost its own.
//!
//! What holds for every kind of transport is in `tests/behaviour`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::io;
use std::net;
use std::rc::Rc;
use std::time::Duration;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, connect, drive, listen, turns, until};
use deferred::Failure;
use reactor_compat::{
    Address, Connection, ConnectionGone, ConnectionLost, Producer, ProducerKind, Protocol, Reactor,
    SocketError, Transport, WaterMarks,
};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ends a connection as the kernel does for a process that crashed.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

fn reset_std(stream: net::TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// More than the kernel keeps for a peer that does not read.
const MUCH: usize = 16 * 1024 * 1024;

#[test]
fn reset_before_connection_made() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let address = listen(&reactor, move |_: Address| Recorder::new(&seen));
        // The kernel takes it; nobody has accepted it when it goes.
        reset_std(net::TcpStream::connect(address).unwrap());
        assert_eq!(log.ended().await, Event::Lost);
        assert_eq!(log.events(), [Event::Made, Event::Lost]);
    });
}

#[test]
fn reset_inside_connection_made() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let peer = Rc::new(RefCell::new(None));
        let place = peer.clone();
        let address = listen(&reactor, move |_: Address| {
            let place = place.clone();
            Recorder::new(&seen).made(move |transport, ()| {
                transport.write("before");
                reset_std(place.take().unwrap());
                transport.write("after");
                assert!(transport.connected(), "nobody has said so yet");
            })
        });
        peer.replace(Some(net::TcpStream::connect(address).unwrap()));
        assert_eq!(log.ended().await, Event::Lost);
        assert_eq!(log.events(), [Event::Made, Event::Lost]);
    });
}

#[test]
fn reset_while_reading() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let peer = Rc::new(RefCell::new(None::<TcpStream>));
        let place = peer.clone();
        let (stream, transport) = connect(&reactor, move || {
            let place = place.clone();
            Recorder::new(&seen).data(move |_, _| place.take().into_iter().for_each(reset))
        })
        .await;
        // More than is read at once.
        transport.pause_producing();
        until(|| stream.try_write(&[7; 64 * 1024]).is_err()).await;
        peer.replace(Some(stream));
        transport.resume_producing();
        assert_eq!(log.ended().await, Event::Lost);
        assert!(log.data().iter().all(|byte| *byte == 7) && !log.data().is_empty());
    });
}

#[test]
fn reset_while_writing() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.write(vec![1; MUCH]);
        let drained = transport.drain();
        until(|| transport.unsent() < MUCH).await;
        reset(stream);
        assert_eq!(log.ended().await, Event::Lost);
        assert!(drained.await.unwrap_err().is::<ConnectionLost>());
        assert_eq!(transport.unsent(), 0);
    });
}

#[test]
fn reset_while_closing() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.write(vec![1; MUCH]);
        transport.lose_connection();
        until(|| transport.unsent() < MUCH).await;
        reset(stream);
        assert_eq!(log.ended().await, Event::Lost);
    });
}

/// A protocol that goes on when the peer has ended its half.
struct HalfCloser {
    log: Log,
    halves: Rc<RefCell<Vec<&'static str>>>,
}

impl Protocol for HalfCloser {
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        self.halves.borrow_mut().push("read");
    }

    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.halves.borrow_mut().push("write");
    }

    fn connection_lost(&mut self, _: &Connection<Self>, failure: Failure) {
        self.log.push(crate::support::reason(&failure));
    }
}

/// A plain socket and a [`HalfCloser`] at its other end.
async fn half_closer(reactor: &Reactor) -> (TcpStream, Transport, HalfCloser) {
    let (log, halves) = (Log::default(), Rc::<RefCell<Vec<_>>>::default());
    let mut protocol = Some(HalfCloser { log: log.clone(), halves: halves.clone() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connector = reactor.connect_tcp(address, move |_: Address| protocol.take());
    let (stream, _) = listener.accept().await.unwrap();
    let connection = connector.when_connected().await.unwrap();
    (stream, connection.transport().clone(), HalfCloser { log, halves })
}

#[test]
fn reset_after_we_ended_our_half() {
    drive(|reactor| async move {
        let (stream, transport, seen) = half_closer(&reactor).await;
        transport.lose_write_connection();
        until(|| *seen.halves.borrow() == ["write"]).await;
        reset(stream);
        assert_eq!(seen.log.ended().await, Event::Lost);
    });
}

#[test]
fn reset_while_our_half_is_being_ended() {
    drive(|reactor| async move {
        let (stream, transport, seen) = half_closer(&reactor).await;
        transport.write(vec![1; MUCH]);
        transport.lose_write_connection();
        until(|| transport.unsent() < MUCH).await;
        reset(stream);
        assert_eq!(seen.log.ended().await, Event::Lost);
        assert!(seen.halves.borrow().is_empty());
    });
}

#[test]
fn reset_after_the_peer_ended_its_half() {
    drive(|reactor| async move {
        let (mut stream, transport, seen) = half_closer(&reactor).await;
        stream.shutdown().await.unwrap();
        until(|| *seen.halves.borrow() == ["read"]).await;
        transport.write(vec![1; MUCH]);
        until(|| transport.unsent() < MUCH).await;
        reset(stream);
        assert_eq!(seen.log.ended().await, Event::Lost);
    });
}

#[test]
fn reset_after_the_peer_ended_its_half_is_found_out_by_the_next_write() {
    drive(|reactor| async move {
        let (mut stream, transport, seen) = half_closer(&reactor).await;
        stream.shutdown().await.unwrap();
        until(|| *seen.halves.borrow() == ["read"]).await;
        reset(stream);
        transport.write("hello?");
        assert_eq!(seen.log.ended().await, Event::Lost);
    });
}

#[test]
fn a_peer_that_never_ends_does_not_keep_a_closed_connection() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.lose_connection();
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(reactor.inventory().connections, []);
        assert!(stream.try_write(b"still here").is_ok());
        // What it sends is read and forgotten for a while; then it is told.
        tokio::time::pause();
        while stream.try_write(b"and here").is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn a_peer_that_never_reads_does_not_hold_up_a_close() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (_stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.write(vec![1; MUCH]);
        transport.lose_connection();
        turns(100).await;
        tokio::time::pause();
        let start = tokio::time::Instant::now();
        let Event::Aborted(Some(unsent)) = log.ended_in_time().await else {
            panic!("it ended by {:?}", log.end())
        };
        assert!(0 < unsent && unsent < MUCH);
        assert!(start.elapsed() >= Duration::from_secs(29), "the grace is 30 seconds");
    });
}

#[test]
fn a_peer_that_never_reads_does_not_hold_up_a_close_that_waits_for_a_producer() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let stopped = Stopped::default();
        let (_stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        // It is told to wait, and would unregister if ever it were to go on.
        transport.write(vec![1; MUCH]);
        transport.register_producer(stopped.clone(), ProducerKind::Push).unwrap();
        transport.lose_connection();
        turns(100).await;
        tokio::time::pause();
        let end = log.ended_in_time().await;
        assert!(matches!(end, Event::Aborted(Some(1..))), "{end:?}");
        assert_eq!(stopped.0.get(), 1);
    });
}

#[test]
fn a_close_waits_for_a_slow_producer_that_goes_on() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.register_producer(Stopped::default(), ProducerKind::Push).unwrap();
        transport.set_close_grace(Duration::from_secs(10));
        transport.lose_connection();
        turns(100).await;
        tokio::time::pause();
        for _ in 0..100 {
            // Each time, before the grace has passed.
            tokio::time::sleep(Duration::from_secs(9)).await;
            transport.write("x");
            turns(100).await;
        }
        tokio::time::resume();
        transport.unregister_producer();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [b'x'; 100]);
        assert_eq!(log.ended().await, Event::Done);
    });
}

/// The grace runs whatever a close waits for.
#[test]
fn a_close_waits_for_an_idle_producer_no_longer_than_its_grace() {
    for kind in [ProducerKind::Push, ProducerKind::Pull] {
        drive(move |reactor| async move {
            let log = Log::default();
            let seen = log.clone();
            let (_stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
            let producer = Stopped::default();
            transport.register_producer(producer.clone(), kind).unwrap();
            transport.lose_connection();
            turns(100).await;
            assert_eq!(log.end(), None);
            tokio::time::pause();
            tokio::time::sleep(Duration::from_secs(31)).await;
            turns(100).await;
            assert_eq!(log.end(), Some(Event::Aborted(Some(0))));
            assert_eq!(producer.0.get(), 1, "{kind:?}");
        });
    }
}

/// A producer hides neither the peer's end nor its reset, whether or not the
/// connection is closing.
#[test]
fn with_an_idle_producer_the_end_of_the_peer_is_noticed() {
    let all = [ProducerKind::Push, ProducerKind::Pull]
        .into_iter()
        .flat_map(|kind| [false, true].map(|closing| (kind, closing)))
        .flat_map(|(kind, closing)| [false, true].map(|resets| (kind, closing, resets)));
    for (kind, closing, resets) in all {
        drive(move |reactor| async move {
            let log = Log::default();
            let seen = log.clone();
            let (stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
            let producer = Stopped::default();
            transport.register_producer(producer.clone(), kind).unwrap();
            if closing {
                transport.lose_connection();
            }
            turns(100).await;
            if resets {
                stream.set_zero_linger().unwrap();
            }
            drop(stream);
            let end = log.ended().await;
            let expected = if resets { Event::Lost } else { Event::Done };
            assert_eq!(end, expected, "{kind:?}, closing: {closing}, resets: {resets}");
            assert_eq!(producer.0.get(), 1);
        });
    }
}

#[test]
fn a_peer_that_reads_slowly_is_given_all() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.write(vec![1; MUCH]);
        transport.set_close_grace(Duration::from_secs(10));
        transport.lose_connection();
        turns(100).await;
        let mut got = 0;
        let mut piece = vec![0; 4 * 1024 * 1024];
        while log.end().is_none() {
            // Each time, before the grace has passed.
            tokio::time::pause();
            tokio::time::sleep(Duration::from_secs(9)).await;
            // A paused clock would run on while the system carries the data.
            tokio::time::resume();
            let unsent = transport.unsent();
            while transport.unsent() == unsent && log.end().is_none() {
                got += stream.read(&mut piece).await.unwrap();
            }
        }
        got += stream.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(log.end(), Some(Event::Done));
        assert_eq!(got, MUCH);
    });
}

/// A time that is too long to ever pass is no bound.
#[test]
fn times_may_be_as_long_as_there_are() {
    const NEVER: Duration = Duration::MAX;
    let marks = || WaterMarks::new(10, 20).with_growth(0);
    let cases = [
        ("grace", WaterMarks::default(), true),
        ("stall", marks().with_stall_after(NEVER), false),
        ("give up", marks().with_stall_after(Duration::ZERO).with_give_up_after(NEVER), false),
    ];
    for (which, marks, closing) in cases {
        drive(move |reactor| async move {
            let log = Log::default();
            let seen = log.clone();
            let (_stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
            transport.set_water_marks(marks);
            transport.set_close_grace(NEVER);
            transport.write(vec![1; MUCH]);
            if closing {
                transport.lose_connection();
            }
            turns(100).await;
            tokio::time::pause();
            tokio::time::sleep(Duration::from_secs(1_000_000)).await;
            turns(100).await;
            assert_eq!(log.end(), None, "{which}");
            assert!(transport.unsent() > 0, "{which}");
            transport.abort_connection();
            assert!(matches!(log.ended().await, Event::Aborted(_)), "{which}");
        });
    }
}

#[test]
fn a_peer_that_sends_one_byte_at_a_time() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, _) = connect(&reactor, move || Recorder::echo(&seen)).await;
        stream.set_nodelay(true).unwrap();
        let all: Vec<u8> = (0..3_000_u32).map(|n| (n % 251) as u8).collect();
        for (n, byte) in all.iter().enumerate() {
            stream.write_all(&[*byte]).await.unwrap();
            let mut back = [0];
            stream.read_exact(&mut back).await.unwrap();
            assert_eq!(back[0], *byte);
            assert_eq!(log.data().len(), n + 1);
        }
        stream.shutdown().await.unwrap();
        assert_eq!(log.ended().await, Event::Done);
        assert!(log.data() == all);
    });
}

/// Counts how often it is told to stop.
#[derive(Clone, Default)]
struct Stopped(Rc<Cell<usize>>);

impl Producer for Stopped {
    fn pause_producing(&self) {}
    fn resume_producing(&self) {}
    fn stop_producing(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Does to a transport that has lost its connection all that can be done to
/// one, and checks that nothing comes of it.
fn everything_after_the_loss(transport: &Transport) {
    let (written, peer) = (transport.written(), transport.get_peer().clone());
    let tapped = Rc::new(());
    let keep = tapped.clone();
    transport.tap_writes(move |_| assert_eq!(Rc::strong_count(&keep), 0, "it was called"));
    assert_eq!(Rc::strong_count(&tapped), 1, "nobody would ever let go of it");
    transport.write("lost");
    transport.write_sequence(["lost", "too"]);
    assert_eq!((transport.written(), transport.unsent()), (written, 0));
    transport.lose_connection();
    transport.lose_write_connection();
    transport.abort_connection();
    assert!(!transport.connected() && !transport.disconnecting() && !transport.reading());
    transport.pause_producing();
    transport.resume_producing();
    transport.pause_sending();
    transport.resume_sending();
    transport.set_water_marks(WaterMarks::new(1, 2));
    transport.set_close_grace(Duration::ZERO);
    let stopped = Stopped::default();
    for times in 1..3 {
        assert_eq!(transport.register_producer(stopped.clone(), ProducerKind::Push), Ok(()));
        assert_eq!(transport.register_producer(stopped.clone(), ProducerKind::Pull), Ok(()));
        assert_eq!(stopped.0.get(), 2 * times, "each is stopped, and none kept");
        assert_eq!(Rc::strong_count(&stopped.0), 1);
    }
    transport.unregister_producer();
    let drained = transport.drain();
    assert!(drained.take_result().is_ok_and(|result| result.unwrap_err().is::<ConnectionGone>()));
    assert_eq!(transport.set_tcp_no_delay(true), Err(SocketError::NotTcp));
    assert_eq!(transport.get_tcp_keep_alive(), Err(SocketError::NotTcp));
    assert_eq!(*transport.get_peer(), peer);
    #[cfg(unix)]
    {
        let (reader, _writer) = io::pipe().unwrap();
        assert!(transport.send_file_descriptor(reader).is_err());
    }
    #[cfg(feature = "tls")]
    {
        use reactor_compat::tls::{ClientOptions, StartTlsError};
        let options = ClientOptions::new("localhost").unwrap();
        assert_eq!(transport.start_tls(options), Err(StartTlsError::NotConnected));
        assert!(!transport.is_secure() && transport.peer_certificate().is_none());
    }
}

#[test]
fn everything_done_after_a_loss_and_inside_connection_lost_comes_to_nothing() {
    drive(|reactor| async move {
        for how in 0..3 {
            let log = Log::default();
            let seen = log.clone();
            let passed = Rc::new(Cell::new(0));
            let pass = passed.clone();
            let (stream, transport) = connect(&reactor, move || {
                let pass = pass.clone();
                Recorder::new(&seen).lost(move |transport, ()| {
                    everything_after_the_loss(transport);
                    pass.set(pass.get() + 1);
                })
            })
            .await;
            transport.write("something");
            let expected = match how {
                0 => {
                    transport.lose_connection();
                    Event::Done
                }
                1 => {
                    transport.abort_connection();
                    Event::Aborted(None)
                }
                _ => {
                    reset(stream);
                    Event::Lost
                }
            };
            assert_eq!(log.ended().await, expected);
            assert_eq!(passed.get(), 1, "a panic in there is but logged");
            everything_after_the_loss(&transport);
            turns(20).await;
            assert_eq!(log.events(), [Event::Made, expected], "and nothing after it");
        }
    });
}

#[test]
fn everything_done_inside_connection_made_is_done_in_order() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let stopped = Stopped::default();
        let producer = stopped.clone();
        let address = listen(&reactor, move |_: Address| {
            let producer = producer.clone();
            Recorder::new(&seen).made(move |transport, ()| {
                transport.write("one ");
                transport.register_producer(producer.clone(), ProducerKind::Push).unwrap();
                transport.lose_connection();
                transport.write("two ");
                transport.unregister_producer();
                transport.write("too late");
                assert!(transport.disconnecting());
            })
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "one two ", "a close waits for a producer, and takes what it writes");
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(stopped.0.get(), 0, "it was unregistered before the end");
    });
}

#[test]
fn an_abort_inside_connection_made_overtakes_what_was_written() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let stopped = Stopped::default();
        let producer = stopped.clone();
        let address = listen(&reactor, move |_: Address| {
            let producer = producer.clone();
            Recorder::new(&seen).made(move |transport, ()| {
                transport.write("never");
                transport.register_producer(producer.clone(), ProducerKind::Push).unwrap();
                transport.lose_connection();
                transport.abort_connection();
            })
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let error = stream.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(log.ended().await, Event::Aborted(None));
        assert_eq!(stopped.0.get(), 1);
    });
}

/// Tokio's clock, when it is halted, moves only where nobody has anything to do:
/// one who turns in circles would keep it from that for ever.
#[test]
fn a_connection_that_waits_takes_no_turns_whatever_it_waits_for() {
    drive(|reactor| async move {
        let mut all = Vec::new();
        for state in 0..9 {
            let (mut stream, transport, seen) = half_closer(&reactor).await;
            match state {
                0 => {}
                1 => transport.pause_producing(),
                2 => transport.write(vec![1; MUCH]),
                3 => {
                    transport.pause_sending();
                    transport.write("held back");
                    transport.lose_connection();
                }
                4 => {
                    transport.register_producer(Stopped::default(), ProducerKind::Push).unwrap();
                    transport.lose_connection();
                }
                5 => transport.lose_write_connection(),
                6 => stream.shutdown().await.unwrap(),
                7 => {
                    transport.pause_producing();
                    stream.set_zero_linger().unwrap();
                    stream.write_all(b"unread").await.unwrap();
                    drop(std::mem::replace(&mut stream, half_closer(&reactor).await.0));
                }
                _ => {
                    transport.write(vec![1; MUCH]);
                    stream.shutdown().await.unwrap();
                }
            }
            all.push((stream, transport, seen));
        }
        turns(200).await;
        tokio::time::pause();
        // Less than any of them waits at most.
        tokio::time::sleep(Duration::from_secs(20)).await;
        for (state, (_, transport, seen)) in all.iter().enumerate() {
            assert_eq!(seen.log.end(), None, "{state}");
            transport.abort_connection();
            assert_eq!(seen.log.ended().await, Event::Aborted(None), "{state}");
        }
    });
}

#[test]
fn faults_over_ipv6() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let Some(reserved) = Reserved::v6() else {
            println!("skipped: this machine has no IPv6");
            return;
        };
        let address = reserved.address;
        let port = reactor.listen_tcp(address, move |_: Address| Recorder::new(&seen)).unwrap();
        assert!(port.get_host().socket_addr().unwrap().is_ipv6());
        reset(TcpStream::connect(address).await.unwrap());
        assert_eq!(log.ended().await, Event::Lost);
        port.stop_listening().await.unwrap();
        let refused = reactor.connect_tcp(address, |_: Address| Recorder::default());
        let failure = refused.when_connected().await.unwrap_err();
        assert_eq!(failure.check(), Some(&reactor_compat::ConnectError::ConnectionRefused));
    });
}
