//! The reactor: running, stopping, and time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{drive, turns};
use reactor_compat::{
    DelayedCall, DelayedCallError, Reactor, ReactorAlreadyRunning, ReactorNotRunning, RunError,
    reactor,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

type Names = Rc<RefCell<Vec<&'static str>>>;

fn recorder() -> (Names, impl Fn(&'static str) -> Box<dyn Fn()>) {
    let log = Names::default();
    let kept = log.clone();
    let record = move |what| -> Box<dyn Fn()> {
        let log = log.clone();
        Box::new(move || log.borrow_mut().push(what))
    };
    (kept, record)
}

#[test]
fn it_can_be_run_again() {
    let reactor = Reactor::new();
    for _ in 0..3 {
        let stop = reactor.clone();
        reactor.call_when_running(move || stop.stop().unwrap());
        assert!(!reactor.running());
        reactor.run().unwrap();
    }
    assert!(!reactor.running());
}

#[test]
fn the_threads_own_is_one_and_the_same() {
    let ran = Rc::new(Cell::new(false));
    let seen = ran.clone();
    reactor().call_when_running(move || {
        assert!(reactor().running());
        seen.set(true);
        reactor().stop().unwrap();
    });
    reactor().run().unwrap();
    assert!(ran.get());
}

#[test]
fn running_inside_itself_is_an_error() {
    drive(|reactor| async move {
        assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning(ReactorAlreadyRunning))));
        assert!(matches!(Reactor::new().run(), Err(RunError::InsideRuntime)));
    });
}

#[test]
fn stopping_what_does_not_run_is_an_error() {
    let reactor = Reactor::new();
    assert_eq!(reactor.stop(), Err(ReactorNotRunning));
    let inner = reactor.clone();
    reactor.call_when_running(move || {
        assert_eq!(inner.stop(), Ok(()));
        assert_eq!(inner.stop(), Err(ReactorNotRunning));
    });
    reactor.run().unwrap();
    assert_eq!(reactor.stop(), Err(ReactorNotRunning));
}

#[test]
fn what_is_asked_for_before_it_runs_is_done_in_order() {
    let (log, record) = recorder();
    let reactor = Reactor::new();
    reactor.call_when_running(record("first"));
    reactor.call_later(Duration::ZERO, record("later"));
    reactor.call_when_running(record("second"));
    let stop = reactor.clone();
    reactor.call_later(Duration::from_millis(2), move || stop.stop().unwrap());
    assert!(log.borrow().is_empty());
    reactor.run().unwrap();
    assert_eq!(*log.borrow(), ["first", "second", "later"]);
}

#[test]
fn delayed_calls_come_in_order_of_time_then_of_asking() {
    drive(|reactor| async move {
        tokio::time::pause();
        let (log, record) = recorder();
        reactor.call_later(3 * SECOND, record("d"));
        reactor.call_later(SECOND, record("a"));
        reactor.call_later(2 * SECOND, record("b"));
        reactor.call_later(2 * SECOND, record("c"));
        let start = Instant::now();
        tokio::time::sleep(4 * SECOND).await;
        assert_eq!(*log.borrow(), ["a", "b", "c", "d"]);
        assert_eq!(start.elapsed().as_secs(), 4);
    });
}

#[test]
fn a_call_comes_at_its_time_on_the_paused_clock() {
    drive(|reactor| async move {
        tokio::time::pause();
        let start = reactor.seconds();
        let at = Rc::new(Cell::new(None));
        let (place, inner) = (at.clone(), reactor.clone());
        reactor.call_later(90 * SECOND, move || place.set(Some(inner.seconds() - start)));
        tokio::time::advance(89 * SECOND).await;
        turns(3).await;
        assert_eq!(at.get(), None);
        // Tokio's timers go by whole milliseconds.
        tokio::time::advance(SECOND + Duration::from_millis(1)).await;
        turns(3).await;
        assert!(at.get().is_some_and(|at| at >= 90 * SECOND && at < 91 * SECOND));
    });
}

#[test]
fn waiting_for_a_call_takes_no_turns() {
    // On the paused clock time passes only while nothing spins.
    drive(|reactor| async move {
        tokio::time::pause();
        reactor.call_later(Duration::from_millis(1), || ());
        reactor.call_later(1_000_000 * SECOND, || ());
        let start = Instant::now();
        tokio::time::sleep(999_999 * SECOND).await;
        assert_eq!(start.elapsed().as_secs(), 999_999);
    });
}

#[test]
fn moving_and_cancelling_reach_the_timer() {
    drive(|reactor| async move {
        tokio::time::pause();
        let (log, record) = recorder();
        let early = reactor.call_later(100 * SECOND, record("early"));
        let late = reactor.call_later(SECOND, record("late"));
        let never = reactor.call_later(SECOND, record("never"));
        turns(3).await;
        never.cancel().unwrap();
        late.delay(9 * SECOND).unwrap();
        early.reset(5 * SECOND).unwrap();
        tokio::time::sleep(6 * SECOND).await;
        assert_eq!(*log.borrow(), ["early"]);
        tokio::time::sleep(5 * SECOND).await;
        assert_eq!(*log.borrow(), ["early", "late"]);
        assert!(reactor.get_delayed_calls().is_empty());
    });
}

