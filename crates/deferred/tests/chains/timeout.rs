//! `Deferred::add_timeout` and `add_timeout_with`, on a virtual clock.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::time::{Clock, ReactorTime};
use deferred::{
    CancelledError, Deferred, DeferredQueue, Failure, TimeoutError, Trigger, ensure_deferred,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_nanos(1);

/// In time: the result passes, and the clock has nothing left to do.
#[test]
fn a_result_in_time_passes() {
    let clock = Clock::new();
    let (d, trigger) = Deferred::new();
    let d = d.add_timeout(TIMEOUT, &clock);
    assert_eq!(clock.get_delayed_calls().len(), 1);
    clock.advance(TIMEOUT - TICK);
    assert_no_result(&d);
    trigger.callback(1).unwrap();
    assert!(clock.get_delayed_calls().is_empty());
    clock.advance(TIMEOUT);
    assert_eq!(success_result_of(d), 1);
}

/// So does a failure in time, a cancellation included.
#[test]
fn a_failure_in_time_passes() {
    let clock = Clock::new();
    let (d, trigger) = Deferred::<()>::new();
    let d = d.add_timeout(TIMEOUT, &clock);
    trigger.errback(fmt::Error).unwrap();
    assert!(clock.get_delayed_calls().is_empty());
    assert!(failure_result_of(d).is::<fmt::Error>());

    let (d, _trigger) = Deferred::<()>::new();
    let d = d.add_timeout(TIMEOUT, &clock);
    d.cancel();
    assert!(clock.get_delayed_calls().is_empty());
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// Too late: it is cancelled, fails with a `TimeoutError` that names the
/// time, and swallows the late firing.
#[test]
fn a_late_result_is_a_timeout() {
    let clock = Clock::new();
    let (d, trigger) = Deferred::new();
    let d = d.add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert!(trigger.called());
    trigger.callback(1).unwrap();
    let failure = failure_result_of(d);
    assert_eq!(failure.check::<TimeoutError>().unwrap().timeout(), TIMEOUT);
}

/// The time is counted from the adding.
#[test]
fn time_counts_from_the_adding() {
    let clock = Clock::new();
    let (d, _trigger) = Deferred::<()>::new();
    clock.advance(TIMEOUT);
    let d = d.add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT - TICK);
    assert_no_result(&d);
    clock.advance(TICK);
    assert!(failure_result_of(d).is::<TimeoutError>());
}

/// One that has its result cannot time out, and schedules nothing.
#[test]
fn a_fired_one_does_not_time_out() {
    let clock = Clock::new();
    let d = Deferred::succeed(1).add_timeout(Duration::ZERO, &clock);
    assert!(clock.get_delayed_calls().is_empty());
    clock.advance(TIMEOUT);
    assert_eq!(success_result_of(d), 1);
}

/// A canceller that gives a value, or another error, is right.
#[test]
fn what_the_canceller_gives_stays() {
    let clock = Clock::new();
    let (d, _trigger) =
        Deferred::with_canceller(|trigger: &Trigger<i32>| trigger.callback(7).unwrap());
    let d = d.add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert_eq!(success_result_of(d), 7);

    let (d, _trigger) =
        Deferred::<()>::with_canceller(|trigger| trigger.errback(fmt::Error).unwrap());
    let d = d.add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert!(failure_result_of(d).is::<fmt::Error>());
}

/// What was added before is timed, what is added after is not.
#[test]
fn only_what_was_added_before_is_timed() {
    let clock = Clock::new();
    let (before, _before) = Deferred::<i32>::new();
    let d = Deferred::succeed(()).add_callback(move |()| before).add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert!(failure_result_of(d).is::<TimeoutError>());

    let (after, finish) = Deferred::new();
    let d = Deferred::succeed(()).add_timeout(TIMEOUT, &clock).add_callback(move |()| after);
    clock.advance(TIMEOUT * 2);
    assert_no_result(&d);
    finish.callback(2).unwrap();
    assert_eq!(success_result_of(d), 2);
}

/// An errback added before sees the cancellation, one added after the timeout;
/// the one before may handle it.
#[test]
fn errbacks_before_and_after() {
    let clock = Clock::new();
    let before = Rc::new(Cell::new(false));
    let see = Rc::clone(&before);
    let (d, _trigger) = Deferred::<i32>::new();
    let d = d
        .add_errback(move |failure| {
            see.set(failure.is::<CancelledError>());
            Err(failure)
        })
        .add_timeout(TIMEOUT, &clock)
        .add_errback(|failure| Ok(failure.is::<TimeoutError>().into()));
    clock.advance(TIMEOUT);
    assert!(before.get());
    assert_eq!(success_result_of(d), 1);

    let (d, _trigger) = Deferred::<i32>::new();
    let d = d.add_errback(|_cancelled| Ok(3)).add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert_eq!(success_result_of(d), 3);
}

/// Of two timeouts the shorter one decides.
#[test]
fn two_timeouts() {
    let clock = Clock::new();
    for (first, second) in [(1, 2), (2, 1)].map(|(a, b)| (TIMEOUT * a, TIMEOUT * b)) {
        let (d, _trigger) = Deferred::<()>::new();
        let d = d.add_timeout(first, &clock).add_timeout(second, &clock);
        clock.advance(TIMEOUT);
        assert!(clock.get_delayed_calls().is_empty());
        let failure = failure_result_of(d);
        assert_eq!(failure.check::<TimeoutError>().unwrap().timeout(), TIMEOUT);
    }
}

/// A paused one that was fired is not cancelled, but counts as late.
#[test]
fn a_timeout_during_a_pause() {
    let clock = Clock::new();
    let (d, trigger) = Deferred::new();
    let d = d.add_timeout(TIMEOUT, &clock);
    d.pause();
    trigger.callback(1).unwrap();
    clock.advance(TIMEOUT);
    assert_no_result(&d);
    d.unpause();
    assert_eq!(success_result_of(d), 1);
}

/// `add_timeout_with`: its function says what a timeout means; it is given the
/// result and the time, and only then.
#[test]
fn a_function_says_what_a_timeout_means() {
    let clock = Clock::new();
    let (d, _trigger) = Deferred::<String>::new();
    let d = d.add_timeout_with(TIMEOUT, &clock, |result, timeout| {
        let failure = result.unwrap_err();
        Ok(format!("{failure} after {timeout:?}"))
    });
    clock.advance(TIMEOUT);
    assert_eq!(success_result_of(d), "cancelled after 10s");

    let (d, trigger) = Deferred::new();
    let d = d.add_timeout_with(TIMEOUT, &clock, |_, _| -> Result<i32, Failure> {
        unreachable!("it was in time")
    });
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), 1);
}

