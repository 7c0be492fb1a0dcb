//! Greenlets: functions that wait where they stand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::time::{Clock, ReactorTime};
use deferred::{
    CancelledError, ChainCycleError, Deferred, DeferredLock, Failure, Panic, Trigger,
    maybe_deferred,
};
use reactor_compat::Reactor;
use reactor_compat::greenlet::{
    CannotWait, DEFAULT_STACK_SIZE, Greenlet, Hub, MAX_STACK_SIZE, MIN_STACK_SIZE, StackError,
    wait_for_greenlet,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn note(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }

    /// Notes `what` when it is dropped.
    fn on_drop(&self, what: &'static str) -> NoteOnDrop {
        NoteOnDrop(self.clone(), what)
    }
}

struct NoteOnDrop(Log, &'static str);

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

fn later<T: 'static>(clock: &Clock, seconds: u64, value: T) -> Deferred<T> {
    let (d, trigger) = Deferred::new();
    clock.call_later(Duration::from_secs(seconds), move || trigger.callback(value).unwrap());
    d
}

// ----- waiting -----

/// It runs at once, stops where it waits, and goes on inside the call that
/// fires what it waits for.
#[test]
fn it_is_resumed_by_what_it_waits_for() {
    let log = Log::default();
    let (d, trigger) = Deferred::new();
    let noted = log.clone();
    let greenlet = Greenlet::spawn(move |hub| {
        noted.note("starts");
        let n: i32 = hub.wait_for_deferred(d)?;
        noted.note("goes on");
        Ok(n + 1)
    });
    log.note("spawned");
    trigger.callback(1).unwrap();
    log.note("fired");
    assert_eq!(log.take(), ["starts", "spawned", "goes on", "fired"]);
    assert_eq!(success_result_of(wait_for_greenlet(greenlet)), 2);
}

/// It waits in the middle of calls of its own, of closures that are called by
/// code that knows nothing of it, and keeps its variables.
#[test]
fn it_waits_however_deep_it_is() {
    let clock = Clock::new();
    let inner = clock.clone();
    let sorted = wait_for_greenlet(Greenlet::spawn(move |hub| {
        let mut numbers = [3, 1, 2];
        numbers.sort_by_cached_key(|&n| hub.wait_for_deferred(later(&inner, 1, n)).unwrap());
        Ok(numbers)
    }));
    for _ in 0..2 {
        clock.advance(Duration::from_secs(1));
    }
    assert_no_result(&sorted);
    clock.advance(Duration::from_secs(1));
    assert_eq!(success_result_of(sorted), [1, 2, 3]);
}

#[test]
fn what_has_its_result_is_not_waited_for() {
    let greenlet = Greenlet::spawn(|hub| {
        let mut sum = 0;
        for n in 0..1_000_000_u64 {
            sum += hub.wait_for_deferred(Deferred::succeed(n))?;
        }
        Ok(sum)
    });
    assert_eq!(success_result_of(wait_for_greenlet(greenlet)), 499_999_500_000);
}

#[test]
fn a_failure_is_an_error_where_it_waits() {
    let (d, trigger) = Deferred::<()>::new();
    let greenlet = Greenlet::spawn(|hub| {
        let failure = hub.wait_for_deferred(d).unwrap_err();
        failure.trap::<io::Error>()?;
        hub.wait_for_deferred(Deferred::<()>::fail(std::fmt::Error))?;
        Ok("not reached")
    });
    trigger.errback(io::Error::other("no line")).unwrap();
    assert!(failure_result_of(wait_for_greenlet(greenlet)).is::<std::fmt::Error>());
}

/// It may return whatever a callback may.
#[test]
fn a_deferred_that_it_returns_is_waited_for() {
    let (d, trigger) = Deferred::new();
    let result = wait_for_greenlet(Greenlet::spawn(|_hub| d));
    assert_no_result(&result);
    trigger.callback(5).unwrap();
    assert_eq!(success_result_of(result), 5);
    success_result_of(wait_for_greenlet(Greenlet::spawn(|_hub| ())));
}

/// A greenlet, a coroutine and a callback wait for one another.
#[test]
fn greenlets_coroutines_and_callbacks_wait_for_one_another() {
    let (d, trigger) = Deferred::<i32>::new();
    let first = Greenlet::spawn(|hub| Ok(hub.wait_for_deferred(d)? + 1));
    let second = Deferred::from_coroutine(async {
        let n: i32 = first.await?;
        Ok(n * 10)
    });
    let third = Greenlet::spawn(|hub| {
        let inner = Greenlet::spawn(|hub| Ok(hub.wait_for_deferred(second)? + 3));
        hub.wait_for_deferred(inner.into())
    });
    let last = Deferred::succeed(()).add_callback(|()| wait_for_greenlet(third));
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(last), 23);
}

