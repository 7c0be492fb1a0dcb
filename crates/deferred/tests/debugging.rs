//! `set_debugging`: the places where a Deferred was made, fired and last added
//! to, through every public function; the environment variable; the warning of
//! lost triggers.
//!
//! Debugging is on or off for the whole process, so the tests of this file run
//! one at a time.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{
    AlreadyCalledError, DEBUG_VARIABLE, DebugInfo, Deferred, DeferredList, DeferredLock,
    DeferredQueue, DeferredSemaphore, Failure, ensure_deferred, execute, fail, gather_results,
    gather_results_consuming_errors, get_debugging, maybe_deferred, race, set_debugging, succeed,
    unfired, unhandled,
};
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Debugging, on or off, until the end of the test.
struct Debugging(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

fn debugging(on: bool) -> Debugging {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    set_debugging(on);
    Debugging(guard)
}

/// The debug infos of the errors that `work` leaves unhandled.
fn infos_of(work: impl FnOnce()) -> Vec<Option<DebugInfo>> {
    let infos = Rc::new(RefCell::new(Vec::new()));
    let see = Rc::clone(&infos);
    let guard = unhandled::observe(move |error| see.borrow_mut().push(error.debug_info().cloned()));
    work();
    drop(guard);
    infos.take()
}

/// What is known of a Deferred that has failed, or that a cancellation makes
/// fail.
fn info_of<T: 'static>(d: Deferred<T>) -> DebugInfo {
    let mut infos = infos_of(|| {
        d.cancel();
        drop(d);
    });
    assert_eq!(infos.len(), 1, "it reports once");
    infos.remove(0).expect("debugging is on")
}

/// The same for one that may have succeeded; where it was added to is lost.
fn info_of_any<T: 'static>(d: Deferred<T>) -> DebugInfo {
    d.cancel();
    info_of(d.add_both(|_| Err::<(), _>(Failure::new(fmt::Error))))
}

/// Whether a place is this line of this file.
#[track_caller]
fn assert_line(place: Option<&'static Location<'static>>, line: u32) {
    let place = place.expect("a place");
    assert_eq!((place.file(), place.line()), (file!(), line));
}

/// Checks that what makes a Deferred is where it says it was made. Each use
/// has to be on one line.
macro_rules! created_here {
    ($make:expr) => {
        assert_line(info_of_any($make).created(), line!())
    };
}

/// Checks where a failing Deferred was last added to.
macro_rules! added_here {
    ($make:expr) => {
        assert_line(info_of($make).added(), line!())
    };
}

fn broken() -> Deferred<i32> {
    fail(fmt::Error)
}

// ===== places =====

/// Every function that makes a Deferred notes its caller's place.
#[test]
fn where_it_was_made() {
    let _on = debugging(true);
    created_here!(Deferred::<()>::new().0);
    created_here!(Deferred::<()>::with_canceller(|_| ()).0);
    created_here!(Deferred::succeed(1));
    created_here!(succeed(1));
    created_here!(Deferred::<()>::fail(fmt::Error));
    created_here!(fail::<()>(fmt::Error));
    created_here!(maybe_deferred(|| Ok(1)));
    created_here!(maybe_deferred(|| -> Result<(), Failure> { panic!("broken") }));
    created_here!(execute(|| Ok(1)));
    created_here!(Deferred::from_coroutine(async { Ok(1) }));
    created_here!(ensure_deferred(async { Ok(1) }));
    created_here!(Deferred::from_future(async { Ok::<_, Infallible>(1) }));
}

/// A Deferred that `maybe_deferred` passes on keeps its own place.
#[test]
fn what_is_passed_on_keeps_its_place() {
    let _on = debugging(true);
    let line = line!() + 1;
    let d = Deferred::succeed(1);
    assert_line(info_of_any(maybe_deferred(|| d)).created(), line);
}

/// The same for lists and races.
#[test]
fn where_lists_were_made() {
    let _on = debugging(true);
    let one = || [succeed(1)];
    created_here!(DeferredList::new(one()).into_deferred());
    created_here!(DeferredList::<()>::new([]).into_deferred());
    created_here!(DeferredList::new(one()).fire_on_one_callback().into_deferred());
    created_here!(gather_results(one()));
    created_here!(gather_results_consuming_errors(one()));
    created_here!(race(one()));
}

