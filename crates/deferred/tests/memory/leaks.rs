//! No leaks and no cycles: in whatever order the handles of something go,
//! nothing of it is left at the end, and nothing goes while it may still be
//! needed.
//!
//! Each scenario is a handful of handles of one thing, which ends in a last
//! callback or in the rest of a coroutine. For all orders of dropping the handles,
//! and after each of the drops, every handle that is left is used: it must still
//! lead to that end. Values inside the callbacks, cancellers and coroutines are counted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unit_arg,
    clippy::async_yields_async,
    reason = "what helpers of a test do fails the test"
)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Counted, Counter, ignore_unhandled_errors, permutations};
use deferred::testing::success_result_of;
use deferred::time::Clock;
use deferred::{
    CancelHandle, Deferred, DeferredList, DeferredLock, DeferredQueue, DeferredSemaphore, Failure,
    Trigger, Waiters, ensure_deferred, gather_results, race,
};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};

/// Effect of using a handle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    /// Alone it leads to the end.
    Ends,
    /// It does so together with all others that are `Helps`.
    Helps,
    /// None; it is only there to be dropped.
    Nothing,
}

/// A handle: calling it uses it, dropping it drops it.
struct Handle {
    name: &'static str,
    power: Power,
    using: Box<dyn FnOnce()>,
}

fn handle(name: &'static str, power: Power, using: impl FnOnce() + 'static) -> Handle {
    Handle { name, power, using: Box::new(using) }
}

fn fires<T: Default + 'static>(name: &'static str, power: Power, trigger: Trigger<T>) -> Handle {
    handle(name, power, move || trigger.callback(T::default()).unwrap())
}

fn cancels(name: &'static str, cancel: CancelHandle) -> Handle {
    handle(name, Power::Ends, move || cancel.cancel())
}

/// The Deferred itself, which can cancel as well.
fn consumes<T: 'static>(name: &'static str, d: Deferred<T>) -> Handle {
    handle(name, Power::Ends, move || d.cancel())
}

fn keeps(name: &'static str, held: impl Sized + 'static) -> Handle {
    handle(name, Power::Nothing, move || drop(held))
}

/// Material of a scenario: counted values, and its last callback.
#[derive(Clone, Default)]
struct Setup {
    counter: Counter,
    ends: Rc<Cell<usize>>,
}

impl Setup {
    fn counted(&self) -> Counted {
        self.counter.value()
    }

    /// The last callback, to be given to `add_both`.
    fn last_callback<T>(&self) -> impl FnOnce(Result<T, Failure>) -> Result<(), Failure> + use<T> {
        let (counted, ends) = (self.counted(), Rc::clone(&self.ends));
        move |_result| {
            counted.touch();
            ends.set(ends.get() + 1);
            Ok(())
        }
    }
}

type Scenario = fn(&Setup) -> Vec<Handle>;

/// A scenario of which the handles in `order` are still there.
struct Case {
    setup: Setup,
    handles: Vec<Option<Handle>>,
}

impl Case {
    fn new(scenario: Scenario, dropped: &[usize]) -> Self {
        let setup = Setup::default();
        let handles = scenario(&setup).into_iter().map(Some).collect();
        let mut this = Self { setup, handles };
        assert!(this.setup.counter.alive() > 0, "the scenario counts nothing");
        assert_eq!(this.setup.ends.get(), 0, "it ends by itself");
        for &index in dropped {
            this.handles[index] = None;
        }
        this
    }

    fn use_handle(&mut self, index: usize) {
        if let Some(handle) = self.handles[index].take() {
            (handle.using)();
        }
    }

    /// Drops whatever is left; then nothing is.
    fn close(self, rest: &[usize], what: impl Fn() -> String) {
        let Self { setup, mut handles } = self;
        for &index in rest {
            handles[index] = None;
        }
        assert!(handles.iter().all(Option::is_none));
        assert_eq!(setup.counter.alive(), 0, "{} left over", what());
    }
}

