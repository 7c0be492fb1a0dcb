//! `Clock`, `TimerQueue` and `DelayedCall`; the order of the calls is compared
//! with that of a list that is sorted as Twisted's `Clock` sorts its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use deferred::time::{Clock, DelayedCall, DelayedCallError, ReactorTime, TimerQueue};
use proptest::prelude::*;

/// Numbers, in the order in which they were seen.
type Order = Rc<RefCell<Vec<usize>>>;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Schedules a call that notes a number.
fn note(clock: &Clock, order: &Order, delay: u64, number: usize) -> DelayedCall {
    let order = Rc::clone(order);
    clock.call_later(seconds(delay), move || order.borrow_mut().push(number))
}

// ===== the clock =====

/// Time passes only when it is told to.
#[test]
fn a_clock_stands_still() {
    let clock = Clock::default();
    assert_eq!(clock.seconds(), Duration::ZERO);
    clock.advance(seconds(2));
    clock.clone().advance(Duration::from_millis(500));
    assert_eq!(clock.seconds(), Duration::from_millis(2500));
    clock.pump([seconds(1); 3]);
    assert_eq!(clock.seconds(), Duration::from_millis(5500));
}

/// A call is made when its time has come, exactly then, and once.
#[test]
fn a_call_is_made_in_time() {
    let clock = Clock::new();
    let order = Order::default();
    let call = note(&clock, &order, 3, 1);
    clock.advance(Duration::from_nanos(2_999_999_999));
    assert!(order.borrow().is_empty());
    assert!(call.active());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(*order.borrow(), [1]);
    assert!(!call.active());
    clock.advance(seconds(10));
    assert_eq!(*order.borrow(), [1]);
}

/// Calls are made in the order of their times, those of one time in the order
/// in which they were scheduled.
#[test]
fn calls_are_made_in_order() {
    let clock = Clock::new();
    let order = Order::default();
    for (number, delay) in [3, 1, 2, 1, 3, 0].into_iter().enumerate() {
        drop(note(&clock, &order, delay, number));
    }
    clock.advance(seconds(3));
    assert_eq!(*order.borrow(), [5, 1, 3, 2, 0, 4]);
}

/// The clock jumps first: all calls see the time that it jumps to.
#[test]
fn a_clock_jumps() {
    let clock = Clock::new();
    let seen = Rc::new(Cell::new(Duration::ZERO));
    let (see, read) = (Rc::clone(&seen), clock.clone());
    clock.call_later(seconds(1), move || see.set(read.seconds()));
    clock.advance(seconds(10));
    assert_eq!(seen.get(), seconds(10));
}

/// A call that is scheduled by a call is made in the same advance if it is
/// due by then, counted from where the clock has jumped to.
#[test]
fn calls_made_by_calls() {
    let clock = Clock::new();
    let order = Order::default();
    let (inner_clock, inner_order) = (clock.clone(), Rc::clone(&order));
    clock.call_later(seconds(1), move || {
        inner_order.borrow_mut().push(0);
        drop(note(&inner_clock, &inner_order, 0, 1));
        drop(note(&inner_clock, &inner_order, 1, 2));
    });
    drop(note(&clock, &order, 2, 3));
    clock.advance(seconds(2));
    assert_eq!(*order.borrow(), [0, 3, 1]);
    clock.advance(seconds(1));
    assert_eq!(*order.borrow(), [0, 3, 1, 2]);
}

/// A call may move the clock.
#[test]
fn a_call_may_advance_the_clock() {
    let clock = Clock::new();
    let order = Order::default();
    let inner = clock.clone();
    clock.call_later(seconds(1), move || inner.advance(seconds(5)));
    drop(note(&clock, &order, 6, 1));
    clock.advance(seconds(1));
    assert_eq!(clock.seconds(), seconds(6));
    assert_eq!(*order.borrow(), [1]);
}

