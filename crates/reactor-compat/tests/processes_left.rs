//! Child processes leave no zombies and no descriptors behind, however they end,
//! and say what to do if no descriptor is left.
//!
//! All in one test: what is counted is the process's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs::{self, File};
use std::process::ExitCode;

use deferred::Failure;
use reactor_compat::Reactor;
use reactor_compat::process::{
    ProcessCommand, SpawnError, SpawnProblem, get_process_output, get_process_value,
};
use reactor_compat::task::react_on;

fn sh(script: &str) -> ProcessCommand {
    ProcessCommand::new("/bin/sh").args(["-c", script])
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Our children, dead or alive, on whatever thread they were started.
fn children() -> String {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap()).collect()
}

/// Children that end in each way.
async fn all_ways(reactor: Reactor) -> Result<(), Failure> {
    assert_eq!(get_process_output(&reactor, &sh("cat").stdin("hello")).await?, b"hello");
    get_process_value(&reactor, &sh("kill -9 $$")).await.unwrap_err();
    get_process_output(&reactor, &sh("echo >&2")).await.unwrap_err();
    get_process_value(&reactor, &ProcessCommand::new("/no/such")).await.unwrap_err();
    let endless = sh("while :; do echo y; done").max_output(10);
    get_process_output(&reactor, &endless).await.unwrap_err();
    let cancelled = get_process_output(&reactor, &sh("exec sleep 1000"));
    tokio::task::yield_now().await;
    cancelled.cancel_handle().cancel();
    cancelled.await.unwrap_err();
    while !children().is_empty() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Takes all descriptors that there are, and starts a process.
async fn exhausted(reactor: Reactor) -> Result<(), Failure> {
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    let failure = get_process_output(&reactor, &sh("")).await.unwrap_err();
    assert_eq!(*failure.check::<SpawnError>().unwrap().problem(), SpawnProblem::NoDescriptors);
    Ok(())
}

#[test]
fn nothing_is_left() {
    let run = || assert_eq!(react_on(&Reactor::new(), all_ways), ExitCode::SUCCESS);
    // What the process opens once and for all, such as Tokio's signal pipe.
    run();
    let before = descriptors();
    run();
    assert_eq!(descriptors(), before);

    // With a low limit it does not take long to reach it.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let fewer = rustix::process::Rlimit { current: Some(128), ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, fewer).unwrap();
    assert_eq!(react_on(&Reactor::new(), exhausted), ExitCode::SUCCESS);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    assert_eq!((descriptors(), children()), (before, String::new()));
}
