//! Connections over in-memory streams: what a driver does, whatever it drives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::{Event, Log, Recorder, drive, turns, until};
use reactor_compat::{Transport, WaterMarks};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};

#[test]
fn what_comes_is_given_to_the_protocol_and_its_answer_sent() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(1024);
        reactor.serve(ours, Recorder::echo(&log));
        theirs.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        theirs.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        drop(theirs);
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(log.events(), [Event::Made, Event::Data(b"hello".to_vec()), Event::Done]);
    });
}

#[test]
fn one_byte_at_a_time_is_as_good() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(1);
        reactor.serve(ours, Recorder::echo(&log));
        for byte in 0..=255_u8 {
            theirs.write_all(&[byte]).await.unwrap();
            assert_eq!(theirs.read_u8().await.unwrap(), byte);
        }
    });
}

#[test]
fn what_was_written_arrives_though_the_peer_ends_first() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(100);
        reactor.serve(ours, Recorder::new(&log).data(|transport, _| transport.write([7; 5000])));
        theirs.write_all(b"go").await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [7; 5000]);
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn lose_connection_inside_connection_made_sends_what_was_written() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(3);
        let recorder = Recorder::new(&log).made(|transport, ()| {
            transport.write("good");
            transport.lose_connection();
            transport.write("too late");
        });
        let connection = reactor.serve(ours, recorder);
        theirs.write_all(b"xyz").await.unwrap();
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"good");
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(log.events(), [Event::Made, Event::Done]);
        connection.write("far too late");
        connection.lose_connection();
        connection.abort_connection();
        turns(5).await;
        assert_eq!(log.events(), [Event::Made, Event::Done]);
        assert!(!connection.connected() && !connection.disconnecting());
        assert_eq!(connection.unsent(), 0);
    });
}

#[test]
fn abort_lets_go_of_what_is_unsent() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(3);
        let connection = reactor.serve(ours, Recorder::new(&log));
        connection.write("a lot that is never sent");
        connection.abort_connection();
        connection.lose_connection();
        assert!(log.events().is_empty(), "never from inside the call");
        assert_eq!(log.ended().await, Event::Aborted(None));
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        assert!(all.is_empty());
    });
}

#[test]
fn a_close_that_a_peer_does_not_finish_ends_by_abort() {
    drive(|reactor| async move {
        tokio::time::pause();
        let log = Log::default();
        let (ours, mut theirs) = duplex(10);
        let connection = reactor.serve(ours, Recorder::new(&log));
        connection.write([1; 30]);
        connection.lose_connection();
        let start = tokio::time::Instant::now();
        // It takes a little, which begins the grace anew, and then no more.
        tokio::time::sleep(Duration::from_secs(20)).await;
        theirs.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(log.ended_in_time().await, Event::Aborted(Some(15)));
        assert_eq!(start.elapsed().as_secs(), 50);
    });
}

#[test]
fn the_grace_can_be_set() {
    drive(|reactor| async move {
        tokio::time::pause();
        let log = Log::default();
        let (ours, _theirs) = duplex(10);
        let connection = reactor.serve(ours, Recorder::new(&log));
        connection.set_close_grace(Duration::from_secs(2));
        connection.write([1; 30]);
        connection.lose_connection();
        let start = tokio::time::Instant::now();
        assert_eq!(log.ended_in_time().await, Event::Aborted(Some(20)));
        assert_eq!(start.elapsed().as_secs(), 2);
    });
}

#[test]
fn a_slow_reader_stops_us_from_reading() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(1000);
        let connection = reactor.serve(ours, Recorder::echo(&log));
        connection.set_water_marks(WaterMarks::new(2_000, 10_000));
        // Written by a peer that reads nothing: it gets stuck.
        let stuck = async { theirs.write_all(&[9; 100_000]).await };
        assert!(tokio::time::timeout(Duration::from_millis(50), stuck).await.is_err());
        assert!(!connection.reading());
        assert!(connection.unsent() <= 10_000 + 64 * 1024);
        let heard = log.data().len();
        let (mut reader, mut writer) = tokio::io::split(theirs);
        let mut answer = vec![0; heard];
        reader.read_exact(&mut answer).await.unwrap();
        until(|| connection.reading()).await;
        writer.write_all(b"x").await.unwrap();
        assert!(connection.unsent() <= 2_000 + 64 * 1024);
    });
}

#[test]
fn without_marks_everything_is_kept() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(1000);
        let connection = reactor.serve(ours, Recorder::echo(&log));
        connection.set_water_marks(WaterMarks::UNBOUNDED);
        theirs.write_all(&[9; 300_000]).await.unwrap();
        until(|| log.data().len() == 300_000).await;
        assert!(connection.unsent() >= 298_000);
        theirs.read_exact(&mut vec![0; 300_000]).await.unwrap();
        assert_eq!(connection.unsent(), 0);
    });
}

#[test]
fn pausing_keeps_the_data_with_the_peer() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(1000);
        let connection =
            reactor.serve(ours, Recorder::new(&log).made(|me, ()| me.pause_producing()));
        theirs.write_all(b"wait").await.unwrap();
        turns(10).await;
        assert_eq!(log.events(), [Event::Made]);
        connection.resume_producing();
        until(|| !log.data().is_empty()).await;
        assert_eq!(log.data(), b"wait");
    });
}