/// A call that panics is over; the others are made by the next advance.
#[test]
fn a_panicking_call() {
    let clock = Clock::new();
    let order = Order::default();
    let broken = clock.call_later(seconds(1), || panic!("broken call"));
    drop(note(&clock, &order, 1, 1));
    let advance = std::panic::AssertUnwindSafe(|| clock.advance(seconds(1)));
    assert!(std::panic::catch_unwind(advance).is_err());
    assert_eq!(broken.cancel(), Err(DelayedCallError::AlreadyCalled));
    assert!(order.borrow().is_empty());
    clock.advance(Duration::ZERO);
    assert_eq!(*order.borrow(), [1]);
}

/// `get_delayed_calls` gives what is pending, the next first.
#[test]
fn pending_calls_can_be_listed() {
    let clock = Clock::new();
    let order = Order::default();
    let late = note(&clock, &order, 5, 0);
    let early = note(&clock, &order, 1, 1);
    let cancelled = note(&clock, &order, 2, 2);
    cancelled.cancel().unwrap();
    assert_eq!(clock.get_delayed_calls(), [early.clone(), late.clone()]);
    clock.advance(seconds(1));
    assert_eq!(clock.get_delayed_calls(), [late]);
    assert_ne!(clock.get_delayed_calls(), [early]);
}

/// Everything goes through a `dyn ReactorTime`, and through an `Rc` of one.
#[test]
fn a_clock_behind_a_dyn() {
    let clock = Clock::new();
    let shared: Rc<dyn ReactorTime> = Rc::new(clock.clone());
    let ran = Rc::new(Cell::new(false));
    let run = Rc::clone(&ran);
    let call = shared.call_later_boxed(seconds(1), Box::new(move || run.set(true)));
    assert_eq!(shared.get_delayed_calls(), [call]);
    clock.advance(seconds(1));
    assert!(ran.get());
    assert_eq!(shared.seconds(), seconds(1));

    let concrete = Rc::new(clock.clone());
    drop(concrete.call_later(seconds(1), || ()));
    assert_eq!(clock.get_delayed_calls().len(), 1);
}

// ===== delayed calls =====

/// A cancelled call is not made, and what it holds is dropped then.
#[test]
fn cancelling_a_call() {
    let clock = Clock::new();
    let held = Rc::new(());
    let hold = Rc::clone(&held);
    let call = clock.call_later(seconds(1), move || {
        let _hold = &hold;
        unreachable!("it was cancelled");
    });
    call.cancel().unwrap();
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(!call.active());
    assert_eq!(call.get_time(), seconds(1));
    clock.advance(seconds(2));
    assert!(clock.get_delayed_calls().is_empty());
}

/// What is over cannot be cancelled or moved, and says why.
#[test]
fn a_call_that_is_over() {
    let clock = Clock::new();
    let called = clock.call_later(seconds(1), || ());
    clock.advance(seconds(1));
    let cancelled = clock.call_later(seconds(1), || ());
    cancelled.cancel().unwrap();
    for (call, error) in
        [(called, DelayedCallError::AlreadyCalled), (cancelled, DelayedCallError::AlreadyCancelled)]
    {
        assert!(!call.active());
        assert_eq!(call.cancel(), Err(error));
        assert_eq!(call.reset(seconds(1)), Err(error));
        assert_eq!(call.delay(seconds(1)), Err(error));
        assert_eq!(call.clone().cancel(), Err(error));
    }
    assert!(clock.get_delayed_calls().is_empty());
}

/// Inside its own call a call is over.
#[test]
fn a_call_is_over_while_it_is_made() {
    let clock = Clock::new();
    let itself: Rc<RefCell<Option<DelayedCall>>> = Rc::default();
    let later = Rc::clone(&itself);
    let seen = Rc::new(Cell::new(None));
    let see = Rc::clone(&seen);
    let call = clock.call_later(seconds(1), move || {
        let call = later.take().expect("the call");
        see.set(Some((call.active(), call.cancel())));
    });
    itself.replace(Some(call));
    clock.advance(seconds(1));
    assert_eq!(seen.get(), Some((false, Err(DelayedCallError::AlreadyCalled))));
}