/// The same for locks, semaphores and queues, whether one has to wait or not.
#[test]
fn where_waiters_were_made() {
    let _on = debugging(true);
    let lock = DeferredLock::new();
    created_here!(lock.run(|| Ok(1)));
    created_here!(lock.acquire_guard());
    created_here!(lock.acquire());
    assert!(lock.locked());
    created_here!(lock.acquire());
    created_here!(lock.acquire_guard());
    created_here!(lock.run(|| Ok(1)));

    let semaphore = DeferredSemaphore::new(1).unwrap();
    created_here!(semaphore.run(|| Ok(1)));
    created_here!(semaphore.acquire_guard());
    created_here!(semaphore.acquire());
    created_here!(semaphore.acquire());
    created_here!(semaphore.acquire_guard());
    created_here!(semaphore.run(|| Ok(1)));

    let queue = DeferredQueue::new();
    created_here!(queue.get().unwrap());
    queue.put(1).unwrap();
    created_here!(queue.get().unwrap());
}

/// A future that runs elsewhere is made here.
#[cfg(feature = "tokio")]
#[test]
fn where_a_send_future_was_made() {
    let _on = debugging(true);
    let pool = tokio::runtime::Runtime::new().unwrap();
    let work = || async { Ok::<_, Infallible>(1) };
    tokio::runtime::LocalRuntime::new().unwrap().block_on(async {
        created_here!(Deferred::from_send_future(pool.handle(), work()));
    });
}

/// Every function that adds a callback notes its caller's place.
#[test]
fn where_it_was_last_added_to() {
    let _on = debugging(true);
    let clock = Clock::new();
    let second = Duration::from_secs(1);
    added_here!(broken().add_callback(Ok));
    added_here!(broken().add_errback(Err));
    added_here!(broken().add_callbacks(Ok, Err));
    added_here!(broken().add_both(|result| result));
    added_here!(broken().add_timeout(second, &clock));
    added_here!(broken().add_timeout_with(second, &clock, |result, _| result));
    let (_other, used) = Deferred::new();
    used.callback(1).unwrap();
    added_here!(broken().chain_deferred(used));
    assert_eq!(info_of(broken()).added(), None);
    let infos = infos_of(|| drop(broken().into_send_future()));
    assert!(infos.is_empty(), "the future had it");
}

/// The last of several is the one that counts; the place where it was made
/// stays.
#[test]
fn the_last_place_counts() {
    let _on = debugging(true);
    let line = line!() + 1;
    let d = broken();
    let d = d.add_callback(Ok);
    let d = d.add_callback(Ok);
    let info = info_of(d);
    assert_line(info.added(), line + 2);
    let made = info.created().unwrap();
    assert!(made.line() < line, "in `broken`, not here: {made}");
}

/// `into_send_future` adds to the Deferred, too.
#[test]
fn where_it_was_made_a_send_future() {
    let _on = debugging(true);
    let (d, trigger) = Deferred::<()>::new();
    let line = line!() + 1;
    drop(d.into_send_future());
    let infos = infos_of(|| trigger.errback(fmt::Error).unwrap());
    assert_line(infos[0].as_ref().unwrap().added(), line);
}

/// Every method of a trigger notes its caller's place; what was cancelled, or
/// made with its result, was not fired.
#[test]
fn where_it_was_fired() {
    let _on = debugging(true);
    let (d, trigger) = Deferred::new();
    let line = line!() + 1;
    trigger.callback(1).unwrap();
    assert_line(info_of_any(d).fired(), line);
    let (d, trigger) = Deferred::<i32>::new();
    let line = line!() + 1;
    trigger.errback(fmt::Error).unwrap();
    assert_line(info_of(d).fired(), line);
    let (d, trigger) = Deferred::<i32>::new();
    let line = line!() + 1;
    trigger.clone().fire(Err(fmt::Error.into())).unwrap();
    assert_line(info_of(d).fired(), line);

    let (d, trigger) = Deferred::<i32>::new();
    d.cancel();
    assert_eq!(info_of(d).fired(), None);
    drop(trigger);
    assert_eq!(info_of(broken()).fired(), None);
}

// ===== what waits =====

