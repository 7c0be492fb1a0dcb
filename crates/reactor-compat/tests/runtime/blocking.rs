//! Blocking programs: a reactor in the background, and waiting for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::num::ParseIntError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use deferred::{
    CancelledError, Deferred, Failure, Panic, ResultTakenError, Trigger, ensure_deferred,
};
use futures::executor::block_on;
use reactor_compat::blocking::{
    self, AlreadySetUp, EventLoop, EventualResult, NotSetUp, ResultId, RetrieveError, STASH_LIMIT,
    WaitTimeout,
};
use reactor_compat::event::EventPhase;
use reactor_compat::{ReactorStopped, Remote, WouldDeadlock, reactor};
use tracing::subscriber::DefaultGuard;

/// Long enough for anything that does come.
const LONG: Duration = Duration::from_secs(60);

/// Short enough to wait for in vain.
const SHORT: Duration = Duration::from_millis(1);

/// An event loop that is set up.
fn set_up() -> EventLoop {
    let event_loop = EventLoop::new();
    event_loop.setup().unwrap();
    event_loop
}

thread_local! {
    /// On a reactor's thread: what fires what is pending.
    static TRIGGERS: RefCell<Vec<Trigger<i32>>> = const { RefCell::new(Vec::new()) };
}

/// In a reactor: a Deferred that [`fire`] fires.
fn pending() -> Deferred<i32> {
    let (d, trigger) = Deferred::new();
    TRIGGERS.with_borrow_mut(|triggers| triggers.push(trigger));
    d
}

/// Has what is pending in the reactor fired.
fn fire(event_loop: &EventLoop, result: Result<i32, Failure>) {
    let fired = event_loop.wait_for(LONG, move || {
        for trigger in TRIGGERS.take() {
            trigger.fire(result.clone_result())?;
        }
        Ok(())
    });
    fired.unwrap();
}

trait CloneResult {
    fn clone_result(&self) -> Self;
}

impl CloneResult for Result<i32, Failure> {
    fn clone_result(&self) -> Self {
        self.as_ref().map(|&n| n).map_err(Failure::clone)
    }
}

/// Returns when the reactor has done all that it was asked for before.
fn settle(event_loop: &EventLoop) {
    event_loop.wait_for(LONG, || Ok(())).unwrap();
}