/// `reset` counts from now, `delay` from when the call would have been; both
/// ways.
#[test]
fn moving_a_call() {
    let clock = Clock::new();
    let order = Order::default();
    let call = note(&clock, &order, 5, 1);
    clock.advance(seconds(3));
    call.reset(seconds(5)).unwrap();
    assert_eq!(call.get_time(), seconds(8));
    call.delay(seconds(2)).unwrap();
    assert_eq!(call.get_time(), seconds(10));
    call.reset(seconds(1)).unwrap();
    assert_eq!(call.get_time(), seconds(4));
    clock.advance(seconds(1));
    assert_eq!(*order.borrow(), [1]);
    assert_eq!(call.get_time(), seconds(4));
}

/// Dropping the handle leaves the call; a handle outlives what it is of, and
/// is never taken for one of another call.
#[test]
fn handles_and_calls_live_apart() {
    let clock = Clock::new();
    let order = Order::default();
    drop(note(&clock, &order, 1, 1));
    clock.advance(seconds(1));
    assert_eq!(*order.borrow(), [1]);

    let over = note(&clock, &order, 1, 2);
    let twin = over.clone();
    over.cancel().unwrap();
    let others: Vec<_> = (0..10).map(|n| note(&clock, &order, 1, 10 + n)).collect();
    assert!(others.iter().all(|other| *other != over && other.active()));
    assert_eq!(over, twin);
    assert!(over.cancel().is_err() && twin.reset(seconds(9)).is_err());
    drop((over, twin));
    clock.advance(seconds(1));
    assert_eq!(order.borrow().len(), 11);
}

/// With its clock gone a call counts as cancelled.
#[test]
fn a_handle_outlives_its_clock() {
    let held = Rc::new(());
    let hold = Rc::clone(&held);
    let clock = Clock::new();
    let call = clock.call_later(seconds(1), move || drop(hold));
    drop(clock);
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(!call.active());
    assert_eq!(call.get_time(), Duration::ZERO);
    assert_eq!(call.clone().cancel(), Err(DelayedCallError::AlreadyCancelled));
    assert_eq!(call.reset(seconds(1)), Err(DelayedCallError::AlreadyCancelled));
    assert_eq!(call.delay(seconds(1)), Err(DelayedCallError::AlreadyCancelled));
}

/// Handles of different clocks differ though they have the same slot.
#[test]
fn handles_of_different_clocks_differ() {
    let (one, other) = (Clock::new(), Clock::new());
    let a = one.call_later(seconds(1), || ());
    let b = other.call_later(seconds(1), || ());
    assert_ne!(a, b);
}

/// What a call or its captures do when they are dropped may use the clock.
#[test]
fn dropping_a_call_may_use_the_clock() {
    struct Schedules(Clock, Order);
    impl Drop for Schedules {
        fn drop(&mut self) {
            drop(note(&self.0, &self.1, 0, 1));
        }
    }
    let clock = Clock::new();
    let order = Order::default();
    let schedules = Schedules(clock.clone(), Rc::clone(&order));
    let call = clock.call_later(seconds(1), move || drop(schedules));
    call.cancel().unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(*order.borrow(), [1]);
}

/// The forms that people see.
#[test]
fn forms() {
    let clock = Clock::new();
    let call = clock.call_later(seconds(3), || ());
    assert_eq!(format!("{call:?}"), "<DelayedCall at 3s active=true>");
    assert_eq!(format!("{clock:?}"), "Clock { now: 0ns, calls: 1 }");
    assert_eq!(DelayedCallError::AlreadyCalled.to_string(), "the call was already made");
    assert_eq!(DelayedCallError::AlreadyCancelled.to_string(), "the call was already cancelled");
}

/// Times beyond what the clock can count are later than all others.
#[test]
fn the_longest_delays() {
    let clock = Clock::new();
    let order = Order::default();
    clock.advance(seconds(1));
    let call = clock.call_later(Duration::MAX, || unreachable!("it is too far"));
    drop(note(&clock, &order, 1_000_000_000, 1));
    call.delay(Duration::MAX).unwrap();
    clock.advance(seconds(1_000_000_000));
    assert_eq!(*order.borrow(), [1]);
    assert!(call.active());
}

