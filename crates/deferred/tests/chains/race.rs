//! `race` and `FailureGroup`.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    AlreadyCalledError, CancelledError, Deferred, Failure, FailureGroup, Trigger, race, succeed,
};
use proptest::prelude::*;

type Asked = Rc<RefCell<Vec<usize>>>;

/// Runners that note when their canceller is asked.
fn runners(count: usize) -> (Vec<Deferred<usize>>, Vec<Trigger<usize>>, Asked) {
    let asked = Asked::default();
    let (runners, triggers) = (0..count)
        .map(|n| {
            let asked = Rc::clone(&asked);
            Deferred::with_canceller(move |_| asked.borrow_mut().push(n))
        })
        .unzip();
    (runners, triggers, asked)
}

proptest! {
    /// Whichever succeeds first wins, and exactly the others are cancelled, in
    /// their order, before the race fires.
    #[test]
    fn the_first_value_wins((count, winner) in (1_usize..12).prop_flat_map(|n| (Just(n), 0..n))) {
        let (runners, triggers, asked) = runners(count);
        let noted = Rc::clone(&asked);
        let result = race(runners).add_callback(move |won| Ok((won, noted.borrow().len())));
        triggers[winner].callback(100 + winner).unwrap();
        prop_assert_eq!(success_result_of(result), ((winner, 100 + winner), count - 1));
        let others: Vec<_> = (0..count).filter(|&n| n != winner).collect();
        prop_assert_eq!(&*asked.borrow(), &others);
    }

    /// If all fail the failures are given in the order of the runners,
    /// whatever the order of the failing.
    #[test]
    fn all_failing(order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle()) {
        let (runners, triggers, asked) = runners(order.len());
        let result = race(runners);
        for &n in &order {
            prop_assert!(!result.has_result());
            triggers[n].errback(std::io::Error::other(n.to_string())).unwrap();
        }
        let failure = failure_result_of(result);
        let group = failure.check::<FailureGroup>().unwrap();
        let messages: Vec<_> = group.failures().iter().map(ToString::to_string).collect();
        prop_assert_eq!(messages, ["0", "1", "2", "3", "4", "5"]);
        prop_assert!(asked.borrow().is_empty());
    }
}

/// Failures before a value do not count.
#[test]
fn a_value_beats_failures() {
    let errors = LoggedErrors::collect();
    let (runners, triggers, asked) = runners(3);
    let result = race(runners);
    triggers[0].errback(fmt::Error).unwrap();
    triggers[2].errback(fmt::Error).unwrap();
    assert_no_result(&result);
    triggers[1].callback(7).unwrap();
    assert_eq!(success_result_of(result), (1, 7));
    assert!(asked.borrow().is_empty(), "the others were done");
    assert!(errors.flush_all().is_empty(), "a race handles the failures");
}

/// One that has its value already wins at once; of several the first.
#[test]
fn fired_runners() {
    let (slow, trigger) = Deferred::new();
    let result = race([slow, succeed(1), succeed(2)]);
    assert_eq!(success_result_of(result), (1, 1));
    assert!(trigger.called(), "it was cancelled");
}

/// A race without runners never fires, but can be cancelled.
#[test]
fn a_race_without_runners() {
    let result = race(Vec::<Deferred<()>>::new());
    assert_no_result(&result);
    result.cancel();
    assert!(failure_result_of(result).is::<CancelledError>());
}

/// Cancelling a race cancels all runners, once; it fails with what they make
/// of it.
#[test]
fn cancelling_a_race() {
    let (runners, _triggers, asked) = runners(3);
    let result = race(runners);
    result.cancel();
    result.cancel();
    assert_eq!(*asked.borrow(), [0, 1, 2]);
    let failure = failure_result_of(result);
    let group = failure.check::<FailureGroup>().unwrap();
    assert!(group.failures().iter().all(|failure| failure.is::<CancelledError>()));
    assert_eq!(group.failures().len(), 3);
}

/// If a runner's canceller gives a value, the cancelled race has that value.
#[test]
fn cancelling_a_race_may_give_a_value() {
    let (giving, _trigger) =
        Deferred::with_canceller(|trigger: &Trigger<i32>| trigger.callback(5).unwrap());
    let (other, _other) = Deferred::new();
    let result = race([other, giving]);
    result.cancel();
    assert_eq!(success_result_of(result), (1, 5));
}

/// If the runners do not give in, the cancelled race fails by itself. A value
/// that one of them gives later finds it called, which, as in Twisted, is an
/// unhandled error of that runner.
#[test]
fn cancelling_a_race_of_stubborn_runners() {
    let errors = LoggedErrors::collect();
    let (later, finish) = Deferred::<i32>::new();
    let (runner, _trigger) = Deferred::new();
    let result = race([runner.add_errback(move |_cancelled| later)]);
    result.cancel();
    assert!(failure_result_of(result).is::<CancelledError>());
    finish.callback(1).unwrap();
    assert_eq!(errors.flush_logged_errors::<AlreadyCalledError>().len(), 1);
}

/// A loser whose canceller gives a value comes too late, and is no error.
#[test]
fn a_loser_may_give_a_value_when_cancelled() {
    let (fast, trigger) = Deferred::new();
    let (slow, _slow) =
        Deferred::with_canceller(|trigger: &Trigger<i32>| trigger.callback(2).unwrap());
    let result = race([fast, slow]);
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(result), (0, 1));
}

/// What a cancelled loser fails with later is not reported.
#[test]
fn a_loser_may_fail_later() {
    let errors = LoggedErrors::collect();
    let (later, finish) = Deferred::<i32>::new();
    let (loser, _loser) = Deferred::new();
    let result = race([succeed(1), loser.add_errback(move |_cancelled| later)]);
    assert_eq!(success_result_of(result), (0, 1));
    finish.errback(fmt::Error).unwrap();
    assert!(errors.flush_all().is_empty());
}

/// Dropping the race's Deferred leaves it to run, and the losers are still
/// cancelled.
#[test]
fn a_dropped_race_goes_on() {
    let errors = LoggedErrors::collect();
    let (runners, triggers, asked) = runners(2);
    drop(race(runners));
    triggers[0].callback(1).unwrap();
    assert_eq!(*asked.borrow(), [1]);
    assert!(errors.flush_all().is_empty());
}

/// A race that was dropped and then lost by all reports that, once.
#[test]
fn a_dropped_race_that_fails_is_reported() {
    let errors = LoggedErrors::collect();
    let (runners, triggers, _asked) = runners(2);
    drop(race(runners));
    triggers[0].errback(fmt::Error).unwrap();
    triggers[1].errback(fmt::Error).unwrap();
    assert_eq!(errors.flush_logged_errors::<FailureGroup>().len(), 1);
}

/// A group can be made and says what happened.
#[test]
fn failure_group_tells() {
    let group = FailureGroup::new([Failure::new(CancelledError), Failure::new(fmt::Error)]);
    assert_eq!(group.failures().len(), 2);
    let shown = group.to_string();
    assert!(shown.starts_with("all failed: cancelled; "), "{shown}");
    assert!(shown.contains("formatting"));
}