#[test]
fn one_that_would_wait_for_itself_is_told() {
    let place = Rc::new(Cell::new(None));
    let later = place.clone();
    let (go, trigger) = Deferred::<()>::new();
    let itself = wait_for_greenlet(Greenlet::spawn(move |hub| {
        hub.wait_for_deferred(go)?;
        let itself: Deferred<bool> = later.take().unwrap();
        Ok(hub.wait_for_deferred(itself).unwrap_err().is::<ChainCycleError>())
    }));
    let seen = Rc::new(Cell::new(false));
    let see = seen.clone();
    let told = itself.add_callback(move |told| {
        see.set(told);
        Ok(told)
    });
    place.set(Some(told));
    trigger.callback(()).unwrap();
    assert!(seen.get());
}

/// In a reactor it waits for whatever Tokio wakes.
#[test]
fn it_waits_for_futures_of_tokio() {
    let reactor = Reactor::new();
    let stop = reactor.clone();
    let lines = Rc::new(Cell::new(0));
    let count = lines.clone();
    reactor.call_when_running(move || {
        tokio::time::pause();
        drop(Greenlet::spawn(move |hub| {
            let hour = Duration::from_secs(3600);
            hub.wait_for_future(tokio::time::sleep(hour))?;
            count.set(1);
            let timeout = tokio::time::timeout(hour, std::future::pending::<()>());
            assert!(hub.wait_for_future(timeout)?.is_err());
            count.set(2);
            let task = tokio::task::spawn_local(async { 3 });
            count.set(hub.wait_for_future(task)??);
            Ok(stop.stop()?)
        }));
    });
    reactor.run().unwrap();
    assert_eq!(lines.get(), 3);
}

// ----- ending -----

#[test]
fn a_panic_is_the_failure_of_the_greenlet() {
    let log = Log::default();
    let noted = log.clone();
    let (d, trigger) = Deferred::<()>::new();
    let late = Greenlet::spawn(move |hub| -> Result<(), Failure> {
        let _noted = noted.on_drop("unwound");
        hub.wait_for_deferred(d)?;
        panic!("late");
    });
    trigger.callback(()).unwrap();
    assert!(late.dead());
    let failure = failure_result_of(wait_for_greenlet(late));
    assert_eq!(failure.check::<Panic>().unwrap().message(), "late");
    assert_eq!(log.take(), ["unwound"]);

    let early = Greenlet::spawn(|_hub| -> Result<(), Failure> { panic!("early") });
    let failure = failure_result_of(wait_for_greenlet(early));
    assert_eq!(failure.check::<Panic>().unwrap().message(), "early");
    assert!(!std::thread::panicking());
}