// ===== the queue =====

/// A queue on a clock that the test sets.
fn queue() -> (TimerQueue, Rc<Cell<Duration>>) {
    let now = Rc::new(Cell::new(Duration::ZERO));
    let read = Rc::clone(&now);
    (TimerQueue::new(move || read.get()), now)
}

/// A queue gives what is due, and nothing else.
#[test]
fn a_queue_gives_what_is_due() {
    let (queue, now) = queue();
    assert!(queue.is_empty() && queue.next_due().is_none() && queue.pop_due().is_none());
    let call = queue.call_later(seconds(2), Box::new(|| ()));
    drop(queue.call_later(seconds(5), Box::new(|| ())));
    assert_eq!((queue.len(), queue.next_due()), (2, Some(seconds(2))));
    assert!(queue.pop_due().is_none());
    now.set(seconds(3));
    queue.pop_due().unwrap()();
    assert_eq!(call.cancel(), Err(DelayedCallError::AlreadyCalled));
    assert!(queue.clone().pop_due().is_none());
    assert_eq!((queue.len(), queue.next_due()), (1, Some(seconds(5))));
    assert_eq!(queue.delayed_calls().len(), 1);
    assert!(format!("{queue:?}").contains("len: 1"));
}

/// Moving and cancelling change what is next.
#[test]
fn next_due_follows_the_calls() {
    let (queue, _now) = queue();
    let a = queue.call_later(seconds(2), Box::new(|| ()));
    let b = queue.call_later(seconds(5), Box::new(|| ()));
    a.reset(seconds(9)).unwrap();
    assert_eq!(queue.next_due(), Some(seconds(5)));
    b.cancel().unwrap();
    assert_eq!(queue.next_due(), Some(seconds(9)));
}

/// `clear` drops all calls, also where one cancels another as it goes.
#[test]
fn clearing_a_queue() {
    struct Cancels(Rc<RefCell<Option<DelayedCall>>>);
    impl Drop for Cancels {
        fn drop(&mut self) {
            if let Some(call) = self.0.take() {
                let _ = call.cancel();
            }
        }
    }
    let (queue, now) = queue();
    let other: Rc<RefCell<Option<DelayedCall>>> = Rc::default();
    let cancels = Cancels(Rc::clone(&other));
    let first = queue.call_later(seconds(1), Box::new(move || drop(cancels)));
    let second = queue.call_later(seconds(2), Box::new(|| ()));
    other.replace(Some(second.clone()));
    queue.clear();
    assert!(queue.is_empty() && !first.active() && !second.active());
    assert_eq!(first.cancel(), Err(DelayedCallError::AlreadyCancelled));
    now.set(seconds(9));
    assert!(queue.pop_due().is_none());
    drop(queue.call_later(seconds(1), Box::new(|| ())));
    assert_eq!(queue.len(), 1);
}

/// A hundred thousand calls, a third cancelled, a third moved: all others are
/// made, in order.
#[test]
fn a_hundred_thousand_calls() {
    let clock = Clock::new();
    let order: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let calls: Vec<_> = (0..100_000_u64)
        .map(|n| {
            let (order, read) = (Rc::clone(&order), clock.clone());
            // A full cycle, in no order.
            clock.call_later(Duration::from_millis(n * 7919 % 100_000), move || {
                order.borrow_mut().push(read.seconds());
            })
        })
        .collect();
    for (n, call) in calls.iter().enumerate() {
        match n % 3 {
            0 => call.cancel().unwrap(),
            1 => call.delay(seconds(100)).unwrap(),
            _ => {}
        }
    }
    assert_eq!(clock.get_delayed_calls().len(), 66_666);
    clock.pump((0..200).map(|_| seconds(1)));
    assert_eq!(order.borrow().len(), 66_666);
    assert!(order.borrow().is_sorted());
    assert!(calls.iter().all(|call| !call.active()));
}

