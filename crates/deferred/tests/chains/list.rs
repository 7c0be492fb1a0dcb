//! `DeferredList` with all its options, and `gather_results`.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    CancelledError, Deferred, DeferredList, Failure, FirstError, ListOutcome, Trigger,
    gather_results, gather_results_consuming_errors, succeed,
};

/// Members that are fired by the test, and their triggers.
fn members<const N: usize>() -> (Vec<Deferred<i32>>, [Trigger<i32>; N]) {
    let mut members = Vec::new();
    let triggers = std::array::from_fn(|_| {
        let (member, trigger) = Deferred::new();
        members.push(member);
        trigger
    });
    (members, triggers)
}

/// What a list gave, with failures as their messages.
fn shown(results: Vec<Result<i32, Failure>>) -> Vec<Result<i32, String>> {
    results.into_iter().map(|result| result.map_err(|failure| failure.to_string())).collect()
}

/// The list fires when the last member has, with all results in the order of
/// the members, not of the firings.
#[test]
fn all_results_in_the_members_order() {
    let (members, [a, b, c]) = members();
    let list = DeferredList::new(members).consume_errors().into_deferred();
    c.callback(3).unwrap();
    a.callback(1).unwrap();
    assert_no_result(&list);
    b.errback(CancelledError).unwrap();
    assert_eq!(shown(success_result_of(list)), [Ok(1), Err("cancelled".to_owned()), Ok(3)]);
}

/// Members that are fired already count, all of them too.
#[test]
fn fired_members_count() {
    let (late, trigger) = Deferred::new();
    let list = DeferredList::new([succeed(1), late, succeed(3)]).into_deferred();
    assert_no_result(&list);
    trigger.callback(2).unwrap();
    assert_eq!(shown(success_result_of(list)), [Ok(1), Ok(2), Ok(3)]);
    let list = DeferredList::new([succeed(1), succeed(2)]).into_deferred();
    assert_eq!(shown(success_result_of(list)), [Ok(1), Ok(2)]);
}

/// A list of nothing has its result at once, as in Twisted; with
/// `fire_on_one_errback` too.
#[test]
fn an_empty_list_fires_at_once() {
    assert!(success_result_of(DeferredList::<()>::new([]).into_deferred()).is_empty());
    let list = DeferredList::<()>::new([]).fire_on_one_errback().into_deferred();
    assert!(success_result_of(list).is_empty());
    assert!(success_result_of(gather_results::<()>([])).is_empty());
}

/// With `fire_on_one_callback` it never does, since no value will come.
#[test]
fn an_empty_list_for_one_value_never_fires() {
    let list = DeferredList::<()>::new([]).fire_on_one_callback().into_deferred();
    assert_no_result(&list);
    list.cancel();
    assert_no_result(&list);
    let list =
        DeferredList::<()>::new([]).fire_on_one_callback().fire_on_one_errback().into_deferred();
    assert_no_result(&list);
}

/// `fire_on_one_callback`: the first value wins, with its index; failures
/// before it do not count, and what comes later is ignored.
#[test]
fn the_first_value() {
    let (members, [a, b, c]) = members();
    let list = DeferredList::new(members).fire_on_one_callback().consume_errors().into_deferred();
    c.errback(CancelledError).unwrap();
    assert_no_result(&list);
    b.callback(2).unwrap();
    assert!(matches!(success_result_of(list), ListOutcome::First(2, 1)));
    a.callback(1).unwrap();
}

/// `fire_on_one_callback` without any value: all the failures.
#[test]
fn the_first_value_of_none() {
    let (members, [a, b]) = members();
    let list = DeferredList::new(members).fire_on_one_callback().consume_errors().into_deferred();
    b.errback(CancelledError).unwrap();
    a.errback(fmt::Error).unwrap();
    let ListOutcome::All(results) = success_result_of(list) else { panic!("there is no value") };
    assert!(results[0].as_ref().unwrap_err().is::<fmt::Error>());
    assert!(results[1].as_ref().unwrap_err().is::<CancelledError>());
}

