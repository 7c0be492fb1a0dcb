//! Values that cannot be formatted, wherever the log formats a user's value.

#![allow(clippy::panic, clippy::unwrap_used, reason = "values that panic are what it is about")]

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use deferred::Failure;
use reactor_compat::log::{self, FieldValue, JsonFormat, LogCapture, Logging};
use tracing_subscriber::prelude::*;

use super::support::{Paper, said};

/// A value that writes something, and then cannot be formatted.
#[derive(Clone, Copy)]
enum Odd {
    Fails,
    Panics,
}

use Odd::{Fails, Panics};

impl Odd {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begun ")?;
        match self {
            Fails => Err(fmt::Error),
            Panics => panic!("boom"),
        }
    }

    /// What the log is to make of it.
    fn expected(self) -> &'static str {
        match self {
            Fails => {
                "begun <a value that cannot be formatted: an error occurred when formatting an \
                 argument>"
            }
            Panics => "begun <a value that cannot be formatted: panicked: boom>",
        }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Error for Odd {}

#[test]
fn messages() {
    for odd in [Fails, Panics] {
        let capture = LogCapture::start();
        log::msg(odd);
        tracing::info!("of {odd} and {odd:?}");
        assert_eq!(capture.messages()[0], odd.expected());
        assert!(capture.messages()[1].starts_with("of begun <a value that cannot be formatted"));
    }
}

#[test]
fn systems() {
    for odd in [Fails, Panics] {
        let capture = LogCapture::start();
        log::call_with_system(odd, || log::msg("a"));
        tracing::info!(system = %odd, "b");
        assert_eq!(log::call_with_logger(odd, || log::msg("c")), Some(()));
        for event in capture.take() {
            assert_eq!(event.system(), odd.expected());
        }
    }
}

#[test]
fn fields_of_events_and_spans() {
    for odd in [Fails, Panics] {
        let capture = LogCapture::start();
        let span = tracing::info_span!("job", a = %odd, b = ?odd, late = tracing::field::Empty);
        span.record("late", tracing::field::debug(odd));
        span.in_scope(|| tracing::info!(c = %odd, d = ?odd, "all"));
        let event = &capture.take()[0];
        let shown = FieldValue::Shown(odd.expected().to_owned());
        let all = event.fields().iter().chain(event.spans()[0].fields());
        assert_eq!(all.map(|(_, value)| value == &shown).collect::<Vec<_>>(), [true; 5]);
    }
}

#[test]
fn errors_and_failures() {
    for odd in [Fails, Panics] {
        let capture = LogCapture::start();
        log::err(odd, "while doing");
        log::err(Failure::new(odd), "while doing");
        tracing::error!(error = &odd as &dyn Error, "while doing");
        for event in capture.take() {
            let traceback = event.traceback().unwrap();
            assert!(traceback.ends_with(&format!("{}\n", odd.expected())), "{traceback}");
        }
        tracing::warn!(error = &odd as &dyn Error, "not yet");
        assert_eq!(capture.take()[0].field("error").unwrap().to_string(), odd.expected());
    }
}

/// An error with an odd cause; or one that cannot say what it is; or that is
/// its own cause.
#[derive(Debug)]
enum Cause {
    Odd(Odd),
    Panics,
    Itself,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Odd(odd) => Some(odd),
            Self::Panics => panic!("boom"),
            Self::Itself => Some(self),
        }
    }
}

#[test]
fn causes() {
    for odd in [Fails, Panics] {
        let text = said(|| tracing::error!(error = &Cause::Odd(odd) as &dyn Error, "a"));
        assert!(text.contains(&format!("outer\n\tcaused by: {}\n", odd.expected())), "{text}");
    }
    let text = said(|| tracing::error!(error = &Cause::Panics as &dyn Error, "a"));
    assert!(text.ends_with("\tFailure: outer\n\t\n"), "{text}");
    let text = said(|| tracing::error!(error = &Cause::Itself as &dyn Error, "a"));
    assert!(text.ends_with("\n\tcaused by: outer\n\tcaused by: and so on\n\t\n"), "{text}");
}

#[test]
fn lines_of_both_kinds() {
    for odd in [Fails, Panics] {
        assert_eq!(said(|| log::msg(odd)), format!("[-] {}\n", odd.expected()));
        let capture = LogCapture::start();
        tracing::info!(odd = ?odd, "a");
        let line = JsonFormat::new().line(&capture.take()[0]);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["fields"]["odd"], odd.expected());
    }
}

#[test]
fn the_subscribers_of_others_are_given_what_can_be_formatted() {
    let _log = Logging::to(io::sink()).start_on_this_thread();
    for odd in [Fails, Panics] {
        let paper = Paper::default();
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(paper.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            log::msg(odd);
        });
        assert!(paper.text().contains(odd.expected()), "{}", paper.text());
    }
}

#[test]
fn a_clock_that_panics_leaves_events_their_own_time() {
    let paper = Paper::default();
    let log = Logging::to(paper.clone()).clock(|| panic!("boom")).start_on_this_thread();
    log::msg("hello");
    drop(log);
    assert!(paper.text().ends_with(" [-] hello\n"), "{}", paper.text());
}

/// What is written to may be at fault as well: that is no fault of the value.
#[test]
fn a_writer_that_panics_is_an_error_of_writing() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _data: &[u8]) -> io::Result<usize> {
            panic!("boom")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Logging::to(Broken).start_on_this_thread();
    log::msg("hello");
    assert_eq!(log.take_write_error().unwrap().to_string(), "the writer panicked");
}

const PART: &str = "UNFORMATTABLE_TEST_PART";

/// Not a test: see [`before_there_is_a_subscriber`].
#[test]
fn a_part_alone() {
    if std::env::var_os(PART).is_some() {
        log::err(Fails, "while doing");
        log::err(Panics, "");
    }
}

#[test]
fn before_there_is_a_subscriber() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "unformattable::a_part_alone", "--nocapture", "--quiet"])
        .env(PART, "")
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUST_LIB_BACKTRACE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    for odd in [Fails, Panics] {
        assert!(text.contains(&format!("Failure: {}\n", odd.expected())), "{text}");
    }
}
