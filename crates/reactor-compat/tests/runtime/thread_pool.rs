//! Functions that block, on threads of a pool.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{Watchdog, drive};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{CancelledError, DeferredList, Failure, Panic};
use reactor_compat::log::{self, LogCapture};
use reactor_compat::{
    Reactor, ReactorStopped, RunOptions, ThreadPool, ThreadPoolError, call_multiple_in_thread,
    defer_to_thread, defer_to_thread_pool, reactor,
};
use tokio::runtime::Handle;

#[test]
fn results_come_back_to_the_reactors_thread() {
    let here = thread::current().id();
    drive(move |reactor| async move {
        let there = reactor.defer_to_thread(|| Ok(thread::current().id()));
        let (elsewhere, back) =
            there.add_callback(|elsewhere| Ok((elsewhere, thread::current().id()))).await.unwrap();
        assert_ne!(elsewhere, here);
        assert_eq!(back, here);
    });
}

#[test]
fn errors_and_panics_come_back_too() {
    drive(|reactor| async move {
        let error = reactor.defer_to_thread(|| Err::<(), Failure>(CancelledError.into()));
        assert!(error.await.unwrap_err().is::<CancelledError>());
        let panic = reactor.defer_to_thread(|| -> Result<(), Failure> {
            panic!("this panic is part of the test")
        });
        assert!(panic.await.unwrap_err().is::<Panic>());
    });
}

#[test]
fn the_free_functions_use_the_threads_own_reactor() {
    let _watchdog = Watchdog::new();
    let (sender, receiver) = mpsc::channel();
    let (second, remote) = (sender.clone(), reactor().remote());
    let functions: Vec<Box<dyn FnOnce() + Send>> = vec![
        Box::new(move || sender.send((1, thread::current().id())).unwrap()),
        Box::new(move || second.send((2, thread::current().id())).unwrap()),
        Box::new(move || remote.stop().unwrap()),
    ];
    let answer = defer_to_thread(|| Ok(42));
    call_multiple_in_thread(functions).unwrap();
    reactor().run().unwrap();
    let (first, second) = (receiver.recv().unwrap(), receiver.recv().unwrap());
    assert_eq!((first.0, second.0), (1, 2));
    assert_eq!(first.1, second.1, "one thread");
    // It came, or the reactor stopped before.
    assert!(answer.has_result());
    drop(answer.add_errback(|failure| failure.trap::<ReactorStopped>().map(|_| 42)));
}

#[test]
fn no_more_threads_are_used_than_allowed_and_all_functions_are_called() {
    drive(|reactor| async move {
        reactor.suggest_thread_pool_size(3);
        // Three have to be there at once, or this does not go on.
        let together = Arc::new(Barrier::new(3));
        let state = Arc::new(Mutex::new((0, 0)));
        let all = (0..30).map(|n| {
            let (together, state) = (together.clone(), state.clone());
            reactor.defer_to_thread(move || {
                {
                    let mut state = state.lock().unwrap();
                    state.0 += 1;
                    state.1 = state.1.max(state.0);
                }
                together.wait();
                state.lock().unwrap().0 -= 1;
                Ok(n)
            })
        });
        let results = DeferredList::new(all.collect::<Vec<_>>()).into_deferred().await.unwrap();
        let numbers: HashSet<i32> = results.into_iter().map(|result| result.unwrap()).collect();
        assert_eq!(numbers.len(), 30);
        assert!(state.lock().unwrap().1 <= 3);
        assert_eq!(reactor.get_thread_pool().waiting(), 0);
    });
}

#[test]
fn what_runs_in_a_thread_has_the_span_of_the_caller() {
    let (sender, receiver) = mpsc::channel();
    let capture = LogCapture::start();
    drive(move |reactor| async move {
        let in_thread = || tracing::Span::current().metadata().map(|metadata| metadata.name());
        let answer =
            log::call_with_system("Caller", || reactor.defer_to_thread(move || Ok(in_thread())));
        sender.send(answer.await.unwrap()).unwrap();
    });
    drop(capture);
    // A subscriber of this thread only has nothing to say on others; that the
    // call comes to no harm there is the point.
    assert!(receiver.recv().unwrap().is_none_or(|name| name == "system"));
}

