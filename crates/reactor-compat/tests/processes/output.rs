//! `get_process_output` and its kin, over real processes.

use std::cell::Cell;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CancelledError, Failure};
use reactor_compat::Reactor;
use reactor_compat::process::{
    ProcessCommand, ProcessOutputTooLong, ProcessTerminated, SpawnError, SpawnProblem,
    TerminatedOutput, UnexpectedErrorOutput, get_process_output, get_process_output_and_value,
    get_process_value,
};
use reactor_compat::task::react_on;

fn sh(script: &str) -> ProcessCommand {
    ProcessCommand::new("/bin/sh").args(["-c", script])
}

/// Runs a coroutine on a reactor of its own; it has to succeed, and to come to its
/// end: a reactor that a signal stops gives the exit code of success, too.
fn run<R>(main: impl FnOnce(Reactor) -> R + 'static)
where
    R: Future<Output = Result<(), Failure>> + 'static,
{
    let finished = Rc::new(Cell::new(false));
    let told = finished.clone();
    let code = react_on(&Reactor::new(), move |reactor| {
        let main = main(reactor);
        async move {
            main.await?;
            told.set(true);
            Ok::<_, Failure>(())
        }
    });
    assert_eq!((code, finished.get()), (ExitCode::SUCCESS, true));
}

#[test]
fn the_output_is_given_whatever_the_exit_code() {
    run(|reactor| async move {
        assert_eq!(get_process_output(&reactor, &sh("echo hello; exit 1")).await?, b"hello\n");
        Ok(())
    });
}

#[test]
fn output_to_standard_error_is_an_error() {
    run(|reactor| async move {
        let failure = get_process_output(&reactor, &sh("echo oh >&2")).await.unwrap_err();
        assert_eq!(failure.check::<UnexpectedErrorOutput>().unwrap().err, b"oh\n");
        Ok(())
    });
}

#[test]
fn standard_input_is_given_and_ends() {
    run(|reactor| async move {
        // More than a pipe holds, in both directions at a time.
        let input = vec![b'x'; 1 << 20];
        let command = ProcessCommand::new("cat").stdin(input.clone());
        assert!(get_process_output(&reactor, &command).await? == input);
        assert_eq!(get_process_output(&reactor, &ProcessCommand::new("cat")).await?, b"");
        Ok(())
    });
}

#[test]
fn input_that_is_not_read_is_no_error() {
    run(|reactor| async move {
        let command = sh("exit 4").stdin(vec![b'x'; 1 << 20]);
        assert_eq!(get_process_value(&reactor, &command).await?, 4);
        Ok(())
    });
}

#[test]
fn a_signal_is_told_with_what_was_written_before() {
    run(|reactor| async move {
        let failure = get_process_value(&reactor, &sh("kill -9 $$")).await.unwrap_err();
        assert_eq!(failure.check::<ProcessTerminated>().unwrap().signal(), Some(9));
        let command = sh("echo half; kill -15 $$");
        let failure = get_process_output_and_value(&reactor, &command).await.unwrap_err();
        let error = failure.check::<TerminatedOutput>().unwrap();
        assert_eq!((&*error.out, error.reason.signal()), (&b"half\n"[..], Some(15)));
        Ok(())
    });
}

#[test]
fn the_environment_is_empty_unless_given() {
    run(|reactor| async move {
        let env = || ProcessCommand::new("/usr/bin/env");
        assert_eq!(get_process_output(&reactor, &env()).await?, b"");
        assert_eq!(get_process_output(&reactor, &env().env("A", "b")).await?, b"A=b\n");
        assert_ne!(get_process_output(&reactor, &env().inherit_env()).await?, b"");
        let pwd = sh("pwd").directory("/");
        assert_eq!(get_process_output(&reactor, &pwd).await?, b"/\n");
        Ok(())
    });
}

#[test]
fn a_program_that_cannot_be_started_is_a_named_error() {
    let too_long = sh("").args(vec!["x".repeat(100_000); 100]);
    let cases = [
        (ProcessCommand::new("/no/such"), SpawnProblem::NotFound),
        (ProcessCommand::new("/etc/passwd"), SpawnProblem::NotExecutable),
        (too_long, SpawnProblem::ArgumentsTooLong),
        (sh("").directory("/no/such"), SpawnProblem::NoDirectory("/no/such".into())),
    ];
    run(|reactor| async move {
        for (command, problem) in cases {
            let failure = get_process_value(&reactor, &command).await.unwrap_err();
            assert_eq!(*failure.check::<SpawnError>().unwrap().problem(), problem);
        }
        Ok(())
    });
}

#[test]
fn one_that_writes_without_end_is_killed() {
    run(|reactor| async move {
        let command = sh("while :; do echo y; done").max_output(1000);
        let failure = get_process_output(&reactor, &command).await.unwrap_err();
        assert!(failure.is::<ProcessOutputTooLong>());
        Ok(())
    });
}

#[test]
fn exactly_the_limit_is_not_too_much() {
    run(|reactor| async move {
        let command = sh("printf abcd").max_output(4);
        assert_eq!(get_process_output(&reactor, &command).await?, b"abcd");
        Ok(())
    });
}

#[test]
fn the_value_does_not_wait_for_grandchildren() {
    let file = temporary("grandchild");
    let name = file.clone();
    run(|reactor| async move {
        let path = name.clone().into_os_string();
        let command = sh("sleep 1000 & echo $! > \"$0\"").args([path]);
        assert_eq!(get_process_value(&reactor, &command).await?, 0);
        // It is still there.
        let number = fs::read_to_string(&name)?;
        assert_eq!(get_process_value(&reactor, &sh("kill $0").args([number.trim()])).await?, 0);
        Ok(())
    });
    fs::remove_file(file).unwrap();
}

/// The name of a file of this test.
fn temporary(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("processes-{test}-{}", std::process::id()))
}

/// The numbers of the process and of its child, which ignore TERM.
const STUBBORN: &str =
    "trap '' TERM; sleep 1000 & echo $$ $! > \"$1.new\"; mv \"$1.new\" \"$1\"; wait";

#[cfg(target_os = "linux")]
#[test]
fn cancelling_kills_the_whole_group_of_one_that_ignores_term() {
    let file = temporary("stubborn");
    let name = file.clone();
    run(|reactor| async move {
        let command = sh(STUBBORN).args(["sh".into(), name.clone().into_os_string()]);
        let command = command.own_group().grace(Duration::from_millis(1));
        let output = get_process_output(&reactor, &command.env("PATH", "/bin:/usr/bin"));
        while !name.exists() {
            tokio::task::yield_now().await;
        }
        let handle = output.cancel_handle();
        handle.cancel();
        assert!(output.await.unwrap_err().is::<CancelledError>());
        let numbers = fs::read_to_string(&name)?;
        for number in numbers.split_whitespace() {
            while is_alive(number) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    });
    fs::remove_file(file).unwrap();
}

/// Whether there is such a process, other than one that nobody has reaped yet.
#[cfg(target_os = "linux")]
fn is_alive(number: &str) -> bool {
    fs::read_to_string(format!("/proc/{number}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
