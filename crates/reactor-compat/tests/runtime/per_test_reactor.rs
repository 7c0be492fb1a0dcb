//! A reactor for one test, and what it says of what the test left open.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::panic::catch_unwind;
use std::time::Duration;

use crate::support::{Event, Log, Recorder, Watchdog};
use deferred::{Deferred, Failure};
use reactor_compat::task::{LoopingCall, coiterate, defer_later};
use reactor_compat::testing::{TestRun, Unfinished, run_test};
use reactor_compat::{Address, ConnectionDone, log, reactor};

/// A reason that the tests give.
#[derive(Debug)]
struct Wrong;

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("something went wrong")
    }
}

impl std::error::Error for Wrong {}

#[test]
fn a_clean_test_gives_its_result() {
    assert_eq!(run_test(|_| async { 42 }), 42);
}

#[test]
fn connections_that_are_closing_may_close() {
    let log = Log::default();
    let seen = log.clone();
    run_test(|reactor| async move {
        let port =
            reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| Recorder::new(&seen)).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        let connector = reactor.connect_tcp(address, |_: Address| Recorder::default());
        let client = connector.when_connected().await.unwrap();
        client.write("bye");
        client.lose_connection();
        drop(port.stop_listening());
    });
    assert_eq!(log.end(), Some(Event::Done));
}

#[test]
fn all_that_is_left_open_is_said() {
    let line = line!() + 4;
    let error = TestRun::new()
        .run(|reactor| async move {
            let port =
                reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Recorder::default()).unwrap();
            let address = port.get_host().socket_addr().unwrap();
            let connector = reactor.connect_tcp(address, |_: Address| Recorder::default());
            connector.when_connected().await.unwrap();
            reactor.call_later(Duration::from_secs(60), || ());
            address
        })
        .unwrap_err();
    let left = error.left();
    assert_eq!(left.delayed_calls.len(), 1);
    assert_eq!(left.ports.len(), 1);
    assert_eq!(left.connections.len(), 2, "both ends are ours");
    let text = error.to_string();
    assert!(text.starts_with("the reactor was unclean: 1 delayed call, 1 port, 2 connections"));
    let port = &left.ports[0];
    assert_eq!((port.made_at.file(), port.made_at.line()), (file!(), line));
    let line = format!("port {}, made at {}:{line}:", port.host, file!());
    assert!(text.contains(&line), "{text}");
    assert_eq!(error.unfinished(), None);
    assert!(error.errors().is_empty());
}

#[test]
fn what_is_left_open_is_ended_all_the_same() {
    let log = Log::default();
    let seen = log.clone();
    let run = TestRun::new().run(|reactor| async move {
        reactor.serve(tokio::io::duplex(1).0, Recorder::new(&seen));
        let (kept, theirs) = tokio::io::duplex(1);
        reactor.serve(theirs, Recorder::default());
        std::mem::forget(kept);
    });
    run.unwrap_err();
    assert!(log.end().is_some());
}

#[test]
fn a_delayed_call_says_where_it_was_made_while_debugging() {
    deferred::set_debugging(true);
    let run = TestRun::new().run(|reactor| async move {
        reactor.call_later(Duration::from_secs(60), || ());
        line!() - 1
    });
    let error = run.unwrap_err();
    let place = error.left().delayed_calls[0].made_at.unwrap();
    assert_eq!(place.file(), file!());
    assert!(error.to_string().contains(&format!("made at {place}")), "{error}");
}

#[test]
fn a_deferred_that_was_not_fired_is_left_while_debugging() {
    deferred::set_debugging(true);
    let outside = Deferred::<()>::new();
    let error = TestRun::new().run(|_| async { Deferred::<()>::new() }).unwrap_err();
    assert_eq!(error.left().unfired_deferreds.len(), 1, "{error}");
    drop(outside);
}

#[test]
fn errors_that_nobody_expects_fail_the_test() {
    let error = TestRun::new()
        .run(|_| async {
            log::err(Wrong, "while testing");
            drop(Deferred::<()>::fail(Wrong));
            tracing::error!("out of paper");
        })
        .unwrap_err();
    let [logged, paper, unhandled] = error.errors() else { panic!("{error}") };
    assert!(logged.contains("while testing") && logged.contains("something went wrong"));
    assert_eq!(paper, "out of paper");
    assert!(unhandled.starts_with("Unhandled error in Deferred"));
    assert!(error.to_string().starts_with("errors were logged that nobody expected:\n"));
}

#[test]
fn errors_that_are_expected_are_taken() {
    run_test(|reactor| async move {
        log::err(Wrong, "while testing");
        drop(Deferred::<()>::fail(Wrong));
        log::err(ConnectionDone, "");
        assert!(reactor.flush_logged_errors::<std::fmt::Error>().is_empty());
        assert_eq!(reactor.flush_logged_errors::<Wrong>().len(), 2);
        assert_eq!(reactor.flush_logged_errors::<ConnectionDone>().len(), 1);
    });
}