#[test]
fn pausing_from_data_received_keeps_the_rest_with_the_peer() {
    drive(|reactor| async move {
        let log = Log::default();
        let (ours, mut theirs) = duplex(4);
        let connection =
            reactor.serve(ours, Recorder::new(&log).data(|me, _| me.pause_producing()));
        theirs.write_all(b"once").await.unwrap();
        theirs.write_all(b"more").await.unwrap();
        turns(10).await;
        assert_eq!(log.data(), b"once");
        connection.resume_producing();
        until(|| log.data().len() == 8).await;
    });
}

#[test]
fn a_panic_in_any_callback_ends_only_its_own_connection() {
    drive(|reactor| async move {
        let bystander = Log::default();
        let (other, mut peer) = duplex(100);
        reactor.serve(other, Recorder::echo(&bystander));

        let boom = |_: &_, _| panic!("part of the test");
        let panics = Event::Other("panicked: part of the test".to_owned());
        for place in ["made", "data", "lost"] {
            let log = Log::default();
            let (ours, mut theirs) = duplex(100);
            let recorder = Recorder::new(&log);
            let recorder = match place {
                "made" => recorder.made(move |me, ()| boom(me, Vec::new())),
                "data" => recorder.data(boom),
                _ => recorder.lost(move |me, ()| boom(me, Vec::new())),
            };
            let connection = reactor.serve(ours, recorder);
            let _ = theirs.write_all(b"data").await;
            if place == "lost" {
                until(|| !log.data().is_empty()).await;
                drop(theirs);
                assert_eq!(log.ended().await, Event::Done);
            } else {
                assert_eq!(log.ended().await, panics);
            }
            turns(5).await;
            assert!(connection.gone());
            let ends = log
                .events()
                .iter()
                .filter(|event| !matches!(event, Event::Made | Event::Data(_)))
                .count();
            assert_eq!(ends, 1, "{place}");
        }

        peer.write_all(b"alive").await.unwrap();
        peer.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(bystander.end(), None);
    });
}

#[test]
fn protocols_write_to_close_and_abort_each_other_from_inside() {
    drive(|reactor| async move {
        let logs: Vec<Log> = (0..3).map(|_| Log::default()).collect();
        let all: Rc<RefCell<Vec<Transport>>> = Rc::default();
        let mut peers = Vec::new();
        for log in &logs {
            let (ours, theirs) = duplex(100);
            let others = all.clone();
            let recorder = Recorder::new(log).data(move |me, data| {
                for other in others.borrow().iter().filter(|other| !other.same(me)) {
                    match data.as_slice() {
                        b"close" => other.lose_connection(),
                        b"abort" => other.abort_connection(),
                        data => other.write(data),
                    }
                }
            });
            all.borrow_mut().push(reactor.serve(ours, recorder).transport().clone());
            peers.push(theirs);
        }
        peers[0].write_all(b"hello").await.unwrap();
        for peer in &mut peers[1..] {
            let mut heard = [0; 5];
            peer.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }
        let third = all.borrow_mut().pop().unwrap();
        peers[0].write_all(b"close").await.unwrap();
        assert_eq!(logs[1].ended().await, Event::Done);
        all.borrow_mut().push(third);
        peers[0].write_all(b"abort").await.unwrap();
        assert_eq!(logs[2].ended().await, Event::Aborted(None));
        assert_eq!(logs[0].end(), None);
    });
}

#[test]
fn the_reactors_end_is_heard_of_once() {
    let log = Log::default();
    let (ours, theirs) = duplex(100);
    let seen = log.clone();
    drive(move |reactor| async move {
        let recorder = Recorder::new(&seen).lost(move |transport, ()| transport.write("no more"));
        let connection = reactor.serve(ours, recorder);
        until(|| !seen.events().is_empty()).await;
        connection.write("bye");
    });
    assert_eq!(log.events(), [Event::Made, Event::Lost]);
    drop(theirs);
}

#[test]
fn a_stop_from_a_callback_sends_what_it_wrote() {
    let log = Log::default();
    let (ours, mut theirs) = duplex(100);
    let seen = log.clone();
    let theirs = drive(move |reactor| async move {
        let inner = reactor.clone();
        let recorder = Recorder::new(&seen).data(move |transport, _| {
            transport.write("bye");
            inner.stop().unwrap();
        });
        reactor.serve(ours, recorder);
        theirs.write_all(b"stop").await.unwrap();
        until(|| !seen.data().is_empty()).await;
        theirs
    });
    assert_eq!(log.end(), Some(Event::Lost));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut theirs = theirs;
    let mut heard = Vec::new();
    runtime.block_on(theirs.read_to_end(&mut heard)).unwrap();
    assert_eq!(heard, b"bye");
}

#[test]
fn a_connection_that_never_began_is_not_lost() {
    let log = Log::default();
    let reactor = reactor_compat::Reactor::new();
    let (ours, _theirs) = duplex(100);
    let connection = reactor.serve(ours, Recorder::new(&log));
    connection.write("queued");
    drop(reactor);
    drop(connection);
    assert!(log.events().is_empty());
}

/// A stream that breaks in the way it is told.
struct Broken(io::ErrorKind);

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(self.0.into()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_write_that_fails_is_a_loss() {
    drive(|reactor| async move {
        let log = Log::default();
        let connection = reactor.serve(Broken(io::ErrorKind::BrokenPipe), Recorder::new(&log));
        turns(3).await;
        connection.write("x");
        assert_eq!(log.ended().await, Event::Lost);
    });
}
