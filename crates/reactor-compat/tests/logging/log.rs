//! The log's lines, to the letter, and who gets them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use deferred::Deferred;
use reactor_compat::Reactor;
use reactor_compat::log::{self, JsonFormat, Logging, LoggingError, TwistedFormat, Zone};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;

use super::support::{Broken, Paper, lecture, said, written};

#[test]
fn the_lines_of_the_lecture() {
    let text = written(
        |logging| logging,
        || {
            let reactor = Reactor::new();
            let stop = reactor.clone();
            reactor.call_when_running(move || {
                log::msg("In func as event handler");
                log::msg("Hello!");
                log::msg("Shutting down now!");
                stop.stop().unwrap();
            });
            reactor.run().unwrap();
        },
    );
    let expected = "\
2015-02-17 11:46:16-0500 [-] Log opened.
2015-02-17 11:46:16-0500 [-] In func as event handler
2015-02-17 11:46:16-0500 [-] Hello!
2015-02-17 11:46:16-0500 [-] Shutting down now!
2015-02-17 11:46:16-0500 [-] Main loop terminated.
";
    assert_eq!(text, expected);
}

#[test]
fn lines_that_follow_are_indented() {
    assert_eq!(said(|| log::msg("two\nlines\n")), "[-] two\n\tlines\n\t\n");
    assert_eq!(said(|| log::msg("")), "[-] \n");
    assert_eq!(said(|| log::msg("100 %s {} \t")), "[-] 100 %s {} \t\n");
}

#[test]
fn the_system_is_that_of_the_innermost_span_that_has_one() {
    let text = said(|| {
        let outer = tracing::debug_span!("connection", system = "Echo,0,127.0.0.1", bytes = 3);
        outer.in_scope(|| {
            log::msg("a");
            tracing::info_span!("other", bytes = 4).in_scope(|| log::msg("b"));
            log::call_with_system("Inner", || log::msg("c"));
            tracing::info!(system = "Event", "d");
        });
        log::msg("e");
    });
    let expected = "[Echo,0,127.0.0.1] a\n[Echo,0,127.0.0.1] b\n[Inner] c\n[Event] d\n[-] e\n";
    assert_eq!(text, expected);
}

#[test]
fn the_constant_names_the_field() {
    let field = |span: tracing::Span| span.field(log::SYSTEM).is_some();
    written(|logging| logging, || assert!(field(log::system_span("a"))));
}

#[test]
fn a_system_may_come_later() {
    let text = said(|| {
        let span = tracing::info_span!("job", system = tracing::field::Empty);
        span.in_scope(|| log::msg("a"));
        span.record("system", "Late");
        span.in_scope(|| log::msg("b"));
        span.record("system", "Later");
        span.in_scope(|| log::msg("c"));
    });
    assert_eq!(text, "[-] a\n[Late] b\n[Later] c\n");
}

#[test]
fn a_span_of_any_level_may_have_a_system() {
    let quiet = |logging: Logging| logging.level(LevelFilter::WARN);
    let text = written(quiet, || {
        tracing::trace_span!("deep", system = "Deep").in_scope(|| tracing::warn!("a"));
        tracing::trace_span!("deep").in_scope(|| log::msg("not at this level"));
    });
    assert_eq!(text, "2015-02-17 11:46:16-0500 [Deep] a\n");
}

#[test]
fn fields_follow_the_message() {
    let text = said(|| {
        tracing::info!(a = 1, b = -2, c = true, d = 0.5, e = "x", f = "x y", "all");
        tracing::info!(g = %"x y", h = ?"x", i = "", j = "a=b");
    });
    let expected = "\
[-] all a=1 b=-2 c=true d=0.5 e=x f=\"x y\"
[-] g=x y h=\"x\" i=\"\" j=\"a=b\"
";
    assert_eq!(text, expected);
}

#[test]
fn errors_have_the_reason_and_a_traceback() {
    let expected = "\
[-] Log opened.
[-] while doing
\tTraceback (most recent call last):
\tFailure: the inner
\t
[-] Unhandled Error
\tTraceback (most recent call last):
\tFailure: the outer
\tcaused by: the inner
\t";
    assert_eq!(lines_of("errors").join("\n"), expected);
}

