//! `DeferredLock`, `DeferredSemaphore`, `DeferredQueue`, and their guards.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    CancelledError, Deferred, DeferredLock, DeferredLockGuard, DeferredQueue, DeferredSemaphore,
    DeferredSemaphoreGuard, Failure, NoTokensError, Panic, QueueOverflow, QueueUnderflow,
    ReleaseError, ensure_deferred,
};
use proptest::prelude::*;

/// Numbers, in the order in which they were seen.
type Order = Rc<RefCell<Vec<usize>>>;

// ===== the lock =====

/// A free lock is had at once; a held one when it is released, first come
/// first served.
#[test]
fn a_lock_is_first_come_first_served() {
    let lock = DeferredLock::new();
    assert!(!lock.locked());
    let held = success_result_of(lock.acquire());
    assert!(lock.locked());
    let order = Order::default();
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let order = Rc::clone(&order);
            lock.acquire().add_callback(move |lock| {
                order.borrow_mut().push(n);
                Ok(lock)
            })
        })
        .collect();
    waiters.iter().for_each(assert_no_result);

    held.release().unwrap();
    assert_eq!(*order.borrow(), [0]);
    for (n, waiter) in waiters.into_iter().enumerate() {
        assert_eq!(order.borrow().len(), n + 1);
        assert!(lock.locked());
        success_result_of(waiter).release().unwrap();
    }
    assert!(!lock.locked());
}

/// What `acquire` gives is the lock itself.
#[test]
fn acquire_gives_the_lock() {
    let lock = DeferredLock::default();
    let given = success_result_of(lock.clone().acquire());
    assert!(given.locked() && lock.locked());
    lock.release().unwrap();
    assert!(!given.locked());
}

/// A lock that nobody holds cannot be released.
#[test]
fn releasing_a_free_lock_is_refused() {
    let lock = DeferredLock::new();
    assert_eq!(lock.release(), Err(ReleaseError));
    success_result_of(lock.acquire()).release().unwrap();
    assert_eq!(lock.release(), Err(ReleaseError));
    assert!(!lock.locked());
}

/// A waiter that is cancelled leaves the line; the others keep their places.
#[test]
fn a_cancelled_waiter_leaves_the_line() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let [first, second, third] = [lock.acquire(), lock.acquire(), lock.acquire()];
    second.cancel();
    assert!(failure_result_of(second).is::<CancelledError>());
    first.cancel();
    assert!(failure_result_of(first).is::<CancelledError>());
    held.release().unwrap();
    success_result_of(third).release().unwrap();
    assert!(!lock.locked());
}

/// Cancelling one that has the lock does nothing.
#[test]
fn cancelling_an_acquired_lock_does_nothing() {
    let lock = DeferredLock::new();
    let acquired = lock.acquire();
    acquired.cancel();
    success_result_of(acquired);
    assert!(lock.locked());
}

/// `run` holds the lock until the work, or the Deferred it returned, is done,
/// and then releases it: after a value, an error, or a panic.
#[test]
fn run_holds_the_lock_for_the_work() {
    let lock = DeferredLock::new();
    let inside = lock.clone();
    assert!(success_result_of(lock.run(move || Ok(inside.locked()))));
    assert!(!lock.locked());

    let (work, done) = Deferred::new();
    let running = lock.run(|| work);
    assert!(lock.locked());
    assert_no_result(&running);
    done.callback(5).unwrap();
    assert!(!lock.locked());
    assert_eq!(success_result_of(running), 5);

    let failed = lock.run(|| -> Result<(), Failure> { Err(fmt::Error.into()) });
    assert!(failure_result_of(failed).is::<fmt::Error>());
    let panicked = lock.run(|| -> Result<(), Failure> { panic!("at work") });
    assert!(failure_result_of(panicked).is::<Panic>());
    assert!(!lock.locked());
}

/// The work of `run` does not begin before the lock is there.
#[test]
fn run_waits_for_the_lock() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let begun = Rc::new(Cell::new(false));
    let begin = Rc::clone(&begun);
    let running = lock.run(move || {
        begin.set(true);
        Ok("done")
    });
    assert!(!begun.get());
    held.release().unwrap();
    assert!(begun.get());
    assert_eq!(success_result_of(running), "done");
    assert!(!lock.locked());
}

/// Cancelling what `run` gave, while it waits, takes it out of the line; while
/// it works, cancels the work, and the lock is released.
#[test]
fn cancelling_run() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let waiting = lock.run(|| -> Result<(), Failure> { unreachable!("it was cancelled") });
    waiting.cancel();
    assert!(failure_result_of(waiting).is::<CancelledError>());
    held.release().unwrap();

    let (work, done) = Deferred::<()>::new();
    let working = lock.run(|| work);
    let next = lock.run(|| Ok(1));
    working.cancel();
    assert!(done.called());
    assert!(failure_result_of(working).is::<CancelledError>());
    assert_eq!(success_result_of(next), 1);
    assert!(!lock.locked());
}