#[test]
fn a_failure_that_nobody_looks_at_is_reported() {
    let errors = LoggedErrors::collect();
    drop(Greenlet::spawn(|_hub| Err::<(), _>(std::fmt::Error.into())));
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

/// What it waits for is cancelled; it sees that, and may go on.
#[test]
fn cancelling_goes_to_what_it_waits_for() {
    let cancelled = Rc::new(Cell::new(0));
    let count = cancelled.clone();
    let (d, _trigger) = Deferred::<()>::with_canceller(move |_| count.set(count.get() + 1));
    let (next, go) = Deferred::new();
    let result = wait_for_greenlet(Greenlet::spawn(|hub| {
        assert!(hub.wait_for_deferred(d).unwrap_err().is::<CancelledError>());
        hub.wait_for_deferred(next)
    }));
    result.cancel();
    assert_eq!(cancelled.get(), 1);
    assert_no_result(&result);
    go.callback("went on").unwrap();
    assert_eq!(success_result_of(result), "went on");
}

/// Where it waits for no Deferred there is nobody to tell: it is unwound.
#[test]
fn cancelling_one_that_waits_for_another_future_unwinds_it() {
    let log = Log::default();
    let noted = log.clone();
    let greenlet = Greenlet::spawn(move |hub| {
        let _noted = noted.on_drop("unwound");
        Ok(hub.wait_for_future(std::future::pending::<()>())?)
    });
    greenlet.cancel();
    assert_eq!(log.take(), ["unwound"]);
    assert!(failure_result_of(wait_for_greenlet(greenlet)).is::<CancelledError>());
}

#[test]
fn killing_unwinds_the_stack() {
    let log = Log::default();
    let noted = log.clone();
    let errors = LoggedErrors::collect();
    let (d, trigger) = Deferred::<()>::with_canceller(|_| panic!("it is not cancelled"));
    let greenlet = Greenlet::spawn(move |hub| {
        let _first = noted.on_drop("first");
        let _second = noted.on_drop("second");
        let result = hub.wait_for_deferred(d);
        noted.note("not reached");
        result
    });
    greenlet.kill();
    assert_eq!(log.take(), ["second", "first"]);
    trigger.callback(()).unwrap();
    assert!(errors.flush_all().is_empty());
    assert!(log.take().is_empty());
}

/// Others see that it was killed; what it had returned before stands.
#[test]
fn whoever_waits_for_one_that_was_killed_is_told() {
    let (d, _trigger) = Deferred::<()>::new();
    let greenlet = Greenlet::spawn(|hub| hub.wait_for_deferred(d));
    let kill = greenlet.kill_handle();
    let waiter = Greenlet::spawn(|hub| {
        Ok(hub.wait_for_deferred(greenlet.into()).unwrap_err().is::<CancelledError>())
    });
    kill.kill();
    kill.clone().kill();
    assert!(success_result_of(wait_for_greenlet(waiter)));

    let done = Greenlet::spawn(|_hub| Ok(1));
    done.kill_handle().kill();
    assert_eq!(success_result_of(wait_for_greenlet(done)), 1);
}

/// A greenlet that kills itself ends where it waits next.
#[test]
fn one_that_is_running_ends_where_it_waits() {
    let log = Log::default();
    let noted = log.clone();
    let (go, trigger) = Deferred::<()>::new();
    let (never, _never) = Deferred::<()>::new();
    let handle = Rc::new(Cell::new(None::<reactor_compat::greenlet::KillHandle>));
    let own = handle.clone();
    let greenlet = Greenlet::spawn(move |hub| {
        let _noted = noted.on_drop("unwound");
        hub.wait_for_deferred(go)?;
        own.take().unwrap().kill();
        hub.wait_for_deferred(Deferred::succeed(()))?; // which is no wait
        noted.note("still there");
        hub.wait_for_deferred(never)?;
        noted.note("not reached");
        Ok(())
    });
    handle.set(Some(greenlet.kill_handle()));
    trigger.callback(()).unwrap();
    assert_eq!(log.take(), ["still there", "unwound"]);
    assert!(failure_result_of(wait_for_greenlet(greenlet)).is::<CancelledError>());
}

/// A destructor that is run by the unwinding may do anything but wait.
#[test]
fn a_destructor_cannot_wait_while_its_greenlet_is_unwound() {
    struct Waits<'a>(&'a Hub<'a>, Rc<RefCell<Vec<Failure>>>);

    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            let (never, _trigger) = Deferred::<()>::new();
            self.1.borrow_mut().push(self.0.wait_for_deferred(never).unwrap_err());
        }
    }

    let errors = Rc::new(RefCell::new(Vec::new()));
    let kept = errors.clone();
    let panicked = Greenlet::spawn(move |hub| -> Result<(), Failure> {
        let _waits = Waits(hub, kept);
        panic!("on purpose");
    });
    assert!(failure_result_of(wait_for_greenlet(panicked)).is::<Panic>());

    let kept = errors.clone();
    let (never, _trigger) = Deferred::<()>::new();
    let killed = Greenlet::spawn(move |hub| {
        let _waits = Waits(hub, kept);
        hub.wait_for_deferred(never)
    });
    killed.kill();

    let refusals: Vec<CannotWait> =
        errors.take().iter().map(|failure| *failure.check().unwrap()).collect();
    assert_eq!(refusals, [CannotWait::Unwinding, CannotWait::OfAnotherGreenlet]);
}

