//! Observers, captures, and what they get to see.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use deferred::{CancelledError, Failure};
use reactor_compat::log::{self, FieldValue, LogCapture, Logging, TARGET};
use tracing::Level;
use tracing_subscriber::prelude::*;

/// A list that observers add to.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn an_event_says_all_that_is_known() {
    let capture = LogCapture::start();
    let before = SystemTime::now();
    tracing::info_span!("job", number = 7_u64).in_scope(|| {
        tracing::warn!(target: "mail", bytes = 3, name = "x", ok = true, at = ?(1, 2), "sent {}", 1);
    });
    let after = SystemTime::now();
    let events = capture.take();
    let [event] = &events[..] else { panic!("one event expected: {events:?}") };
    assert_eq!((event.message(), event.target(), event.level()), ("sent 1", "mail", Level::WARN));
    assert_eq!(event.system(), "-");
    assert!((before..=after).contains(&event.time()));
    let fields = [
        ("bytes", FieldValue::Signed(3)),
        ("name", FieldValue::Str("x".to_owned())),
        ("ok", FieldValue::Bool(true)),
        ("at", FieldValue::Shown("(1, 2)".to_owned())),
    ];
    assert_eq!(event.fields(), fields);
    assert_eq!(event.field("bytes"), Some(&FieldValue::Signed(3)));
    assert_eq!(event.field("none"), None);
    assert_eq!(event.spans().len(), 1);
    assert_eq!(event.spans()[0].fields(), [("number", FieldValue::Unsigned(7))]);
    assert_eq!(event.text(), "sent 1 bytes=3 name=x ok=true at=(1, 2)");
    assert!(event.failure().is_none() && event.traceback().is_none());
}

#[test]
fn a_failure_arrives_as_it_was() {
    let capture = LogCapture::start();
    let failure = Failure::new(CancelledError);
    log::err(failure.clone(), "why");
    let events = capture.flush(|event| event.level() == Level::ERROR);
    assert!(events[0].failure().unwrap().same(&failure));
    assert_eq!(events[0].target(), TARGET);
    assert_eq!(events[0].message(), "why");
    assert!(events[0].fields().is_empty(), "{:?}", events[0].fields());
}

/// To a subscriber that is not ours the error of `err` is the error itself.
#[test]
fn other_subscribers_get_plain_errors() {
    #[derive(Debug)]
    struct Outer;
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&fmt::Error)
        }
    }

    let _capture = LogCapture::start();
    let (mut read, write) = io::pipe().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_writer(Mutex::new(write))
        .finish();
    tracing::subscriber::with_default(subscriber, || log::err(Outer, "why"));
    let mut text = String::new();
    io::Read::read_to_string(&mut read, &mut text).unwrap();
    let expected = "ERROR reactor_compat::log: why error=outer error.sources=[an error occurred \
                    when formatting an argument]";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn an_observer_looks_on_until_its_guard_is_dropped() {
    let capture = LogCapture::start();
    let seen = Seen::default();
    let add = seen.clone();
    log::msg("before");
    let guard = log::add_observer(move |event| add.add(event.text())).unwrap();
    log::msg("during");
    tracing::debug!("not at this level");
    drop(guard);
    log::msg("after");
    assert_eq!(seen.take(), ["during"]);
    assert_eq!(capture.messages(), ["before", "during", "after"]);
}

#[test]
fn what_an_observer_holds_is_dropped_with_its_guard() {
    let _capture = LogCapture::start();
    let held = Arc::new(());
    let inner = held.clone();
    let guard = log::add_observer(move |_| drop(inner.clone())).unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    drop(guard);
    assert_eq!(Arc::strong_count(&held), 1);

    let inner = held.clone();
    let handle = log::add_observer(move |_| drop(inner.clone())).unwrap().detach();
    assert_eq!(Arc::strong_count(&held), 2);
    handle.stop();
    handle.stop();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn each_observer_has_its_own_levels() {
    let capture = LogCapture::start();
    let seen = Seen::default();
    let add = seen.clone();
    let guard = Logging::observer(move |event| add.add(event.text()))
        .targets("off,clock=trace")
        .unwrap()
        .add()
        .unwrap();
    let speak = || {
        tracing::trace!(target: "clock", "tick");
        tracing::info!(target: "bell", "ding");
    };
    speak();
    drop(guard);
    speak();
    assert_eq!(seen.take(), ["tick"]);
    assert_eq!(capture.messages(), ["ding", "ding"]);
}

#[test]
fn an_observer_that_panics_is_reported_to_the_others_and_goes_on() {
    let capture = LogCapture::start();
    let seen = Seen::default();
    let add = seen.clone();
    let guard = log::add_observer(move |event| {
        add.add(event.text());
        assert_ne!(event.message(), "bad", "the observer does not like it");
    })
    .unwrap();
    log::msg("bad");
    log::msg("good");
    drop(guard);
    assert_eq!(seen.take(), ["bad", "good"]);
    let complaints = capture.flush(|event| event.level() == Level::ERROR);
    assert_eq!(complaints.len(), 1);
    let complaint = complaints[0].message();
    assert!(complaint.starts_with("Temporarily disabling observer due to exception: panicked: "));
    assert!(complaint.contains("the observer does not like it"), "{complaint}");
    assert_eq!(capture.messages(), ["bad", "good"]);
}

/// Neither does the value that it panicked with, as it goes.
#[test]
fn what_an_observer_panics_with_may_panic_as_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom")
        }
    }

    let capture = LogCapture::start();
    let guard = log::add_observer(|_| std::panic::panic_any(Bomb)).unwrap();
    log::msg("bad");
    drop(guard);
    assert_eq!(capture.flush(|event| event.level() == Level::ERROR).len(), 1);
    assert_eq!(capture.messages(), ["bad"]);
}

