//! What a Deferred allocates, counted: one allocation for itself, at most one
//! for each callback, none to fire, none to drop; and a delayed call.
//!
//! The allocator of this test binary counts for each thread, so tests do not
//! disturb one another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::array;
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::success_result_of;
use deferred::time::{Clock, ReactorTime};
use deferred::{Deferred, DeferredLock, DeferredQueue, Trigger};
use tracing::subscriber::with_default;

/// The system's allocator, and a count for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
    static FREED: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // Not there any more at the end of the thread.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
    let _ = BYTES.try_with(|all| all.set(all.get() + bytes));
}

fn free(bytes: usize) {
    let _ = FREED.try_with(|all| all.set(all.get() + bytes));
}

// SAFETY: everything is passed on to the system's allocator as it is, and
// counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        free(layout.size());
        // SAFETY: as the caller says; it came from there.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        free(layout.size().saturating_sub(size));
        // SAFETY: as the caller says; it came from there.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// How often `work` allocates, and what it returns.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let value = work();
    (ALLOCATIONS.get() - before, value)
}

fn bytes(work: impl FnOnce()) -> usize {
    let before = BYTES.get();
    work();
    BYTES.get() - before
}

/// How many bytes more there are after `work` than before.
fn kept<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let (before, freed) = (BYTES.get(), FREED.get());
    let value = work();
    ((BYTES.get() - before).saturating_sub(FREED.get() - freed), value)
}

/// Looks at the flag for debugging once, which reads the environment.
fn warm_up() {
    success_result_of(Deferred::succeed(()).add_callback(|()| Ok(())));
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| black_box(Box::new(1))).0, 1);
    assert_eq!(allocations(|| black_box(1)).0, 0);
    assert_eq!(bytes(|| drop(black_box(vec![0_u8; 100]))), 100);
}

/// Makes, adds, fires and drops, with callbacks that take and give `N` words
/// and hold `M`.
fn lifetime<const N: usize, const M: usize>(callbacks: usize) {
    let (making, (mut d, trigger)) =
        allocations(|| -> (Deferred<[usize; N]>, Trigger<_>) { Deferred::new() });
    assert_eq!(making, 1, "to make one of {N} words");
    let (adding, d) = allocations(|| {
        for _ in 0..callbacks {
            let held: [usize; M] = array::from_fn(black_box);
            d = d.add_callback(move |words| {
                black_box(held);
                Ok(words.map(|word| word + 1))
            });
        }
        d
    });
    assert!(adding <= callbacks, "{adding} to add {callbacks} of {N} and {M} words");
    let (firing, fired) = allocations(|| trigger.callback([0; N]));
    fired.expect("not fired before");
    assert_eq!(firing, 0, "to fire {callbacks} of {N} and {M} words");
    let (taking, value) = allocations(|| success_result_of(d));
    assert_eq!(value, [callbacks; N]);
    assert_eq!(taking, 0);
    assert_eq!(allocations(|| drop(trigger)).0, 0, "to drop");
}

#[test]
fn one_for_a_deferred_one_for_each_callback_none_to_fire() {
    warm_up();
    for callbacks in [0, 1, 10, 100] {
        lifetime::<1, 0>(callbacks);
        lifetime::<1, 1>(callbacks);
        lifetime::<1, 8>(callbacks);
        lifetime::<2, 3>(callbacks);
        lifetime::<7, 0>(callbacks);
        lifetime::<7, 8>(callbacks);
    }
}

#[test]
fn none_to_drop_what_was_not_fired() {
    warm_up();
    for callbacks in [0, 1, 10, 100] {
        let (mut d, trigger) = Deferred::<usize>::new();
        for _ in 0..callbacks {
            let held = black_box(callbacks);
            d = d.add_callback(move |n| Ok(n + held));
        }
        assert_eq!(allocations(|| drop(d)).0, 0);
        let (dropping, ()) = allocations(|| drop(trigger));
        assert!(dropping <= 1, "{dropping} to drop {callbacks}");
    }
}

#[test]
fn one_for_a_deferred_that_has_its_result() {
    warm_up();
    let (making, d) = allocations(|| Deferred::succeed([1_usize; 4]));
    assert_eq!(making, 1);
    let (adding, d) = allocations(|| d.add_callback(|words| Ok(words[0])));
    assert!(adding <= 1, "{adding}");
    assert_eq!(allocations(|| assert_eq!(success_result_of(d), 1)).0, 0);
}

#[test]
fn none_to_steer() {
    warm_up();
    let (d, trigger) = Deferred::<usize>::new();
    let (steering, ()) = allocations(|| {
        d.pause();
        d.unpause();
        let handle = d.cancel_handle();
        drop((handle.clone(), trigger.clone()));
        assert!(!d.has_result());
        assert!(!trigger.called());
        trigger.callback(1).unwrap();
        handle.cancel();
        d.cancel();
    });
    assert_eq!(steering, 0);
    assert_eq!(success_result_of(d), 1);
}

#[test]
fn none_to_wait_for_another_and_get_its_result() {
    warm_up();
    let (inner, trigger) = Deferred::new();
    let (d, go) = Deferred::new();
    let d = d.add_callback(|()| inner);
    let (working, ()) = allocations(|| {
        go.callback(()).unwrap();
        trigger.callback(1_usize).unwrap();
    });
    assert_eq!(working, 0);
    assert_eq!(success_result_of(d), 1);
}