/// Plays a scenario in all orders; see the top of the file.
fn check_all_orders(scenario: Scenario) {
    let _ignore = ignore_unhandled_errors();
    let names: Vec<_> = scenario(&Setup::default()).iter().map(|part| part.name).collect();
    let powers: Vec<_> = scenario(&Setup::default()).iter().map(|part| part.power).collect();
    let count = names.len();
    let mut uses = 0;
    for order in permutations(count) {
        let told = |so_far: &[usize]| so_far.iter().map(|&at| names[at]).collect::<Vec<_>>();
        let all = || format!("after dropping {:?}", told(&order));
        Case::new(scenario, &order).close(&[], all);
        for dropped in 0..count {
            let (gone, rest) = order.split_at(dropped);
            for &used in rest.iter().filter(|&&index| powers[index] == Power::Ends) {
                let what = || format!("after dropping {:?} and using {}", told(gone), names[used]);
                let mut rehearsal = Case::new(scenario, gone);
                rehearsal.use_handle(used);
                assert_eq!(rehearsal.setup.ends.get(), 1, "ends {}", what());
                rehearsal.close(rest, what);
                uses += 1;
            }
            let helps = |index: &&usize| powers[**index] == Power::Helps;
            if !gone.iter().any(|index| helps(&index)) && rest.iter().any(|index| helps(&index)) {
                let what = || format!("after dropping {:?} and using the others", told(gone));
                let mut rehearsal = Case::new(scenario, gone);
                rest.iter().filter(helps).for_each(|&index| rehearsal.use_handle(index));
                assert_eq!(rehearsal.setup.ends.get(), 1, "ends {}", what());
                rehearsal.close(rest, what);
                uses += 1;
            }
        }
    }
    assert!(uses > 0, "nothing was used");
}

// ===== callbacks =====