/// Work that released the lock by itself is an error of `run`.
#[test]
fn run_notices_a_lock_released_behind_its_back() {
    let lock = DeferredLock::new();
    let inside = lock.clone();
    let running = lock.run(move || Ok(inside.release()?));
    assert!(failure_result_of(running).is::<ReleaseError>());
}

/// A guard releases its lock when it is dropped, or by name.
#[test]
fn a_lock_guard_releases() {
    let lock = DeferredLock::new();
    let guard = success_result_of(lock.acquire_guard());
    assert!(guard.lock().locked());
    let next = lock.acquire_guard();
    assert_no_result(&next);
    drop(guard);
    success_result_of(next).release();
    assert!(!lock.locked());
}

/// A guard whose lock was released by hand does no harm.
#[test]
fn a_guard_after_a_release_by_hand() {
    let lock = DeferredLock::new();
    let guard = success_result_of(lock.acquire_guard());
    lock.release().unwrap();
    drop(guard);
    assert!(!lock.locked());
}

/// A guard that nobody is left to take is dropped when it comes, and with it
/// the lock is free.
#[test]
fn a_guard_for_nobody_releases() {
    let lock = DeferredLock::new();
    let guard = success_result_of(lock.acquire_guard());
    drop(lock.acquire_guard());
    drop(guard);
    assert!(!lock.locked());
}

/// In a coroutine the guard lives as long as its scope, errors included.
#[test]
fn a_guard_in_a_coroutine() {
    let lock = DeferredLock::new();
    let (work, done) = Deferred::<()>::new();
    let shared = lock.clone();
    let running = ensure_deferred(async move {
        let _guard: DeferredLockGuard = shared.acquire_guard().await?;
        work.await?;
        Ok(())
    });
    assert!(lock.locked());
    done.errback(fmt::Error).unwrap();
    assert!(!lock.locked());
    assert!(failure_result_of(running).is::<fmt::Error>());
}

/// A waiter may release in its own callback: the next one runs in turn. Far
/// more of them than nest on the stack keep their order.
#[test]
fn releases_inside_releases_keep_the_order() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let order = Order::default();
    for n in 0..1000 {
        let order = Rc::clone(&order);
        drop(lock.acquire().add_callback(move |lock| {
            order.borrow_mut().push(n);
            Ok(lock.release()?)
        }));
    }
    held.release().unwrap();
    assert!(order.borrow().iter().copied().eq(0..1000));
    assert!(!lock.locked());
}

/// Who acquires inside a release comes behind those who wait.
#[test]
fn acquiring_inside_a_release_joins_the_line() {
    let lock = DeferredLock::new();
    let held = success_result_of(lock.acquire());
    let order = Order::default();
    let (first, late, second) = (Rc::clone(&order), Rc::clone(&order), Rc::clone(&order));
    drop(lock.acquire().add_callback(move |lock| {
        first.borrow_mut().push(1);
        drop(lock.acquire().add_callback(move |lock| {
            late.borrow_mut().push(3);
            Ok(lock.release()?)
        }));
        Ok(lock.release()?)
    }));
    drop(lock.acquire().add_callback(move |lock| {
        second.borrow_mut().push(2);
        Ok(lock.release()?)
    }));
    held.release().unwrap();
    assert_eq!(*order.borrow(), [1, 2, 3]);
    assert!(!lock.locked());
}

// ===== the semaphore =====

/// So many as there are tokens get one at once, the next when one is given
/// back.
#[test]
fn a_semaphore_hands_out_its_tokens() {
    let semaphore = DeferredSemaphore::new(2).unwrap();
    assert_eq!((semaphore.tokens(), semaphore.limit()), (2, 2));
    let first = success_result_of(semaphore.acquire());
    assert_eq!(semaphore.tokens(), 1);
    success_result_of(semaphore.acquire());
    let waiting = semaphore.acquire();
    assert_no_result(&waiting);
    assert_eq!((semaphore.tokens(), semaphore.limit()), (0, 2));
    first.release().unwrap();
    assert_eq!(semaphore.tokens(), 0, "it went to the waiter");
    success_result_of(waiting);
    semaphore.release().unwrap();
    semaphore.release().unwrap();
    assert_eq!(semaphore.release(), Err(ReleaseError));
    assert_eq!(semaphore.tokens(), 2);
}

/// A semaphore has at least one token.
#[test]
fn a_semaphore_without_tokens_is_refused() {
    assert_eq!(DeferredSemaphore::new(0).unwrap_err(), NoTokensError);
}

