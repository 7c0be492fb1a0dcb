//! Signals: real ones, sent to this very process; so one test at a time, since
//! all that listen for one hear it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
#[cfg(target_os = "linux")]
use std::time::Duration;

use reactor_compat::log::LogCapture;
use reactor_compat::{Reactor, RunOptions, Signal, SignalError, reactor};
use rustix::process::{self, Signal as Number};
use support::Watchdog;

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(signal: Number) {
    process::kill_process(process::getpid(), signal).unwrap();
}

#[test]
fn the_default_ones_stop_it() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    for (signal, name) in [(Number::INT, "SIGINT"), (Number::TERM, "SIGTERM")] {
        let capture = LogCapture::start();
        let reactor = Reactor::new();
        reactor.call_when_running(move || send(signal));
        reactor.run().unwrap();
        let said = [format!("Received {name}, shutting down."), "Main loop terminated.".into()];
        assert_eq!(capture.messages(), said);
    }
}

#[test]
fn they_stop_one_on_another_thread_too() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    let thread = Reactor::spawn_thread_with(RunOptions::new(), |_| ()).unwrap();
    thread.remote().blocking_call_from_thread(|| Ok(())).unwrap(); // it runs
    send(Number::TERM);
    thread.join().unwrap();
}

#[test]
fn handlers_of_ones_own_take_their_place_and_can_be_removed() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    let (reactor, count) = (Reactor::new(), Rc::new(Cell::new(0)));
    let (inner, counted) = (reactor.clone(), count.clone());
    let handler = move || {
        counted.set(counted.get() + 1);
        assert!(inner.remove_signal_handler(Signal::Interrupt));
        send(Number::INT); // which now stops it
    };
    reactor.set_signal_handler(Signal::Interrupt, handler).unwrap();
    reactor.call_when_running(|| send(Number::INT));
    reactor.run().unwrap();
    assert_eq!(count.get(), 1);
}

#[test]
fn without_default_handlers_only_ones_own_are_there() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    let reactor = Reactor::new();
    let (inner, heard) = (reactor.clone(), Rc::new(Cell::new(false)));
    let hear = heard.clone();
    let handler = move || {
        hear.set(true);
        inner.stop().unwrap();
    };
    reactor.set_signal_handler(Signal::User2, handler).unwrap();
    // Another listener keeps SIGTERM from ending the process; this one must
    // not hear it.
    let other = Reactor::spawn_thread_with(RunOptions::new(), |_| ()).unwrap();
    other.remote().blocking_call_from_thread(|| Ok(())).unwrap();
    let waited = Rc::new(Cell::new(Some(other)));
    reactor.call_when_running(move || {
        send(Number::TERM);
        waited.take().unwrap().join().unwrap();
        send(Number::USR2);
    });
    let capture = LogCapture::start();
    reactor.run_with(RunOptions::new().install_signal_handlers(false)).unwrap();
    assert!(heard.get());
    assert_eq!(capture.messages(), ["Main loop terminated."]);
}

#[test]
fn a_handler_that_is_set_while_it_runs_hears_the_next_signal() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    reactor().call_when_running(|| {
        reactor().set_signal_handler(Signal::Hangup, || reactor().stop().unwrap()).unwrap();
        send(Number::HUP);
    });
    reactor().run().unwrap();
}

#[test]
fn a_handler_that_panics_is_logged_and_goes_on() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    let (reactor, count) = (Reactor::new(), Rc::new(Cell::new(0)));
    let (inner, counted) = (reactor.clone(), count.clone());
    let handler = move || {
        counted.set(counted.get() + 1);
        match counted.get() {
            1 => {
                send(Number::USR1);
                std::panic::panic_any("this panic is part of the test");
            }
            _ => inner.stop().unwrap(),
        }
    };
    reactor.set_signal_handler(Signal::User1, handler).unwrap();
    reactor.call_when_running(|| send(Number::USR1));
    let capture = LogCapture::start();
    reactor.run().unwrap();
    assert_eq!(count.get(), 2);
    assert_eq!(capture.flush_logged_errors::<deferred::Panic>().len(), 1);
}

