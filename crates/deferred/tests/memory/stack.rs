//! Nothing grows the stack: whatever hangs together a hundred thousand deep is
//! built, fired, cancelled and dropped on a stack of 256 KiB.
//!
//! A recursion anywhere ends the process, so a test that ends has passed; what
//! each asserts besides is that the work was done.
//! `DEFERRED_TEST_DIVISOR=100` makes everything a hundred times smaller.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unit_arg,
    reason = "what helpers of a test do fails the test"
)]

use std::cell::Cell;
use std::rc::Rc;

use crate::support::{Counter, ignore_unhandled_errors, on_small_stack, scaled};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{
    CancelHandle, CancelledError, Deferred, DeferredList, DeferredLock, DeferredQueue, Trigger,
    ensure_deferred, gather_results, race,
};
use futures::FutureExt;

const CALLBACKS: usize = 1_000_000;
const DEEP: usize = 100_000;

// ===== one Deferred =====

/// A Deferred with this many callbacks, each of which holds a counted value.
fn with_callbacks(count: usize, counter: &Counter) -> (Deferred<usize>, Trigger<usize>) {
    let (mut d, trigger) = Deferred::new();
    for _ in 0..count {
        let counted = counter.value();
        d = d.add_callback(move |n| {
            counted.touch();
            Ok(n + 1)
        });
    }
    (d, trigger)
}

#[test]
fn a_million_callbacks_run() {
    on_small_stack(|| {
        let count = scaled(CALLBACKS);
        let counter = Counter::new();
        let (d, trigger) = with_callbacks(count, &counter);
        assert_eq!(counter.alive(), count);
        trigger.callback(0).unwrap();
        assert_eq!(counter.alive(), 0);
        assert_eq!(success_result_of(d), count);
    });
}

#[test]
fn a_million_callbacks_are_dropped_unfired() {
    on_small_stack(|| {
        let count = scaled(CALLBACKS);
        let counter = Counter::new();
        let (d, trigger) = with_callbacks(count, &counter);
        drop(d);
        assert_eq!(counter.alive(), count, "the trigger can still fire it");
        drop(trigger);
        assert_eq!(counter.alive(), 0);
    });
}

#[test]
fn a_million_callbacks_added_to_a_fired_one_run() {
    on_small_stack(|| {
        let count = scaled(CALLBACKS);
        let mut d = Deferred::succeed(0);
        for _ in 0..count {
            d = d.add_callback(|n| Ok(n + 1));
        }
        assert_eq!(success_result_of(d), count);
    });
}

// ===== Deferreds returned from callbacks =====

/// `count` Deferreds, each returned from a callback of the one before. The
/// triggers are in that order, and the Deferred is the first one.
fn linked(count: usize) -> (Deferred<usize>, Vec<Trigger<usize>>) {
    let (mut d, trigger) = Deferred::new();
    let mut triggers = vec![trigger];
    for _ in 1..count {
        let inner = d;
        let (outer, trigger) = Deferred::new();
        d = outer.add_callback(|_| inner).add_callback(|n| Ok(n + 1));
        triggers.push(trigger);
    }
    triggers.reverse();
    (d, triggers)
}

fn fire(triggers: &[Trigger<usize>]) {
    for trigger in triggers {
        trigger.callback(0).unwrap();
    }
}

#[test]
fn linked_deferreds_are_fired_first_to_last() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, triggers) = linked(count);
        fire(&triggers);
        assert_eq!(success_result_of(d), count - 1);
    });
}

#[test]
fn linked_deferreds_are_fired_last_to_first() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, mut triggers) = linked(count);
        triggers.reverse();
        fire(&triggers);
        assert_eq!(success_result_of(d), count - 1);
    });
}

#[test]
fn linked_deferreds_are_fired_from_the_middle() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, mut triggers) = linked(count);
        let after = triggers.split_off(count / 2);
        for (up, down) in triggers.iter().rev().zip(&after) {
            up.callback(0).unwrap();
            down.callback(0).unwrap();
        }
        for rest in after.iter().skip(triggers.len()) {
            rest.callback(0).unwrap();
        }
        assert_eq!(success_result_of(d), count - 1);
    });
}