/// `fire_on_one_errback`: the first failure wins, as a `FirstError`.
#[test]
fn the_first_failure() {
    let (members, [a, b, c]) = members();
    let list = DeferredList::new(members).fire_on_one_errback().consume_errors().into_deferred();
    a.callback(1).unwrap();
    assert_no_result(&list);
    c.errback(CancelledError).unwrap();
    let failure = failure_result_of(list);
    let first = failure.check::<FirstError>().unwrap();
    assert_eq!(first.index(), 2);
    assert!(first.sub_failure().is::<CancelledError>());
    b.errback(fmt::Error).unwrap();
}

/// `fire_on_one_errback` without any failure: all the values.
#[test]
fn the_first_failure_of_none() {
    let (members, [a, b]) = members();
    let list = DeferredList::new(members).fire_on_one_errback().into_deferred();
    b.callback(2).unwrap();
    a.callback(1).unwrap();
    assert_eq!(shown(success_result_of(list)), [Ok(1), Ok(2)]);
}

/// Both: whatever comes first.
#[test]
fn the_first_of_either() {
    for value_first in [true, false] {
        let (members, [a, b]) = members();
        let list = DeferredList::new(members).fire_on_one_callback().fire_on_one_errback();
        let list = list.consume_errors().into_deferred();
        if value_first {
            b.callback(2).unwrap();
            a.errback(fmt::Error).unwrap();
            assert!(matches!(success_result_of(list), ListOutcome::First(2, 1)));
        } else {
            a.errback(fmt::Error).unwrap();
            b.callback(2).unwrap();
            assert_eq!(failure_result_of(list).check::<FirstError>().unwrap().index(), 0);
        }
    }
}

/// Without `consume_errors` each failure also stays with its member, and is
/// reported; with it none is. In all eight combinations of options.
#[test]
fn consume_errors_decides_who_reports() {
    for options in 0..8 {
        let [one_value, one_failure, consume] = [1, 2, 4].map(|bit| options & bit != 0);
        let errors = LoggedErrors::collect();
        let (members, [a, b, c]) = members();
        let mut list = DeferredList::new(members);
        if one_failure {
            list = list.fire_on_one_errback();
        }
        if consume {
            list = list.consume_errors();
        }
        let list = if one_value {
            list.fire_on_one_callback().into_deferred().add_both(|_| ())
        } else {
            list.into_deferred().add_both(|_| ())
        };
        a.errback(CancelledError).unwrap();
        b.callback(1).unwrap();
        c.errback(CancelledError).unwrap();
        success_result_of(list);
        let reported = errors.flush_logged_errors::<CancelledError>().len();
        assert_eq!(reported, if consume { 0 } else { 2 }, "options {options:03b}");
        assert!(errors.flush_all().is_empty());
    }
}

/// The options of the builder for one value are the same.
#[test]
fn options_may_come_in_any_order() {
    let errors = LoggedErrors::collect();
    let list = DeferredList::new([Deferred::<()>::fail(fmt::Error)]).fire_on_one_callback();
    let list = list.consume_errors().fire_on_one_errback().into_deferred();
    assert!(failure_result_of(list).is::<FirstError>());
    assert!(errors.flush_all().is_empty());
}

/// Cancelling a list cancels every member once, and what they make of it is
/// the result.
#[test]
fn cancelling_a_list_cancels_its_members() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let triggers: Rc<RefCell<Vec<Trigger<i32>>>> = Rc::default();
    let members: Vec<_> = (0..3)
        .map(|n| {
            let asked = Rc::clone(&asked);
            let (member, trigger) = Deferred::with_canceller(move |trigger: &Trigger<i32>| {
                asked.borrow_mut().push(n);
                if n == 1 {
                    trigger.callback(10).unwrap();
                }
            });
            triggers.borrow_mut().push(trigger);
            member
        })
        .collect();
    let list = DeferredList::new(members).consume_errors().into_deferred();
    list.cancel();
    list.cancel();
    assert_eq!(*asked.borrow(), [0, 1, 2]);
    let results = success_result_of(list);
    assert!(results[0].as_ref().unwrap_err().is::<CancelledError>());
    assert_eq!(*results[1].as_ref().unwrap(), 10);
    assert!(results[2].as_ref().unwrap_err().is::<CancelledError>());
}