/// A million calls pending at once, a third of them cancelled, a third moved,
/// then made: a cancelled one drops what it holds at once, the others when they
/// have been made, in order.
#[test]
fn a_million_calls() {
    const CALLS: u64 = 1_000_000;
    let clock = Clock::new();
    let (held, made): (Rc<()>, Rc<Cell<usize>>) = Default::default();
    let last = Rc::new(Cell::new(Duration::ZERO));
    let calls: Vec<_> = (0..CALLS)
        .map(|n| {
            let (held, made, last) = (held.clone(), made.clone(), last.clone());
            // A full cycle, in no order.
            let due = Duration::from_micros(n * 7919 % CALLS);
            clock.call_later(due + seconds(u64::from(n % 3 == 1)), move || {
                drop(held);
                made.set(made.get() + 1);
                last.set(last.get().max(due));
            })
        })
        .collect();
    assert_eq!(Rc::strong_count(&held), 1_000_001);
    for call in calls.iter().step_by(3) {
        call.cancel().unwrap();
    }
    assert_eq!(Rc::strong_count(&held), 666_667);
    for call in calls.iter().skip(1).step_by(3) {
        call.reset(seconds(5)).unwrap();
    }
    assert_eq!(clock.get_delayed_calls().len(), 666_666);

    let in_time = Duration::from_micros(CALLS / 2);
    clock.advance(in_time);
    assert!(made.get() > 0 && last.get() <= in_time);
    assert_eq!(Rc::strong_count(&held), 666_667 - made.get());
    clock.advance(seconds(4));
    assert_eq!(made.get(), 333_333);
    clock.advance(seconds(1));
    assert_eq!((made.get(), Rc::strong_count(&held)), (666_666, 1));
    assert!(calls.iter().all(|call| !call.active()));
    drop(calls);
    assert!(clock.get_delayed_calls().is_empty());
}

/// One call that is moved, or replaced, a million times leaves nothing behind
/// that grows.
#[test]
fn a_million_changes_of_one_call() {
    let clock = Clock::new();
    let timeout = clock.call_later(seconds(60), || ());
    for n in 0..1_000_000 {
        timeout.reset(seconds(60 + n % 7)).unwrap();
        clock.call_later(seconds(1), || unreachable!()).cancel().unwrap();
    }
    assert_eq!(clock.get_delayed_calls(), [timeout]);
    clock.advance(seconds(70));
    assert!(clock.get_delayed_calls().is_empty());
}

/// `drain_due` looks at the clock once, and leaves what is scheduled, or moved
/// to now, meanwhile.
/// Room is given up as they go, before it is settled where those belong that
/// were moved.
#[test]
fn cancelling_most_calls_leaves_those_that_were_moved_in_place() {
    let (queue, now) = queue();
    let order: Order = Rc::default();
    let mut calls: BTreeMap<usize, _> = (0..4000)
        .map(|n: usize| {
            let order = order.clone();
            let call = Box::new(move || order.borrow_mut().push(n));
            (n, queue.call_later(seconds(n as u64), call))
        })
        .collect();
    assert_eq!(queue.next_due(), Some(Duration::ZERO));
    let stays = |n: &usize| n % 100 == 7;
    for n in (0..4000).filter(stays) {
        calls[&n].reset(seconds(10_000)).unwrap();
    }
    for n in (0..4000).filter(|n| !stays(n)) {
        calls.remove(&n).unwrap().cancel().unwrap();
    }
    // Every other one is put back to where it was.
    for n in (0..4000).filter(stays).step_by(2) {
        calls[&n].reset(seconds(n as u64)).unwrap();
    }
    drop(calls);
    now.set(seconds(10_000));
    queue.drain_due().for_each(|call| call());
    let back = (0..4000).filter(stays).step_by(2);
    let later = (0..4000).filter(stays).skip(1).step_by(2);
    assert_eq!(*order.borrow(), back.chain(later).collect::<Vec<_>>());
    assert!(queue.is_empty());
}