/// Cancelled waiters of a semaphore leave the line.
#[test]
fn a_cancelled_waiter_of_a_semaphore_leaves() {
    let semaphore = DeferredSemaphore::new(1).unwrap();
    success_result_of(semaphore.acquire());
    let [first, second] = [semaphore.acquire(), semaphore.acquire()];
    first.cancel();
    assert!(failure_result_of(first).is::<CancelledError>());
    semaphore.release().unwrap();
    success_result_of(second);
}

/// `run` never has more at work than there are tokens, and uses all of them.
#[test]
fn a_semaphore_limits_what_runs() {
    let semaphore = DeferredSemaphore::new(3).unwrap();
    let begun = Order::default();
    let (jobs, finish): (Vec<_>, Vec<_>) = (0..7)
        .map(|n| {
            let (work, done) = Deferred::<()>::new();
            let begun = Rc::clone(&begun);
            let job = semaphore.run(move || {
                begun.borrow_mut().push(n);
                work
            });
            (job, done)
        })
        .unzip();
    for (finished, done) in finish.iter().enumerate() {
        assert_eq!(begun.borrow().len(), (finished + 3).min(7));
        done.callback(()).unwrap();
    }
    assert!(begun.borrow().iter().copied().eq(0..7));
    jobs.into_iter().for_each(success_result_of);
    assert_eq!(semaphore.tokens(), 3);
}

/// The guard of a semaphore gives its token back.
#[test]
fn a_semaphore_guard_releases() {
    let semaphore = DeferredSemaphore::new(2).unwrap();
    let guard: DeferredSemaphoreGuard = success_result_of(semaphore.acquire_guard());
    assert_eq!(guard.semaphore().tokens(), 1);
    guard.release();
    drop(success_result_of(semaphore.acquire_guard()));
    assert_eq!(semaphore.tokens(), 2);
}

// ===== the queue =====

/// Values are had in the order in which they were put, waiters served in the
/// order in which they came.
#[test]
fn a_queue_keeps_the_order_of_both() {
    let queue = DeferredQueue::new();
    (1..=3).for_each(|n| queue.put(n).unwrap());
    assert_eq!((queue.len(), queue.is_empty(), queue.waiting()), (3, false, 0));
    for n in 1..=3 {
        assert_eq!(success_result_of(queue.get().unwrap()), n);
    }
    let [first, second] = [queue.get().unwrap(), queue.get().unwrap()];
    assert_eq!((queue.len(), queue.is_empty(), queue.waiting()), (0, true, 2));
    queue.put(4).unwrap();
    assert_no_result(&second);
    queue.put(5).unwrap();
    assert_eq!((success_result_of(first), success_result_of(second)), (4, 5));
    assert_eq!(queue.waiting(), 0);
}

/// A full queue gives the value back; a waiter makes room.
#[test]
fn a_queue_has_a_size() {
    let queue = DeferredQueue::bounded(Some(1), None);
    queue.put("a").unwrap();
    let QueueOverflow(back) = queue.put("b").unwrap_err();
    assert_eq!(back, "b");
    assert_eq!(success_result_of(queue.get().unwrap()), "a");
    let waiting = queue.get().unwrap();
    queue.put("c").unwrap();
    queue.put("d").unwrap();
    assert!(queue.put("e").is_err());
    assert_eq!(success_result_of(waiting), "c");
}

/// A queue of size zero passes values to waiters only.
#[test]
fn a_queue_of_no_size() {
    let queue = DeferredQueue::bounded(Some(0), None);
    assert!(queue.put(1).is_err());
    let waiting = queue.get().unwrap();
    queue.put(2).unwrap();
    assert_eq!(success_result_of(waiting), 2);
}

/// So many may wait, and no more.
#[test]
fn a_queue_has_a_backlog() {
    let queue = DeferredQueue::<i32>::bounded(None, Some(1));
    let waiting = queue.get().unwrap();
    assert_eq!(queue.get().unwrap_err(), QueueUnderflow);
    waiting.cancel();
    assert!(failure_result_of(waiting).is::<CancelledError>());
    let waiting = queue.get().unwrap();
    queue.put(1).unwrap();
    assert_eq!(success_result_of(waiting), 1);
    // Who finds a value does not wait.
    let none_may_wait = DeferredQueue::bounded(None, Some(0));
    assert!(none_may_wait.get().is_err());
    none_may_wait.put(1).unwrap();
    assert_eq!(success_result_of(none_may_wait.get().unwrap()), 1);
}