#[test]
fn errors_have_their_frames_if_they_are_asked_for() {
    let lines = lines_of_part("errors", "1");
    let first = &lines[2..lines.iter().position(|line| line == "[-] Unhandled Error").unwrap()];
    assert_eq!(first[0], "\tTraceback (most recent call first):");
    // Without its path if the build has line tables only.
    let part = |line: &&str| line.ends_with(" part") || line.ends_with(" log::part");
    assert!(first.iter().any(|line| part(&line.as_str())), "{first:?}");
    assert_eq!(first[first.len() - 2..], ["\tthe inner", "\t"]);
    assert_eq!(lines[lines.len() - 3..], ["\tthe outer", "\tcaused by: the inner", "\t"]);
}

#[test]
fn errors_of_events_have_a_traceback_where_they_are_errors() {
    let error: &(dyn Error + 'static) = &Broken(Some(Box::new(Broken(None))));
    let text = said(|| {
        tracing::error!(error, chain = "the outer: the inner", n = 1, "lost");
        tracing::warn!(error, "not yet");
        tracing::error!(%error, "shown");
    });
    let expected = "\
[-] lost n=1
\tTraceback (most recent call last):
\tFailure: the outer
\tcaused by: the inner
\t
[-] not yet error=the outer: the inner
[-] shown error=the outer
";
    assert_eq!(text, expected);
}

#[test]
fn a_deferred_that_fails_unhandled_is_logged() {
    let text = said(|| drop(Deferred::<()>::fail(Broken(None))));
    // In between is a backtrace, if `RUST_BACKTRACE` asks for one.
    assert!(text.starts_with("[-] Unhandled error in Deferred\n\tTraceback"), "{text}");
    assert!(text.ends_with("the inner\n\t\n"), "{text}");
}

#[test]
fn a_panic_is_logged_with_its_system() {
    let text = said(|| {
        assert_eq!(log::call_with_logger("Lp", || -> i32 { panic!("boom") }), None);
        assert_eq!(log::call_with_logger("Lp", || 1), Some(1));
    });
    assert!(text.starts_with("[Lp] Unhandled Error\n\tTraceback"), "{text}");
    assert!(text.ends_with("panicked: boom\n\t\n"), "{text}");
}

/// The examples of Twisted's own test of `formatTime`.
#[test]
fn times_in_all_kinds_of_zones() {
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106);
    for (offset, expected) in [
        (-18000, "2001-02-02 23:05:06-0500"),
        (3600, "2001-02-03 05:05:06+0100"),
        (39600, "2001-02-03 15:05:06+1100"),
        (-5400, "2001-02-03 02:35:06-0130"),
        (5400, "2001-02-03 05:35:06+0130"),
        (-1800, "2001-02-03 03:35:06-0030"),
        (1800, "2001-02-03 04:35:06+0030"),
    ] {
        assert_eq!(TwistedFormat::new().zone(Zone::offset(offset)).format_time(when), expected);
    }
    let own = TwistedFormat::new().zone(Zone::utc()).time_format("%Y %m");
    assert_eq!(own.format_time(when), "2001 02");
    let wrong = TwistedFormat::new().zone(Zone::utc()).time_format("%!");
    assert_eq!(wrong.format_time(when), "2001-02-03 04:05:06+0000");
}

#[test]
fn summer_time_has_its_own_offset() {
    let zone = Zone::named("America/New_York").unwrap();
    let format = TwistedFormat::new().zone(zone);
    let july = SystemTime::UNIX_EPOCH + Duration::from_secs(1_436_975_176);
    assert_eq!(format.format_time(july), "2015-07-15 11:46:16-0400");
}