/// What was logged, in whatever threads listen.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects what this thread logs.
    fn listen(&self) -> DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Collects what the reactor's thread logs, for as long as it lives.
    fn listen_in(&self, event_loop: &EventLoop) {
        thread_local! {
            static GUARD: Cell<Option<DefaultGuard>> = const { Cell::new(None) };
        }
        let lines = self.clone();
        let listens = event_loop.wait_for(LONG, move || {
            GUARD.set(Some(lines.listen()));
            Ok(())
        });
        listens.unwrap();
    }

    /// How often `what` was logged.
    fn count(&self, what: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches(what).count()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const UNHANDLED: &str = "Unhandled error in EventualResult";

fn parse_error() -> Failure {
    "seven".parse::<i32>().unwrap_err().into()
}

// ----- results -----

/// The function runs on the reactor's thread, where there is a reactor that
/// runs; its result comes back.
#[test]
fn a_function_runs_in_the_reactor() {
    let event_loop = set_up();
    let here = thread::current().id();
    let result = event_loop.run_in_reactor(|| Ok((thread::current().id(), reactor().running())));
    let (there, running) = result.wait(LONG).unwrap();
    assert_ne!(here, there);
    assert!(running);
}

/// It gives a result at once, whenever the Deferred will have its.
#[test]
fn a_deferred_is_waited_for() {
    let event_loop = set_up();
    let result = event_loop.run_in_reactor(pending);
    settle(&event_loop);
    fire(&event_loop, Ok(3));
    assert_eq!(result.wait(LONG).unwrap(), 3);
    let result = event_loop.run_in_reactor(|| {
        ensure_deferred(async {
            tokio::task::yield_now().await;
            Ok("from a coroutine")
        })
    });
    assert_eq!(result.wait(LONG).unwrap(), "from a coroutine");
    event_loop.wait_for(LONG, || ()).unwrap();
}

#[test]
fn a_value_is_given_once_and_a_failure_for_ever() {
    let event_loop = set_up();
    let value = event_loop.run_in_reactor(|| Ok(1));
    assert_eq!(value.wait(LONG).unwrap(), 1);
    assert!(value.wait(LONG).unwrap_err().is::<ResultTakenError>());
    assert!(value.original_failure().is_none());

    let failure = event_loop.run_in_reactor(|| Err::<i32, _>(parse_error()));
    let first = failure.wait(LONG).unwrap_err();
    assert!(first.is::<ParseIntError>());
    assert!(failure.wait(LONG).unwrap_err().same(&first));
    assert!(failure.original_failure().unwrap().same(&first));
}

#[test]
fn a_panic_is_a_failure() {
    let event_loop = set_up();
    let failure =
        event_loop.wait_for(LONG, || -> Result<(), Failure> { panic!("on purpose") }).unwrap_err();
    assert_eq!(failure.check::<Panic>().unwrap().message(), "on purpose");
    settle(&event_loop);
}

/// When the time is up that is an error of its own, and one can wait again.
#[test]
fn after_a_timeout_one_can_wait_again() {
    let event_loop = set_up();
    let result = event_loop.run_in_reactor(pending);
    for _ in 0..2 {
        let failure = result.wait(SHORT).unwrap_err();
        assert_eq!(failure.check(), Some(&WaitTimeout::new(SHORT)));
        assert!(!failure.is::<deferred::TimeoutError>());
    }
    assert!(result.original_failure().is_none());
    fire(&event_loop, Ok(5));
    assert_eq!(result.wait(Duration::MAX).unwrap(), 5);
}

#[test]
fn the_reactors_own_thread_does_not_wait() {
    let event_loop = Arc::new(set_up());
    let inner = event_loop.clone();
    let failures = event_loop.wait_for(LONG, move || {
        let ready = inner.run_in_reactor(|| Ok(1)).wait(LONG).unwrap_err();
        let waited = inner.wait_for(LONG, || Ok(1)).unwrap_err();
        Ok([ready, waited])
    });
    for failure in failures.unwrap() {
        assert!(failure.is::<WouldDeadlock>());
    }
    // Not even for what is there already.
    let done = event_loop.run_in_reactor(|| Ok(2));
    settle(&event_loop);
    let result = event_loop.wait_for(LONG, move || Ok((done.wait(LONG).is_err(), done)));
    let (refused, done) = result.unwrap();
    assert!(refused);
    assert_eq!(done.wait(LONG).unwrap(), 2);
}

// ----- cancelling -----

/// In a reactor: a Deferred that counts how often it is cancelled.
fn counting(cancelled: &Arc<AtomicUsize>) -> Deferred<()> {
    let cancelled = cancelled.clone();
    Deferred::with_canceller(move |_| {
        cancelled.fetch_add(1, Ordering::SeqCst);
    })
    .0
}

#[test]
fn cancelling_cancels_the_deferred_once() {
    let event_loop = set_up();
    let cancelled = Arc::new(AtomicUsize::new(0));
    let count = cancelled.clone();
    let result = event_loop.run_in_reactor(move || counting(&count));
    result.cancel();
    result.cancel();
    assert!(result.wait(LONG).unwrap_err().is::<CancelledError>());
    result.cancel();
    settle(&event_loop);
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);

    let done = event_loop.run_in_reactor(|| Ok(1));
    settle(&event_loop);
    done.cancel();
    settle(&event_loop);
    assert_eq!(done.wait(LONG).unwrap(), 1);
}

/// What `wait_for` gives up on is cancelled, and what it fails with then is
/// not logged; what it fails with later is.
#[test]
fn what_comes_too_late_is_cancelled() {
    let event_loop = set_up();
    let lines = Lines::default();
    lines.listen_in(&event_loop);
    let cancelled = Arc::new(AtomicUsize::new(0));
    let count = cancelled.clone();
    let failure = event_loop.wait_for(SHORT, move || counting(&count)).unwrap_err();
    assert!(failure.is::<WaitTimeout>());
    settle(&event_loop);
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);
    assert_eq!(lines.count(UNHANDLED), 0);

    let stubborn = || ensure_deferred(async { pending().await.or(pending().await) });
    assert!(event_loop.wait_for(SHORT, stubborn).unwrap_err().is::<WaitTimeout>());
    settle(&event_loop);
    fire(&event_loop, Err(parse_error()));
    fire(&event_loop, Err(parse_error()));
    settle(&event_loop);
    assert_eq!(lines.count(UNHANDLED), 1);
}