/// `unfired` gives what was made and not fired, the oldest first, and forgets
/// what is fired, cancelled or gone.
#[test]
fn what_is_unfired_is_known() {
    let _on = debugging(true);
    assert_eq!(unfired(), []);
    let line = line!() + 1;
    let (first, trigger) = Deferred::<i32>::new();
    let (second, _trigger) = Deferred::<i32>::new();
    let (third, _third) = Deferred::<i32>::new();
    let fired = succeed(1);
    let waiting = unfired();
    let lines: Vec<_> = waiting.iter().map(|info| info.created().unwrap().line()).collect();
    assert_eq!(lines, [line, line + 1, line + 2]);
    assert_eq!(waiting[0].added(), None);

    let first = first.add_callback(Ok);
    assert!(unfired()[0].added().is_some());
    trigger.callback(1).unwrap();
    third.cancel();
    assert_eq!(failure_result_of(third).to_string(), deferred::CancelledError.to_string());
    let waiting = unfired();
    assert_eq!(waiting.len(), 1);
    assert_line(waiting[0].created(), line + 1);
    assert_eq!((success_result_of(first), success_result_of(fired)), (1, 1));
    drop((second, _trigger));
    assert_eq!(unfired(), []);
}

/// A coroutine that has not ended is among them; what was made with debugging
/// off is not.
#[test]
fn coroutines_are_unfired_until_they_end() {
    let _on = debugging(false);
    let (d, trigger) = Deferred::<i32>::new();
    assert_eq!(unfired(), []);
    set_debugging(true);
    let line = line!() + 1;
    let coroutine = ensure_deferred(async { Ok(d.await? + 1) });
    assert_eq!(unfired().len(), 1);
    assert_line(unfired()[0].created(), line);
    trigger.callback(1).unwrap();
    assert_eq!(unfired(), []);
    assert_eq!(success_result_of(coroutine), 2);
}

/// What is over is not kept in mind for ever.
#[test]
fn a_hundred_thousand_that_come_and_go() {
    let _on = debugging(true);
    let (_waiting, _trigger) = Deferred::<()>::new();
    for n in 0..100_000 {
        let (d, trigger) = Deferred::new();
        trigger.callback(n).unwrap();
        assert_eq!(success_result_of(d), n);
    }
    assert_eq!(unfired().len(), 1);
}

/// What a canceller fires is fired there.
#[test]
fn where_a_canceller_fired_it() {
    let _on = debugging(true);
    let line = line!() + 2;
    let (d, _trigger) = Deferred::<()>::with_canceller(|trigger| {
        trigger.errback(fmt::Error).unwrap();
    });
    assert_line(info_of(d).fired(), line);
}

/// `chain_deferred` fires the other where it was added.
#[test]
fn where_chain_deferred_fired_it() {
    let _on = debugging(true);
    let (other, trigger) = Deferred::new();
    let line = line!() + 1;
    success_result_of(broken().chain_deferred(trigger));
    assert_line(info_of(other).fired(), line);
}

/// A chain that waited for another reports its own places.
#[test]
fn a_chain_reports_its_own_places() {
    let _on = debugging(true);
    let line = line!() + 1;
    let outer = succeed(());
    let outer = outer.add_callback(|()| broken());
    let info = info_of(outer);
    assert_line(info.created(), line);
    assert_line(info.added(), line + 1);
}

// ===== who tells =====

