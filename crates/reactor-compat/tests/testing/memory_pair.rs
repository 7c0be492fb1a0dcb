//! Two protocols at the ends of a wire in memory, moved by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Event, Log, Recorder};
use reactor_compat::task::LoopingCall;
use reactor_compat::testing::{MemoryReactor, PumpError, connect};
use reactor_compat::{ConnectionLost, Reactor, WaterMarks};

/// A recorder, and its log.
fn recorder() -> (Recorder, Log) {
    let log = Log::default();
    (Recorder::new(&log), log)
}

#[test]
fn nothing_moves_until_it_is_told_to() {
    let ((server, heard), (client, _)) = (recorder(), recorder());
    let pair = connect(server, client.made(|me, ()| me.write("hello")));
    assert_eq!(heard.events(), [Event::Made]);
    assert_eq!(pair.wire().in_flight(), 5);
    assert_eq!(pair.pump(), Ok(true));
    assert_eq!(heard.events(), [Event::Made, Event::Data(b"hello".into())]);
    assert_eq!(pair.pump(), Ok(false));
}

#[test]
fn the_server_hears_of_its_connection_first() {
    let order = Rc::new(Cell::new(0));
    let (first, second) = (order.clone(), order.clone());
    let server = recorder().0.made(move |_, ()| assert_eq!(first.replace(1), 0));
    let client = recorder().0.made(move |_, ()| assert_eq!(second.replace(2), 1));
    let _pair = connect(server, client);
    assert_eq!(order.get(), 2);
}

#[test]
fn one_pump_is_one_way() {
    let (client, heard) = recorder();
    let pair = connect(Recorder::echo(&Log::default()), client);
    pair.client().write("hello");
    pair.pump().unwrap();
    assert_eq!(heard.data(), b"", "it is at the server, and the answer on the wire");
    pair.pump().unwrap();
    assert_eq!(heard.data(), b"hello");
}

#[test]
fn a_byte_at_a_time_is_one_callback_a_byte() {
    let pieces = Rc::new(Cell::new(0));
    let count = pieces.clone();
    let (server, heard) = recorder();
    let server = server.data(move |_, data| {
        assert_eq!(data.len(), 1);
        count.set(count.get() + 1);
    });
    let pair = connect(server, recorder().0);
    pair.client().write("hello, world");
    pair.client().lose_connection();
    assert_eq!(pair.flush_bytes(1), Ok(true));
    assert_eq!(pieces.get(), 12);
    assert_eq!(heard.data(), b"hello, world");
    assert_eq!(heard.end(), Some(Event::Done));
}

#[test]
fn those_who_answer_each_other_for_ever_are_an_error() {
    let echo = || Recorder::echo(&Log::default());
    let pair = connect(echo(), echo());
    pair.client().write("x");
    assert_eq!(pair.flush(), Err(PumpError::Restless { rounds: 10_000 }));
    // And the pair is still of use.
    pair.client().abort_connection();
    pair.flush().unwrap();
    assert!(pair.server().reason().is_some());
}

#[test]
fn calls_that_schedule_themselves_with_no_delay_are_an_error() {
    fn again(reactor: &Reactor) {
        let its = reactor.clone();
        reactor.call_later(Duration::ZERO, move || again(&its));
    }
    let reactor = MemoryReactor::new();
    again(&reactor);
    assert_eq!(reactor.settle(), Err(PumpError::Restless { rounds: 10_000 }));
}

#[test]
fn it_is_not_driven_from_inside_itself() {
    let reactor = MemoryReactor::new();
    let result = Rc::new(Cell::new(None));
    let (inner, seen) = (reactor.clone(), result.clone());
    reactor.call_later(Duration::ZERO, move || seen.set(Some(inner.flush())));
    reactor.settle().unwrap();
    assert_eq!(result.get(), Some(Err(PumpError::Reentrant)));
    assert_eq!(reactor.settle(), Ok(()));
}

#[test]
fn a_peer_that_does_not_read_is_not_written_to_without_bound() {
    let (server, heard) = recorder();
    let pair = connect(server, recorder().0);
    pair.server().pause_producing();
    pair.client().write(vec![7; 1_000_000]);
    pair.flush().unwrap();
    assert_eq!(heard.data(), b"");
    assert_eq!(pair.client().unsent(), 1_000_000 - 64 * 1024);
    assert!(!pair.client().reading(), "it is past its high-water mark");
    pair.server().resume_producing();
    pair.flush().unwrap();
    assert_eq!(heard.data().len(), 1_000_000);
    assert!(pair.client().reading());
}

#[test]
fn a_narrow_wire_takes_no_more_than_it_can() {
    let (server, heard) = recorder();
    let pair = connect(server, recorder().0);
    pair.wire().set_capacity(10);
    pair.client().write([1; 25]);
    pair.settle().unwrap();
    assert_eq!((pair.wire().in_flight(), pair.client().unsent()), (10, 15));
    assert_eq!(pair.pump(), Ok(true));
    assert_eq!(heard.data().len(), 10);
    pair.wire().set_capacity(15);
    pair.flush().unwrap();
    assert_eq!(heard.data().len(), 25);
}

#[test]
fn what_is_on_a_wire_that_breaks_is_lost() {
    let ((server, at_server), (client, at_client)) = (recorder(), recorder());
    let pair = connect(server, client);
    pair.client().write("arrives");
    pair.pump().unwrap();
    pair.client().write("is lost");
    pair.settle().unwrap();
    pair.wire().lose(ErrorKind::TimedOut);
    pair.settle().unwrap();
    assert_eq!(at_server.events()[1..], [Event::Data(b"arrives".into()), Event::Lost]);
    assert_eq!(at_client.end(), Some(Event::Lost));
    for reason in [pair.server().reason().unwrap(), pair.client().reason().unwrap()] {
        assert_eq!(reason.check::<ConnectionLost>().unwrap().kind(), Some(ErrorKind::TimedOut));
    }
}

