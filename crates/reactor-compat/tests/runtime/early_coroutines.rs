//! Coroutines that are started where no executor is, and await something other than
//! Deferreds: the reactor that runs next drives them, in whatever way it runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::thread;
use std::time::Duration;

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{Deferred, Failure, ensure_deferred};
use reactor_compat::testing::{MemoryReactor, Simulation};
use reactor_compat::{Reactor, RunOptions};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// A coroutine that waits for a word, and then for another; it has not been woken.
fn listen() -> (Deferred<&'static str>, oneshot::Sender<()>, oneshot::Sender<&'static str>) {
    let ((first, one), (second, other)) = (oneshot::channel(), oneshot::channel());
    let heard = ensure_deferred(async {
        one.await?;
        Ok::<_, Failure>(other.await?)
    });
    (heard, first, second)
}

/// A reactor, and what drives it until it stops.
type Drive = fn(&Reactor);

const DRIVES: &[(&str, Drive)] = &[
    ("run", |reactor| reactor.run().unwrap()),
    ("attached", |reactor| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(LocalSet::new().run_until(reactor.run_until_stopped())).unwrap();
    }),
    ("attached, several threads", |reactor| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(reactor.run_until_stopped()).unwrap();
    }),
    ("hosted", |reactor| {
        let mut hosted = reactor.hosted(RunOptions::new()).unwrap();
        while hosted.iterate(Duration::from_secs(60)) {}
    }),
];

/// The second word comes from another thread, while the reactor sleeps.
#[test]
fn a_reactor_drives_those_that_were_started_before_it_ran() {
    for (name, drive) in DRIVES {
        let reactor = Reactor::new();
        let (heard, first, second) = listen();
        let stop = reactor.clone();
        let heard = heard.add_callback(move |word| {
            stop.stop()?;
            Ok(word)
        });
        first.send(()).unwrap();
        assert!(!heard.has_result(), "{name}");
        let mut second = Some(second);
        reactor.call_when_running(move || {
            let second = second.take();
            drop(thread::spawn(move || second.map(|second| second.send("hello"))));
        });
        drive(&reactor);
        assert_eq!(success_result_of(heard), "hello", "{name}");
    }
}

#[test]
fn a_reactor_in_memory_drives_those_of_the_test() {
    let reactor = MemoryReactor::new();
    let (heard, first, second) = listen();
    first.send(()).unwrap();
    reactor.settle().unwrap();
    assert_no_result(&heard);
    second.send("hello").unwrap();
    reactor.settle().unwrap();
    assert_eq!(success_result_of(heard), "hello");

    // And those that were started between two drives.
    let (heard, first, second) = listen();
    first.send(()).unwrap();
    second.send("again").unwrap();
    assert_no_result(&heard);
    reactor.settle().unwrap();
    assert_eq!(success_result_of(heard), "again");
}

#[test]
fn a_simulation_drives_those_of_the_test() {
    let simulation = Simulation::new(1);
    let (heard, first, second) = listen();
    first.send(()).unwrap();
    simulation.run_for(Duration::from_secs(1)).unwrap();
    assert_no_result(&heard);
    second.send("hello").unwrap();
    simulation.run_for(Duration::from_secs(1)).unwrap();
    assert_eq!(success_result_of(heard), "hello");
}