#[test]
fn json_lines_can_be_read_and_have_the_spans() {
    let odd: String = (0..0x100).filter_map(char::from_u32).chain(['\u{2028}', '😀']).collect();
    let text = written(Logging::json, || {
        let outer = tracing::info_span!("job", number = 4, system = "Jobs", name2 = "x");
        outer.in_scope(|| {
            let inner = tracing::info_span!("step", at = tracing::field::Empty);
            inner.record("at", 2);
            inner.record("at", 3);
            inner.in_scope(|| tracing::info!(target: "t", odd, n = f64::NAN, "{odd}"));
        });
        let error: &(dyn Error + 'static) = &Broken(None);
        tracing::error!(error, "lost");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let expected = serde_json::json!({
        "time": "2015-02-17T11:46:16.000000-05:00",
        "level": "INFO",
        "target": "t",
        "system": "Jobs",
        "message": odd,
        "fields": {"odd": odd, "n": "NaN"},
        "spans": [
            {"name": "job", "system": "Jobs", "number": 4, "name2": "x"},
            {"name": "step", "at": 3},
        ],
    });
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["message"], "Log opened.");
    assert_eq!(lines[1], expected);
    assert_eq!(lines[2]["failure"], "Traceback (most recent call last):\nFailure: the inner\n");
}

#[test]
fn levels_by_target() {
    let set = |logging: Logging| logging.targets("warn,mail=debug,mail::spam=off").unwrap();
    let text = written(set, || {
        tracing::debug!(target: "mail", "a");
        tracing::trace!(target: "mail", "b");
        tracing::error!(target: "mail::spam", "c");
        tracing::info!(target: "news", "d");
        tracing::warn!(target: "news", "e");
    });
    let prefix = "2015-02-17 11:46:16-0500 [-] ";
    assert_eq!(text, format!("{prefix}a\n{prefix}e\n"));
}

#[test]
fn targets_that_make_no_sense_are_an_error() {
    let error = Logging::to(io::sink()).targets("mail=loud").unwrap_err();
    assert_eq!(error, LoggingError::BadTargets("mail=loud".to_owned()));
}

#[test]
fn a_layer_shows_what_its_subscriber_lets_through() {
    let paper = Paper::default();
    let lines = Logging::to(paper.clone()).zone(Zone::utc()).clock(lecture).into_layer();
    let subscriber = tracing_subscriber::registry()
        .with(lines)
        .with(tracing_subscriber::filter::Targets::new().with_default(LevelFilter::DEBUG));
    // Two subscribers at least, so that threads do not hide events from each other.
    let _log = Logging::to(io::sink()).start_on_this_thread();
    tracing::subscriber::with_default(subscriber, || {
        log::call_with_system("Echo", || tracing::debug!("a"));
        tracing::trace!("b");
    });
    assert_eq!(paper.text(), "2015-02-17 16:46:16+0000 [Echo] a\n");
}

#[test]
fn the_formats_fit_into_the_fmt_layer() {
    let _log = Logging::to(io::sink()).start_on_this_thread();
    let (twisted, json) = (Paper::default(), Paper::default());
    let subscriber = tracing_subscriber::registry()
        .with(log::spans())
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(TwistedFormat::new())
                .with_writer(twisted.clone()),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(JsonFormat::new())
                .with_writer(json.clone()),
        );
    tracing::subscriber::with_default(subscriber, || {
        log::call_with_system("Echo", || log::msg("one\ntwo"));
    });
    assert!(twisted.text().ends_with(" [Echo] one\n\ttwo\n"), "{}", twisted.text());
    let object: serde_json::Value = serde_json::from_str(&json.text()).unwrap();
    assert_eq!((&object["system"], &object["message"]), (&"Echo".into(), &"one\ntwo".into()));
}

#[test]
fn what_cannot_be_written_is_an_error_that_can_be_asked_for() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _data: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Logging::to(Full).start_on_this_thread();
    assert_eq!(log.take_write_error().unwrap().kind(), io::ErrorKind::StorageFull);
    assert!(log.take_write_error().is_none());
    log::msg("again");
    assert_eq!(log.take_write_error().unwrap().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn each_line_is_one_write_and_a_flush() {
    #[derive(Clone, Default)]
    struct Count(Arc<(AtomicU64, AtomicU64)>);
    impl Write for Count {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.0.fetch_add(1, Ordering::Relaxed);
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.1.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let count = Count::default();
    let log = Logging::to(count.clone()).start_on_this_thread();
    log::msg("one\ntwo");
    drop(log);
    assert_eq!(count.0.0.load(Ordering::Relaxed), 2);
    assert_eq!(count.0.1.load(Ordering::Relaxed), 2);
}

#[test]
fn a_writer_is_dropped_when_its_log_ends() {
    let (mut read, write) = io::pipe().unwrap();
    let log = Logging::to(write).start_on_this_thread();
    let span = log::system_span("still here");
    drop(log);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    assert!(text.ends_with(" [-] Log opened.\n"), "{text}");
    drop(span);
}

#[test]
fn threads_that_log_in_parallel_do_not_hear_each_other() {
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..50 {
                    let text = said(|| {
                        log::call_with_system(thread, || log::msg(round));
                        tracing::info!(thread, round, "here");
                    });
                    let expected =
                        format!("[{thread}] {round}\n[-] here thread={thread} round={round}\n");
                    assert_eq!(text, expected);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// The things that a Python program logs, logged here.
fn same_things() {
    log::msg("plain");
    log::msg("two\nlines\n");
    log::msg("");
    log::msg("100 %s {}");
    tracing::info!(system = "Foo", "of a system");
    log::call_with_system("Echo,0,127.0.0.1", || log::msg("in a context"));
    log::err(Broken(None), "while doing");
    log::err(Broken(None), "");
    log::call_with_system("Lp", || log::err(Broken(None), "in a context"));
    let reactor = Reactor::new();
    let stop = reactor.clone();
    reactor.call_when_running(|| log::msg("running"));
    reactor.call_later(Duration::ZERO, move || {
        log::msg("Shutting down now!");
        stop.stop().unwrap();
    });
    reactor.run().unwrap();
}

const SAME_THINGS: &str = r#"
import sys
from twisted.python import log
log.startLogging(sys.stdout, setStdout=False)
class Broken(Exception):
    pass
log.msg("plain")
log.msg("two\nlines\n")
log.msg("")
log.msg("100 %s {}")
log.msg("of a system", system="Foo")
log.callWithContext({"system": "Echo,0,127.0.0.1"}, log.msg, "in a context")
log.err(Broken("the inner"), "while doing")
log.err(Broken("the inner"))
log.callWithContext({"system": "Lp"}, log.err, Broken("the inner"), "in a context")
from twisted.internet import reactor
def stop():
    log.msg("Shutting down now!")
    reactor.stop()
reactor.callWhenRunning(log.msg, "running")
reactor.callLater(0, stop)
reactor.run()
"#;

/// The lines without their time stamps, all of which have to be such.
fn without_times(text: &str) -> Vec<String> {
    let is_time = |stamp: &str| {
        stamp.chars().zip("dddd-dd-dd dd:dd:dd+dddd".chars()).all(|(c, form)| match form {
            'd' => c.is_ascii_digit(),
            '+' => c == '+' || c == '-',
            _ => c == form,
        })
    };
    let without = |line: &str| match line.split_once(" [") {
        Some((stamp, rest)) if !line.starts_with('\t') => {
            assert!(stamp.len() == 24 && is_time(stamp), "no time stamp: {line:?}");
            format!("[{rest}")
        }
        _ => line.to_owned(),
    };
    text.lines().map(without).collect()
}

#[test]
fn twisted_prints_the_same() {
    let python = Command::new("python3").args(["-c", "import twisted"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED twisted_prints_the_same: there is no python3 with Twisted");
        return;
    }
    let theirs = Command::new("python3").args(["-c", SAME_THINGS]).output().unwrap();
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
    // Types have no names here.
    let theirs = String::from_utf8(theirs.stdout).unwrap().replace("__main__.Broken: ", "");

    let (theirs, ours) = (without_times(&theirs), lines_of("same things"));
    assert!(theirs.len() > 20, "{theirs:?}");
    assert_eq!(theirs.last().unwrap(), "[-] Main loop terminated.");
    assert_eq!(ours, theirs);
}

/// What is done in a process of its own, since it is about the whole process;
/// see [`alone`].
fn part(name: &str) {
    match name {
        "lines" => {
            let handle = log::start_logging(io::stdout()).unwrap();
            log::msg("one");
            std::thread::spawn(|| log::call_with_system("Elsewhere", || log::msg("two")))
                .join()
                .unwrap();
            handle.stop();
            assert!(!handle.active());
            log::msg("nobody hears this");
            log::start_logging(io::stdout()).unwrap();
            log::msg("three");
        }
        "errors" => {
            log::start_logging(io::stdout()).unwrap();
            log::err(Broken(None), "while doing");
            log::err(Broken(Some(Box::new(Broken(None)))), "");
        }
        "same things" => {
            log::start_logging(io::stdout()).unwrap();
            same_things();
        }
        "twice" => {
            log::start_logging(io::stdout()).unwrap();
            let second = log::start_logging(io::sink()).unwrap();
            second.stop();
            log::msg("still here");
        }
        "other" => {
            tracing_subscriber::fmt().with_writer(io::sink).init();
            assert_eq!(
                log::start_logging(io::stdout()).unwrap_err(),
                LoggingError::OtherSubscriber
            );
            let added = log::add_observer(|_| {});
            assert_eq!(added.unwrap_err(), LoggingError::OtherSubscriber);
        }
        "default" => {
            log::msg("not an error");
            log::err(Broken(None), "while doing");
            log::discard_logs();
            log::err(Broken(None), "discarded");
        }
        #[cfg(feature = "log-records")]
        "records" => {
            Logging::to(io::stdout()).targets("info,mail=debug").unwrap().start().unwrap();
            tracing_log::log::info!(target: "news", "one");
            tracing_log::log::debug!(target: "news", "two");
            log::call_with_system("Mail", || tracing_log::log::debug!(target: "mail", "three"));
        }
        "reentrant" => {
            // An observer that logs is not shown what it says; others are.
            log::start_logging(io::stdout()).unwrap();
            log::add_observer(|event| log::msg(format_args!("heard {}", event.message())))
                .unwrap()
                .detach();
            log::msg("one");
        }
        other => panic!("there is no part {other}"),
    }
}

const PART: &str = "LOG_TEST_PART";

/// Runs a part in a process of its own.
fn alone(name: &str, backtrace: &str) -> Output {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::a_part_alone", "--nocapture", "--quiet"])
        .env(PART, name)
        .env("RUST_BACKTRACE", backtrace)
        .env_remove("RUST_LIB_BACKTRACE")
        .env("TZ", "Asia/Kolkata")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    output
}

/// The log's lines of a part: what the test harness prints is left out.
fn lines_of(name: &str) -> Vec<String> {
    lines_of_part(name, "0")
}

fn lines_of_part(name: &str, backtrace: &str) -> Vec<String> {
    let text = String::from_utf8(alone(name, backtrace).stdout).unwrap();
    let log_lines = |line: &&str| line.contains(" [") || line.starts_with('\t');
    without_times(&text.lines().filter(log_lines).collect::<Vec<_>>().join("\n"))
}

/// Not a test: see [`alone`].
#[test]
fn a_part_alone() {
    if let Ok(name) = std::env::var(PART) {
        part(&name);
    }
}

#[test]
fn a_log_of_the_process_has_every_thread_and_can_be_stopped_and_started_again() {
    let expected =
        ["[-] Log opened.", "[-] one", "[Elsewhere] two", "[-] Log opened.", "[-] three"];
    assert_eq!(lines_of("lines"), expected);
}

#[test]
fn times_are_local() {
    let text = String::from_utf8(alone("lines", "0").stdout).unwrap();
    let opened = text.lines().find(|line| line.ends_with("Log opened.")).unwrap();
    assert!(opened.ends_with("+0530 [-] Log opened."), "{opened}");
}

#[test]
fn a_log_that_is_started_twice_says_so() {
    let lines = lines_of("twice");
    assert_eq!(lines[0], "[-] Log opened.");
    assert!(lines[1].starts_with("[-] Warning: primary log target selected twice at <"));
    assert!(lines[1].contains("log.rs:"), "{}", lines[1]);
    assert!(lines[1].ends_with(">.  Remove one of the calls to start_logging."));
    assert_eq!(lines[2..], ["[-] Log opened.", "[-] still here"]);
}

#[test]
fn another_subscriber_is_an_error() {
    assert_eq!(lines_of("other"), [""; 0]);
}

#[test]
fn errors_go_to_standard_error_while_nobody_listens() {
    let output = alone("default", "0");
    let expected = "while doing\nTraceback (most recent call last):\nFailure: the inner\n\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[cfg(feature = "log-records")]
#[test]
fn records_of_the_log_crate_are_included() {
    assert_eq!(lines_of("records"), ["[-] Log opened.", "[-] one", "[Mail] three"]);
}

#[test]
fn an_observer_that_logs_is_heard_by_the_others() {
    assert_eq!(lines_of("reentrant"), ["[-] Log opened.", "[-] one", "[-] heard one"]);
}
