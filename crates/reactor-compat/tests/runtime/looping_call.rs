//! Loops: when they call, how they stop, and what they may do meanwhile.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure, Panic, Trigger};
use reactor_compat::task::{Clock, LoopAlreadyRunning, LoopNotRunning, LoopingCall};
use reactor_compat::{ReactorTime, reactor};

const SECOND: Duration = Duration::from_secs(1);

/// A clock, a loop that notes the times of its calls, and these, in tenths of a
/// second.
fn noting() -> (Clock, LoopingCall, Rc<RefCell<Vec<u128>>>) {
    let clock = Clock::new();
    let times = Rc::new(RefCell::new(Vec::new()));
    let (read, note) = (clock.clone(), times.clone());
    let looping = LoopingCall::new(move || {
        note.borrow_mut().push(read.seconds().as_millis() / 100);
    });
    (clock.clone(), looping.clock(&clock), times)
}

type LastTrigger = Rc<RefCell<Option<Trigger<()>>>>;

/// A loop that returns a Deferred each time, and what fires the last of them.
fn waiting(clock: &Clock) -> (LoopingCall, LastTrigger, Rc<Cell<u32>>) {
    let (last, calls) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    let (place, count) = (last.clone(), calls.clone());
    let looping = LoopingCall::new(move || {
        let (deferred, trigger) = Deferred::<()>::new();
        place.replace(Some(trigger));
        count.set(count.get() + 1);
        deferred
    });
    (looping.clock(clock), last, calls)
}

#[test]
fn it_calls_on_the_beat() {
    let (clock, looping, times) = noting();
    let stopped = looping.start(SECOND, true);
    assert_eq!(looping.interval(), Some(SECOND));
    clock.pump([SECOND / 2; 5]);
    assert_eq!(*times.borrow(), [0, 10, 20]);
    looping.stop().unwrap();
    clock.pump([SECOND; 3]);
    assert_eq!(*times.borrow(), [0, 10, 20]);
    assert!(!success_result_of(stopped).running());
    assert!(clock.get_delayed_calls().is_empty());
}

#[test]
fn not_now_is_an_interval_later() {
    let (clock, looping, times) = noting();
    let stopped = looping.start(2 * SECOND, false);
    assert!(times.borrow().is_empty());
    clock.pump([SECOND; 5]);
    assert_eq!(*times.borrow(), [20, 40]);
    assert_no_result(&stopped);
}

#[test]
fn beats_that_were_missed_are_left_out() {
    let (clock, looping, times) = noting();
    let _stopped = looping.start(SECOND, true);
    clock.advance(SECOND * 7 / 2);
    clock.advance(SECOND / 2);
    assert_eq!(*times.borrow(), [0, 35, 40], "the next one is on the beat again");
}

#[test]
fn an_interval_of_zero_is_as_fast_as_the_clock_gets_to_it() {
    let clock = Clock::new();
    let itself = Rc::new(RefCell::new(None::<LoopingCall>));
    let calls = Rc::new(Cell::new(0));
    let (me, count) = (itself.clone(), calls.clone());
    let looping = LoopingCall::new(move || {
        count.set(count.get() + 1);
        if count.get() == 100 {
            me.borrow().as_ref().unwrap().stop().unwrap();
        }
    })
    .clock(&clock);
    itself.replace(Some(looping.clone()));
    let stopped = looping.start(Duration::ZERO, true);
    assert_eq!(calls.get(), 1);
    clock.advance(Duration::ZERO);
    assert_eq!(calls.get(), 100);
    success_result_of(stopped);
    itself.take();
}

#[test]
fn a_call_that_waits_holds_the_next_up() {
    let clock = Clock::new();
    let (looping, last, calls) = waiting(&clock);
    let _stopped = looping.start(SECOND, true);
    clock.pump([SECOND; 3]);
    assert_eq!(calls.get(), 1);
    assert!(clock.get_delayed_calls().is_empty());
    clock.advance(SECOND / 4);
    last.take().unwrap().callback(()).unwrap();
    assert_eq!(clock.get_delayed_calls()[0].get_time(), 4 * SECOND);
    clock.advance(SECOND);
    assert_eq!(calls.get(), 2);
}

#[test]
fn stopping_waits_for_the_call_under_way() {
    let clock = Clock::new();
    let (looping, last, calls) = waiting(&clock);
    let stopped = looping.start(SECOND, true);
    looping.stop().unwrap();
    assert!(!looping.running());
    assert_eq!(looping.stop(), Err(LoopNotRunning));
    assert_no_result(&stopped);
    last.take().unwrap().callback(()).unwrap();
    success_result_of(stopped);
    clock.advance(9 * SECOND);
    assert_eq!(calls.get(), 1);
}