#[test]
fn draining_takes_what_was_due() {
    let (queue, now) = queue();
    let order: Order = Rc::default();
    let (inner, note, time) = (queue.clone(), order.clone(), now.clone());
    let late = queue.call_later(seconds(9), Box::new(|| ()));
    let moved = late.clone();
    queue.call_later(
        seconds(1),
        Box::new(move || {
            note.borrow_mut().push(1);
            let note = note.clone();
            inner.call_later(Duration::ZERO, Box::new(move || note.borrow_mut().push(3)));
            moved.reset(Duration::ZERO).unwrap();
            time.set(seconds(2));
        }),
    );
    let note = order.clone();
    queue.call_later(seconds(1), Box::new(move || note.borrow_mut().push(2)));
    assert_eq!(queue.drain_due().count(), 0);
    now.set(seconds(1));
    queue.drain_due().for_each(|call| call());
    assert_eq!(*order.borrow(), [1, 2]);
    assert_eq!((queue.len(), queue.look_at()), (2, Some(seconds(1))));
    queue.drain_due().for_each(|call| call());
    assert_eq!(*order.borrow(), [1, 2, 3]);
    assert!(!late.active());
}

/// One that is moved to a later time, and is still due, is made all the same.
#[test]
fn draining_takes_what_is_still_due_after_a_delay() {
    let (queue, now) = queue();
    let order: Order = Rc::default();
    let later = Rc::new(RefCell::new(None::<DelayedCall>));
    let (note, inner) = (order.clone(), later.clone());
    queue.call_later(
        seconds(1),
        Box::new(move || {
            note.borrow_mut().push(1);
            inner.borrow().as_ref().unwrap().delay(seconds(1)).unwrap();
        }),
    );
    let note = order.clone();
    let call = queue.call_later(seconds(1), Box::new(move || note.borrow_mut().push(2)));
    later.replace(Some(call));
    now.set(seconds(3));
    queue.drain_due().for_each(|call| call());
    assert_eq!(*order.borrow(), [1, 2]);
}

/// Calls that were moved get their order when something is scheduled or made,
/// not when somebody looks.
#[test]
fn looking_at_a_queue_changes_nothing() {
    for look in [true, false] {
        let (queue, now) = queue();
        let order: Order = Rc::default();
        let call = |delay, number| {
            let note = order.clone();
            queue.call_later(seconds(delay), Box::new(move || note.borrow_mut().push(number)))
        };
        let moved = call(1, 1);
        call(2, 2);
        moved.reset(seconds(5)).unwrap();
        if look {
            assert!(!format!("{queue:?}").is_empty());
            assert!(queue.look_at().is_some() && queue.delayed_calls().len() == 2);
        }
        moved.reset(seconds(2)).unwrap();
        now.set(seconds(2));
        queue.drain_due().for_each(|call| call());
        // It comes from an earlier time, and so before the other.
        assert_eq!(*order.borrow(), [1, 2]);
    }
}

/// `look_at` is never too late, whatever becomes of the calls; with none there
/// is nothing to look at.
#[test]
fn when_to_look() {
    let (queue, now) = queue();
    assert_eq!(queue.look_at(), None);
    let a = queue.call_later(seconds(2), Box::new(|| ()));
    let b = queue.call_later(seconds(5), Box::new(|| ()));
    assert_eq!(queue.look_at(), Some(seconds(2)));
    a.reset(seconds(9)).unwrap();
    assert!(queue.look_at() <= Some(seconds(5)));
    now.set(seconds(2));
    assert_eq!(queue.drain_due().count(), 0);
    assert_eq!(queue.look_at(), Some(seconds(5)));
    b.reset(seconds(1)).unwrap();
    assert_eq!(queue.look_at(), Some(seconds(3)));
    a.cancel().unwrap();
    b.cancel().unwrap();
    assert_eq!(queue.look_at(), None);
}

// ===== against a list =====

