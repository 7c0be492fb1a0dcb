//! `Failure` and `Panic`.

use std::backtrace::BacktraceStatus;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::ParseIntError;

use deferred::testing::failure_result_of;
use deferred::{CancelledError, Failure, FirstError, Panic, execute};

/// An error with a cause.
#[derive(Debug, PartialEq)]
struct Outer(Inner);

#[derive(Debug, PartialEq)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inner")
    }
}

impl Error for Inner {}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Any error becomes a Failure through `?`, and a Failure stays the same one.
#[test]
fn any_error_becomes_one() {
    fn parse(text: &str) -> Result<i32, Failure> {
        Ok(text.parse::<i32>()?)
    }
    fn twice(failure: Failure) -> Result<i32, Failure> {
        Err(failure)?
    }
    assert_eq!(parse("4").unwrap(), 4);
    assert!(parse("four").unwrap_err().is::<ParseIntError>());
    let failure = Failure::new(fmt::Error);
    assert!(twice(failure.clone()).unwrap_err().same(&failure));
    let from: Failure = CancelledError.into();
    assert!(from.is::<CancelledError>());
}

/// `check` and `is` look at the error's own type, not at its causes.
#[test]
fn check_looks_at_the_type() {
    let failure = Failure::new(Outer(Inner));
    assert_eq!(failure.check::<Outer>(), Some(&Outer(Inner)));
    assert!(failure.check::<Inner>().is_none());
    assert!(failure.is::<Outer>());
    assert!(!failure.is::<Inner>());
}

/// `trap` lets the error through, or gives the same failure back for `?`.
#[test]
fn trap_lets_one_type_through() {
    let failure = Failure::new(Outer(Inner));
    assert_eq!(failure.trap::<Outer>().unwrap(), &Outer(Inner));
    assert!(failure.trap::<io::Error>().unwrap_err().same(&failure));
}

/// An error that is boxed already is not boxed again; text becomes an error.
#[test]
fn boxed_errors_keep_their_type() {
    let failure = Failure::from_boxed(Box::new(Outer(Inner)));
    assert!(failure.is::<Outer>());
    assert_eq!(Failure::from_boxed("out of paper".into()).get_error_message(), "out of paper");
}

/// The last Failure gives its error by value; a shared one, or one of another
/// type, stays whole.
#[test]
fn downcast_gives_the_error() {
    assert_eq!(Failure::new(Outer(Inner)).downcast::<Outer>().unwrap(), Outer(Inner));
    let failure = Failure::new(Outer(Inner));
    let failure = failure.downcast::<Inner>().unwrap_err();
    let shared = failure.clone();
    let failure = failure.downcast::<Outer>().unwrap_err();
    assert!(failure.same(&shared));
    drop(shared);
    assert!(failure.downcast::<Outer>().is_ok());
}

/// The chain begins with the error itself and follows `source`.
#[test]
fn the_chain_of_causes() {
    let failure = Failure::new(FirstError::new(Failure::new(Outer(Inner)), 0));
    let chain: Vec<_> = failure.chain().skip(1).map(ToString::to_string).collect();
    assert_eq!(chain, ["outer", "inner"]);
    assert!(failure.chain().next().unwrap().is::<FirstError>());
    assert_eq!(Failure::new(Inner).chain().count(), 1);
    assert!(failure.value().source().is_some());
}

/// `{}` is the error's message, `{:#}` adds the causes, `{:#?}` is the error's
/// own Debug form, `{:?}` the traceback.
#[test]
fn how_it_is_shown() {
    let failure = Failure::new(Outer(Inner));
    assert_eq!(failure.to_string(), "outer");
    assert_eq!(format!("{failure:#}"), "outer: inner");
    assert_eq!(format!("{failure:#?}"), format!("{:#?}", Outer(Inner)));
    assert_eq!(format!("{failure:?}"), failure.get_traceback());
    assert_eq!(failure.get_error_message(), "outer");
    assert_eq!(failure.get_brief_traceback(), "outer\ncaused by: inner");
    assert!(failure.get_traceback().starts_with("outer\ncaused by: inner"));
}

/// `print_traceback` writes the traceback and a newline, and hands errors of
/// the writer through.
#[test]
fn printing_the_traceback() {
    let failure = Failure::new(Outer(Inner));
    let mut out = Vec::new();
    failure.print_traceback(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("{}\n", failure.get_traceback()));
    let mut full: &mut [u8] = &mut [0; 3];
    assert!(failure.print_traceback(&mut full).is_err());
}

/// The backtrace is there when it was asked for, and then in the traceback.
/// The test runs itself with and without the variable.
#[test]
fn the_backtrace_is_there_on_demand() {
    const CHILD: &str = "FAILURE_TEST_CHILD";
    let failure = Failure::new(Inner);
    let captured = failure.backtrace().status() == BacktraceStatus::Captured;
    let lines = failure.get_traceback().lines().count();
    if let Ok(expected) = std::env::var(CHILD) {
        assert_eq!(captured, expected == "1");
        assert_eq!(lines > 1, captured, "{}", failure.get_traceback());
        return;
    }
    for expected in ["1", "0"] {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "failure::the_backtrace_is_there_on_demand"])
            .env(CHILD, expected)
            .env("RUST_BACKTRACE", expected)
            .env_remove("RUST_LIB_BACKTRACE")
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
        assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"));
    }
}

/// Clones are one Failure; two of equal errors are not.
#[test]
fn sameness() {
    let failure = Failure::new(Inner);
    assert!(failure.same(&failure.clone()));
    assert!(!failure.same(&Failure::new(Inner)));
}

/// It may cross threads, and is one word, also in an `Option` and a `Result`.
#[test]
fn small_and_mobile() {
    let failure = Failure::new(Inner);
    let shown = std::thread::spawn(move || failure.to_string()).join().unwrap();
    assert_eq!(shown, "inner");
    assert_eq!(size_of::<Failure>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Failure>>(), size_of::<usize>());
}

/// A panic becomes a `Panic` with what it said, be it static text, formatted
/// text, or no text.
#[test]
fn panics() {
    let message = |failure: &Failure| failure.check::<Panic>().unwrap().message().to_owned();
    let failure = failure_result_of(execute(|| -> Result<(), _> { panic!("plain") }));
    assert_eq!(message(&failure), "plain");
    assert_eq!(failure.to_string(), "panicked: plain");
    let failure = failure_result_of(execute(|| -> Result<(), _> { panic!("{} text", 1) }));
    assert_eq!(message(&failure), "1 text");
    let failure = failure_result_of(execute(|| -> Result<(), _> { std::panic::panic_any(1) }));
    assert_eq!(message(&failure), "a value that is not text");
    assert_eq!(failure.check::<Panic>(), failure.clone().check::<Panic>());
}

/// A payload that was caught becomes the same Failure, be it that of a thread,
/// and though its destructor panics.
#[test]
fn from_a_caught_panic() {
    struct Nasty;

    impl Drop for Nasty {
        fn drop(&mut self) {
            std::panic::panic_any(1);
        }
    }

    let message = |payload| Failure::from_panic(payload).check::<Panic>().cloned();
    let joined = std::thread::spawn(|| panic!("in a thread")).join();
    let panic = message(joined.unwrap_err()).unwrap();
    assert_eq!(panic.message(), "in a thread");
    let caught = std::panic::catch_unwind(|| std::panic::panic_any(Nasty));
    let panic = message(caught.unwrap_err()).unwrap();
    assert_eq!(panic.message(), "a value that is not text");
}
