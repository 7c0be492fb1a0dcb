//! A reactor and its objects, from the tasks of a multi-thread program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use crate::support::{Watchdog, drive};
use deferred::{CancelledError, Deferred, Failure, Panic, Trigger, ensure_deferred};
use futures::executor::block_on;
use reactor_compat::log::LogCapture;
use reactor_compat::task::defer_later;
use reactor_compat::{
    Reactor, ReactorStopped, ReactorThread, RemoteObject, RemoteObjectBusy, RemoteResult,
    RunOptions, reactor,
};

const MILLISECOND: Duration = Duration::from_millis(1);

fn background() -> ReactorThread {
    Reactor::spawn_thread().unwrap()
}

/// An object for one thread: what was called, and what is waited for.
#[derive(Default)]
struct Ledger {
    lines: Rc<RefCell<Vec<String>>>,
    waiting: Vec<Trigger<String>>,
}

impl Ledger {
    fn write(&mut self, line: &str) -> usize {
        self.lines.borrow_mut().push(line.to_owned());
        self.lines.borrow().len()
    }

    fn ask(&mut self) -> Deferred<String> {
        let (answer, trigger) = Deferred::new();
        self.waiting.push(trigger);
        answer
    }

    fn answer(&mut self, text: &str) {
        for trigger in self.waiting.drain(..) {
            trigger.callback(text.to_owned()).unwrap();
        }
    }
}

#[test]
fn results_and_objects_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    fn cloned<T: Clone>() {}
    anywhere::<RemoteResult<String>>();
    anywhere::<RemoteObject<Rc<()>>>();
    cloned::<RemoteObject<Rc<()>>>();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_on_the_reactors_thread_is_awaited_on_any() {
    let _watchdog = Watchdog::new();
    let background = background();
    let remote = background.remote();
    let here = thread::current().id();
    let there = remote.run(|| Ok(thread::current().id())).await.unwrap();
    assert_ne!(here, there);
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let remote = remote.clone();
            tokio::spawn(async move {
                // What may be returned: a value, a Deferred, a coroutine's.
                let value = remote.run(move || Ok(n)).await.unwrap();
                let later = move || defer_later(&reactor(), MILLISECOND, move || Ok(n));
                let later = remote.run(later).await.unwrap();
                let coroutine = remote.run(move || {
                    ensure_deferred(async move {
                        tokio::time::sleep(MILLISECOND).await;
                        Ok(n)
                    })
                });
                [value, later, coroutine.await.unwrap()]
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), [n; 3]);
    }
}

#[test]
fn failures_and_panics_are_its_result() {
    let _watchdog = Watchdog::new();
    let background = background();
    let remote = background.remote();
    let failed = remote.run(|| Err::<(), Failure>(std::fmt::Error.into()));
    assert!(block_on(failed).unwrap_err().is::<std::fmt::Error>());
    let failed = remote.run(|| Deferred::<()>::fail(std::fmt::Error));
    assert!(block_on(failed).unwrap_err().is::<std::fmt::Error>());
    let panicked = remote.run(|| -> Result<(), Failure> { panic!("part of the test") });
    assert!(block_on(panicked).unwrap_err().is::<Panic>());
    // It may be cancelled, or else go on.
    let never = remote.run(|| Deferred::<()>::new().0);
    never.cancel();
    assert!(block_on(never).unwrap_err().is::<CancelledError>());
}

#[test]
fn who_waits_is_told_when_the_reactor_stops() {
    let _watchdog = Watchdog::new();
    let background = background();
    let remote = background.remote();
    let never = remote.run(|| Deferred::<()>::new().0);
    let kept = block_on(remote.keep(|| Ok(Ledger::default()))).unwrap();
    let asked = kept.call(Ledger::ask);
    background.stop_and_join().unwrap();
    assert!(block_on(never).unwrap_err().is::<ReactorStopped>());
    assert!(block_on(asked).is_err());
    // And so is whoever comes later.
    assert!(block_on(remote.run(|| ())).unwrap_err().is::<ReactorStopped>());
    let late = kept.call(|ledger| Ok(ledger.write("late")));
    assert!(block_on(late).unwrap_err().is::<ReactorStopped>());
    assert!(block_on(remote.keep(|| Ok(1))).unwrap_err().is::<ReactorStopped>());
}

#[test]
fn what_is_asked_of_a_reactor_that_is_gone_fails() {
    let reactor = Reactor::new();
    let early = reactor.remote().run(|| Ok(1));
    drop(reactor);
    assert!(block_on(early).unwrap_err().is::<ReactorStopped>());
}

#[test]
fn dropping_its_result_lets_a_call_go_on_unless_it_is_to_be_cancelled() {
    let _watchdog = Watchdog::new();
    let background = background();
    let remote = background.remote();
    let (note, notes) = mpsc::channel();
    let start = |what: &'static str| {
        let note = note.clone();
        remote.run(move || {
            let cancelled = note.clone();
            let (deferred, trigger) = Deferred::<()>::with_canceller(move |_| {
                cancelled.send((what, "cancelled")).unwrap()
            });
            reactor().call_later(MILLISECOND, move || {
                if trigger.callback(()).is_ok() {
                    note.send((what, "done")).unwrap();
                }
            });
            deferred
        })
    };
    drop(start("dropped"));
    assert_eq!(notes.recv().unwrap(), ("dropped", "done"));
    drop(start("cancelled").cancel_on_drop());
    assert_eq!(notes.recv().unwrap(), ("cancelled", "cancelled"));
    // One that has its result is left alone.
    let mut done = start("awaited").cancel_on_drop();
    block_on(&mut done).unwrap();
    drop(done);
    assert_eq!(notes.recv().unwrap(), ("awaited", "done"));
    drop(note);
    background.stop_and_join().unwrap();
    assert!(notes.recv().is_err());
}