#[test]
fn a_callback_is_called_in_the_thread() {
    let _watchdog = Watchdog::new();
    let (sender, receiver) = mpsc::channel();
    let reactor = Reactor::new();
    let remote = reactor.remote();
    let on_result = move |result: Result<i32, Failure>| {
        sender.send((thread::current().id(), result.unwrap())).unwrap();
        remote.stop().unwrap();
    };
    let pool = reactor.get_thread_pool();
    pool.call_in_thread_with_callback(on_result, || Ok(7)).unwrap();
    reactor.run().unwrap();
    let (thread, n) = receiver.recv().unwrap();
    assert_ne!(thread, thread::current().id());
    assert_eq!(n, 7);
}

#[test]
fn a_callback_gets_errors_and_panics_and_may_panic_itself() {
    drive(|_| async {
        let pool = ThreadPool::new(1);
        pool.start_on(&Handle::current());
        let (sender, receiver) = mpsc::channel();
        let second = sender.clone();
        pool.call_in_thread_with_callback(
            move |result: Result<(), Failure>| {
                sender.send(result).unwrap();
                panic!("this panic is part of the test");
            },
            || Err(CancelledError.into()),
        )
        .unwrap();
        pool.call_in_thread_with_callback(
            move |result: Result<(), Failure>| second.send(result).unwrap(),
            || panic!("this panic is part of the test"),
        )
        .unwrap();
        assert!(receiver.recv().unwrap().unwrap_err().is::<CancelledError>());
        // The thread goes on.
        assert!(receiver.recv().unwrap().unwrap_err().is::<Panic>());
        pool.stop();
    });
}

#[test]
fn one_of_many_that_panics_is_the_last_of_them() {
    let _watchdog = Watchdog::new();
    let (sender, receiver) = mpsc::channel();
    let first = sender.clone();
    call_multiple_in_thread([
        Box::new(move || first.send("first").unwrap()) as Box<dyn FnOnce() + Send>,
        Box::new(|| panic!("this panic is part of the test")),
        Box::new(move || sender.send("third").unwrap()),
    ])
    .unwrap();
    call_multiple_in_thread([]).unwrap();
    let came = Rc::new(RefCell::new(Vec::new()));
    let seen = came.clone();
    reactor().call_when_running(move || {
        // Ends once the third has been dropped, and its sender with it.
        seen.replace(receiver.iter().collect());
        reactor().stop().unwrap();
    });
    reactor().run().unwrap();
    assert_eq!(*came.borrow(), ["first"]);
    let elsewhere = thread::spawn(|| {
        reactor().get_thread_pool().stop();
        call_multiple_in_thread([])
    });
    assert_eq!(elsewhere.join().unwrap(), Err(ThreadPoolError::Stopped));
}

#[test]
fn a_pool_has_one_thread_at_least_and_may_be_made_smaller_at_work() {
    drive(|reactor| async move {
        reactor.suggest_thread_pool_size(2);
        let (free, wait) = mpsc::channel::<()>();
        let (wait, (begun, begins)) = (Arc::new(Mutex::new(wait)), mpsc::channel());
        let busy: Vec<_> = (0..2)
            .map(|_| {
                let (wait, begun) = (wait.clone(), begun.clone());
                reactor.defer_to_thread(move || {
                    begun.send(()).unwrap();
                    Ok(wait.lock().unwrap().recv().is_ok())
                })
            })
            .collect();
        begins.recv().unwrap();
        begins.recv().unwrap();
        let pool = reactor.get_thread_pool();
        assert_eq!(pool.working(), 2);
        reactor.suggest_thread_pool_size(0);
        assert_eq!(pool.size(), 1);
        let last = reactor.defer_to_thread(|| Ok(()));
        assert_eq!(pool.waiting(), 1);
        free.send(()).unwrap();
        free.send(()).unwrap();
        DeferredList::new(busy).into_deferred().await.unwrap();
        last.await.unwrap();
        assert!(pool.working() <= 1);
    });
}

#[test]
fn a_pool_that_is_stopped_takes_nothing() {
    let (reactor, held) = (Reactor::new(), Arc::new(()));
    let kept = held.clone();
    reactor.get_thread_pool().stop();
    assert_eq!(reactor.call_in_thread(move || drop(kept)), Err(ThreadPoolError::Stopped));
    assert_eq!(Arc::strong_count(&held), 1, "what the function held is gone");
    let refused = reactor.defer_to_thread(|| Ok(()));
    assert_eq!(failure_result_of(refused).check(), Some(&ThreadPoolError::Stopped));
}