/// That function may fail, panic, or return a Deferred.
#[test]
fn a_timeout_may_be_anything() {
    let clock = Clock::new();
    let (d, _trigger) = Deferred::<i32>::new();
    let failed = d.add_timeout_with(TIMEOUT, &clock, |_, _| Err(fmt::Error.into()));
    let (d, _trigger) = Deferred::<i32>::new();
    let (later, finish) = Deferred::new();
    let waits = d.add_timeout_with(TIMEOUT, &clock, move |_, _| later);
    clock.advance(TIMEOUT);
    assert!(failure_result_of(failed).is::<fmt::Error>());
    finish.callback(4).unwrap();
    assert_eq!(success_result_of(waits), 4);
}

/// A dropped Deferred is still timed, and its timeout reported as unhandled.
#[test]
fn a_dropped_one_times_out() {
    let errors = LoggedErrors::collect();
    let clock = Clock::new();
    let (d, trigger) = Deferred::<()>::new();
    drop(d.add_timeout(TIMEOUT, &clock));
    clock.advance(TIMEOUT);
    assert!(trigger.called());
    assert_eq!(errors.flush_logged_errors::<TimeoutError>().len(), 1);
}

/// A coroutine that times out is cancelled where it waits, and a queue's
/// waiter leaves the line.
#[test]
fn timing_out_coroutines_and_waiters() {
    let clock = Clock::new();
    let queue = DeferredQueue::<i32>::new();
    let job = queue.get().unwrap();
    let d = ensure_deferred(async move { Ok(job.await? + 1) }).add_timeout(TIMEOUT, &clock);
    clock.advance(TIMEOUT);
    assert!(failure_result_of(d).is::<TimeoutError>());
    assert_eq!(queue.waiting(), 0);
}

/// Any clock will do, a `dyn` one too; with the clock gone nothing times out.
#[test]
fn any_clock() {
    let clock = Clock::new();
    let (d, _trigger) = Deferred::<()>::new();
    let dynamic: &dyn ReactorTime = &clock;
    let d = d.add_timeout(TIMEOUT, dynamic);
    clock.advance(TIMEOUT);
    assert!(failure_result_of(d).is::<TimeoutError>());

    let gone = Clock::new();
    let (d, trigger) = Deferred::new();
    let d = d.add_timeout(TIMEOUT, &gone);
    drop(gone);
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(d), 1);
}