#[test]
fn observers_may_come_and_go_from_inside_an_observer() {
    let _capture = LogCapture::start();
    let seen = Seen::default();
    let hub: Arc<Mutex<Option<log::ObserverGuard>>> = Arc::default();
    let (add, own) = (seen.clone(), hub.clone());
    let guard = log::add_observer(move |event| {
        add.add(event.text());
        drop(own.lock().unwrap().take());
    })
    .unwrap();
    *hub.lock().unwrap() = Some(guard);
    log::msg("one");
    log::msg("two");
    assert_eq!(seen.take(), ["one"]);
}

#[test]
fn an_observer_may_log() {
    let capture = LogCapture::start();
    let guard = log::add_observer(|event| log::msg(format_args!("heard {}", event.message())));
    log::msg("one");
    drop(guard);
    // In a thread's log `tracing` drops it; it must not go round and round.
    assert_eq!(capture.messages(), ["one"]);
}

#[test]
fn an_observer_finds_the_layer_in_a_subscriber_of_ones_own() {
    let _capture = LogCapture::start();
    let seen = Seen::default();
    let add = seen.clone();
    let subscriber = tracing_subscriber::registry()
        .with(log::layer(io::sink()).with_filter(tracing_subscriber::filter::LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        let guard = log::add_observer(move |event| add.add(event.text())).unwrap();
        log::msg("hello");
        drop(guard);
    });
    assert_eq!(seen.take(), ["hello"]);
}

#[test]
fn a_log_on_a_thread_may_be_added_to_a_capture() {
    let capture = LogCapture::start();
    let (mut read, write) = io::pipe().unwrap();
    let guard = Logging::to(write).add().unwrap();
    log::msg("hello");
    drop(guard);
    let mut text = String::new();
    io::Read::read_to_string(&mut read, &mut text).unwrap();
    assert!(text.ends_with(" [-] hello\n"), "{text}");
    assert_eq!(capture.messages(), ["hello"]);
}

#[test]
fn errors_are_flushed_by_type() {
    let capture = LogCapture::start();
    log::err(CancelledError, "");
    log::err(fmt::Error, "");
    log::err(CancelledError, "");
    assert_eq!(capture.flush_logged_errors::<CancelledError>().len(), 2);
    assert_eq!(capture.flush_logged_errors::<CancelledError>().len(), 0);
    assert_eq!(capture.flush_logged_errors::<fmt::Error>().len(), 1);
    assert!(capture.events().is_empty());
}

#[test]
#[should_panic(expected = "errors were logged that nobody expected:\nwhile doing")]
fn errors_that_nobody_expected_fail_the_test() {
    let _capture = LogCapture::start();
    log::err(fmt::Error, "while doing");
}

#[test]
fn captures_may_be_nested() {
    let outer = LogCapture::start();
    log::msg("one");
    let inner = LogCapture::start();
    log::msg("two");
    assert_eq!(inner.messages(), ["two"]);
    drop(inner);
    log::msg("three");
    assert_eq!(outer.messages(), ["one", "three"]);
}

#[test]
fn captures_of_threads_in_parallel_are_apart() {
    let threads: Vec<_> = (0..8)
        .map(|thread: u64| {
            std::thread::spawn(move || {
                for round in 0..50_u64 {
                    let capture = LogCapture::of_targets("debug").unwrap();
                    tracing::debug!(target: "shared", thread, round, "here");
                    let events = capture.take();
                    assert_eq!(events.len(), 1, "{events:?}");
                    assert_eq!(events[0].field("thread"), Some(&FieldValue::Unsigned(thread)));
                    assert_eq!(events[0].field("round"), Some(&FieldValue::Unsigned(round)));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