#[test]
fn what_waits_when_the_pool_stops_is_told() {
    let reactor = Reactor::new();
    let pool = ThreadPool::new(1);
    let waiting = defer_to_thread_pool(&reactor, &pool, || Ok(1));
    assert_eq!(pool.waiting(), 1);
    pool.stop();
    let refused = defer_to_thread_pool(&reactor, &pool, || Ok(1));
    assert_eq!(failure_result_of(refused).check(), Some(&ThreadPoolError::Stopped));
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(failure_result_of(waiting).check(), Some(&ThreadPoolError::Stopped));
}

/// A thread that finds nothing to do leaves; what comes then has to have
/// another.
#[test]
fn what_comes_as_a_thread_leaves_is_called() {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pool = ThreadPool::new(1);
    pool.start_on(runtime.handle());
    let called = Arc::new(AtomicUsize::new(0));
    for number in 1..=20_000 {
        let call = called.clone();
        pool.call_in_thread(move || call.store(number, Ordering::Release)).unwrap();
        while called.load(Ordering::Acquire) < number {
            thread::yield_now();
        }
    }
    pool.stop();
}

#[test]
fn a_pool_whose_runtime_is_gone_says_so() {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pool = ThreadPool::new(2);
    pool.start_on(runtime.handle());
    drop(runtime);
    let (told, tell) = mpsc::channel();
    pool.call_in_thread_with_callback(move |result| told.send(result).unwrap(), || Ok(())).unwrap();
    let refused = tell.recv().unwrap().unwrap_err();
    assert_eq!(refused.check(), Some(&ThreadPoolError::Stopped));
    assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Stopped));
    assert_eq!((pool.working(), pool.waiting()), (0, 0));
}

#[test]
fn a_backlog_is_kept() {
    let pool = ThreadPool::new(1);
    pool.set_backlog(0);
    assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Full));
    drive(move |reactor| async move {
        pool.start_on(&Handle::current());
        let (free, wait) = mpsc::channel::<()>();
        let busy = defer_to_thread_pool(&reactor, &pool, move || Ok(wait.recv().is_ok()));
        assert_eq!(pool.working(), 1);
        assert_eq!(pool.call_in_thread(|| ()), Err(ThreadPoolError::Full));
        free.send(()).unwrap();
        assert!(busy.await.unwrap());
        pool.stop();
    });
}

