//! Signals: real ones, sent to this very process; so one test at a time, since
//! all that listen for one hear it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

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