#[test]
fn linked_deferreds_are_fired_with_nobody_looking() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, triggers) = linked(count);
        let got = Rc::new(Cell::new(0));
        let seen = Rc::clone(&got);
        drop(d.add_callback(move |n| seen.set(n)));
        fire(&triggers);
        assert_eq!(got.get(), count - 1);
    });
}

#[test]
fn linked_deferreds_fail_from_the_far_end() {
    on_small_stack(|| {
        let (d, triggers) = linked(scaled(DEEP));
        let (last, others) = triggers.split_last().unwrap();
        fire(others);
        last.errback(std::fmt::Error).unwrap();
        assert!(failure_result_of(d).is::<std::fmt::Error>());
    });
}

#[test]
fn linked_deferreds_are_cancelled_from_the_near_end() {
    on_small_stack(|| {
        let (d, triggers) = linked(scaled(DEEP));
        let (_last, others) = triggers.split_last().unwrap();
        fire(others);
        assert_no_result(&d);
        d.cancel();
        assert!(failure_result_of(d).is::<CancelledError>());
    });
}

/// A linked line of which all but the last are fired, and what shows whether
/// its end is still there.
fn waiting_line(counter: &Counter) -> (Deferred<()>, Trigger<usize>) {
    let (d, mut triggers) = linked(scaled(DEEP));
    let counted = counter.value();
    let d = d.add_callback(move |_| counted.touch());
    let last = triggers.pop().unwrap();
    fire(&triggers);
    (d, last)
}

#[test]
fn a_waiting_line_is_dropped_deferred_first() {
    on_small_stack(|| {
        let counter = Counter::new();
        let (d, last) = waiting_line(&counter);
        drop(d);
        assert_eq!(counter.alive(), 1);
        drop(last);
        assert_eq!(counter.alive(), 0);
    });
}

#[test]
fn a_waiting_line_is_dropped_trigger_first() {
    on_small_stack(|| {
        let counter = Counter::new();
        let (d, last) = waiting_line(&counter);
        drop(last);
        assert_eq!(counter.alive(), 1);
        drop(d);
        assert_eq!(counter.alive(), 0);
    });
}

#[test]
fn linked_deferreds_are_dropped_unfired() {
    on_small_stack(|| {
        for triggers_first in [false, true] {
            for reversed in [false, true] {
                let counter = Counter::new();
                let (d, mut triggers) = linked(scaled(DEEP));
                let counted = counter.value();
                let d = d.add_callback(move |_| counted.touch());
                if reversed {
                    triggers.reverse();
                }
                if triggers_first {
                    drop(triggers);
                    assert_eq!(counter.alive(), 1);
                    drop(d);
                } else {
                    drop(d);
                    assert_eq!(counter.alive(), 1);
                    drop(triggers);
                }
                assert_eq!(counter.alive(), 0);
            }
        }
    });
}

/// Every link keeps a cancel handle, and they go in the order of the line, and
/// in the other.
#[test]
fn a_waiting_line_with_handles_everywhere_is_dropped() {
    on_small_stack(|| {
        for reversed in [false, true] {
            let count = scaled(DEEP);
            let (mut d, trigger) = Deferred::new();
            let mut handles: Vec<CancelHandle> = vec![d.cancel_handle()];
            let mut others = Vec::new();
            for _ in 1..count {
                let inner = d;
                let (outer, trigger) = Deferred::<usize>::new();
                handles.push(outer.cancel_handle());
                d = outer.add_callback(|_| inner);
                others.push(trigger);
            }
            fire(&others);
            let counter = Counter::new();
            let counted = counter.value();
            drop(d.add_callback(move |_: usize| counted.touch()));
            drop(trigger);
            assert_eq!(counter.alive(), 1);
            if reversed {
                handles.reverse();
            }
            for handle in handles {
                assert_eq!(counter.alive(), 1);
                drop(handle);
            }
            assert_eq!(counter.alive(), 0);
        }
    });
}

#[test]
fn chain_deferred_goes_on_for_ever() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (mut d, first) = Deferred::new();
        for _ in 0..count {
            let (next, trigger) = Deferred::new();
            drop(d.add_callback(|n: usize| Ok(n + 1)).chain_deferred(trigger));
            d = next;
        }
        first.callback(0).unwrap();
        assert_eq!(success_result_of(d), count);
    });
}