#[test]
fn a_cut_in_the_middle_of_a_message() {
    let (server, heard) = recorder();
    let pair = connect(server, recorder().0);
    pair.client().write("hello");
    for _ in 0..3 {
        pair.pump_bytes(1).unwrap();
    }
    pair.wire().lose(ErrorKind::ConnectionReset);
    pair.flush().unwrap();
    assert_eq!(heard.events()[1..], [Event::Data(b"hel".into()), Event::Lost]);
}

#[test]
fn an_abort_overtakes_what_is_on_the_wire() {
    let ((server, at_server), (client, at_client)) = (recorder(), recorder());
    let pair = connect(server, client);
    pair.client().write("never arrives");
    pair.settle().unwrap();
    pair.client().abort_connection();
    pair.settle().unwrap();
    assert_eq!(at_client.end(), Some(Event::Aborted(None)));
    assert_eq!(at_server.end(), None, "the reset is on the wire");
    pair.flush().unwrap();
    assert_eq!(at_server.events(), [Event::Made, Event::Lost]);
}

#[test]
fn who_writes_to_a_closed_end_is_reset() {
    let ((server, at_server), (client, at_client)) = (recorder(), recorder());
    let pair = connect(server, client);
    // So that it does not hear that the other one has closed.
    pair.server().pause_producing();
    pair.client().lose_connection();
    // The client lingers for as long as the server does not end; then it closes.
    pair.flush().unwrap();
    pair.advance(Duration::from_secs(6)).unwrap();
    assert_eq!(at_client.end(), Some(Event::Done));
    pair.server().write("too late");
    pair.flush().unwrap();
    pair.server().write("much too late");
    pair.flush().unwrap();
    assert_eq!(at_server.end(), Some(Event::Lost));
}

#[test]
fn a_wire_that_is_unplugged_tells_nobody() {
    let ((server, at_server), (client, at_client)) = (recorder(), recorder());
    let pair = connect(server, client);
    pair.wire().unplug();
    pair.client().write("x");
    pair.client().lose_connection();
    assert_eq!(pair.flush(), Ok(false));
    pair.advance(Duration::from_secs(3600)).unwrap();
    assert_eq!(at_client.end(), Some(Event::Done), "the kernel has taken all of it");
    assert_eq!(at_server.end(), None, "and the server waits for ever");
}

#[test]
fn the_grace_of_a_close_goes_by_its_clock() {
    let ((server, _), (client, at_client)) = (recorder(), recorder());
    let pair = connect(server, client);
    pair.server().pause_producing();
    pair.client().set_water_marks(WaterMarks::UNBOUNDED);
    pair.client().write(vec![0; 100_000]);
    pair.client().lose_connection();
    pair.flush().unwrap();
    pair.advance(Duration::from_millis(29_999)).unwrap();
    assert_eq!(at_client.end(), None);
    pair.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(at_client.end(), Some(Event::Aborted(Some(100_000 - 64 * 1024))));
}

#[test]
fn one_clock_for_all() {
    let reactor = MemoryReactor::new();
    let ticks = Rc::new(Cell::new([0; 3]));
    let count = |place: usize| {
        let ticks = ticks.clone();
        move || {
            let mut now = ticks.get();
            now[place] += 1;
            ticks.set(now);
        }
    };
    reactor.call_later(Duration::from_secs(2), count(0));
    let looping = LoopingCall::new(count(1)).clock(&Reactor::clone(&reactor));
    drop(looping.start(Duration::from_secs(1), false));
    let wake = count(2);
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            wake();
        });
    });
    reactor.settle().unwrap();
    assert_eq!(ticks.get(), [0, 0, 0]);
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(ticks.get(), [0, 1, 0]);
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(ticks.get(), [1, 2, 1]);
    assert_eq!(reactor.seconds(), Duration::from_secs(2));
    // And none of it goes by the computer's own.
    reactor.settle().unwrap();
    assert_eq!(reactor.seconds(), Duration::from_secs(2));
}

#[test]
fn times_are_exact_below_a_millisecond() {
    let reactor = MemoryReactor::new();
    let rang = Rc::new(Cell::new(false));
    let ring = rang.clone();
    reactor.call_later(Duration::from_micros(700), move || ring.set(true));
    reactor.advance(Duration::from_micros(699)).unwrap();
    assert!(!rang.get());
    reactor.advance(Duration::from_micros(1)).unwrap();
    assert!(rang.get());
}

#[test]
fn tasks_of_other_kinds_run_too() {
    let reactor = MemoryReactor::new();
    let (send, receive) = std::sync::mpsc::channel();
    reactor.inside(|| {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            send.send("run").unwrap();
        })
    });
    reactor.settle().unwrap();
    assert_eq!(receive.try_recv(), Ok("run"));
}

#[test]
fn two_pairs_of_one_reactor_move_together() {
    let reactor = MemoryReactor::new();
    let ((one, first), (other, second)) = (recorder(), recorder());
    let pairs = [reactor.connect(one, recorder().0), reactor.connect(other, recorder().0)];
    for pair in &pairs {
        pair.client().write("x");
    }
    reactor.flush().unwrap();
    assert_eq!((first.data(), second.data()), (b"x".to_vec(), b"x".to_vec()));
}

#[test]
fn protocols_are_told_when_the_pair_is_dropped() {
    let ((server, at_server), (client, at_client)) = (recorder(), recorder());
    drop(connect(server, client));
    assert_eq!([at_server.end(), at_client.end()], [Some(Event::Lost), Some(Event::Lost)]);
}