/// A waiter for a lock or a queue is its Deferred, and a place in a line; nothing
/// is allocated to serve it, or to take back what it was given.
#[test]
fn one_for_a_waiter() {
    warm_up();
    let (lock, queue) = (DeferredLock::new(), DeferredQueue::new());
    success_result_of(lock.acquire());
    // The lines have had room for one.
    drop((lock.acquire(), queue.get()));
    queue.put(1).expect("it has no limit");
    success_result_of(queue.get().expect("it has no limit"));

    let (waiting, waiter) = allocations(|| lock.acquire());
    assert_eq!(waiting, 1);
    let (serving, released) = allocations(|| lock.release());
    released.expect("it is held");
    assert_eq!(serving, 0);
    assert_eq!(allocations(|| drop(waiter)).0, 0);
    assert!(!lock.locked());

    let (waiting, waiter) = allocations(|| queue.get());
    assert_eq!(waiting, 1);
    let (serving, put) = allocations(|| queue.put(2));
    put.expect("it has no limit");
    assert_eq!(serving, 0);
    assert_eq!(allocations(|| drop(waiter)).0, 0);
    assert_eq!(queue.len(), 1);
}

/// A chain that is added to for ever does not grow.
#[test]
fn a_million_callbacks_after_firing_take_no_more_memory() {
    warm_up();
    let mut d = Deferred::succeed(0_usize);
    for _ in 0..10 {
        d = d.add_callback(|n| Ok(n + 1));
    }
    let (adding, d) = allocations(|| {
        for _ in 0..1_000_000 {
            d = d.add_callback(|n| Ok(n + 1));
        }
        d
    });
    assert_eq!(adding, 0);
    assert_eq!(success_result_of(d), 1_000_010);
}

fn ten_callbacks() {
    let (mut d, trigger) = Deferred::new();
    for _ in 0..10 {
        d = d.add_callback(|n: usize| Ok(n + 1));
    }
    trigger.callback(0).expect("not fired before");
    assert_eq!(success_result_of(d), 10);
}

/// Where nobody subscribes, or where there is no span, none is kept.
#[test]
fn spans_cost_nothing_where_there_are_none() {
    warm_up();
    let plain = bytes(ten_callbacks);
    let registry = || tracing_subscriber::registry();
    let mut without_span = 0;
    with_default(registry(), || {
        ten_callbacks();
        without_span = bytes(ten_callbacks);
    });
    let mut in_span = 0;
    with_default(registry(), || {
        tracing::info_span!("here").in_scope(|| in_span = bytes(ten_callbacks));
    });
    assert_eq!(without_span, plain);
    assert!(in_span > plain, "a span is kept with each: {in_span} bytes, without {plain}");
    assert_eq!(bytes(ten_callbacks), plain, "the subscriber is gone");
}

/// A pending call of a closure that holds a pointer, and the handle that is
/// kept of it.
fn bytes_a_call(calls: usize) -> usize {
    let clock = Clock::new();
    let held = Rc::new(());
    let mut handles = Vec::with_capacity(calls);
    let all = bytes(|| {
        for n in 0..calls {
            let held = held.clone();
            let due = Duration::from_nanos(n as u64);
            handles.push(clock.call_later(due, move || drop(black_box(held))));
        }
    });
    all / calls
}

/// They are scheduled after it, and cancelled in either order.
#[test]
fn a_hundred_thousand_cancelled_calls_leave_nothing_beside_a_pending_one() {
    const CALLS: u64 = 100_000;
    for last_first in [false, true] {
        let clock = Clock::new();
        let (bytes, stays) = kept(|| {
            let stays = clock.call_later(Duration::from_secs(1), || ());
            let mut calls: Vec<_> =
                (0..CALLS).map(|n| clock.call_later(Duration::from_millis(n), || ())).collect();
            if last_first {
                calls.reverse();
            }
            for call in calls {
                call.cancel().unwrap();
            }
            stays
        });
        assert!(stays.active());
        assert!(bytes < 64 * 1024, "{bytes} bytes are kept");
        clock.advance(Duration::from_secs(1));
        assert!(!stays.active());
    }
}

#[test]
fn a_pending_call_takes_no_more_than_128_bytes() {
    for calls in [1_000, 10_000, 100_000, 1_000_000] {
        let bytes = bytes_a_call(calls);
        assert!((24..=128).contains(&bytes), "{bytes} bytes for each of {calls}");
    }
}

/// To schedule a call where others were: the closure's box, and nothing else.
#[test]
fn one_for_a_call_where_there_is_room() {
    let clock = Clock::new();
    let (held, hour) = (Rc::new(()), Duration::from_secs(3600));
    let _pending = clock.call_later(hour, || ());
    for _ in 0..100 {
        let held = held.clone();
        clock.call_later(hour, move || drop(held)).cancel().expect("it is pending");
    }
    let (scheduling, call) = allocations(|| {
        let held = held.clone();
        clock.call_later(hour, move || drop(held))
    });
    assert_eq!(scheduling, 1);
    let (steering, ()) = allocations(|| {
        drop(call.clone());
        call.cancel().expect("it is pending");
    });
    assert_eq!(steering, 0);
}