#[test]
fn chain_deferred_is_dropped_unfired() {
    on_small_stack(|| {
        for trigger_first in [false, true] {
            let counter = Counter::new();
            let (mut d, first) = Deferred::<()>::new();
            for _ in 0..scaled(DEEP) {
                let (next, trigger) = Deferred::new();
                drop(d.chain_deferred(trigger));
                d = next;
            }
            let counted = counter.value();
            let d = d.add_callback(move |()| counted.touch());
            if trigger_first {
                drop(first);
                assert_eq!(counter.alive(), 1);
                drop(d);
            } else {
                drop(d);
                assert_eq!(counter.alive(), 1);
                drop(first);
            }
            assert_eq!(counter.alive(), 0);
        }
    });
}

// ===== coroutines =====

/// `count` coroutines each awaiting the one before.
fn coroutines(count: usize) -> (Deferred<usize>, Trigger<usize>) {
    let (mut d, trigger) = Deferred::new();
    for _ in 0..count {
        d = ensure_deferred(async move { Ok(d.await? + 1) });
    }
    (d, trigger)
}

#[test]
fn coroutines_are_fired() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, trigger) = coroutines(count);
        assert_no_result(&d);
        trigger.callback(0).unwrap();
        assert_eq!(success_result_of(d), count);
    });
}

#[test]
fn coroutines_fail() {
    on_small_stack(|| {
        let (d, trigger) = coroutines(scaled(DEEP));
        trigger.errback(std::fmt::Error).unwrap();
        assert!(failure_result_of(d).is::<std::fmt::Error>());
    });
}

#[test]
fn coroutines_are_cancelled() {
    on_small_stack(|| {
        let (d, trigger) = coroutines(scaled(DEEP));
        d.cancel();
        assert!(failure_result_of(d).is::<CancelledError>());
        assert!(trigger.called());
    });
}

#[test]
fn futures_are_cancelled() {
    on_small_stack(|| {
        let counter = Counter::new();
        let (mut d, trigger) = Deferred::<usize>::new();
        for _ in 0..scaled(DEEP) {
            let counted = counter.value();
            d = Deferred::from_future(async move {
                counted.touch();
                d.await
            });
        }
        d.cancel();
        assert!(failure_result_of(d).is::<CancelledError>());
        drop(trigger);
        assert_eq!(counter.alive(), 0);
    });
}

#[test]
fn coroutines_are_dropped_half_way() {
    on_small_stack(|| {
        for trigger_first in [false, true] {
            let counter = Counter::new();
            let (d, trigger) = coroutines(scaled(DEEP));
            let counted = counter.value();
            let d = d.add_callback(move |_| counted.touch());
            if trigger_first {
                drop(trigger);
                assert_eq!(counter.alive(), 1);
                drop(d);
            } else {
                drop(d);
                assert_eq!(counter.alive(), 1);
                drop(trigger);
            }
            assert_eq!(counter.alive(), 0);
        }
    });
}

#[test]
fn coroutines_go_on_with_nobody_looking() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (d, trigger) = coroutines(count);
        let got = Rc::new(Cell::new(0));
        let seen = Rc::clone(&got);
        drop(d.add_callback(move |n| seen.set(n)));
        trigger.callback(0).unwrap();
        assert_eq!(got.get(), count);
    });
}

#[test]
fn coroutines_of_what_is_there_already_do_not_wait() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let mut d = Deferred::succeed(0);
        for _ in 0..count {
            d = ensure_deferred(async move { Ok(d.await? + 1) });
            assert!(d.has_result());
        }
        assert_eq!(success_result_of(d), count);
    });
}

/// One coroutine that awaits very many, all of which are there.
#[test]
fn a_coroutine_awaits_a_million_in_turn() {
    on_small_stack(|| {
        let count = scaled(CALLBACKS);
        let (go, trigger) = Deferred::new();
        let d = ensure_deferred(async move {
            let mut sum = 0;
            go.await?;
            for _ in 0..count {
                sum += Deferred::succeed(1).await?;
            }
            Ok(sum)
        });
        trigger.callback(()).unwrap();
        assert_eq!(success_result_of(d), count);
    });
}

