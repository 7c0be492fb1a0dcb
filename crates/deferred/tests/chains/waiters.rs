//! `Waiters`: a list of Deferreds that wait for one result.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Panic, Waiters};

/// All are fired, the first one first, and the list is empty afterwards.
#[test]
fn all_are_fired_in_their_order() {
    let waiters = Waiters::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    for place in 0..3 {
        let order = Rc::clone(&order);
        drop(waiters.wait().add_callback(move |n| order.borrow_mut().push((place, n))));
    }
    assert_eq!(waiters.len(), 3);
    waiters.callback(7);
    assert_eq!(order.take(), [(0, 7), (1, 7), (2, 7)]);
    assert!(waiters.is_empty());
    waiters.callback(8);
    assert!(order.borrow().is_empty());
}

/// A failure is shared.
#[test]
fn all_fail_with_one_failure() {
    let waiters = Waiters::<u8>::default();
    let [first, second] = [waiters.wait(), waiters.clone().wait()];
    waiters.errback(fmt::Error);
    assert!(failure_result_of(first).same(&failure_result_of(second)));
    let third = waiters.wait();
    waiters.fire(&Err(CancelledError.into()));
    assert!(failure_result_of(third).is::<CancelledError>());
}

/// Failing needs no value that can be cloned.
#[test]
fn values_without_clone() {
    struct NotClone;
    let waiters = Waiters::<NotClone>::new();
    let [first, second] = [waiters.wait(), waiters.wait()];
    waiters.pop_first().unwrap().callback(NotClone).unwrap();
    success_result_of(first);
    waiters.errback(fmt::Error);
    failure_result_of(second);
    assert!(waiters.pop_first().is_none());
}

/// Who is cancelled leaves at once, from wherever in the list.
#[test]
fn cancelled_ones_leave() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let waiters = Waiters::<()>::new();
        let waiting = [waiters.wait(), waiters.wait(), waiters.wait()];
        for (gone, place) in order.into_iter().enumerate() {
            waiting[place].cancel();
            assert_eq!(waiters.len(), 2 - gone);
        }
        for waiter in waiting {
            assert!(failure_result_of(waiter).is::<CancelledError>());
        }
    }
}

/// A canceller is called when its waiter has left; what it does not use fails.
#[test]
fn cancellers() {
    let waiters = Waiters::new();
    let list = waiters.clone();
    let waiter = waiters.wait_with_canceller(move |trigger| {
        assert!(list.is_empty());
        let _ = trigger.callback("half");
    });
    waiter.cancel();
    assert_eq!(success_result_of(waiter), "half");
    let waiter = waiters.wait_with_canceller(|_trigger| ());
    waiter.cancel();
    assert!(failure_result_of(waiter).is::<CancelledError>());
    let waiter = waiters.wait_with_canceller(|_trigger| panic!("a canceller"));
    waiter.cancel();
    assert!(failure_result_of(waiter).is::<CancelledError>());
    // It is not called for one that was fired, or dropped.
    let waiter = waiters.wait_with_canceller(|_trigger| unreachable!());
    waiters.callback("whole");
    assert_eq!(success_result_of(waiter), "whole");
    drop(waiters.wait_with_canceller(|_trigger| unreachable!()));
    assert!(waiters.is_empty());
}

/// One may be cancelled by a callback of one before it.
#[test]
fn cancelled_by_another() {
    let waiters = Waiters::new();
    let first = waiters.wait();
    let second = waiters.wait();
    let cancel = second.cancel_handle();
    drop(first.add_callback(move |()| cancel.cancel()));
    waiters.callback(());
    assert!(failure_result_of(second).is::<CancelledError>());
}

/// Who joins while the others are fired waits for the next time, and so does
/// who is fired then.
#[test]
fn joining_while_they_are_fired() {
    let waiters = Waiters::new();
    let late = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..2 {
        let (list, late) = (waiters.clone(), Rc::clone(&late));
        drop(waiters.wait().add_callback(move |_n: i32| late.borrow_mut().push(list.wait())));
    }
    waiters.callback(1);
    assert_eq!((waiters.len(), late.borrow().len()), (2, 2));
    late.borrow().iter().for_each(assert_no_result);
    waiters.callback(2);
    let values = late.take().into_iter().map(success_result_of);
    assert!(values.eq([2, 2]));
}

/// A firing inside a firing is for those who joined meanwhile.
#[test]
fn firing_while_they_are_fired() {
    let waiters = Waiters::new();
    let list = waiters.clone();
    let first = waiters.wait().add_callback(move |n| {
        list.callback(n + 1);
        Ok(n)
    });
    let second = waiters.wait();
    waiters.callback(1);
    assert_eq!((success_result_of(first), success_result_of(second)), (1, 1));
}

/// A `clone` that panics fails the one that it was for.
#[test]
fn a_clone_that_panics() {
    struct PanicsOnClone;

    impl Clone for PanicsOnClone {
        fn clone(&self) -> Self {
            panic!("no copies")
        }
    }

    let waiters = Waiters::new();
    let [first, second] = [waiters.wait(), waiters.wait()];
    waiters.callback(PanicsOnClone);
    for waiter in [first, second] {
        assert!(failure_result_of(waiter.add_callback(drop)).is::<Panic>());
    }
}

/// Dropped with callbacks it still waits; without, it does not.
#[test]
fn dropped_ones() {
    let _none_expected = LoggedErrors::collect();
    let waiters = Waiters::<u8>::new();
    drop(waiters.wait());
    assert!(waiters.is_empty());
    drop(waiters.wait().add_callback(drop).add_errback(|_| ()));
    assert_eq!(waiters.len(), 1);
    waiters.errback(fmt::Error);
    assert_eq!(format!("{waiters:?}"), "Waiters { len: 0 }");
}

/// A list that goes leaves its waiters pending.
#[test]
fn a_list_that_goes() {
    let waiters = Waiters::<u8>::new();
    let waiter = waiters.wait();
    drop(waiters);
    assert_no_result(&waiter);
    waiter.cancel();
    assert!(failure_result_of(waiter).is::<CancelledError>());
}