#[test]
fn callbacks() {
    check_all_orders(|setup| {
        let (d, trigger) = Deferred::<()>::new();
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn two_triggers_and_two_cancel_handles() {
    check_all_orders(|setup| {
        let (d, trigger) = Deferred::<()>::new();
        vec![
            fires("trigger", Power::Ends, trigger.clone()),
            fires("its clone", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            cancels("another", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn cancellers() {
    check_all_orders(|setup| {
        let held = setup.counted();
        let (d, trigger) = Deferred::<()>::with_canceller(move |trigger| {
            held.touch();
            trigger.errback(std::fmt::Error).unwrap();
        });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

/// A canceller is let go when there is nothing left that it could cancel.
#[test]
fn a_canceller_goes_when_its_deferred_is_fired() {
    let counter = Counter::new();
    let held = counter.value();
    let (d, trigger) = Deferred::<()>::with_canceller(move |_| held.touch());
    assert_eq!(counter.alive(), 1);
    trigger.callback(()).unwrap();
    assert_eq!(counter.alive(), 0);
    drop(d);
}

#[test]
fn a_deferred_held_back() {
    check_all_orders(|setup| {
        let d = Deferred::succeed(setup.counted());
        d.pause();
        let cancel = d.cancel_handle();
        let d = d.add_both(setup.last_callback());
        vec![keeps("cancel handle", cancel), handle("Deferred", Power::Ends, move || d.unpause())]
    });
}

#[test]
fn results() {
    check_all_orders(|setup| {
        let (d, trigger) = Deferred::new();
        let counted = setup.counted();
        vec![
            handle("trigger", Power::Ends, move || trigger.callback(counted).unwrap()),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback()).add_both(|_| Ok(()))),
        ]
    });
}

// ===== chains =====

/// One that waits for another.
#[test]
fn a_chain_of_two() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let inner_cancel = inner.cancel_handle();
        let held = setup.counted();
        let inner = inner.add_callback(move |()| held.touch());
        let outer = Deferred::succeed(()).add_callback(|()| inner);
        vec![
            fires("inner trigger", Power::Ends, trigger),
            cancels("inner cancel handle", inner_cancel),
            cancels("outer cancel handle", outer.cancel_handle()),
            consumes("outer Deferred", outer.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn a_chain_of_three() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let inner_cancel = inner.cancel_handle();
        let middle = Deferred::succeed(()).add_callback(|()| inner);
        let middle_cancel = middle.cancel_handle();
        let held = setup.counted();
        let middle = middle.add_callback(move |()| held.touch());
        let outer = Deferred::succeed(()).add_callback(|()| middle);
        vec![
            fires("inner trigger", Power::Ends, trigger),
            cancels("inner cancel handle", inner_cancel),
            cancels("middle cancel handle", middle_cancel),
            cancels("outer cancel handle", outer.cancel_handle()),
            consumes("outer Deferred", outer.add_both(setup.last_callback())),
        ]
    });
}

/// The second link is made while the first waits already.
#[test]
fn a_chain_that_grows_at_its_far_end() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let (middle, go) = Deferred::<()>::new();
        let inner_cancel = inner.cancel_handle();
        let middle_cancel = middle.cancel_handle();
        let outer = Deferred::succeed(()).add_callback(|()| middle.add_callback(|()| inner));
        go.callback(()).unwrap();
        vec![
            fires("inner trigger", Power::Ends, trigger),
            keeps("middle trigger", go),
            cancels("inner cancel handle", inner_cancel),
            cancels("middle cancel handle", middle_cancel),
            consumes("outer Deferred", outer.add_both(setup.last_callback())),
        ]
    });
}

/// Neither of the two is fired.
#[test]
fn a_chain_to_be() {
    check_all_orders(|setup| {
        let (inner, inner_trigger) = Deferred::<()>::new();
        let (outer, outer_trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let inner = inner.add_callback(move |()| held.touch());
        let cancel = outer.cancel_handle();
        vec![
            fires("inner trigger", Power::Helps, inner_trigger),
            fires("outer trigger", Power::Helps, outer_trigger),
            cancels("outer cancel handle", cancel),
            consumes(
                "outer Deferred",
                outer.add_callback(|()| inner).add_both(setup.last_callback()),
            ),
        ]
    });
}

#[test]
fn a_chain_with_a_canceller() {
    check_all_orders(|setup| {
        let held = setup.counted();
        let (inner, trigger) = Deferred::<()>::with_canceller(move |_| held.touch());
        let outer = Deferred::succeed(()).add_callback(|()| inner);
        vec![
            fires("inner trigger", Power::Ends, trigger),
            cancels("outer cancel handle", outer.cancel_handle()),
            consumes("outer Deferred", outer.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn chain_deferred() {
    check_all_orders(|setup| {
        let (a, trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let b_cancel = b.cancel_handle();
        let held = setup.counted();
        let rest = a.add_callback(move |()| held.touch()).chain_deferred(b_trigger);
        vec![
            fires("trigger", Power::Ends, trigger),
            keeps("first Deferred", rest),
            cancels("second cancel handle", b_cancel),
            consumes("second Deferred", b.add_both(setup.last_callback())),
        ]
    });
}

// ===== timeouts =====

#[test]
fn timeouts() {
    check_all_orders(|setup| {
        let clock = Clock::new();
        let (d, trigger) = Deferred::<()>::new();
        let cancel = d.cancel_handle();
        let d = d.add_timeout(Duration::from_secs(1), &clock).add_both(setup.last_callback());
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", cancel),
            consumes("Deferred", d),
            handle("clock", Power::Ends, move || clock.advance(Duration::from_secs(2))),
        ]
    });
}

#[test]
fn timeouts_of_coroutines() {
    check_all_orders(|setup| {
        let clock = Clock::new();
        let (inner, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let d = ensure_deferred(async move {
            inner.await?;
            held.touch();
            Ok(())
        });
        let cancel = d.cancel_handle();
        let d = d.add_timeout(Duration::from_secs(1), &clock).add_both(setup.last_callback());
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", cancel),
            consumes("Deferred", d),
            handle("clock", Power::Ends, move || clock.advance(Duration::from_secs(2))),
        ]
    });
}

// ===== lists =====

#[test]
fn lists() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let a = a.add_callback(move |()| held.touch());
        let list = DeferredList::new([a, b]).into_deferred();
        vec![
            fires("first trigger", Power::Helps, a_trigger),
            fires("second trigger", Power::Helps, b_trigger),
            cancels("cancel handle", list.cancel_handle()),
            consumes("list", list.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn lists_with_members_held_by_others() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let a_cancel = a.cancel_handle();
        let list = DeferredList::new([a, b]).consume_errors().into_deferred();
        vec![
            handle("first cancel handle", Power::Helps, move || a_cancel.cancel()),
            keeps("first trigger", a_trigger),
            fires("second trigger", Power::Helps, b_trigger),
            consumes("list", list.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn lists_half_way() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::new();
        let (b, b_trigger) = Deferred::new();
        let list = DeferredList::new([a, b]).into_deferred();
        a_trigger.callback(Some(setup.counted())).unwrap();
        vec![
            keeps("used trigger", a_trigger),
            fires("second trigger", Power::Ends, b_trigger),
            cancels("cancel handle", list.cancel_handle()),
            consumes("list", list.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn gatherings_in_gatherings() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let inner = gather_results([a]).add_callback(move |_| held.touch());
        let outer = gather_results([inner, b]);
        vec![
            fires("inner trigger", Power::Helps, a_trigger),
            fires("outer trigger", Power::Helps, b_trigger),
            cancels("cancel handle", outer.cancel_handle()),
            consumes("list", outer.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn races() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let a = a.add_callback(move |()| held.touch());
        let first = race([a, b]);
        vec![
            fires("first trigger", Power::Ends, a_trigger),
            fires("second trigger", Power::Ends, b_trigger),
            cancels("cancel handle", first.cancel_handle()),
            consumes("race", first.add_both(setup.last_callback())),
        ]
    });
}

// ===== locks, semaphores and queues =====

#[test]
fn waiters_for_a_lock() {
    check_all_orders(|setup| {
        let lock = DeferredLock::new();
        success_result_of(lock.acquire());
        let waiter = lock.acquire();
        let other = lock.clone();
        vec![
            handle("lock", Power::Ends, move || lock.release().unwrap()),
            handle("its clone", Power::Ends, move || other.release().unwrap()),
            cancels("cancel handle", waiter.cancel_handle()),
            consumes("waiter", waiter.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn work_that_waits_for_a_lock() {
    check_all_orders(|setup| {
        let lock = DeferredLock::new();
        success_result_of(lock.acquire());
        let held = setup.counted();
        let waiter = lock.run(move || Ok(held.touch()));
        let other = lock.clone();
        vec![
            handle("lock", Power::Ends, move || lock.release().unwrap()),
            handle("its clone", Power::Ends, move || other.release().unwrap()),
            cancels("cancel handle", waiter.cancel_handle()),
            consumes("waiter", waiter.add_both(setup.last_callback())),
        ]
    });
}

/// The first to run waits for something, the second for the first.
#[test]
fn work_that_holds_a_lock() {
    check_all_orders(|setup| {
        let lock = DeferredLock::new();
        let (work, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let first = lock.run(move || work);
        let second = lock.run(move || Ok(held.touch()));
        vec![
            keeps("lock", lock),
            fires("work's trigger", Power::Ends, trigger),
            consumes("first", first.add_errback(|_cancelled| Ok(()))),
            cancels("cancel handle", second.cancel_handle()),
            consumes("second", second.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn guards() {
    check_all_orders(|setup| {
        let semaphore = DeferredSemaphore::new(1).unwrap();
        success_result_of(semaphore.acquire());
        let held = setup.counted();
        // A coroutine that held the semaphore would be held by it.
        let (guard, last_callback) = (semaphore.acquire_guard(), setup.last_callback());
        let d = ensure_deferred(async move {
            let guard = guard.await;
            held.touch();
            last_callback(guard)
        });
        vec![
            handle("semaphore", Power::Ends, move || semaphore.release().unwrap()),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn waiters_for_a_queue() {
    check_all_orders(|setup| {
        let queue = DeferredQueue::new();
        let waiter = queue.get().unwrap();
        let other = queue.clone();
        let value = setup.counted();
        vec![
            handle("queue", Power::Ends, move || queue.put(value).unwrap()),
            keeps("its clone", other),
            cancels("cancel handle", waiter.cancel_handle()),
            consumes("waiter", waiter.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn values_in_a_queue() {
    let counter = Counter::new();
    let queue = DeferredQueue::new();
    queue.put(counter.value()).unwrap();
    queue.put(counter.value()).unwrap();
    drop(success_result_of(queue.get().unwrap()));
    assert_eq!(counter.alive(), 1);
    let unread = queue.get().unwrap();
    drop(queue);
    assert_eq!(counter.alive(), 1);
    drop(unread);
    assert_eq!(counter.alive(), 0);
}

/// The coroutine holds the stream, which holds the queue; so does a handle.
#[test]
fn a_stream_in_a_coroutine() {
    check_all_orders(|setup| {
        let queue = DeferredQueue::new();
        let mut stream = queue.stream();
        let (held, last_callback) = (setup.counted(), setup.last_callback());
        let d = Deferred::from_future(async move {
            let next: Option<Counted> = stream.next().await;
            held.touch();
            last_callback(Ok(next))
        });
        let value = setup.counted();
        let closing = queue.clone();
        vec![
            handle("put", Power::Ends, move || queue.put(value).unwrap()),
            handle("close", Power::Ends, move || closing.close()),
            keeps("Deferred", d),
        ]
    });
}

#[test]
fn waiters() {
    check_all_orders(|setup| {
        let waiters = Waiters::<()>::new();
        let held = setup.counted();
        let waiter = waiters.wait_with_canceller(move |_| held.touch());
        let other = waiters.clone();
        vec![
            handle("list", Power::Ends, move || waiters.callback(())),
            handle("its clone", Power::Ends, move || other.callback(())),
            cancels("cancel handle", waiter.cancel_handle()),
            consumes("waiter", waiter.add_both(setup.last_callback())),
        ]
    });
}

/// Values in a Deferred that nobody reads, in a stream, and waiting with a sink.
#[test]
fn values_around_a_queue() {
    let counter = Counter::new();
    let queue = DeferredQueue::bounded(Some(1), None);
    let mut stream = queue.stream();
    assert!(stream.next().now_or_never().is_none());
    queue.put(counter.value()).unwrap();
    let unread = queue.get().unwrap();
    queue.put(counter.value()).unwrap();
    queue.put(counter.value()).unwrap();
    let (mut sink, value) = (queue.sink(), counter.value());
    let sending = ensure_deferred(async move { Ok(sink.send(value).await?) });
    assert_eq!(counter.alive(), 4);
    drop(queue);
    drop(unread);
    drop(stream);
    assert_eq!(counter.alive(), 4, "the one that sends has the queue");
    sending.cancel();
    drop(sending.add_errback(|_| Ok(())));
    assert_eq!(counter.alive(), 0);
}

// ===== coroutines =====

#[test]
fn a_coroutine_that_awaits_one() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let inner_cancel = inner.cancel_handle();
        let (held, last_callback) = (setup.counted(), setup.last_callback());
        let d = ensure_deferred(async move {
            let result = inner.await;
            held.touch();
            last_callback(result)
        });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("inner cancel handle", inner_cancel),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_future_that_awaits_one() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let d = Deferred::from_future(async move {
            let result = inner.await;
            held.touch();
            result
        });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

/// It has been resumed before, and holds what it got.
#[test]
fn a_coroutine_in_its_second_await() {
    check_all_orders(|setup| {
        let (first, first_trigger) = Deferred::new();
        let (second, trigger) = Deferred::<()>::new();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move {
            let counted: Counted = first.await?;
            let result = second.await;
            counted.touch();
            last_callback(result)
        });
        first_trigger.callback(setup.counted()).unwrap();
        vec![
            keeps("used trigger", first_trigger),
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_coroutine_that_joins_two() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move {
            let (a, b) = futures::join!(a, b);
            last_callback(a.and(b))
        });
        vec![
            fires("first trigger", Power::Helps, a_trigger),
            fires("second trigger", Power::Helps, b_trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_coroutine_that_selects_one_of_two() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move {
            let (mut a, mut b) = (a.fuse(), b.fuse());
            let result = futures::select_biased! { result = a => result, result = b => result };
            last_callback(result)
        });
        vec![
            fires("first trigger", Power::Ends, a_trigger),
            fires("second trigger", Power::Ends, b_trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

/// Where no executor drives them, coroutines that something may wake belong to
/// their thread, and go with it.
#[test]
fn a_coroutine_that_awaits_unordered() {
    struct Alive(Arc<AtomicBool>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }
    let alive = Arc::new(AtomicBool::new(true));
    let guard = Alive(Arc::clone(&alive));
    let seen = Arc::clone(&alive);
    let thread = std::thread::spawn(move || {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        drop(ensure_deferred(async move {
            let _guard = guard;
            let mut both: FuturesUnordered<_> = [a, b].into_iter().collect();
            while both.next().await.is_some() {}
            Ok(())
        }));
        a_trigger.callback(()).unwrap();
        drop((a_trigger, b_trigger));
        assert!(seen.load(Ordering::SeqCst));
    });
    thread.join().unwrap();
    assert!(!alive.load(Ordering::SeqCst));
}

#[test]
fn a_coroutine_that_awaits_a_chain() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let outer = Deferred::succeed(()).add_callback(|()| inner);
        let outer_cancel = outer.cancel_handle();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move { last_callback(outer.await) });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("outer cancel handle", outer_cancel),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_coroutine_that_awaits_a_coroutine() {
    check_all_orders(|setup| {
        let (innermost, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let inner = ensure_deferred(async move {
            let result = innermost.await;
            held.touch();
            result
        });
        let inner_cancel = inner.cancel_handle();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move { last_callback(inner.await) });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("inner cancel handle", inner_cancel),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_coroutine_that_awaits_a_gathering() {
    check_all_orders(|setup| {
        let (a, a_trigger) = Deferred::<()>::new();
        let (b, b_trigger) = Deferred::<()>::new();
        let last_callback = setup.last_callback();
        let d = ensure_deferred(async move { last_callback(gather_results([a, b]).await) });
        vec![
            fires("first trigger", Power::Helps, a_trigger),
            fires("second trigger", Power::Helps, b_trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d),
        ]
    });
}

#[test]
fn a_callback_that_returns_a_coroutine() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let d = Deferred::succeed(()).add_callback(|()| {
            ensure_deferred(async move {
                let result = inner.await;
                held.touch();
                result
            })
        });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

/// What the coroutine returns is a Deferred.
#[test]
fn a_coroutine_that_returns_a_deferred() {
    check_all_orders(|setup| {
        let (inner, trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let inner = inner.add_both(move |result| {
            held.touch();
            result
        });
        let d = ensure_deferred(async move { inner });
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", d.cancel_handle()),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}

#[test]
fn send_futures() {
    check_all_orders(|setup| {
        let (d, trigger) = Deferred::<()>::new();
        let cancel = d.cancel_handle();
        let future = d.add_both(setup.last_callback()).into_send_future();
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", cancel),
            keeps("future", future),
        ]
    });
}

/// A wait that was given up leaves nothing behind.
#[test]
fn a_wait_given_up() {
    check_all_orders(|setup| {
        let (mut d, trigger) = Deferred::<()>::new();
        let (stop, stop_trigger) = Deferred::<()>::new();
        let held = setup.counted();
        let waiting = ensure_deferred(async move {
            futures::pin_mut!(stop);
            futures::future::select(&mut d, stop).await;
            held.touch();
            Ok(d)
        });
        stop_trigger.callback(()).unwrap();
        let d = success_result_of(waiting);
        let cancel = d.cancel_handle();
        vec![
            fires("trigger", Power::Ends, trigger),
            cancels("cancel handle", cancel),
            consumes("Deferred", d.add_both(setup.last_callback())),
        ]
    });
}