/// A coroutine, a callback that returns its Deferred, a coroutine that awaits
/// that, and so on.
#[test]
fn coroutines_and_callbacks_take_turns() {
    on_small_stack(|| {
        let count = scaled(DEEP / 2);
        let (mut d, trigger) = Deferred::new();
        for _ in 0..count {
            let inner = ensure_deferred(async move { Ok(d.await? + 1) });
            d = Deferred::succeed(()).add_callback(|()| inner);
        }
        trigger.callback(0).unwrap();
        assert_eq!(success_result_of(d), count);
    });
}

/// The same with wakers: each awaits through something that polls with a
/// context of its own.
#[test]
fn coroutines_behind_wakers_are_fired() {
    on_small_stack(|| {
        let count = scaled(DEEP / 10);
        let (d, trigger) = Deferred::new();
        let mut d = d;
        for _ in 0..count {
            let shared = d.map(|result| result.unwrap_or(usize::MAX)).shared();
            d = ensure_deferred(async move { Ok(shared.await + 1) });
        }
        trigger.callback(0).unwrap();
        assert_eq!(success_result_of(d), count);
    });
}

// ===== lists =====

#[test]
fn a_list_of_a_million_fires() {
    on_small_stack(|| {
        let count = scaled(CALLBACKS);
        let (members, triggers): (Vec<_>, Vec<_>) = (0..count).map(|_| Deferred::new()).unzip();
        let list = DeferredList::new(members).into_deferred();
        for (n, trigger) in triggers.iter().enumerate() {
            trigger.callback(n).unwrap();
        }
        let results = success_result_of(list);
        assert!(results.into_iter().enumerate().all(|(n, result)| result.unwrap() == n));
    });
}

#[test]
fn a_gathering_of_a_hundred_thousand() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (members, triggers): (Vec<_>, Vec<_>) = (0..count).map(|_| Deferred::new()).unzip();
        let all = gather_results(members);
        for trigger in triggers.iter().rev() {
            trigger.callback(1).unwrap();
        }
        assert_eq!(success_result_of(all).into_iter().sum::<usize>(), count);
    });
}

/// The winner cancels all others, none of which has a canceller.
#[test]
fn a_race_of_a_hundred_thousand() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let (runners, triggers): (Vec<_>, Vec<_>) = (0..count).map(|_| Deferred::new()).unzip();
        let winner = race(runners);
        triggers[count / 2].callback("first").unwrap();
        assert_eq!(success_result_of(winner), (count / 2, "first"));
        assert!(triggers.iter().all(Trigger::called));
    });
}

#[test]
fn a_list_and_a_race_are_cancelled() {
    on_small_stack(|| {
        let _ignore = ignore_unhandled_errors();
        let count = scaled(DEEP);
        let (members, triggers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| Deferred::<()>::new()).unzip();
        let list = DeferredList::new(members).into_deferred();
        list.cancel();
        assert!(success_result_of(list).iter().all(Result::is_err));
        assert!(triggers.iter().all(Trigger::called));

        let (runners, triggers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| Deferred::<()>::new()).unzip();
        let winner = race(runners);
        winner.cancel();
        assert!(failure_result_of(winner).is::<deferred::FailureGroup>());
        assert!(triggers.iter().all(Trigger::called));
    });
}

#[test]
fn a_list_is_dropped_half_way() {
    on_small_stack(|| {
        for triggers_first in [false, true] {
            let counter = Counter::new();
            let count = scaled(DEEP);
            let (members, mut triggers): (Vec<_>, Vec<_>) =
                (0..count).map(|_| Deferred::new()).unzip();
            let list = DeferredList::new(members).into_deferred();
            for _ in 0..count / 2 {
                triggers.pop().unwrap().callback(counter.value()).unwrap();
            }
            assert_eq!(counter.alive(), count / 2);
            if triggers_first {
                drop(triggers);
                drop(list);
            } else {
                drop(list);
                drop(triggers);
            }
            assert_eq!(counter.alive(), 0);
        }
    });
}

/// A list of one list of one list...
fn nested_lists(depth: usize) -> (Deferred<usize>, Trigger<usize>) {
    let (mut d, trigger) = Deferred::new();
    for _ in 0..depth {
        d = DeferredList::new([d]).consume_errors().into_deferred().add_callback(|mut results| {
            let only: usize = results.pop().expect("one")?;
            Ok(only + 1)
        });
    }
    (d, trigger)
}

