//! A reactor on a thread of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::sync::mpsc;

use crate::support::Watchdog;
use reactor_compat::{
    Reactor, ReactorStopped, ReactorThread, ReactorThreadError, RunOptions, reactor,
};

#[test]
fn it_runs_until_it_is_stopped() {
    let _watchdog = Watchdog::new();
    let thread = Reactor::spawn_thread().unwrap();
    let remote = thread.remote();
    assert!(remote.blocking_call_from_thread(|| Ok(reactor().running())).unwrap());
    thread.stop_and_join().unwrap();
    assert_eq!(remote.call_from_thread(|| ()), Err(ReactorStopped));
}

#[test]
fn a_blocking_program_uses_it_from_many_threads() {
    let _watchdog = Watchdog::new();
    let thread = Reactor::spawn_thread().unwrap();
    let workers: Vec<_> = (0..8_u64)
        .map(|n| {
            let remote = thread.remote();
            std::thread::spawn(move || {
                (0..50)
                    .map(|m| remote.blocking_call_from_thread(move || Ok(n * m)).unwrap())
                    .sum::<u64>()
            })
        })
        .collect();
    let sum: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u64>();
    assert_eq!(sum, 28 * 1225);
    thread.stop_and_join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multi_thread_app_uses_it() {
    let _watchdog = Watchdog::new();
    let thread = Reactor::spawn_thread().unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let remote = thread.remote();
            tokio::spawn(async move {
                let (answer, answered) = tokio::sync::oneshot::channel();
                // Tokio's own things work in there as well.
                let call = move || {
                    tokio::task::spawn_local(async move {
                        tokio::task::yield_now().await;
                        answer.send(n * 2).unwrap();
                    });
                };
                remote.call_from_thread(call).unwrap();
                answered.await.unwrap()
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    assert_eq!(sum, 12);
    tokio::task::spawn_blocking(|| thread.stop_and_join()).await.unwrap().unwrap();
}

#[test]
fn dropping_it_stops_the_reactor() {
    let _watchdog = Watchdog::new();
    let (ended, end) = mpsc::channel();
    let thread = Reactor::spawn_thread_with(RunOptions::new(), |reactor| {
        use reactor_compat::event::EventPhase::After;
        reactor.add_system_event_trigger(After, "shutdown", move || ended.send(()).unwrap());
    });
    drop(thread);
    end.recv().unwrap();
}

#[test]
fn a_detached_one_goes_on() {
    let _watchdog = Watchdog::new();
    let thread = Reactor::spawn_thread().unwrap();
    let remote = thread.remote();
    thread.detach();
    assert_eq!(remote.blocking_call_from_thread(|| Ok(1)).unwrap(), 1);
    remote.stop().unwrap();
}

#[test]
fn it_says_what_went_wrong() {
    let _watchdog = Watchdog::new();
    let panicking = |_: &Reactor| panic!("this panic is part of the test");
    let thread = Reactor::spawn_thread_with(RunOptions::new(), panicking).unwrap();
    assert!(thread.remote().has_stopped());
    assert_eq!(thread.join(), Err(ReactorThreadError::Panicked));
}

#[test]
fn it_cannot_wait_for_itself() {
    let _watchdog = Watchdog::new();
    let thread = Reactor::spawn_thread().unwrap();
    let (pass, passed) = mpsc::channel::<ReactorThread>();
    let remote = thread.remote();
    pass.send(thread).unwrap();
    let joined = remote
        .blocking_call_from_thread(move || Ok(passed.recv().unwrap().stop_and_join()))
        .unwrap();
    assert_eq!(joined, Err(ReactorThreadError::WouldDeadlock));
}