#[test]
fn an_error_a_panic_and_a_failed_deferred_end_it() {
    fn failure_of(function: impl FnMut() -> Result<(), Failure> + 'static) -> Failure {
        let clock = Clock::new();
        let looping = LoopingCall::new(function).clock(&clock);
        let failure = failure_result_of(looping.start(SECOND, true));
        assert!(!looping.running() && clock.get_delayed_calls().is_empty());
        failure
    }
    assert!(failure_of(|| Err(std::fmt::Error.into())).is::<std::fmt::Error>());
    let panicked = failure_of(|| panic!("this panic is part of the test"));
    assert!(panicked.is::<Panic>());

    let clock = Clock::new();
    let (looping, last, _) = waiting(&clock);
    let stopped = looping.start(SECOND, true);
    looping.stop().unwrap();
    last.take().unwrap().errback(std::fmt::Error).unwrap();
    assert!(failure_result_of(stopped).is::<std::fmt::Error>(), "though it was stopped");
}

#[test]
fn it_is_not_running_when_its_deferred_fires() {
    let (_, looping, _) = noting();
    let seen = Rc::new(Cell::new(None));
    let see = seen.clone();
    drop(looping.start(SECOND, true).add_callback(move |looping| {
        see.set(Some((looping.running(), looping.stop())));
    }));
    looping.stop().unwrap();
    assert_eq!(seen.take(), Some((false, Err(LoopNotRunning))));
}

#[test]
fn misuse_is_an_error_and_changes_nothing() {
    let (clock, looping, times) = noting();
    assert_eq!(looping.stop(), Err(LoopNotRunning));
    assert_eq!(looping.reset(), Err(LoopNotRunning));
    assert_eq!(looping.interval(), None);
    let stopped = looping.start(SECOND, true);
    let again = looping.start(5 * SECOND, true);
    assert!(failure_result_of(again).is::<LoopAlreadyRunning>());
    clock.advance(SECOND);
    assert_eq!(*times.borrow(), [0, 10]);
    assert_no_result(&stopped);
}

