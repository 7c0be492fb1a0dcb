//! Whole programs: from the main function to the exit code.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use crate::support::drive;
use deferred::{Deferred, Failure};
use reactor_compat::task::{SystemExit, defer_later, react, react_on};
use reactor_compat::{Reactor, ReactorTime, reactor};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn success_is_zero() {
    async fn main(reactor: Reactor) -> Result<&'static str, Failure> {
        assert!(reactor.running());
        defer_later(&reactor, MILLISECOND, || Ok("any value")).await
    }
    assert_eq!(react(main), ExitCode::SUCCESS);
    assert!(!reactor().running());
}

#[test]
fn a_deferred_will_do_as_well_as_a_coroutine() {
    let code = react(|reactor: Reactor| defer_later(&reactor, MILLISECOND, || ()));
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(react(|_| Deferred::succeed(())), ExitCode::SUCCESS, "even one that is done");
}

#[test]
fn failure_is_one() {
    let failing = |_| Deferred::<()>::fail(std::fmt::Error);
    assert_eq!(react(failing), ExitCode::from(1));
    let failing = |reactor: Reactor| async move {
        defer_later(&reactor, MILLISECOND, || ()).await?;
        Err::<(), Failure>(std::fmt::Error.into())
    };
    assert_eq!(react(failing), ExitCode::from(1));
}

#[test]
fn a_panic_is_one() {
    fn main(_: Reactor) -> Deferred<()> {
        panic!("this panic is part of the test")
    }
    assert_eq!(react(main), ExitCode::from(1));
}

#[test]
fn the_program_chooses_its_code() {
    for code in [0, 1, 3, 255] {
        let exiting = move |_| Deferred::<()>::fail(SystemExit(code));
        assert_eq!(react(exiting), ExitCode::from(code));
    }
}

#[test]
fn tokio_is_there_from_the_first_line() {
    let code = react(|_| async {
        tokio::time::sleep(MILLISECOND).await;
        Ok(())
    });
    assert_eq!(code, ExitCode::SUCCESS);
}

#[test]
fn a_reactor_that_is_stopped_ends_the_program() {
    let reached = Rc::new(Cell::new(false));
    let reach = reached.clone();
    let code = react(|reactor: Reactor| async move {
        let stop = reactor.clone();
        reactor.call_later(MILLISECOND, move || stop.stop().unwrap());
        std::future::pending::<()>().await;
        reach.set(true);
    });
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(!reached.get());
}

#[test]
fn a_main_function_that_stops_the_reactor_itself_may() {
    let code = react(|reactor: Reactor| async move {
        reactor.stop()?;
        Err::<(), Failure>(SystemExit(4).into())
    });
    assert_eq!(code, ExitCode::from(4));
}

#[test]
fn one_reactor_after_another() {
    let reactor = Reactor::new();
    for code in [5, 6] {
        let exiting = move |_| Deferred::<()>::fail(SystemExit(code));
        assert_eq!(react_on(&reactor, exiting), ExitCode::from(code));
    }
}

#[test]
fn a_reactor_that_runs_already_is_left_alone() {
    drive(|reactor| async move {
        let called = Rc::new(Cell::new(false));
        let see = called.clone();
        let code = react_on(&reactor, move |_| {
            see.set(true);
            Deferred::succeed(())
        });
        assert_eq!(code, ExitCode::from(1));
        assert!(reactor.running() && !called.get());
    });
}

#[test]
fn where_it_cannot_run_main_is_not_called_later_either() {
    let called = Rc::new(Cell::new(false));
    let see = called.clone();
    let idle = Reactor::new();
    let inner = idle.clone();
    drive(move |_| async move {
        let code = react_on(&inner, move |_| {
            see.set(true);
            Deferred::succeed(())
        });
        assert_eq!(code, ExitCode::from(1));
    });
    let stop = idle.clone();
    idle.call_when_running(move || stop.stop().unwrap());
    idle.run().unwrap();
    assert!(!called.get());
}

#[test]
fn the_error_of_main_is_logged() {
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt;

    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = std::sync::Mutex::new(file.reopen().unwrap());
    let subscriber = fmt().with_writer(writer).with_ansi(false).finish();
    let code = with_default(subscriber, || react(|_| Deferred::<()>::fail(std::fmt::Error)));
    assert_eq!(code, ExitCode::from(1));
    let written = std::fs::read_to_string(file.path()).unwrap();
    assert!(written.contains("main function encountered error"), "{written}");
    assert!(written.contains(&std::fmt::Error.to_string()), "{written}");
}