#[test]
fn whoever_waits_is_told_when_the_reactor_stops() {
    let _watchdog = Watchdog::new();
    let reactor = Reactor::new();
    let (free, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    reactor.suggest_thread_pool_size(1);
    let running = reactor.defer_to_thread(move || {
        begun.send(()).unwrap();
        Ok(wait.recv().is_ok())
    });
    let waiting = reactor.defer_to_thread(|| Ok(()));
    let stop = reactor.clone();
    reactor.call_when_running(move || {
        begins.recv().unwrap();
        stop.stop().unwrap();
    });
    reactor.run_with(RunOptions::new().thread_grace(Duration::ZERO)).unwrap();
    free.send(()).unwrap();
    assert!(failure_result_of(running).is::<ReactorStopped>());
    assert_eq!(failure_result_of(waiting).check(), Some(&ThreadPoolError::Stopped));
}

#[test]
fn a_thread_that_goes_on_and_on_does_not_hold_up_the_end() {
    let _watchdog = Watchdog::new();
    let capture = LogCapture::start();
    let reactor = Reactor::new();
    let (free, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    reactor
        .call_in_thread(move || {
            begun.send(()).unwrap();
            let _ = wait.recv();
        })
        .unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || {
        begins.recv().unwrap();
        stop.stop().unwrap();
    });
    reactor.run_with(RunOptions::new().thread_grace(Duration::ZERO)).unwrap();
    let said = capture.messages();
    assert_eq!(said[1], "the reactor has stopped, and functions still run in its threads");
    drop(free);
}

#[test]
fn a_thread_that_waits_for_the_reactor_is_woken_at_the_end() {
    let _watchdog = Watchdog::new();
    let reactor = Reactor::new();
    let (remote, (sender, receiver)) = (reactor.remote(), mpsc::channel());
    reactor
        .call_in_thread(move || {
            let stop = remote.clone();
            let never = remote.blocking_call_from_thread(move || {
                stop.stop().unwrap();
                let (never, trigger) = deferred::Deferred::<()>::new();
                std::mem::forget(trigger);
                never
            });
            sender.send(never.unwrap_err().is::<ReactorStopped>()).unwrap();
        })
        .unwrap();
    reactor.run().unwrap();
    assert!(receiver.recv().unwrap());
}

#[test]
fn cancelling_throws_the_result_away() {
    drive(|reactor| async move {
        let (free, wait) = mpsc::channel::<()>();
        let cancelled = reactor.defer_to_thread(move || Ok(wait.recv().is_ok()));
        cancelled.cancel();
        assert!(failure_result_of(cancelled).is::<CancelledError>());
        free.send(()).unwrap();
        assert_eq!(reactor.defer_to_thread(|| Ok(1)).await.unwrap(), 1);
    });
}

#[test]
fn the_next_run_has_another_pool() {
    let _watchdog = Watchdog::new();
    let reactor = Reactor::new();
    for n in 0..3 {
        let stop = reactor.clone();
        let answer = reactor.defer_to_thread(move || Ok(n)).add_callback(move |n| {
            stop.stop()?;
            Ok(n)
        });
        reactor.run().unwrap();
        assert_eq!(success_result_of(answer), n);
    }
}

#[test]
fn a_function_that_panics_with_nobody_to_tell_is_logged() {
    // The pool's thread has no subscriber but one for all; so this looks at
    // what a pool that never starts says of what it refuses.
    let capture = LogCapture::start();
    let pool = ThreadPool::new(1);
    pool.call_in_thread(|| ()).unwrap();
    pool.stop();
    assert_eq!(capture.messages(), ["Unhandled Error"]);
    assert_eq!(capture.flush_logged_errors::<ThreadPoolError>().len(), 1);
}

/// Twisted does not fire them either.
#[test]
fn what_nobody_waits_for_is_no_error_when_the_reactor_stops() {
    let errors = Rc::new(RefCell::new(Vec::new()));
    let seen = errors.clone();
    let _observer =
        deferred::unhandled::observe(move |error| seen.borrow_mut().push(error.to_string()));
    let capture = LogCapture::start();
    let _watchdog = Watchdog::new();
    let (free, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let reactor = Reactor::new();
    let (its, called) = (reactor.clone(), Rc::new(RefCell::new(Vec::new())));
    let calls = called.clone();
    reactor.call_when_running(move || {
        let block = || {
            let wait = wait.clone();
            its.defer_to_thread(move || {
                // Until the reactor has stopped.
                let _ = wait.lock().unwrap().recv();
                Ok(())
            })
        };
        let note = |what| {
            let calls = calls.clone();
            move |result: Result<(), Failure>| {
                let why = result.unwrap_err();
                // A thread had begun, or not yet.
                let stopped = why.is::<ReactorStopped>() || why.is::<ThreadPoolError>();
                calls.borrow_mut().push((what, stopped));
            }
        };
        drop(block());
        drop(block().add_both(note("dropped")));
        let cancelled = block();
        cancelled.cancel();
        drop(cancelled.add_errback(|why| why.trap::<CancelledError>().map(drop)));
        // One that has an answer before the end would be an error like any other.
        its.install_resolver(|_: String, _: u16| std::future::pending::<Result<_, Failure>>());
        drop(its.resolve("name.test").add_callback(drop));
        let held = block().add_both(note("held"));
        std::mem::forget(held);
        its.stop()
    });
    reactor.run_with(RunOptions::new().thread_grace(Duration::ZERO)).unwrap();
    drop(free);
    assert_eq!(*called.borrow(), [("held", true)]);
    assert_eq!(*errors.borrow(), [""; 0]);
    assert_eq!(capture.flush_logged_errors::<ReactorStopped>().len(), 0);
}

#[test]
fn what_a_cancelled_function_gives_is_dropped() {
    drive(|reactor| async move {
        let (free, wait) = mpsc::channel::<()>();
        let capture = LogCapture::start();
        let cancelled = reactor.defer_to_thread(move || -> Result<(), Failure> {
            wait.recv().unwrap();
            Err(std::fmt::Error.into())
        });
        cancelled.cancel();
        assert!(failure_result_of(cancelled).is::<CancelledError>());
        free.send(()).unwrap();
        // What came before is done before.
        reactor.defer_to_thread(|| Ok(())).await.unwrap();
        assert!(capture.flush_logged_errors::<std::fmt::Error>().is_empty());
    });
}