#[test]
fn nested_lists_are_fired() {
    on_small_stack(|| {
        let depth = scaled(DEEP);
        let (d, trigger) = nested_lists(depth);
        trigger.callback(0).unwrap();
        assert_eq!(success_result_of(d), depth);
    });
}

#[test]
fn nested_lists_fail() {
    on_small_stack(|| {
        let (d, trigger) = nested_lists(scaled(DEEP));
        trigger.errback(std::fmt::Error).unwrap();
        assert!(failure_result_of(d).is::<std::fmt::Error>());
    });
}

#[test]
fn nested_lists_are_cancelled() {
    on_small_stack(|| {
        let (d, trigger) = nested_lists(scaled(DEEP));
        d.cancel();
        assert!(failure_result_of(d).is::<CancelledError>());
        assert!(trigger.called());
    });
}

#[test]
fn nested_races_are_cancelled() {
    on_small_stack(|| {
        let (mut d, trigger) = Deferred::<usize>::new();
        for _ in 0..scaled(DEEP) {
            d = race([d]).add_callback(|(_winner, value)| Ok(value));
        }
        d.cancel();
        assert!(failure_result_of(d).is::<deferred::FailureGroup>());
        assert!(trigger.called());
    });
}

#[test]
fn nested_lists_are_dropped() {
    on_small_stack(|| {
        for trigger_first in [false, true] {
            let counter = Counter::new();
            let (d, trigger) = nested_lists(scaled(DEEP));
            let counted = counter.value();
            let d = d.add_callback(move |_| counted.touch());
            if trigger_first {
                drop(trigger);
                assert_eq!(counter.alive(), 1);
                drop(d);
            } else {
                drop(d);
                assert_eq!(counter.alive(), 1);
                drop(trigger);
            }
            assert_eq!(counter.alive(), 0);
        }
    });
}

// ===== locks =====

#[test]
fn a_lock_runs_a_hundred_thousand_waiters() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let lock = DeferredLock::new();
        let held = success_result_of(lock.acquire());
        let ran = Rc::new(Cell::new(0));
        let waiters: Vec<_> = (0..count)
            .map(|_| {
                let ran = Rc::clone(&ran);
                lock.run(move || Ok(ran.set(ran.get() + 1)))
            })
            .collect();
        assert_eq!(ran.get(), 0);
        held.release().unwrap();
        assert_eq!(ran.get(), count);
        assert!(waiters.iter().all(Deferred::has_result));
        assert!(!lock.locked());
    });
}

#[test]
fn a_lock_is_handed_through_a_hundred_thousand_guards() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let lock = DeferredLock::new();
        let held = success_result_of(lock.acquire_guard());
        let ran = Rc::new(Cell::new(0));
        let waiters: Vec<_> = (0..count)
            .map(|_| {
                let (ran, lock) = (Rc::clone(&ran), lock.clone());
                ensure_deferred(async move {
                    let _guard = lock.acquire_guard().await?;
                    ran.set(ran.get() + 1);
                    Ok(())
                })
            })
            .collect();
        assert_eq!(ran.get(), 0);
        drop(held);
        assert_eq!(ran.get(), count);
        assert!(waiters.iter().all(Deferred::has_result));
        assert!(!lock.locked());
    });
}

/// Each of the waiters lets the lock pass: it goes from one to the next.
#[test]
fn a_lock_comes_back_from_a_hundred_thousand_waiters() {
    on_small_stack(|| {
        let lock = DeferredLock::new();
        let unread = lock.acquire();
        (0..scaled(DEEP)).for_each(|_| drop(lock.acquire().add_errback(Err)));
        let last = lock.acquire();
        drop(unread);
        success_result_of(last);
        assert!(lock.locked());
    });
}

/// The same with a value, put or brought back.
#[test]
fn a_value_comes_back_from_a_hundred_thousand_waiters() {
    on_small_stack(|| {
        let queue = DeferredQueue::new();
        for first in [true, false] {
            let unread = first.then(|| queue.get().unwrap());
            if first {
                queue.put(1).unwrap();
            }
            (0..scaled(DEEP)).for_each(|_| drop(queue.get().unwrap().add_errback(Err)));
            let last = queue.get().unwrap();
            match unread {
                Some(unread) => drop(unread),
                None => queue.put(1).unwrap(),
            }
            assert_eq!(success_result_of(last), 1);
            assert_eq!((queue.len(), queue.waiting()), (0, 0));
        }
    });
}

