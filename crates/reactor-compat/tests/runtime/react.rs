//! Whole programs: from the main function to the exit code.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use crate::support::drive;
use deferred::{Deferred, Failure};
use reactor_compat::log::LogCapture;
use reactor_compat::task::{SystemExit, defer_later, react, react_on};
use reactor_compat::{Reactor, reactor};

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

#[test]
fn the_error_of_main_is_a_failure_of_the_log() {
    let capture = LogCapture::start();
    assert_eq!(react(|_| Deferred::<()>::fail(std::fmt::Error)), ExitCode::from(1));
    assert_eq!(capture.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

/// The name of the test that is run again as a program of its own.
const PROGRAM: &str = "REACT_TEST_PROGRAM";

/// Runs a test of this file as a program; standard error goes to `stderr`.
#[cfg(target_os = "linux")]
fn run_as_program(test: &str, stderr: std::fs::File) -> Option<i32> {
    let this = std::env::current_exe().unwrap();
    let mut program = std::process::Command::new(this);
    program.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(PROGRAM, test);
    program.stdout(std::process::Stdio::null()).stderr(stderr).status().unwrap().code()
}

/// A file that refuses all that is written stands in for a terminal that is
/// gone.
#[cfg(target_os = "linux")]
#[test]
fn a_program_whose_error_cannot_be_written_fails_all_the_same() {
    if std::env::var_os(PROGRAM).is_some() {
        let code = react(|_| Deferred::<()>::fail(std::fmt::Error));
        std::process::exit(if code == ExitCode::from(1) { 41 } else { 40 });
    }
    let full = std::fs::File::create("/dev/full").unwrap();
    let test = "react::a_program_whose_error_cannot_be_written_fails_all_the_same";
    assert_eq!(run_as_program(test, full), Some(41));
}

/// A subscriber of the user's may fail as well.
#[test]
fn a_program_whose_log_panics_fails_all_the_same() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    /// Panics at the first error.
    #[derive(Default)]
    struct Broken(std::sync::atomic::AtomicBool);

    impl<S: tracing::Subscriber> Layer<S> for Broken {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let error = *event.metadata().level() == tracing::Level::ERROR;
            if error && !self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
                std::panic::panic_any("this panic is part of the test");
            }
        }
    }

    let subscriber = tracing_subscriber::registry().with(Broken::default());
    let failing = |reactor: Reactor| async move {
        defer_later(&reactor, MILLISECOND, || ()).await?;
        Err::<(), Failure>(std::fmt::Error.into())
    };
    let code = tracing::subscriber::with_default(subscriber, || react(failing));
    assert_eq!(code, ExitCode::from(1));
}