#[test]
fn what_cannot_be_handled_is_refused() {
    let _turn = turn();
    let reactor = Reactor::new();
    for number in [-1, 0, 9, 19, 11, 4, 8] {
        let signal = Signal::Number(number);
        let refused: SignalError = reactor.set_signal_handler(signal, || ()).unwrap_err();
        assert_eq!(refused.signal(), signal);
    }
    // Another system's is only known not to be there once it listens.
    reactor.set_signal_handler(Signal::Break, || ()).unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    let capture = LogCapture::start();
    reactor.run().unwrap();
    assert_eq!(capture.messages()[0], "the reactor cannot listen for a signal");
}

#[test]
fn handlers_stay_from_run_to_run() {
    let (_turn, _watchdog) = (turn(), Watchdog::new());
    let reactor = Reactor::new();
    let stop = reactor.clone();
    reactor.set_signal_handler(Signal::WindowChange, move || stop.stop().unwrap()).unwrap();
    for _ in 0..3 {
        reactor.call_when_running(|| send(Number::WINCH));
        reactor.run().unwrap();
    }
    let elsewhere = thread::spawn(|| crate::reactor().remove_signal_handler(Signal::WindowChange));
    assert!(!elsewhere.join().unwrap(), "each reactor has its own");
}

/// The variable in which this program, run again, finds what it is to do.
const PROGRAM: &str = "SIGNALS_TEST_PROGRAM";

/// Runs the test `name` as a program that ignores `signal`; its exit code.
#[cfg(target_os = "linux")]
fn run_ignoring(signal: &str, name: &str, what: &str) -> Option<i32> {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(PROGRAM, what);
    shell.stdout(std::process::Stdio::null()).status().unwrap().code()
}

/// Runs a reactor that is sent `signal`, and then another one that stops it, and
/// exits: with 41 if the first did nothing, with 42 if it did.
#[cfg(target_os = "linux")]
fn run_and_exit(signal: Number, handler: Option<Signal>) -> ! {
    let capture = LogCapture::start();
    let handled = Rc::new(Cell::new(false));
    let heard = handled.clone();
    if let Some(signal) = handler {
        reactor()
            .set_signal_handler(signal, move || {
                heard.set(true);
                reactor().stop()
            })
            .unwrap();
    }
    // The system may bring the later one first, by another thread: time for the earlier.
    let stop = || reactor().call_later(Duration::from_millis(500), || reactor().stop());
    reactor().set_signal_handler(Signal::User2, move || drop(stop())).unwrap();
    reactor().call_when_running(move || {
        send(signal);
        send(Number::USR2);
    });
    reactor().run().unwrap();
    let stopped = capture.messages().iter().any(|message| message.starts_with("Received"));
    std::process::exit(if stopped || handled.get() { 42 } else { 41 })
}

#[cfg(target_os = "linux")]
#[test]
fn one_that_is_inherited_as_ignored_stays_so() {
    let _turn = turn();
    match std::env::var(PROGRAM).as_deref() {
        Ok("int") => run_and_exit(Number::INT, None),
        Ok("term") => run_and_exit(Number::TERM, None),
        Ok("int handled") => run_and_exit(Number::INT, Some(Signal::Interrupt)),
        _ => {}
    }
    let run =
        |signal, what| run_ignoring(signal, "one_that_is_inherited_as_ignored_stays_so", what);
    assert_eq!(run("INT", "int"), Some(41));
    assert_eq!(run("TERM", "term"), Some(41));
    // Each is looked at by itself.
    assert_eq!(run("INT", "term"), Some(42));
    assert_eq!(run("TERM", "int"), Some(42));
    // Who sets a handler wants to hear of it.
    assert_eq!(run("INT", "int handled"), Some(42));
}