#[test]
fn a_call_that_is_over_is_neither_moved_nor_cancelled() {
    fn refuse(call: &DelayedCall, why: DelayedCallError) {
        assert_eq!(call.cancel(), Err(why));
        assert_eq!(call.delay(SECOND), Err(why));
        assert_eq!(call.reset(SECOND), Err(why));
        assert!(!call.active());
    }
    let reactor = Reactor::new();
    let (own, refused) = (Rc::new(RefCell::new(None::<DelayedCall>)), Rc::new(Cell::new(false)));
    let (inside, done) = (own.clone(), refused.clone());
    let made = reactor.call_later(Duration::ZERO, move || {
        refuse(inside.borrow().as_ref().unwrap(), DelayedCallError::AlreadyCalled);
        done.set(true);
    });
    own.replace(Some(made.clone()));
    let due = made.get_time();
    let taken_back = reactor.call_later(Duration::ZERO, || panic!("it was taken back"));
    taken_back.cancel().unwrap();
    let (stop, kept) = (reactor.clone(), reactor.call_later(SECOND, || ()));
    reactor.call_later(Duration::from_millis(1), move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert!(refused.get(), "it could not be cancelled while it was made");
    refuse(&made, DelayedCallError::AlreadyCalled);
    refuse(&taken_back, DelayedCallError::AlreadyCancelled);
    assert_eq!(made.get_time(), due);
    drop(reactor);
    refuse(&kept, DelayedCallError::AlreadyCancelled);
}

#[test]
fn the_list_of_calls_is_of_those_that_were_pending_then() {
    let reactor = Reactor::new();
    let late = reactor.call_later(2 * SECOND, || ());
    let soon = reactor.call_later(SECOND, || ());
    let listed = reactor.get_delayed_calls();
    assert_eq!(listed, [soon.clone(), late.clone()]);
    reactor.call_later(SECOND, || ());
    late.reset(Duration::ZERO).unwrap();
    assert_eq!(listed.len(), 2);
    listed.iter().for_each(|call| call.cancel().unwrap());
    assert!(!soon.active() && !late.active());
    assert_eq!(reactor.get_delayed_calls().len(), 1);
    assert!(reactor.get_delayed_calls()[0].get_time() >= reactor.seconds());
}

#[test]
fn a_call_that_schedules_itself_for_at_once_starves_nobody() {
    drive(|reactor| async move {
        let count = Rc::new(Cell::new(0));
        fn again(reactor: &Reactor, count: &Rc<Cell<usize>>) {
            count.set(count.get() + 1);
            let (inner, counted) = (reactor.clone(), count.clone());
            reactor.call_later(Duration::ZERO, move || again(&inner, &counted));
        }
        again(&reactor, &count);
        turns(10).await;
        assert!(count.get() > 1, "it goes on");
        assert!(count.get() < 1_000, "and so do others");
    });
}

#[test]
fn a_panicking_call_ends_nothing() {
    let (log, record) = recorder();
    let reactor = Reactor::new();
    reactor.call_when_running(|| panic!("this panic is part of the test"));
    reactor.call_later(Duration::ZERO, || panic!("this panic is part of the test"));
    reactor.call_later(Duration::ZERO, record("after"));
    let stop = reactor.clone();
    reactor.call_later(Duration::from_millis(2), move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(*log.borrow(), ["after"]);
}

#[test]
fn calls_of_the_same_turn_are_made_though_one_stops_the_reactor() {
    let (log, record) = recorder();
    let reactor = Reactor::new();
    let stop = reactor.clone();
    reactor.call_later(Duration::ZERO, move || stop.stop().unwrap());
    reactor.call_later(Duration::ZERO, record("same turn"));
    reactor.call_later(3_600 * SECOND, record("never"));
    reactor.run().unwrap();
    assert_eq!(*log.borrow(), ["same turn"]);
    assert_eq!(reactor.get_delayed_calls().len(), 1);
}

#[test]
fn tasks_of_tokio_run_inside_and_are_dropped_at_the_end() {
    struct Dropped(Rc<Cell<bool>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    let dropped = Rc::new(Cell::new(false));
    let guard = Dropped(dropped.clone());
    let answer = drive(|_| async move {
        tokio::task::spawn_local(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        tokio::task::spawn_local(async { tokio::task::spawn_blocking(|| 42).await.unwrap() })
            .await
            .unwrap()
    });
    assert_eq!(answer, 42);
    assert!(dropped.get());
}

#[test]
fn a_coroutine_that_sleeps_is_woken() {
    drive(|reactor| async move {
        tokio::time::pause();
        let (waited, trigger) = deferred::Deferred::new();
        reactor.call_later(SECOND, move || trigger.callback(5).unwrap());
        let result = deferred::Deferred::from_coroutine(async move {
            tokio::time::sleep(2 * SECOND).await;
            Ok(waited.await? + 1)
        });
        assert_eq!(result.await.unwrap(), 6);
    });
}

#[test]
fn a_timeout_runs_on_the_reactor() {
    drive(|reactor| async move {
        tokio::time::pause();
        let (never, _trigger) = deferred::Deferred::<()>::new();
        let failure = never.add_timeout(SECOND, &reactor).await.unwrap_err();
        assert!(failure.is::<deferred::TimeoutError>());
    });
}

#[test]
fn each_thread_has_its_own() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                let count = Rc::new(Cell::new(0));
                let counted = count.clone();
                reactor().call_when_running(move || counted.set(counted.get() + n));
                reactor().call_later(Duration::ZERO, || reactor().stop().unwrap());
                reactor().run().unwrap();
                count.get()
            })
        })
        .collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 6);
}