/// What fires a greenlet's Deferred in a destructor, while another's panic
/// unwinds the thread, does not harm it: here a lock that passes on.
#[test]
fn one_that_is_resumed_by_unwinding_can_wait() {
    let lock = DeferredLock::new();
    let guard = success_result_of(lock.acquire_guard());
    let (d, trigger) = Deferred::new();
    let acquired = lock.acquire_guard();
    let greenlet = Greenlet::spawn(|hub| {
        let _guard = hub.wait_for_deferred(acquired)?;
        hub.wait_for_deferred(d)
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!greenlet.dead());
    trigger.callback("later").unwrap();
    assert_eq!(success_result_of(wait_for_greenlet(greenlet)), "later");
    assert!(!std::thread::panicking());
}

/// A panic that catches the unwinding ends in the log, not in an abort.
#[test]
fn code_that_catches_the_unwinding_ends_nevertheless() {
    let log = Log::default();
    let noted = log.clone();
    let (d, _trigger) = Deferred::<()>::new();
    let greenlet = Greenlet::spawn(move |hub| {
        let _noted = noted.on_drop("unwound");
        let caught = maybe_deferred(|| hub.wait_for_deferred(d));
        noted.note("caught");
        let (never, _trigger) = Deferred::<()>::new();
        drop(caught.add_errback(|_unwinding| Ok(())));
        let refused = hub.wait_for_deferred(never).unwrap_err();
        assert!(refused.is::<CannotWait>());
        assert!(refused.is::<Panic>(), "a panic of its own");
        Ok(())
    });
    greenlet.kill();
    assert_eq!(log.take(), ["caught", "unwound"]);
}

/// When nothing can resume it any more its stack is let go, as a coroutine is.
#[test]
fn one_that_nothing_can_resume_is_unwound() {
    let log = Log::default();
    let noted = log.clone();
    let (d, trigger) = Deferred::<()>::new();
    drop(Greenlet::spawn(move |hub| {
        let _noted = noted.on_drop("unwound");
        hub.wait_for_deferred(d)
    }));
    assert!(log.take().is_empty());
    drop(trigger);
    assert_eq!(log.take(), ["unwound"]);
}

/// Dropping the handle stops nothing.
#[test]
fn one_that_nobody_holds_goes_on() {
    let log = Log::default();
    let noted = log.clone();
    let (d, trigger) = Deferred::<()>::new();
    drop(Greenlet::spawn(move |hub| {
        hub.wait_for_deferred(d)?;
        noted.note("went on");
        Ok(())
    }));
    trigger.callback(()).unwrap();
    assert_eq!(log.take(), ["went on"]);
}

/// A future may itself wait with the hub while it is polled.
#[test]
fn a_future_that_waits_while_it_is_polled_is_fine() {
    let (inner, first) = Deferred::new();
    let (outer, second) = Deferred::new();
    let sum = wait_for_greenlet(Greenlet::spawn(|hub| {
        let mut inner = Some(inner);
        let mut outer = outer;
        let mut got = 0;
        let both = poll_fn(|context| {
            if let Some(inner) = inner.take() {
                got = hub.wait_for_deferred(inner).unwrap();
            }
            Future::poll(std::pin::Pin::new(&mut outer), context)
        });
        let rest: i32 = hub.wait_for_future(both)??;
        Ok(got + rest)
    }));
    first.callback(1).unwrap();
    assert_no_result(&sum);
    second.callback(2).unwrap();
    assert_eq!(success_result_of(sum), 3);
}

// ----- stacks -----

/// Uses about `kilobytes` of stack.
fn descend(kilobytes: usize) -> usize {
    let room = black_box([1_u8; 1024]);
    let below = if kilobytes == 0 { 0 } else { descend(kilobytes - 1) };
    black_box(&room).iter().map(|&n| usize::from(n)).sum::<usize>() + below
}

#[test]
fn the_size_of_a_stack_is_what_was_asked_for() {
    let greenlet = Greenlet::with_stack_size(16 << 20, |_hub| Ok(descend(3 << 10)));
    assert_eq!(success_result_of(wait_for_greenlet(greenlet)), (3 << 20) + 1024);
    let greenlet = Greenlet::with_stack_size(MIN_STACK_SIZE, |_hub| Ok(descend(1)));
    assert_eq!(success_result_of(wait_for_greenlet(greenlet)), 2048);
}

/// The smallest is enough to fail on, with a backtrace and all.
#[test]
fn there_is_room_to_panic_on_the_smallest_stack() {
    let greenlet = Greenlet::with_stack_size(MIN_STACK_SIZE, |_hub| -> Result<(), Failure> {
        panic!("on a small stack")
    });
    assert!(failure_result_of(wait_for_greenlet(greenlet)).is::<Panic>());
}

#[test]
fn a_stack_of_no_sensible_size_is_an_error() {
    for size in [0, MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1, usize::MAX] {
        let greenlet = Greenlet::with_stack_size(size, |_hub| -> Result<(), Failure> {
            unreachable!("it has no stack")
        });
        assert!(greenlet.dead());
        greenlet.cancel();
        greenlet.kill_handle().kill();
        let failure = failure_result_of(wait_for_greenlet(greenlet));
        assert_eq!(failure.check(), Some(&StackError::Size(size)));
    }
    let error = io::Error::from(StackError::Size(1));
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(
        io::Error::from(StackError::Os(io::ErrorKind::OutOfMemory)).kind(),
        io::ErrorKind::OutOfMemory
    );
}

/// A stack that has been used before is as good as new.
#[test]
fn stacks_are_used_again() {
    for n in 0..1000_usize {
        let greenlet = Greenlet::spawn(move |_hub| Ok((n, descend(DEFAULT_STACK_SIZE >> 12))));
        assert_eq!(success_result_of(wait_for_greenlet(greenlet)).0, n);
    }
}

// ----- many -----

#[test]
fn ten_thousand_wait_side_by_side() {
    const MANY: usize = 10_000;
    let sum = Rc::new(Cell::new(0));
    let mut triggers = Vec::new();
    for n in 0..MANY {
        let (d, trigger) = Deferred::new();
        triggers.push(trigger);
        let sum = sum.clone();
        drop(Greenlet::with_stack_size(MIN_STACK_SIZE, move |hub| {
            let one = hub.wait_for_deferred(d)?;
            sum.set(sum.get() + one + n);
            Ok(())
        }));
    }
    assert_eq!(sum.get(), 0);
    for trigger in triggers {
        trigger.callback(1).unwrap();
    }
    assert_eq!(sum.get(), MANY * (MANY - 1) / 2 + MANY);
}

/// Each waits for the one before: the whole line is resumed, cancelled, killed
/// or let go without running out of anybody's stack.
#[test]
fn a_long_line_of_greenlets_moves_and_goes() {
    const LONG: usize = 2_000;
    let ends: [fn(Deferred<usize>, Trigger<usize>); 4] = [
        |last, first| {
            first.callback(0).unwrap();
            assert_eq!(success_result_of(last), LONG);
        },
        |last, _first| {
            last.cancel();
            assert!(failure_result_of(last).is::<CancelledError>());
        },
        |last, first| {
            drop(last);
            drop(first);
        },
        |last, first| {
            drop(first);
            drop(last);
        },
    ];
    for end in ends {
        let dropped = Rc::new(Cell::new(0));
        let (mut last, first) = Deferred::new();
        for _ in 0..LONG {
            let count = CountOnDrop(dropped.clone());
            last = wait_for_greenlet(Greenlet::with_stack_size(MIN_STACK_SIZE, move |hub| {
                let _count = count;
                Ok(hub.wait_for_deferred(last)? + 1)
            }));
        }
        end(last, first);
        assert_eq!(dropped.get(), LONG);
    }
}

struct CountOnDrop(Rc<Cell<usize>>);

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Greenlets that each start the next, on top of one another.
#[test]
fn greenlets_nest() {
    fn nest(depth: usize, trigger: Trigger<usize>) -> Result<usize, Failure> {
        if depth == 0 {
            trigger.callback(1)?;
            return Ok(0);
        }
        let inner = Greenlet::with_stack_size(MIN_STACK_SIZE, move |_hub| nest(depth - 1, trigger));
        match wait_for_greenlet(inner).take_result() {
            Ok(result) => Ok(result? + 1),
            Err(_waits) => Err(Failure::msg("it should not have waited")),
        }
    }
    let (d, trigger) = Deferred::new();
    let waits = Greenlet::spawn(|hub| hub.wait_for_deferred(d));
    assert_eq!(nest(200, trigger).unwrap(), 200);
    assert_eq!(success_result_of(wait_for_greenlet(waits)), 1);
}

/// A thread may end with greenlets still waiting: they are unwound.
#[test]
fn a_thread_ends_with_its_greenlets() {
    thread_local! {
        static KEPT: RefCell<Vec<(Greenlet<()>, Trigger<()>)>> = const { RefCell::new(Vec::new()) };
    }
    struct Says(std::sync::mpsc::Sender<()>);
    impl Drop for Says {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (says, said) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let (d, trigger) = Deferred::<()>::new();
        let says = Says(says);
        let greenlet = Greenlet::spawn(move |hub| {
            let _says = says;
            hub.wait_for_deferred(d)
        });
        KEPT.with_borrow_mut(|kept| kept.push((greenlet, trigger)));
    });
    thread.join().unwrap();
    said.try_recv().unwrap();
}
