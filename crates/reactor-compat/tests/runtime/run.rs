//! Running a reactor: the order of starting and stopping, crashing, and what
//! is logged meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Log, Recorder, Watchdog, drive, listen, until};
use deferred::{Deferred, Panic};
use reactor_compat::event::EventPhase::{After, Before, During};
use reactor_compat::log::LogCapture;
use reactor_compat::{
    Address, Reactor, ReactorAlreadyRunning, ReactorNotRunning, RunError, RunOptions,
};
use tokio::net::TcpStream;

type Names = Rc<RefCell<Vec<&'static str>>>;

fn note(names: &Names, name: &'static str) -> impl FnOnce() + use<> {
    let names = names.clone();
    move || names.borrow_mut().push(name)
}

#[test]
fn the_order_is_that_of_twisted() {
    let (reactor, names) = (Reactor::new(), Names::default());
    for event in ["shutdown", "startup"] {
        for (phase, startup, shutdown) in [
            (After, "after startup", "after shutdown"),
            (During, "during startup", "during shutdown"),
            (Before, "before startup", "before shutdown"),
        ] {
            let name = if event == "startup" { startup } else { shutdown };
            reactor.add_system_event_trigger(phase, event, note(&names, name));
        }
    }
    reactor.call_when_running(note(&names, "running"));
    let (stop, log) = (reactor.clone(), names.clone());
    reactor.call_later(Duration::ZERO, move || {
        stop.stop().unwrap();
        assert!(stop.running());
        log.borrow_mut().push("told to stop");
    });
    reactor.call_later(Duration::ZERO, note(&names, "same turn"));
    reactor.run().unwrap();
    let expected = [
        "before startup",
        "during startup",
        "after startup",
        "running",
        "told to stop",
        "same turn",
        "before shutdown",
        "during shutdown",
        "after shutdown",
    ];
    assert_eq!(*names.borrow(), expected);
}

#[test]
fn a_deferred_before_startup_holds_up_what_is_called_when_running() {
    let (reactor, names) = (Reactor::new(), Names::default());
    let (ready, trigger) = Deferred::<()>::new();
    reactor.add_system_event_trigger(Before, "startup", move || ready);
    let (stop, log) = (reactor.clone(), names.clone());
    reactor.call_when_running(move || {
        assert!(stop.running());
        log.borrow_mut().push("running");
        stop.stop().unwrap();
    });
    let (inner, log) = (reactor.clone(), names.clone());
    reactor.call_later(Duration::ZERO, move || {
        assert!(!inner.running());
        log.borrow_mut().push("time passes");
        trigger.callback(()).unwrap();
    });
    reactor.run().unwrap();
    assert_eq!(*names.borrow(), ["time passes", "running"]);
}

#[test]
fn a_deferred_before_shutdown_holds_the_end_up_and_all_goes_on_meanwhile() {
    let (reactor, names) = (Reactor::new(), Names::default());
    let (saved, trigger) = Deferred::<()>::new();
    reactor.add_system_event_trigger(Before, "shutdown", move || saved);
    reactor.add_system_event_trigger(After, "shutdown", note(&names, "after"));
    let (inner, log) = (reactor.clone(), names.clone());
    reactor.call_when_running(move || {
        inner.stop().unwrap();
        let again = inner.clone();
        inner.call_later(Duration::from_millis(1), move || {
            assert!(again.running());
            assert_eq!(again.stop(), Err(ReactorNotRunning));
            log.borrow_mut().push("still at work");
            trigger.callback(()).unwrap();
        });
    });
    reactor.run().unwrap();
    assert_eq!(*names.borrow(), ["still at work", "after"]);
}

#[test]
fn connections_are_lost_between_before_and_during() {
    let (reactor, names) = (Reactor::new(), Names::default());
    for (phase, name) in [(Before, "before"), (During, "during"), (After, "after")] {
        let (names, log) = (names.clone(), reactor.clone());
        reactor.add_system_event_trigger(phase, "shutdown", move || {
            assert_eq!(log.running(), name == "before");
            names.borrow_mut().push(name);
        });
    }
    let log = names.clone();
    let address = listen(&reactor, move |_: Address| {
        let names = log.clone();
        Recorder::new(&Log::default())
            .made(|connection, ()| connection.write("hello"))
            .lost(move |_, ()| names.borrow_mut().push("lost"))
    });
    let stop = reactor.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.readable().await.unwrap();
            stop.stop().unwrap();
            std::future::pending::<()>().await;
        });
    });
    reactor.run().unwrap();
    assert_eq!(*names.borrow(), ["before", "lost", "during", "after"]);
}

#[test]
fn a_stop_before_it_has_started_ends_it_after_starting() {
    let (reactor, names) = (Reactor::new(), Names::default());
    let stop = reactor.clone();
    reactor.add_system_event_trigger(Before, "startup", move || stop.stop().unwrap());
    reactor.call_when_running(note(&names, "running"));
    reactor.add_system_event_trigger(After, "shutdown", note(&names, "shutdown"));
    reactor.run().unwrap();
    assert_eq!(*names.borrow(), ["running", "shutdown"]);
}

#[test]
fn firing_shutdown_stops_it() {
    let (reactor, names) = (Reactor::new(), Names::default());
    reactor.fire_system_event("shutdown"); // it does not run
    reactor.add_system_event_trigger(Before, "shutdown", note(&names, "before"));
    let (inner, log) = (reactor.clone(), names.clone());
    reactor.call_when_running(move || {
        inner.fire_system_event("startup"); // nobody's but the reactor's
        inner.fire_system_event("shutdown");
        log.borrow_mut().push("fired");
    });
    reactor.run().unwrap();
    assert_eq!(*names.borrow(), ["before", "fired"]);
}