#[test]
fn a_failure_that_nobody_is_given_is_logged() {
    drive(|reactor| async move {
        let capture = LogCapture::start();
        let remote = reactor.remote();
        // Dropped after it came, and before.
        let failing = || remote.run(|| Err::<(), Failure>(std::fmt::Error.into()));
        let mut late = failing();
        crate::support::turns(3).await;
        drop(failing());
        crate::support::turns(3).await;
        assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 1);
        let mut context = Context::from_waker(Waker::noop());
        let _ = std::pin::Pin::new(&mut late).poll(&mut context);
        drop(late); // it was given
        drop(failing().cancel_on_drop()); // nobody wants to know
        crate::support::turns(3).await;
        assert!(capture.flush_logged_errors::<std::fmt::Error>().is_empty());
        let came = failing();
        crate::support::turns(3).await;
        drop(came);
        assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 1);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_stays_on_its_thread_and_is_called_from_any() {
    let _watchdog = Watchdog::new();
    let background = background();
    // It may take its time to be made.
    let make = || defer_later(&reactor(), MILLISECOND, || Ok(Ledger::default()));
    let ledger = background.remote().keep(make).await.unwrap();
    let asked = ledger.call(Ledger::ask);
    let writers: Vec<_> = (0..10)
        .map(|n| {
            let ledger = ledger.clone();
            let write = move |ledger: &mut Ledger| Ok(ledger.write(&n.to_string()));
            tokio::spawn(async move { ledger.call(write).await.unwrap() })
        })
        .collect();
    let mut counts = Vec::new();
    for writer in writers {
        counts.push(writer.await.unwrap());
    }
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=10));
    // One that waits does not hold up the others.
    ledger.call(|ledger| ledger.answer("forty-two")).await.unwrap();
    assert_eq!(asked.await.unwrap(), "forty-two");
}

#[test]
fn an_object_is_dropped_on_its_thread_with_the_last_handle_or_the_run() {
    struct Tells(mpsc::Sender<thread::ThreadId>, Rc<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    let _watchdog = Watchdog::new();
    let background = background();
    let remote = background.remote();
    let its = block_on(remote.run(|| Ok(thread::current().id()))).unwrap();
    let (tell, told) = mpsc::channel();
    let keep = || {
        let tell = tell.clone();
        block_on(remote.keep(move || Ok(Tells(tell, Rc::default())))).unwrap()
    };
    let kept = keep();
    let last = kept.clone();
    drop(kept);
    block_on(last.call(|tells| assert_eq!(Rc::strong_count(&tells.1), 1))).unwrap();
    assert!(told.try_recv().is_err());
    drop(last);
    assert_eq!(told.recv().unwrap(), its);
    // A call that is under way keeps it.
    let kept = keep();
    let called = kept.call(|_| Ok(1));
    drop(kept);
    assert_eq!(block_on(called).unwrap(), 1);
    assert_eq!(told.recv().unwrap(), its);
    let kept = keep();
    background.stop_and_join().unwrap();
    assert_eq!(told.recv().unwrap(), its);
    drop(kept);
}

#[test]
fn a_call_that_panics_leaves_the_object() {
    let _watchdog = Watchdog::new();
    let background = background();
    let ledger = block_on(background.remote().keep(|| Ok(Ledger::default()))).unwrap();
    let panicking = ledger.call(|ledger| -> Result<(), Failure> {
        ledger.write("before");
        panic!("part of the test")
    });
    assert!(block_on(panicking).unwrap_err().is::<Panic>());
    assert_eq!(block_on(ledger.call(|ledger| Ok(ledger.write("after")))).unwrap(), 2);
}

#[test]
fn an_object_that_is_not_made_is_an_error() {
    let _watchdog = Watchdog::new();
    let background = background();
    let failing = background.remote().keep(|| Deferred::<Ledger>::fail(std::fmt::Error));
    assert!(block_on(failing).unwrap_err().is::<std::fmt::Error>());
}

/// Only a hosted reactor takes a turn inside one of its callbacks' callers.
#[test]
fn a_call_inside_a_call_is_refused() {
    let _watchdog = Watchdog::new();
    let outer = Reactor::new();
    let mut hosted = outer.hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    let mut kept = outer.remote().keep(|| Ok(Rc::new(7)));
    let mut context = Context::from_waker(Waker::noop());
    let object = loop {
        hosted.iterate(Duration::ZERO);
        if let std::task::Poll::Ready(object) = std::pin::Pin::new(&mut kept).poll(&mut context) {
            break object.unwrap();
        }
    };
    // The same object is put back after each call, in order.
    let first = object.call(|seven| Ok(**seven));
    let second = object.call(|seven| Ok(**seven + 1));
    for _ in 0..3 {
        hosted.iterate(Duration::ZERO);
    }
    assert_eq!((block_on(first).unwrap(), block_on(second).unwrap()), (7, 8));
    assert_eq!(RemoteObjectBusy.to_string(), "the object is in the middle of another call");
}