/// What is done to a clock, or to the list.
#[derive(Clone, Debug)]
enum Step {
    /// Schedule a call that does this when it is made.
    Later(u64, Option<(usize, Change)>),
    Change(usize, Change),
    Advance(u64),
    /// Look at what is pending, which sorts.
    List,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Cancel,
    Reset(u64),
    Delay(u64),
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let what = prop_oneof![
        Just(Change::Cancel),
        (0_u64..5).prop_map(Change::Reset),
        (0_u64..4).prop_map(Change::Delay),
    ];
    (0_usize..40, what)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..6, proptest::option::weighted(0.3, change()))
            .prop_map(|(delay, then)| Step::Later(delay, then)),
        5 => change().prop_map(|(call, change)| Step::Change(call, change)),
        2 => (0_u64..3).prop_map(Step::Advance),
        1 => Just(Step::List),
    ]
}

/// A call of the list.
struct Listed {
    due: u64,
    number: usize,
    /// What it does when it is made.
    then: Option<(usize, Change)>,
}

/// A list of calls that is sorted, and stably, whenever it matters.
#[derive(Default)]
struct Model {
    now: u64,
    calls: Vec<Listed>,
    scheduled: usize,
    made: Vec<usize>,
}

impl Model {
    fn sort(&mut self) {
        self.calls.sort_by_key(|call| call.due);
    }

    fn change(&mut self, number: usize, change: Change) {
        let now = self.now;
        match (change, self.calls.iter_mut().find(|call| call.number == number)) {
            (Change::Reset(delay), Some(call)) => call.due = now + delay,
            (Change::Delay(later), Some(call)) => call.due += later,
            (Change::Cancel, Some(_)) => self.calls.retain(|call| call.number != number),
            (_, None) => {}
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Later(delay, then) => {
                let (due, number) = (self.now + delay, self.scheduled);
                self.calls.push(Listed { due, number, then });
                self.scheduled += 1;
                self.sort();
            }
            Step::Change(number, change) => self.change(number, change),
            // Looking changes nothing.
            Step::List => {}
            Step::Advance(amount) => {
                self.now += amount;
                self.sort();
                while self.calls.first().is_some_and(|call| call.due <= self.now) {
                    let Listed { number, then, .. } = self.calls.remove(0);
                    self.made.push(number);
                    if let Some((number, change)) = then {
                        self.change(number, change);
                        self.sort();
                    }
                }
            }
        }
    }
}

type Handles = Rc<RefCell<Vec<DelayedCall>>>;

fn change_call(handles: &Handles, number: usize, change: Change) {
    let call = handles.borrow().get(number).cloned();
    let _over = call.map(|call| match change {
        Change::Cancel => call.cancel(),
        Change::Reset(delay) => call.reset(seconds(delay)),
        Change::Delay(later) => call.delay(seconds(later)),
    });
}

fn step_clock(clock: &Clock, handles: &Handles, made: &Order, step: Step) {
    match step {
        Step::Later(delay, then) => {
            let number = handles.borrow().len();
            let (made, inner) = (Rc::clone(made), Rc::clone(handles));
            let call = clock.call_later(seconds(delay), move || {
                made.borrow_mut().push(number);
                if let Some((number, change)) = then {
                    change_call(&inner, number, change);
                }
            });
            handles.borrow_mut().push(call);
        }
        Step::Change(number, change) => change_call(handles, number, change),
        Step::Advance(amount) => clock.advance(seconds(amount)),
        Step::List => drop(clock.get_delayed_calls()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is scheduled, cancelled, moved and listed, from outside and
    /// from calls: the calls are made in the order of the list.
    #[test]
    fn the_order_is_that_of_a_sorted_list(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        let clock = Clock::new();
        let (handles, made) = (Handles::default(), Order::default());
        for step in steps {
            model.step(step.clone());
            step_clock(&clock, &handles, &made, step);
            prop_assert_eq!(&*made.borrow(), &model.made);
        }
        let handles = handles.borrow();
        for &Listed { due, number, .. } in &model.calls {
            prop_assert!(handles[number].active());
            prop_assert_eq!(handles[number].get_time(), seconds(due));
        }
        model.sort();
        let pending: Vec<_> = model.calls.iter().map(|call| handles[call.number].clone()).collect();
        prop_assert_eq!(clock.get_delayed_calls(), pending);
    }
}
