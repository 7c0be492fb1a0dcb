//! A child process as what is connected to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use crate::support::{Event, Log, Recorder, drive, until};
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::endpoint::{ProcessEndpoint, StandardError};
use reactor_compat::log::LogCapture;
use reactor_compat::process::{ProcessCommand, ProcessTerminated, SpawnError};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{Address, ConnectionDone};

fn sh(script: &str) -> ProcessCommand {
    ProcessCommand::new("/bin/sh").args(["-c", script]).env("PATH", "/bin:/usr/bin")
}

#[test]
fn what_is_written_comes_back() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let endpoint = ProcessEndpoint::new(&reactor, ProcessCommand::new("cat"));
        let connection = endpoint.connect(move |_| Recorder::new(&seen)).await.unwrap();
        assert_eq!(connection.get_peer(), &Address::Pipe);
        connection.write("hello");
        until(|| log.data() == b"hello").await;
        // The end of its input has it exit.
        connection.lose_write_connection();
        until(|| log.end() == Some(Event::Done)).await;
    });
}

#[test]
fn the_exit_is_the_reason_of_the_end() {
    drive(|reactor| async move {
        for (script, exit) in [
            ("exit 0", None),
            ("exit 3", Some(ProcessTerminated::with_exit_code(3))),
            ("kill -9 $$", Some(ProcessTerminated::by_signal(9))),
        ] {
            let endpoint = ProcessEndpoint::new(&reactor, sh(script));
            let connection = endpoint.connect(|_| Recorder::default()).await.unwrap();
            let reason = connection.when_lost().await.unwrap();
            match exit {
                None => assert!(reason.is::<ConnectionDone>(), "{reason}"),
                Some(exit) => assert_eq!(reason.check(), Some(&exit)),
            }
        }
        let endpoint = ProcessEndpoint::new(&reactor, ProcessCommand::new("/no/such"));
        let failure = endpoint.connect(|_| Recorder::default()).await.unwrap_err();
        assert!(failure.is::<SpawnError>());
    });
}

#[test]
fn in_memory_it_is_a_double_whose_errors_are_logged() {
    let capture = LogCapture::start();
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let seen = log.clone();
    let endpoint = ProcessEndpoint::new(&reactor, ProcessCommand::new("worker"));
    let connecting = endpoint.connect(move |_| Recorder::new(&seen));
    reactor.flush().unwrap();
    success_result_of(connecting);
    let worker = reactor.processes()[0].clone();
    worker.pipe(1).unwrap().write("out").unwrap();
    worker.pipe(2).unwrap().write("oh\nno").unwrap();
    reactor.flush().unwrap();
    worker.exit(0);
    reactor.flush().unwrap();
    assert_eq!((log.data(), log.end()), (b"out".to_vec(), Some(Event::Done)));
    let logged = capture.flush(|event| format!("{event:?}").contains("[worker]"));
    assert_eq!(logged.len(), 2);

    let silent = ProcessEndpoint::new(&reactor, ProcessCommand::new("worker"));
    drop(silent.standard_error(StandardError::Drop).connect(|_| Recorder::default()));
    reactor.flush().unwrap();
    assert!(reactor.processes()[1].pipe(2).is_none());
    reactor.refuse_to_listen(std::io::ErrorKind::NotFound);
    let connecting = endpoint.connect(|_| Recorder::default());
    reactor.flush().unwrap();
    assert!(failure_result_of(connecting).is::<SpawnError>());
}