/// Cancelling a waiter takes it out of the line: the value goes to the next.
#[test]
fn a_cancelled_get_takes_no_value() {
    let queue = DeferredQueue::new();
    let [first, second] = [queue.get().unwrap(), queue.get().unwrap()];
    first.cancel();
    assert!(failure_result_of(first).is::<CancelledError>());
    assert_eq!(queue.waiting(), 1);
    queue.put(1).unwrap();
    assert_eq!(success_result_of(second), 1);
}

/// A waiter that was dropped still gets its value: its callbacks want it.
#[test]
fn a_dropped_get_takes_its_value() {
    let queue = DeferredQueue::new();
    let seen = Rc::new(Cell::new(0));
    let see = Rc::clone(&seen);
    drop(queue.get().unwrap().add_callback(move |n| see.set(n)));
    queue.put(1).unwrap();
    assert_eq!(seen.get(), 1);
    assert!(queue.is_empty());
}

/// A waiter may put and get from inside its callback.
#[test]
fn a_queue_may_be_used_from_its_waiters() {
    let queue = DeferredQueue::new();
    let again = queue.clone();
    let got = queue.get().unwrap().add_callback(move |n: i32| {
        again.put(n + 1)?;
        Ok(again.get()?)
    });
    let got = got.add_callback(|next| next);
    queue.put(1).unwrap();
    assert_eq!(success_result_of(got), 2);
}

/// Clones and `default` are queues like any.
#[test]
fn clones_are_the_same_queue() {
    let queue = DeferredQueue::default();
    queue.clone().put(1).unwrap();
    assert_eq!(queue.len(), 1);
    assert!(format!("{queue:?}").contains("len: 1"));
}

proptest! {
    /// Against a plain model: any mix of putting, getting and cancelling.
    #[test]
    fn a_queue_is_two_lines(
        size in proptest::option::of(0_usize..4),
        backlog in proptest::option::of(0_usize..4),
        steps in prop::collection::vec((0..3, 0_usize..8), 0..60),
    ) {
        let queue = DeferredQueue::bounded(size, backlog);
        let mut values = VecDeque::new();
        let mut line: VecDeque<Deferred<usize>> = VecDeque::new();
        for (number, (step, place)) in steps.into_iter().enumerate() {
            match step {
                0 => {
                    let put = queue.put(number);
                    if let Some(waiter) = line.pop_front() {
                        prop_assert!(put.is_ok());
                        prop_assert_eq!(success_result_of(waiter), number);
                    } else if size.is_some_and(|size| values.len() >= size) {
                        prop_assert_eq!(put, Err(QueueOverflow(number)));
                    } else {
                        prop_assert!(put.is_ok());
                        values.push_back(number);
                    }
                }
                1 => match (queue.get(), values.pop_front()) {
                    (Ok(got), Some(value)) => prop_assert_eq!(success_result_of(got), value),
                    (Ok(got), None) => {
                        prop_assert!(backlog.is_none_or(|backlog| line.len() < backlog));
                        line.push_back(got);
                    }
                    (Err(QueueUnderflow), value) => {
                        prop_assert_eq!(value, None);
                        prop_assert!(backlog.is_some_and(|backlog| line.len() >= backlog));
                    }
                },
                _ => if let Some(waiter) = line.remove(place) {
                    waiter.cancel();
                    prop_assert!(failure_result_of(waiter).is::<CancelledError>());
                },
            }
            prop_assert_eq!((queue.len(), queue.waiting()), (values.len(), line.len()));
        }
    }
}

/// Waiters whose primitive goes away stay pending, and nothing is reported.
#[test]
fn waiters_of_what_is_gone() {
    let errors = LoggedErrors::collect();
    let queue = DeferredQueue::<()>::new();
    let waiting = queue.get().unwrap();
    drop(queue);
    assert_no_result(&waiting);
    waiting.cancel();
    assert!(failure_result_of(waiting).is::<CancelledError>());
    assert!(errors.flush_all().is_empty());
}

/// The Debug forms say how things stand, the errors what was wrong.
#[test]
fn forms() {
    let lock = DeferredLock::new();
    assert_eq!(format!("{lock:?}"), "DeferredLock { locked: false }");
    let semaphore = DeferredSemaphore::new(2).unwrap();
    assert_eq!(format!("{semaphore:?}"), "DeferredSemaphore { tokens: 2, limit: 2 }");
    assert_eq!(ReleaseError.to_string(), "released more often than acquired");
    assert_eq!(NoTokensError.to_string(), "a semaphore needs at least one token");
    assert_eq!(QueueUnderflow.to_string(), "too many are waiting for the queue");
    // The value need not be printable.
    let overflow = QueueOverflow(lock);
    assert_eq!(overflow.to_string(), "the queue is full or closed");
    assert_eq!(format!("{overflow:?}"), "QueueOverflow(..)");
}