#[test]
fn an_error_that_nobody_handles_is_reported() {
    let errors = LoggedErrors::collect();
    let looping = LoopingCall::new(|| Err::<(), Failure>(std::fmt::Error.into()));
    drop(looping.clock(&Clock::new()).start(SECOND, true));
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn cancelling_its_deferred_does_not_stop_it() {
    let (clock, looping, times) = noting();
    let stopped = looping.start(SECOND, true);
    stopped.cancel();
    assert!(failure_result_of(stopped).is::<CancelledError>());
    clock.advance(SECOND);
    assert_eq!(times.borrow().len(), 2);
    assert_eq!(looping.stop(), Ok(()));
}

#[test]
fn reset_begins_to_count_anew() {
    let (clock, looping, times) = noting();
    let _stopped = looping.start(SECOND, true);
    clock.advance(SECOND * 3 / 10);
    looping.reset().unwrap();
    clock.pump([SECOND / 10; 20]);
    assert_eq!(*times.borrow(), [0, 13, 23]);
}

#[test]
fn reset_in_the_middle_of_a_call_does_nothing() {
    let clock = Clock::new();
    let (looping, last, _) = waiting(&clock);
    let _stopped = looping.start(SECOND, true);
    clock.advance(SECOND / 2);
    looping.reset().unwrap();
    assert!(clock.get_delayed_calls().is_empty());
    last.take().unwrap().callback(()).unwrap();
    assert_eq!(clock.get_delayed_calls()[0].get_time(), SECOND);
}

#[test]
fn the_count_tells_of_beats_that_were_missed() {
    let clock = Clock::new();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let note = counts.clone();
    let looping = LoopingCall::with_count(move |count| note.borrow_mut().push(count));
    let looping = looping.clock(&clock);
    let _stopped = looping.start(SECOND, true);
    clock.pump([SECOND, 4 * SECOND, SECOND / 2, SECOND / 2]);
    assert_eq!(*counts.borrow(), [1, 1, 4, 1]);
}

#[test]
fn the_count_of_a_loop_that_starts_later() {
    let clock = Clock::new();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let note = counts.clone();
    let looping = LoopingCall::with_count(move |count| note.borrow_mut().push(count));
    let _stopped = looping.clock(&clock).start(SECOND, false);
    clock.pump([SECOND, 2 * SECOND]);
    assert_eq!(*counts.borrow(), [1, 2]);
}

#[test]
fn the_count_at_interval_zero_is_one() {
    let clock = Clock::new();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let note = counts.clone();
    let looping = LoopingCall::with_count(move |count| {
        note.borrow_mut().push(count);
        let (deferred, trigger) = Deferred::<()>::new();
        drop(trigger);
        deferred
    });
    let _stopped = looping.clock(&clock).start(Duration::ZERO, true);
    clock.advance(SECOND);
    assert_eq!(*counts.borrow(), [1]);
}

#[test]
fn it_can_be_started_again() {
    let (clock, looping, times) = noting();
    for _ in 0..2 {
        let stopped = looping.start(SECOND, true);
        clock.advance(SECOND);
        looping.stop().unwrap();
        success_result_of(stopped);
    }
    assert_eq!(*times.borrow(), [0, 10, 10, 20]);
}

/// In Twisted the Deferred of the first run is lost, and there are two loops.
#[test]
fn restarting_it_from_inside_ends_one_run_and_begins_another() {
    let clock = Clock::new();
    let itself = Rc::new(RefCell::new(None::<LoopingCall>));
    let second = Rc::new(RefCell::new(None));
    let calls = Rc::new(Cell::new(0));
    let (me, place, count) = (itself.clone(), second.clone(), calls.clone());
    let looping = LoopingCall::new(move || {
        count.set(count.get() + 1);
        if count.get() == 1 {
            let me = me.borrow().clone().unwrap();
            me.stop().unwrap();
            place.replace(Some(me.start(5 * SECOND, true)));
            assert_eq!(count.get(), 1, "it is called when this has returned");
        }
    })
    .clock(&clock);
    itself.replace(Some(looping.clone()));

    let first = looping.start(SECOND, true);
    itself.take();
    success_result_of(first);
    assert_eq!(calls.get(), 2);
    clock.advance(5 * SECOND);
    assert_eq!(calls.get(), 3);
    assert_eq!(clock.get_delayed_calls().len(), 1);
    looping.stop().unwrap();
    success_result_of(second.take().unwrap());
}

/// Stopped while its first call was still to come, it makes none.
#[test]
fn restarting_and_stopping_it_from_inside_makes_no_call() {
    let clock = Clock::new();
    let itself = Rc::new(RefCell::new(None::<LoopingCall>));
    let calls = Rc::new(Cell::new(0));
    let (me, count) = (itself.clone(), calls.clone());
    let runs = Rc::new(RefCell::new(Vec::new()));
    let place = runs.clone();
    let looping = LoopingCall::new(move || {
        count.set(count.get() + 1);
        let me = me.borrow().clone().unwrap();
        for _ in 0..2 {
            me.stop().unwrap();
            place.borrow_mut().push(me.start(SECOND, true));
        }
        me.stop().unwrap();
    })
    .clock(&clock);
    itself.replace(Some(looping.clone()));
    success_result_of(looping.start(SECOND, true));
    itself.take();
    assert_eq!(calls.get(), 1);
    for run in runs.take() {
        success_result_of(run);
    }
    assert!(clock.get_delayed_calls().is_empty());
}

#[test]
fn stopping_lets_go_of_what_it_held() {
    let clock = Clock::new();
    let held = Rc::new(());
    let kept = held.clone();
    let looping = LoopingCall::new(move || {
        let _ = &kept;
    })
    .clock(&clock);
    let stopped = looping.start(SECOND, true);
    looping.stop().unwrap();
    drop((looping, stopped));
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn without_a_clock_it_goes_by_the_reactor() {
    let calls = Rc::new(Cell::new(0));
    let count = calls.clone();
    let looping = LoopingCall::new(move || count.set(count.get() + 1));
    let stop = looping.clone();
    let stopped = looping.start(Duration::from_millis(1), true);
    reactor().call_later(Duration::from_millis(3), move || stop.stop().unwrap());
    let _ended = stopped.add_callback(|_| Ok(reactor().stop()?));
    reactor().run().unwrap();
    assert!(calls.get() >= 2, "{}", calls.get());
}
/// The times are those of the real Twisted, whose `interval` is assigned to.
#[test]
fn its_interval_can_be_set_while_it_runs() {
    let (clock, looping, times) = noting();
    assert_eq!(looping.set_interval(SECOND), Err(LoopNotRunning));
    let _stopped = looping.start(SECOND, true);
    looping.set_interval(3 * SECOND).unwrap();
    assert_eq!(looping.interval(), Some(3 * SECOND));
    clock.pump([SECOND / 2; 14]);
    assert_eq!(times.take(), [0, 10, 30, 60]);
    looping.set_interval(SECOND / 2).unwrap();
    clock.pump([SECOND / 2; 8]);
    assert_eq!(times.take(), [90, 95, 100, 105, 110]);
    looping.stop().unwrap();
    assert_eq!(looping.set_interval(SECOND), Err(LoopNotRunning));
}

#[test]
fn its_interval_can_be_set_inside_the_call() {
    let clock = Clock::new();
    let times = Rc::new(RefCell::new(Vec::new()));
    let place: Rc<RefCell<Option<LoopingCall>>> = Rc::default();
    let (note, read, own) = (times.clone(), clock.clone(), place.clone());
    let looping = LoopingCall::new(move || {
        note.borrow_mut().push(read.seconds().as_secs());
        let interval = if note.borrow().len() < 3 { SECOND } else { 4 * SECOND };
        own.borrow().as_ref().unwrap().set_interval(interval).unwrap();
    })
    .clock(&clock);
    place.replace(Some(looping.clone()));
    let _stopped = looping.start(SECOND, true);
    clock.pump([SECOND; 12]);
    assert_eq!(times.take(), [0, 1, 2, 4, 8, 12]);
    place.take();
}