/// Members that are done are not touched; a list that is done neither.
#[test]
fn cancelling_leaves_what_is_done() {
    let (member, _trigger) = Deferred::new();
    let list = DeferredList::new([succeed(1), member]).consume_errors().into_deferred();
    list.cancel();
    assert_eq!(shown(success_result_of(list)), [Ok(1), Err("cancelled".to_owned())]);

    let (member, trigger) = Deferred::new();
    let list = DeferredList::new([succeed(1), member]).fire_on_one_callback().into_deferred();
    list.cancel();
    assert!(!trigger.called(), "the list had its result");
    success_result_of(list);
}

/// With `fire_on_one_errback` the first cancelled member fails the list.
#[test]
fn cancelling_a_list_for_one_failure() {
    let (members, _triggers) = members::<2>();
    let list = DeferredList::new(members).fire_on_one_errback().consume_errors().into_deferred();
    list.cancel();
    let failure = failure_result_of(list);
    let first = failure.check::<FirstError>().unwrap();
    assert_eq!(first.index(), 0);
    assert!(first.sub_failure().is::<CancelledError>());
}

/// A cancelled list does not fail by itself: it waits for what its members
/// make of it, and can be cancelled again meanwhile.
#[test]
fn a_cancelled_list_waits_for_its_members() {
    let (later, finish) = Deferred::new();
    let (member, _trigger) = Deferred::<i32>::new();
    let list = DeferredList::new([member.add_errback(move |_cancelled| later)]).into_deferred();
    list.cancel();
    assert_no_result(&list);
    assert!(!finish.called());
    finish.callback(1).unwrap();
    assert_eq!(shown(success_result_of(list)), [Ok(1)]);

    let (later, finish) = Deferred::<i32>::new();
    let (member, _trigger) = Deferred::<i32>::new();
    let member = member.add_errback(move |_cancelled| later);
    let list = DeferredList::new([member]).consume_errors().into_deferred();
    list.cancel();
    list.cancel();
    assert!(finish.called());
    assert_eq!(shown(success_result_of(list)), [Err("cancelled".to_owned())]);
}

/// Dropping a list leaves its members to go on.
#[test]
fn a_dropped_list_cancels_nothing() {
    let (member, trigger) = Deferred::<i32>::new();
    drop(DeferredList::new([member]).into_deferred());
    assert!(!trigger.called());
    trigger.callback(1).unwrap();
}

/// `gather_results` gives the values, or the first failure.
#[test]
fn gather_gives_values_or_the_first_failure() {
    let (group, [a, b]) = members();
    let all = gather_results(group);
    b.callback(2).unwrap();
    assert_no_result(&all);
    a.callback(1).unwrap();
    assert_eq!(success_result_of(all), [1, 2]);

    let (group, [a, b]) = members();
    let all = gather_results_consuming_errors(group);
    b.errback(fmt::Error).unwrap();
    let failure = failure_result_of(all);
    assert_eq!(failure.check::<FirstError>().unwrap().index(), 1);
    a.errback(fmt::Error).unwrap();
}

/// The failures of the members of `gather_results` are reported, those of the
/// consuming one are not.
#[test]
fn gather_consumes_only_if_told_to() {
    let errors = LoggedErrors::collect();
    let broken = || [Deferred::<()>::fail(fmt::Error), Deferred::fail(fmt::Error)];
    failure_result_of(gather_results(broken()));
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 2);
    failure_result_of(gather_results_consuming_errors(broken()));
    assert!(errors.flush_all().is_empty());
}

/// Cancelling what `gather_results` gave cancels all members.
#[test]
fn gather_cancels_its_members() {
    let (group, triggers) = members::<3>();
    let all = gather_results_consuming_errors(group);
    all.cancel();
    assert!(triggers.iter().all(Trigger::called));
    assert!(failure_result_of(all).is::<FirstError>());
}

/// Lists of lists, of lists.
#[test]
fn lists_nest() {
    let (group, [a, b]) = members();
    let pairs: Vec<_> = group.into_iter().map(|d| gather_results([d, succeed(0)])).collect();
    let all = gather_results(pairs);
    a.callback(1).unwrap();
    b.callback(2).unwrap();
    assert_eq!(success_result_of(all), [[1, 0], [2, 0]]);
}

/// A `FirstError` says which member it was and why.
#[test]
fn first_error_tells() {
    let error = FirstError::new(Failure::new(fmt::Error), 4);
    assert!(error.to_string().starts_with("FirstError[#4]"));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.is::<fmt::Error>());
    assert!(error.clone().sub_failure().same(error.sub_failure()));
}