/// Values that nobody took, in Deferreds that hold one another.
#[test]
fn a_hundred_thousand_values_come_back_from_nested_drops() {
    on_small_stack(|| {
        let count = scaled(DEEP);
        let queue = DeferredQueue::new();
        (0..count).for_each(|n| queue.put(n).unwrap());
        let mut outer: Deferred<()> = Deferred::succeed(());
        for _ in 0..count {
            let (inner, unread) = (outer, queue.get().unwrap());
            let (d, trigger) = Deferred::new();
            outer = d.add_callback(move |()| drop((inner, unread)));
            drop(trigger);
        }
        assert!(queue.is_empty());
        drop(outer);
        assert_eq!(queue.len(), count);
        assert!((0..count).all(|n| success_result_of(queue.get().unwrap()) == n));
    });
}

#[test]
fn waiters_for_a_lock_are_cancelled_and_dropped() {
    on_small_stack(|| {
        let lock = DeferredLock::new();
        let held = success_result_of(lock.acquire());
        let waiters: Vec<_> = (0..scaled(DEEP)).map(|_| lock.run(|| Ok(()))).collect();
        let (cancelled, dropped) = waiters.split_at(waiters.len() / 2);
        cancelled.iter().for_each(Deferred::cancel);
        assert!(cancelled.iter().all(Deferred::has_result));
        assert!(!dropped.iter().any(Deferred::has_result));
        let _ignore = ignore_unhandled_errors();
        drop(waiters);
        drop(held);
        assert!(lock.locked(), "nobody has released it");
    });
}

// ===== closures that hold closures =====

#[test]
fn closures_that_hold_deferreds_that_hold_closures_are_dropped() {
    on_small_stack(|| {
        let counter = Counter::new();
        let counted = counter.value();
        let (d, trigger) = Deferred::<()>::new();
        let mut held = (d.add_callback(move |()| counted.touch()), trigger);
        for _ in 0..scaled(DEEP) {
            let (d, trigger) = Deferred::new();
            held = (d.add_callback(move |()| drop(held)), trigger);
        }
        assert_eq!(counter.alive(), 1);
        drop(held);
        assert_eq!(counter.alive(), 0);
    });
}

#[test]
fn cancellers_that_hold_deferreds_are_dropped() {
    on_small_stack(|| {
        let counter = Counter::new();
        let counted = counter.value();
        let (d, trigger) = Deferred::<()>::new();
        let mut held = (d.add_callback(move |()| counted.touch()), trigger);
        for _ in 0..scaled(DEEP) {
            held = Deferred::with_canceller(move |_| drop(held));
        }
        let (d, trigger) = held;
        trigger.callback(()).unwrap();
        assert_eq!(counter.alive(), 0, "a canceller is let go when it is too late to cancel");
        success_result_of(d);
    });
}

/// A stream made of Deferreds: each item has the Deferred of the next.
#[test]
fn results_that_hold_deferreds_are_dropped() {
    struct Item {
        _next: Option<Deferred<Self>>,
    }
    on_small_stack(|| {
        let mut first = Deferred::succeed(Item { _next: None });
        for _ in 0..scaled(DEEP) {
            first = Deferred::succeed(Item { _next: Some(first) });
        }
        assert!(first.has_result());
        drop(first);
    });
}

/// Coroutines that hold, and do not await, coroutines.
#[test]
fn coroutines_that_hold_coroutines_are_dropped() {
    on_small_stack(|| {
        let counter = Counter::new();
        let counted = counter.value();
        let (d, trigger) = Deferred::<()>::new();
        let mut held = (d.add_callback(move |()| counted.touch()), trigger);
        for _ in 0..scaled(DEEP) {
            let (never, trigger) = Deferred::<()>::new();
            let d = ensure_deferred(async move {
                let _held = held;
                never.await
            });
            held = (d, trigger);
        }
        assert_eq!(counter.alive(), 1);
        drop(held);
        assert_eq!(counter.alive(), 0);
    });
}