/// Nobody can cancel what nobody has: nothing keeps it any more.
#[test]
fn what_nobody_waits_for_is_not_kept() {
    let event_loop = set_up();
    let token = Arc::new(());
    let kept = token.clone();
    let result = event_loop.run_in_reactor(move || {
        let (d, _trigger) = Deferred::<()>::new();
        d.add_callback(move |()| drop(kept))
    });
    settle(&event_loop);
    assert_eq!(Arc::strong_count(&token), 2);
    drop(result);
    settle(&event_loop);
    assert_eq!(Arc::strong_count(&token), 1);
}

// ----- unhandled failures -----

#[test]
fn a_failure_that_nobody_was_given_is_logged() {
    let event_loop = set_up();
    let lines = Lines::default();
    let _listening = lines.listen();
    let result = event_loop.run_in_reactor(|| Err::<(), _>(parse_error()));
    settle(&event_loop);
    assert_eq!(lines.count(UNHANDLED), 0);
    drop(result);
    assert_eq!(lines.count(UNHANDLED), 1);
    assert_eq!(lines.count("invalid digit"), 1);
}

#[test]
fn a_failure_that_comes_when_nobody_waits_is_logged() {
    let event_loop = set_up();
    let lines = Lines::default();
    lines.listen_in(&event_loop);
    let result = event_loop.run_in_reactor(pending);
    settle(&event_loop);
    drop(result);
    settle(&event_loop);
    assert_eq!(lines.count(UNHANDLED), 0);
    fire(&event_loop, Err(parse_error()));
    settle(&event_loop);
    assert_eq!(lines.count(UNHANDLED), 1);
}

#[test]
fn a_failure_that_somebody_was_given_is_not_logged() {
    let event_loop = set_up();
    let lines = Lines::default();
    let _listening = lines.listen();
    lines.listen_in(&event_loop);
    let fails = || event_loop.run_in_reactor(|| Err::<(), _>(parse_error()));
    assert!(fails().wait(LONG).is_err());
    assert!(block_on(fails()).is_err());
    let looked_at = fails();
    settle(&event_loop);
    assert!(looked_at.original_failure().is_some());
    drop(looked_at);
    drop(event_loop.run_in_reactor(|| Ok(1)));
    settle(&event_loop);
    assert_eq!(lines.count(UNHANDLED), 0);
}

// ----- futures -----

/// It is a future for any executor, and for coroutines in the reactor itself.
#[test]
fn it_is_awaited_by_any_executor() {
    let event_loop = Arc::new(set_up());
    let result = event_loop.run_in_reactor(pending);
    let (polled, waits) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let mut result = result;
        let polls = futures::future::poll_fn(|context| {
            let poll = Future::poll(std::pin::Pin::new(&mut result), context);
            polled.send(()).unwrap();
            poll
        });
        block_on(polls)
    });
    waits.recv().unwrap();
    fire(&event_loop, Ok(1));
    assert_eq!(waiter.join().unwrap().unwrap(), 1);

    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let task = tokio.spawn(event_loop.run_in_reactor(|| Ok(2)));
    assert_eq!(tokio.block_on(task).unwrap().unwrap(), 2);

    let inner = event_loop.clone();
    let sum = event_loop.wait_for(LONG, move || {
        let one = inner.run_in_reactor(|| Ok(1));
        let two = inner.run_in_reactor(|| Ok(2));
        ensure_deferred(async { Ok(one.await? + two.await?) })
    });
    assert_eq!(sum.unwrap(), 3);
}

#[test]
fn it_may_go_to_other_threads() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<EventualResult<i32>>();
    check::<EventualResult<Cell<i32>>>();
    check::<EventLoop>();

    let event_loop = set_up();
    let result = event_loop.run_in_reactor(|| Ok(1));
    assert_eq!(thread::spawn(move || result.wait(LONG)).join().unwrap().unwrap(), 1);
}

