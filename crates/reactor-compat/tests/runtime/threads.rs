//! Other threads: what they can ask of a reactor.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{Log, Recorder, Watchdog, drive, listen};
use deferred::{CancelledError, Deferred, Failure, Panic};
use reactor_compat::event::EventPhase;
use reactor_compat::task::defer_later;
use reactor_compat::{
    Address, Reactor, ReactorStopped, Remote, WouldDeadlock, blocking_call_from_thread, reactor,
};

const MILLISECOND: Duration = Duration::from_millis(1);

type Shared<T> = Arc<Mutex<Vec<T>>>;

/// Runs a reactor while `body` runs on another thread, which is to stop it.
fn beside<T: Send + 'static>(body: impl FnOnce(Remote) -> T + Send + 'static) -> T {
    let _watchdog = Watchdog::new();
    let remote = reactor().remote();
    let other = thread::spawn(move || body(remote));
    reactor().run().unwrap();
    other.join().unwrap()
}

#[test]
fn a_remote_goes_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>() {}
    anywhere::<Remote>();
}

#[test]
fn calls_are_made_on_the_reactors_thread_in_order() {
    let here = thread::current().id();
    let made = beside(move |remote| {
        let made = Shared::default();
        for n in 0..1_000 {
            let place = made.clone();
            let call = move || place.lock().unwrap().push((n, thread::current().id()));
            remote.call_from_thread(call).unwrap();
        }
        remote.stop().unwrap();
        made
    });
    let made = made.lock().unwrap();
    assert!(made.iter().map(|(n, _)| *n).eq(0..1_000));
    assert!(made.iter().all(|(_, thread)| *thread == here));
}

#[test]
fn calls_asked_for_before_the_run_are_made_in_it() {
    let reactor = Reactor::new();
    let remote = reactor.remote();
    let made = Shared::default();
    let place = made.clone();
    remote.call_from_thread(move || place.lock().unwrap().push(1)).unwrap();
    remote.stop().unwrap();
    assert!(made.lock().unwrap().is_empty());
    reactor.run().unwrap();
    assert_eq!(*made.lock().unwrap(), [1]);
}

#[test]
fn a_call_wakes_a_reactor_that_has_nothing_to_do() {
    // It has no timers: without being woken it would wait for ever.
    beside(|remote| {
        remote.blocking_call_from_thread(|| Ok(())).unwrap();
        remote.stop().unwrap();
    });
}