#[test]
fn a_crash_ends_it_without_shutdown_and_it_can_be_run_again() {
    let reactor = Reactor::new();
    assert_eq!(reactor.crash(), Err(ReactorNotRunning));
    let trigger = reactor.add_system_event_trigger(Before, "shutdown", || ());
    for _ in 0..2 {
        let crash = reactor.clone();
        reactor.call_when_running(move || {
            crash.crash().unwrap();
            assert!(!crash.running());
            assert_eq!(crash.crash(), Err(ReactorNotRunning));
            assert_eq!(crash.stop(), Err(ReactorNotRunning));
        });
        reactor.run().unwrap();
    }
    // It has not been called.
    reactor.remove_system_event_trigger(&trigger).unwrap();
}

#[test]
fn a_crash_tells_protocols_within_their_spans() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| {
            Recorder::new(&Log::default())
                .made(|connection, ()| connection.write("hello"))
                .lost(|_, ()| reactor_compat::log::msg("it is lost"))
        });
        let stream = TcpStream::connect(address).await.unwrap();
        stream.readable().await.unwrap();
        reactor.crash().unwrap();
        std::mem::forget(stream);
    });
    let events = capture.take();
    let lost = events.iter().find(|event| event.message() == "it is lost").unwrap();
    assert_eq!(lost.system(), "Recorder,0,127.0.0.1");
}

#[test]
fn a_run_says_when_it_ends_and_ports_say_what_they_do() {
    let capture = LogCapture::start();
    let reactor = Reactor::new();
    let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Recorder::default()).unwrap();
    let number = port.get_host().port().unwrap();
    reactor.add_system_event_trigger(After, "shutdown", || reactor_compat::log::msg("after"));
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    tracing::info_span!("around", system = "Around").in_scope(|| reactor.run().unwrap());
    let said = [
        format!("Factory starting on {number}"),
        "Starting factory Factory".to_owned(),
        format!("(TCP Port {number} Closed)"),
        "Stopping factory Factory".to_owned(),
        "after".to_owned(),
        "Main loop terminated.".to_owned(),
    ];
    assert_eq!(capture.messages(), said);
    assert_eq!(capture.take().last().unwrap().system(), "-");
}

#[test]
fn what_panics_is_logged_with_twisteds_words() {
    let capture = LogCapture::start();
    fn boom() {
        panic!("this panic is part of the test")
    }
    let reactor = Reactor::new();
    reactor.call_later(Duration::ZERO, boom);
    reactor.remote().call_from_thread(boom).unwrap();
    let stop = reactor.clone();
    reactor.call_later(Duration::from_millis(1), move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(
        capture.messages(),
        ["while calling from thread", "while handling timed call", "Main loop terminated."]
    );
    assert_eq!(capture.flush_logged_errors::<Panic>().len(), 2);
}

#[test]
fn a_protocol_that_panics_is_logged_within_its_span() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let log = Log::default();
        let its = log.clone();
        let address = listen(&reactor, move |_: Address| {
            Recorder::new(&its).made(|_, ()| panic!("this panic is part of the test"))
        });
        let _stream = TcpStream::connect(address).await.unwrap();
        until(|| log.end().is_some()).await;
    });
    let events = capture.take();
    let error = events.iter().find(|event| event.message() == "Unhandled Error").unwrap();
    assert_eq!(error.system(), "Recorder,0,127.0.0.1");
}

#[test]
fn a_clients_span_is_a_clients() {
    let capture = LogCapture::start();
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::default());
        let log = Log::default();
        let its = log.clone();
        reactor.connect_tcp(address, move |_: Address| {
            Recorder::new(&its).made(|connection, ()| {
                reactor_compat::log::msg("made");
                connection.lose_connection();
            })
        });
        until(|| log.end().is_some()).await;
    });
    let events = capture.take();
    let made = events.iter().find(|event| event.message() == "made").unwrap();
    assert_eq!(made.system(), "Recorder,client");
}

#[test]
fn calls_when_running_can_be_taken_back_until_it_runs() {
    let reactor = Reactor::new();
    let trigger = reactor.call_when_running(|| panic!("taken back")).unwrap();
    reactor.remove_system_event_trigger(&trigger).unwrap();
    let stop = reactor.clone();
    reactor.call_when_running(move || {
        assert!(stop.call_when_running(|| ()).is_none(), "it was called at once");
        stop.stop().unwrap();
    });
    reactor.run().unwrap();
}

#[test]
fn options_are_values() {
    assert_eq!(RunOptions::default(), RunOptions::new());
    assert_ne!(RunOptions::new().install_signal_handlers(false), RunOptions::new());
    let reactor = Reactor::new();
    let count = Rc::new(Cell::new(0));
    let (stop, counted) = (reactor.clone(), count.clone());
    reactor.call_when_running(move || {
        counted.set(1);
        let options = RunOptions::new();
        assert!(matches!(
            stop.run_with(options),
            Err(RunError::AlreadyRunning(ReactorAlreadyRunning))
        ));
        stop.stop().unwrap();
    });
    reactor.run_with(RunOptions::new().install_signal_handlers(false)).unwrap();
    assert_eq!(count.get(), 1);
}

#[test]
fn it_can_be_run_from_nowhere_but_idle() {
    let _watchdog = Watchdog::new();
    let reactor = Reactor::new();
    for phase in [Before, During, After] {
        for event in ["startup", "shutdown"] {
            let inner = reactor.clone();
            reactor.add_system_event_trigger(phase, event, move || {
                assert!(matches!(inner.run(), Err(RunError::AlreadyRunning(_))));
            });
        }
    }
    let stop = reactor.clone();
    let capture = LogCapture::start();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert!(capture.flush_logged_errors::<Panic>().is_empty(), "an assertion failed");
}