/// Many threads at once: each gets what is its own.
#[test]
fn many_threads_are_served() {
    let event_loop = Arc::new(set_up());
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let event_loop = event_loop.clone();
            thread::spawn(move || {
                let ask = |m| event_loop.run_in_reactor(move || Ok((n, m)));
                let results: Vec<_> = (0..200).map(ask).collect();
                let answers = results.into_iter().map(|result| result.wait(LONG).unwrap());
                answers.enumerate().all(|(m, answer)| answer == (n, m))
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

// ----- the end -----

/// Whoever waits when the reactor stops is told, and whoever comes later, too.
#[test]
fn whoever_waits_is_told_that_the_reactor_has_stopped() {
    let event_loop = set_up();
    let result = event_loop.run_in_reactor(pending);
    let waiter = thread::spawn(move || result.wait(LONG));
    drop(event_loop.run_in_reactor(|| Ok(reactor().stop()?)));
    assert!(waiter.join().unwrap().unwrap_err().is::<ReactorStopped>());

    event_loop.shutdown();
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    let late = event_loop.run_in_reactor(move || Ok(count.fetch_add(1, Ordering::SeqCst)));
    assert!(late.wait(LONG).unwrap_err().is::<ReactorStopped>());
    late.cancel();
    assert_eq!(called.load(Ordering::SeqCst), 0);
    assert_eq!(Arc::strong_count(&called), 1);
}

/// They are told before the shutdown, which may have to wait for them.
#[test]
fn the_shutdown_can_wait_for_whoever_waits() {
    thread_local! {
        static GO: Cell<Option<Trigger<()>>> = const { Cell::new(None) };
    }
    let event_loop = set_up();
    let result = event_loop.run_in_reactor(pending);
    let (sender, remote) = mpsc::channel::<Remote>();
    event_loop
        .wait_for(LONG, move || {
            let (go, trigger) = Deferred::new();
            GO.set(Some(trigger));
            reactor().add_system_event_trigger(EventPhase::Before, "shutdown", || go);
            sender.send(reactor().remote())?;
            Ok(())
        })
        .unwrap();
    let waiter = thread::spawn(move || {
        let failure = result.wait(LONG).unwrap_err();
        let fire = || GO.take().unwrap().callback(()).unwrap();
        remote.recv().unwrap().call_from_thread(fire).unwrap();
        failure
    });
    event_loop.shutdown();
    assert!(waiter.join().unwrap().is::<ReactorStopped>());
}

/// A crash passes the shutdown by, but not those who wait.
#[test]
fn whoever_waits_is_told_of_a_crash() {
    let event_loop = set_up();
    let result = event_loop.run_in_reactor(pending);
    settle(&event_loop);
    drop(event_loop.run_in_reactor(|| Ok(reactor().crash()?)));
    assert!(result.wait(LONG).unwrap_err().is::<ReactorStopped>());
}

#[test]
fn without_a_reactor_the_result_is_an_error() {
    let event_loop = EventLoop::new();
    let result = event_loop.run_in_reactor(|| Ok(1));
    assert!(result.wait(LONG).unwrap_err().is::<NotSetUp>());
    result.cancel();
    assert!(block_on(result).unwrap_err().is::<NotSetUp>());
    assert!(event_loop.wait_for(LONG, || Ok(1)).unwrap_err().is::<NotSetUp>());
    event_loop.shutdown();
}

// ----- setting up -----

#[test]
fn setup_may_be_called_by_everybody() {
    let event_loop = Arc::new(EventLoop::new());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let event_loop = event_loop.clone();
            thread::spawn(move || {
                event_loop.setup().unwrap();
                event_loop.wait_for(LONG, || Ok(thread::current().id())).unwrap()
            })
        })
        .collect();
    let ids: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(event_loop.no_setup(), Err(AlreadySetUp));

    event_loop.shutdown();
    event_loop.shutdown();
    event_loop.setup().unwrap();
    let another = event_loop.wait_for(LONG, || Ok(thread::current().id())).unwrap();
    assert_ne!(another, ids[0]);
}

/// It may be shut down from the reactor's own thread, which does not wait for
/// itself.
#[test]
fn shutdown_in_the_reactor_does_not_hang() {
    let event_loop = Arc::new(set_up());
    let inner = event_loop.clone();
    let result = event_loop.run_in_reactor(move || {
        inner.shutdown();
        Ok(())
    });
    result.wait(LONG).unwrap();
    assert!(event_loop.wait_for(LONG, pending).unwrap_err().is::<ReactorStopped>());
}

/// A program that runs the reactor itself: what is asked for runs there, now
/// and whenever it runs again.
#[test]
fn with_no_setup_the_program_runs_the_reactor() {
    let event_loop = Arc::new(EventLoop::new());
    event_loop.no_setup().unwrap();
    assert_eq!(event_loop.no_setup(), Err(AlreadySetUp));
    event_loop.setup().unwrap();
    let here = thread::current().id();
    for _ in 0..2 {
        // Nothing tells when the library asks for the first time; before the
        // second run the reactor refuses.
        let (started, runs) = mpsc::channel();
        let library = event_loop.clone();
        let library = thread::spawn(move || {
            runs.recv().unwrap();
            let there = library.wait_for(LONG, || Ok(thread::current().id())).unwrap();
            let never = library.run_in_reactor(pending);
            drop(library.run_in_reactor(|| Ok(reactor().stop()?)));
            (there, never.wait(LONG))
        });
        reactor().call_when_running(move || started.send(()).unwrap());
        reactor().run().unwrap();
        let (there, stopped) = library.join().unwrap();
        assert_eq!(there, here);
        assert!(stopped.unwrap_err().is::<ReactorStopped>());
    }
    event_loop.shutdown();
    assert_eq!(event_loop.no_setup(), Err(AlreadySetUp));
}

/// The functions are those of one event loop that the process has.
#[test]
fn the_process_has_an_event_loop() {
    let failure = blocking::wait_for(LONG, || Ok(1)).unwrap_err();
    assert!(failure.is::<NotSetUp>());
    blocking::setup().unwrap();
    blocking::setup().unwrap();
    assert_eq!(blocking::no_setup(), Err(AlreadySetUp));
    let id = blocking::run_in_reactor(|| Ok("kept")).stash().unwrap();
    assert_eq!(blocking::wait_for(LONG, || Ok(1)).unwrap(), 1);
    assert_eq!(blocking::retrieve_result::<&str>(id).unwrap().wait(LONG).unwrap(), "kept");
    blocking::shutdown();
    let failure = blocking::wait_for(LONG, || Ok(1)).unwrap_err();
    assert!(failure.is::<ReactorStopped>());
}

// ----- the stash -----

#[test]
fn a_stashed_result_is_retrieved_once_and_by_its_type() {
    let event_loop = set_up();
    let first = event_loop.run_in_reactor(|| Ok(1)).stash().unwrap();
    let second = event_loop.run_in_reactor(pending).stash().unwrap();
    assert_ne!(first, second);

    let wrong = event_loop.retrieve_result::<String>(first).unwrap_err();
    assert_eq!(wrong, RetrieveError::OfAnotherType(first));
    assert_eq!(event_loop.retrieve_result::<i32>(first).unwrap().wait(LONG).unwrap(), 1);
    let gone = event_loop.retrieve_result::<i32>(first).unwrap_err();
    assert_eq!(gone, RetrieveError::Unknown(first));

    settle(&event_loop);
    fire(&event_loop, Ok(2));
    let id = ResultId::from(u64::from(second));
    assert_eq!(event_loop.retrieve_result::<i32>(id).unwrap().wait(LONG).unwrap(), 2);
}

#[test]
fn a_failure_left_in_the_stash_is_logged_at_shutdown() {
    const STASHED: &str = "Unhandled error in stashed EventualResult";
    let event_loop = set_up();
    let lines = Lines::default();
    let _listening = lines.listen();
    for _ in 0..2 {
        event_loop.run_in_reactor(|| Err::<(), _>(parse_error())).stash().unwrap();
    }
    event_loop.run_in_reactor(|| Ok(1)).stash().unwrap();
    settle(&event_loop);
    event_loop.shutdown();
    assert_eq!(lines.count(STASHED), 2);
    drop(event_loop);
    assert_eq!(lines.count(STASHED) + lines.count(UNHANDLED), 2);
}

#[test]
fn the_stash_has_a_bound() {
    let event_loop = EventLoop::new();
    let stash = || {
        let result = event_loop.run_in_reactor(|| Ok(1));
        assert!(result.original_failure().is_some());
        result.stash()
    };
    for _ in 1..STASH_LIMIT {
        stash().unwrap();
    }
    let last = stash().unwrap();
    let full = stash().unwrap_err();
    assert!(full.to_string().contains(&STASH_LIMIT.to_string()));
    assert!(event_loop.retrieve_result::<i32>(last).is_ok());
    assert!(full.0.stash().is_ok());
}