/// A second firing tells where the Deferred was made and where it was first
/// fired.
#[test]
fn a_second_firing_tells() {
    let _on = debugging(true);
    let line = line!() + 1;
    let (d, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    let error = trigger.callback(2).unwrap_err();
    assert_line(error.created(), line);
    assert_line(error.fired(), line + 1);
    let text = error.to_string();
    assert!(text.contains(&format!("created at {}:{line}:", file!())), "{text}");
    assert!(text.contains(&format!("first fired at {}:{}:", file!(), line + 1)), "{text}");
    assert_eq!(trigger.errback(fmt::Error), Err(error));
    drop(d);
}

/// An unhandled error tells in its text.
#[test]
fn an_unhandled_error_tells() {
    let _on = debugging(true);
    let texts = Rc::new(RefCell::new(Vec::new()));
    let see = Rc::clone(&texts);
    let _guard = unhandled::observe(move |error| see.borrow_mut().push(error.to_string()));
    let line = line!() + 1;
    let (d, trigger) = Deferred::<i32>::new();
    let d = d.add_callback(Ok);
    trigger.errback(fmt::Error).unwrap();
    drop(d);
    let text = texts.take().remove(0);
    for (what, line) in [("created", line), ("last added to", line + 1), ("fired", line + 2)] {
        assert!(text.contains(&format!("{what} at {}:{line}:", file!())), "{text}");
    }
}

/// A DebugInfo shows what it knows, and nothing where it knows nothing.
#[test]
fn how_a_debug_info_is_shown() {
    let _on = debugging(true);
    assert_eq!(DebugInfo::default().to_string(), "");
    let info = info_of(broken());
    let created = info.created().unwrap();
    assert_eq!(info.to_string(), format!("created at {created}"));
    assert_eq!(info, info.clone());
}

// ===== on and off =====

/// Off, nothing is noted and nobody tells anything.
#[test]
fn off_nothing_is_known() {
    let _off = debugging(false);
    assert!(!get_debugging());
    let (d, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    assert_eq!(trigger.callback(2), Err(AlreadyCalledError::default()));
    assert_eq!(success_result_of(d), 1);
    assert_eq!(infos_of(|| drop(broken())), [None]);
    let (d, trigger) = Deferred::<()>::new();
    assert!(warnings_of(|| drop(trigger)).is_empty());
    drop(d);
}

/// Switched on, what is done from then on is noted, also of Deferreds that
/// were there before; switched off, what was noted stays.
#[test]
fn switching_it_on_later() {
    let _debugging = debugging(false);
    let (d, trigger) = Deferred::<i32>::new();
    set_debugging(true);
    assert!(get_debugging());
    let line = line!() + 1;
    let d = d.add_callback(Ok);
    set_debugging(false);
    trigger.errback(fmt::Error).unwrap();
    let info = info_of(d);
    assert_eq!((info.created(), info.fired()), (None, None));
    assert_line(info.added(), line);
}

/// The environment variable decides at the start: set, and neither empty nor
/// zero. The test runs itself with each setting.
#[test]
fn the_variable_decides() {
    const CHILD: &str = "DEFERRED_TEST_CHILD";
    assert_eq!(DEBUG_VARIABLE, "DEFERRED_DEBUG");
    if let Ok(expected) = std::env::var(CHILD) {
        assert_eq!(get_debugging().to_string(), expected);
        assert_eq!(infos_of(|| drop(broken()))[0].is_some(), get_debugging());
        set_debugging(!get_debugging());
        assert_ne!(get_debugging().to_string(), expected, "a call overrules it");
        return;
    }
    for (value, on) in
        [(None, false), (Some(""), false), (Some("0"), false), (Some("1"), true), (Some("x"), true)]
    {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "the_variable_decides"]).env(CHILD, on.to_string());
        match value {
            Some(value) => child.env(DEBUG_VARIABLE, value),
            None => child.env_remove(DEBUG_VARIABLE),
        };
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{value:?}: {text}");
    }
}

// ===== lost triggers =====

/// Keeps what events say: level, target, fields.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut text = Text(format!("{} {}:", metadata.level(), metadata.target()));
        event.record(&mut text);
        self.0.lock().expect("no panic").push(text.0);
    }
}

struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

/// What `work` logs.
fn warnings_of(work: impl FnOnce()) -> Vec<String> {
    let events = Events::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(events.clone()), work);
    std::mem::take(&mut *events.0.lock().expect("no panic"))
}

/// The last trigger that goes without having fired is warned of, with the
/// place where the Deferred was made.
#[test]
fn a_lost_trigger_is_warned_of() {
    let _on = debugging(true);
    let line = line!() + 1;
    let (d, trigger) = Deferred::<()>::new();
    let clone = trigger.clone();
    assert!(warnings_of(|| drop(trigger)).is_empty(), "there is another");
    let warnings = warnings_of(|| drop(clone));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("WARN deferred:"), "{warnings:?}");
    assert!(warnings[0].contains("will never be fired"), "{warnings:?}");
    assert!(warnings[0].contains(&format!("{}:{line}:", file!())), "{warnings:?}");
    drop(d);
}

/// One that fired, or whose Deferred was cancelled, is not.
#[test]
fn a_used_trigger_is_not_warned_of() {
    let _on = debugging(true);
    let warnings = warnings_of(|| {
        let (_d, trigger) = Deferred::new();
        trigger.callback(()).unwrap();
        drop(trigger);
        let (d, trigger) = Deferred::<()>::new();
        d.cancel();
        failure_result_of(d);
        drop(trigger);
        let (d, trigger) = Deferred::<()>::with_canceller(|_| ());
        d.cancel();
        failure_result_of(d);
        drop(trigger);
    });
    assert!(warnings.is_empty(), "{warnings:?}");
}

/// The event of an unhandled error has the places in a field of its own.
#[test]
fn the_event_of_an_unhandled_error_has_the_places() {
    let _on = debugging(true);
    let warnings = warnings_of(|| drop(broken()));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("ERROR deferred:"), "{warnings:?}");
    assert!(warnings[0].contains(&format!("debug=created at {}:", file!())), "{warnings:?}");
}