#[test]
fn what_calls_ask_for_waits_for_the_next_turn() {
    let reactor = Reactor::new();
    let (remote, order) = (reactor.remote(), Shared::default());
    let (first, second, third) = (order.clone(), order.clone(), order.clone());
    let again = remote.clone();
    let call = move || {
        first.lock().unwrap().push("first");
        again.call_from_thread(move || third.lock().unwrap().push("third")).unwrap();
    };
    remote.call_from_thread(call).unwrap();
    remote.call_from_thread(move || second.lock().unwrap().push("second")).unwrap();
    let stop = reactor.clone();
    reactor.call_later(MILLISECOND, move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second", "third"]);
}

#[test]
fn nothing_that_was_accepted_is_lost_when_it_stops() {
    let _watchdog = Watchdog::new();
    for _ in 0..20 {
        // A new one each time: one that has stopped refuses until it runs.
        let reactor = Reactor::new();
        let remote = reactor.remote();
        let made = Arc::new(AtomicUsize::new(0));
        let calls = made.clone();
        let other = thread::spawn(move || {
            for accepted in 0.. {
                let made = calls.clone();
                let call = move || {
                    made.fetch_add(1, Ordering::Relaxed);
                };
                if remote.call_from_thread(call).is_err() {
                    return accepted;
                }
            }
            usize::MAX
        });
        let stop = reactor.clone();
        reactor.call_when_running(move || stop.stop().unwrap());
        reactor.run().unwrap();
        assert_eq!(other.join().unwrap(), made.load(Ordering::Relaxed));
    }
}

#[test]
fn what_comes_too_late_is_refused_until_it_runs_again() {
    let reactor = Reactor::new();
    let remote = reactor.remote();
    for _ in 0..3 {
        let stop = reactor.clone();
        reactor.call_when_running(move || stop.stop().unwrap());
        reactor.run().unwrap();
        assert!(remote.has_stopped());
        assert_eq!(remote.call_from_thread(|| panic!("it is too late")), Err(ReactorStopped));
        assert_eq!(remote.stop(), Err(ReactorStopped));
    }
    let inner = remote.clone();
    reactor.call_when_running(move || inner.stop().unwrap());
    reactor.run().unwrap();
}

#[test]
fn a_panicking_call_ends_nothing() {
    beside(|remote| {
        remote.call_from_thread(|| panic!("this panic is part of the test")).unwrap();
        assert_eq!(remote.blocking_call_from_thread(|| Ok(1)).unwrap(), 1);
        remote.stop().unwrap();
    });
}

#[test]
fn a_call_may_drop_what_asks_for_more() {
    struct Asks(Remote);
    impl Drop for Asks {
        fn drop(&mut self) {
            let _ = self.0.call_from_thread(|| ());
        }
    }
    let reactor = Reactor::new();
    let remote = reactor.remote();
    let asks = Asks(remote.clone());
    remote.call_from_thread(move || drop(asks)).unwrap();
    let asks = Asks(remote.clone());
    drop(reactor);
    // Refused, and dropped with nothing held.
    assert_eq!(remote.call_from_thread(move || drop(asks)), Err(ReactorStopped));
}

#[test]
fn a_blocking_call_gives_values_errors_and_panics() {
    let (value, error, panic) = beside(|remote| {
        let value = remote.blocking_call_from_thread(|| Ok(thread::current().id()));
        let error =
            blocking_call_from_thread(&remote, || Err::<(), Failure>(CancelledError.into()));
        let panic = remote.blocking_call_from_thread(|| -> Result<(), Failure> {
            panic!("this panic is part of the test")
        });
        remote.stop().unwrap();
        (value, error, panic)
    });
    assert_eq!(value.unwrap(), thread::current().id());
    assert!(error.unwrap_err().is::<CancelledError>());
    assert!(panic.unwrap_err().is::<Panic>());
}

#[test]
fn a_blocking_call_waits_for_a_deferred() {
    let answer = beside(|remote| {
        let answer = remote
            .blocking_call_from_thread(|| defer_later(&reactor(), MILLISECOND, || Ok("at last")));
        remote.stop().unwrap();
        answer
    });
    assert_eq!(answer.unwrap(), "at last");
}

#[test]
fn a_blocking_call_whose_deferred_goes_away_is_told() {
    let answer = beside(|remote| {
        let answer = remote.blocking_call_from_thread(|| {
            let (never, trigger) = Deferred::<()>::new();
            drop(trigger);
            never
        });
        remote.stop().unwrap();
        answer
    });
    assert!(answer.unwrap_err().is::<CancelledError>());
}

#[test]
fn whoever_waits_is_woken_when_the_reactor_stops() {
    let kept = Arc::new(Mutex::new(None));
    let place = kept.clone();
    let failure = beside(move |remote| {
        remote
            .blocking_call_from_thread(move || {
                let (never, trigger) = Deferred::<()>::new();
                // Somebody could still fire it, and does not.
                let keep = Rc::new(Cell::new(Some(trigger)));
                reactor().add_system_event_trigger(EventPhase::After, "never", move || {
                    drop(keep.take());
                });
                place.lock().unwrap().replace(());
                reactor().call_later(Duration::ZERO, || reactor().stop().unwrap());
                never
            })
            .unwrap_err()
    });
    assert!(kept.lock().unwrap().is_some());
    assert!(failure.is::<ReactorStopped>());
}

#[test]
fn whoever_waits_is_woken_when_the_reactor_is_gone_without_having_run() {
    let _watchdog = Watchdog::new();
    let reactor = Reactor::new();
    let remote = reactor.remote();
    let (waits, waiting) = mpsc::channel();
    let other = thread::spawn(move || {
        waits.send(()).unwrap();
        remote.blocking_call_from_thread(|| Ok(()))
    });
    waiting.recv().unwrap();
    drop(reactor);
    assert!(other.join().unwrap().unwrap_err().is::<ReactorStopped>());
}

#[test]
fn waiting_for_oneself_is_an_error() {
    drive(|reactor| async move {
        let failure = reactor.remote().blocking_call_from_thread(|| Ok(())).unwrap_err();
        assert!(failure.is::<WouldDeadlock>());
    });
}

#[test]
fn reactors_pass_work_to_each_other() {
    let _watchdog = Watchdog::new();
    let threads: Vec<_> = (0..3).map(|_| Reactor::spawn_thread().unwrap()).collect();
    let remotes: Vec<_> = threads.iter().map(|thread| thread.remote()).collect();
    let (done, finished) = mpsc::channel();

    /// Passes a number round, adding one each time.
    fn pass(remotes: Vec<Remote>, n: usize, done: mpsc::Sender<usize>) {
        let next = remotes[n % remotes.len()].clone();
        let call = move || {
            // Each has a time of its own.
            reactor().call_later(Duration::ZERO, move || match n {
                300 => done.send(n).unwrap(),
                _ => pass(remotes, n + 1, done),
            });
        };
        next.call_from_thread(call).unwrap();
    }

    pass(remotes, 0, done);
    assert_eq!(finished.recv().unwrap(), 300);
    for thread in threads {
        thread.stop_and_join().unwrap();
    }
}

/// As many calls as a flood of them leaves: each counts.
fn flood(reactor: &Reactor, calls: usize) -> Arc<AtomicUsize> {
    let made = Arc::new(AtomicUsize::new(0));
    let remote = reactor.remote();
    for _ in 0..calls {
        let count = made.clone();
        remote.call_from_thread(move || _ = count.fetch_add(1, Ordering::Relaxed)).unwrap();
    }
    made
}

/// So many calls are made between two rounds of timers and sockets.
const CALLS_PER_TURN: usize = 64;

#[test]
fn a_flood_of_calls_leaves_timers_their_turns() {
    let made = flood(&reactor(), 10_000);
    let ticks = Rc::new(std::cell::RefCell::new(Vec::new()));
    let (tick, counted) = (ticks.clone(), made.clone());
    let ticking = reactor_compat::task::LoopingCall::new(move || {
        tick.borrow_mut().push(counted.load(Ordering::Relaxed));
        if tick.borrow().len() == 100 {
            reactor().stop().unwrap();
        }
    });
    drop(ticking.start(Duration::ZERO, true));
    let _watchdog = Watchdog::new();
    reactor().run().unwrap();
    // A turn or two between one tick and the next.
    let ticks = ticks.take();
    for pair in ticks.windows(2) {
        assert!(pair[1] - pair[0] <= 2 * CALLS_PER_TURN, "{ticks:?}");
    }
    // All that was asked for before the end is done all the same.
    assert_eq!(made.load(Ordering::Relaxed), 10_000);
}

#[test]
fn a_flood_of_calls_leaves_sockets_their_turns() {
    const CALLS: usize = 200_000;
    let made = flood(&reactor(), CALLS);
    let when_echoed = Rc::new(Cell::new(0));
    let (echoed, counted) = (when_echoed.clone(), made.clone());
    let address = listen(&reactor(), |_: Address| Recorder::echo(&Log::default()));
    reactor().connect_tcp(address, move |_: Address| {
        let (echoed, counted) = (echoed.clone(), counted.clone());
        Recorder::default().made(|connection, ()| connection.write("hello")).data(move |_, _| {
            echoed.set(counted.load(Ordering::Relaxed));
            reactor().stop().unwrap();
        })
    });
    let _watchdog = Watchdog::new();
    reactor().run().unwrap();
    // There and back takes some turns, each with its few calls.
    assert!(when_echoed.get() < CALLS / 4, "{} calls before it", when_echoed.get());
    assert_eq!(made.load(Ordering::Relaxed), CALLS);
}