#[test]
fn an_error_while_the_reactor_ends_counts() {
    let error = TestRun::new()
        .run(|reactor| async move {
            let recorder = Recorder::default().lost(|_, ()| log::err(Wrong, ""));
            let (kept, theirs) = tokio::io::duplex(1);
            reactor.serve(theirs, recorder);
            kept
        })
        .unwrap_err();
    assert_eq!(error.left().connections.len(), 1);
    assert_eq!(error.errors().len(), 1);
}

#[test]
fn a_panic_is_the_tests_own() {
    let run = catch_unwind(|| {
        run_test(|reactor| async move {
            reactor.call_later(Duration::from_secs(60), || ());
            tokio::task::yield_now().await;
            panic!("part of the test");
        });
    });
    assert_eq!(run.unwrap_err().downcast_ref(), Some(&"part of the test"));
}

#[test]
fn a_panic_before_the_first_await_too() {
    let run = catch_unwind(|| {
        run_test(|_| {
            if true {
                panic!("part of the test");
            }
            async {}
        });
    });
    assert_eq!(run.unwrap_err().downcast_ref(), Some(&"part of the test"));
}

#[test]
fn a_test_that_hangs_is_ended() {
    let _watchdog = Watchdog::new();
    for run in [TestRun::new(), TestRun::new().paused()] {
        let run = run.timeout(Duration::from_millis(1));
        let error = run.run(|_| std::future::pending::<()>()).unwrap_err();
        assert_eq!(error.unfinished(), Some(Unfinished::TimedOut));
        assert!(error.to_string().starts_with("the test took too long"));
    }
}

#[test]
fn a_test_may_stop_its_reactor_if_it_ends_with_it() {
    run_test(|reactor| async move { reactor.stop().unwrap() });
    let error = TestRun::new()
        .run(|reactor| async move {
            reactor.stop().unwrap();
            std::future::pending::<()>().await;
        })
        .unwrap_err();
    assert_eq!(error.unfinished(), Some(Unfinished::ReactorStopped));
}

#[test]
fn paused_time_passes_when_there_is_nothing_else_to_do() {
    let seconds = TestRun::new().paused().run(|reactor| async move {
        assert!(reactor.seconds().is_zero());
        tokio::time::sleep(Duration::from_secs(1000)).await;
        defer_later(&*reactor, Duration::from_secs(1000), || Ok(())).await.unwrap();
        reactor.seconds()
    });
    assert_eq!(seconds, Ok(Duration::from_secs(2000)));
}

#[test]
fn threads_are_waited_for() {
    let answer: Result<u32, Failure> =
        run_test(|reactor| async move { reactor.defer_to_thread(|| Ok(6 * 7)).await });
    assert_eq!(answer.unwrap(), 42);
}

#[test]
fn a_function_that_still_runs_in_a_thread_is_left() {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let error = TestRun::new()
        .run(|reactor| async move {
            drop(reactor.defer_to_thread(move || {
                // Until the test is over.
                let _ = wait.recv();
                Ok(())
            }));
        })
        .unwrap_err();
    assert_eq!(error.left().threads_working, 1);
    drop(end);
}

/// Code that goes by the thread's reactor, as much of Twisted's does.
fn greet_later() {
    reactor().call_later(Duration::from_secs(60), || ());
}

#[test]
fn the_threads_reactor_is_the_tests_meanwhile() {
    greet_later();
    assert_eq!(reactor().get_delayed_calls().len(), 1);
    let error = TestRun::new()
        .run(|its| async move {
            assert!(reactor().running());
            assert!(reactor().get_delayed_calls().is_empty());
            greet_later();
            assert_eq!(its.get_delayed_calls(), reactor().get_delayed_calls());
        })
        .unwrap_err();
    assert_eq!(error.left().delayed_calls.len(), 1, "it is checked for what is left");
    assert!(!reactor().running());
    assert_eq!(reactor().get_delayed_calls().len(), 1, "it is what it was");
}

#[test]
fn the_threads_reactor_is_back_after_a_panic() {
    greet_later();
    let run = catch_unwind(|| run_test(|_| async { panic!("part of the test") }));
    run.unwrap_err();
    assert_eq!(reactor().get_delayed_calls().len(), 1);
}

#[test]
fn what_goes_by_the_threads_reactor_works_in_each_test() {
    let _watchdog = Watchdog::new();
    for _ in 0..2 {
        let seconds = TestRun::new().paused().run(|_| async {
            let counting = LoopingCall::new(|| ());
            let looping = counting.start(Duration::from_secs(1), true);
            assert_eq!(coiterate((0..1000).map(drop)).await.unwrap().len(), 0);
            tokio::time::sleep(Duration::from_secs(5)).await;
            counting.stop().unwrap();
            looping.await.unwrap();
            reactor().seconds().as_secs()
        });
        assert_eq!(seconds, Ok(5));
        // Its tasks are left, and nobody is to wait for them in the next one.
        let left = TestRun::new().run(|_| async { drop(coiterate(std::iter::repeat(()))) });
        assert_eq!(left.unwrap_err().left().delayed_calls.len(), 1);
    }
}
