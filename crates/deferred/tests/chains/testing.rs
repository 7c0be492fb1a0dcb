//! The test helpers: what they give, and how they fail a test.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, unhandled};

/// The message that `check` panics with.
fn complaint_of<R>(check: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(check)).err().expect("it should complain");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// `success_result_of` gives the value, or shows what is there instead.
#[test]
fn success() {
    assert_eq!(success_result_of(Deferred::succeed(1)), 1);
    let complaint = complaint_of(|| success_result_of(Deferred::<()>::fail(CancelledError)));
    assert!(complaint.starts_with("success expected"), "{complaint}");
    assert!(complaint.contains("cancelled"), "{complaint}");
    let (pending, _trigger) = Deferred::<()>::new();
    let complaint = complaint_of(|| success_result_of(pending));
    assert!(complaint.contains("no result: <Deferred at"), "{complaint}");
}

/// `failure_result_of` gives the failure, or says what is there instead.
#[test]
fn failure() {
    assert!(failure_result_of(Deferred::<()>::fail(fmt::Error)).is::<fmt::Error>());
    let complaint = complaint_of(|| failure_result_of(Deferred::succeed(1)));
    assert!(complaint.contains("succeeded"), "{complaint}");
    let (pending, _trigger) = Deferred::<()>::new();
    assert!(complaint_of(|| failure_result_of(pending)).contains("no result"));
}

/// What the two take is handled: no failure is reported afterwards.
#[test]
fn what_is_looked_at_is_handled() {
    let errors = LoggedErrors::collect();
    failure_result_of(Deferred::<()>::fail(fmt::Error));
    complaint_of(|| success_result_of(Deferred::<()>::fail(fmt::Error)));
    assert!(errors.flush_all().is_empty());
}

/// `assert_no_result` lets what is pending, paused or waiting pass, and leaves
/// it as it is.
#[test]
fn no_result() {
    let (pending, trigger) = Deferred::new();
    assert_no_result(&pending);
    pending.pause();
    trigger.callback(1).unwrap();
    assert_no_result(&pending);
    pending.unpause();
    assert!(complaint_of(|| assert_no_result(&pending)).contains("no result expected"));
    assert_eq!(success_result_of(pending), 1);
}

/// The collector has the errors of its thread, in their order, until they are
/// flushed, by type or all.
#[test]
fn errors_are_collected_and_flushed() {
    let errors = LoggedErrors::collect();
    drop(Deferred::<()>::fail(fmt::Error));
    drop(Deferred::<()>::fail(CancelledError));
    drop(Deferred::<()>::fail(fmt::Error));
    assert!(format!("{errors:?}").contains("cancelled"), "{errors:?}");
    assert_eq!(errors.flush_logged_errors::<fmt::Error>().len(), 2);
    assert!(errors.flush_logged_errors::<fmt::Error>().is_empty());
    let rest = errors.flush_all();
    assert_eq!(rest.len(), 1);
    assert!(rest[0].is::<CancelledError>());
}

/// What nobody flushed fails the test when the collector goes, and says what
/// it was.
#[test]
fn unexpected_errors_fail_the_test() {
    let complaint = complaint_of(|| {
        let _errors = LoggedErrors::collect();
        drop(Deferred::<()>::fail(CancelledError));
    });
    assert!(complaint.contains("errors that nobody expected"), "{complaint}");
    assert!(complaint.contains("cancelled"), "{complaint}");
}

/// A test that fails already fails with its own message.
#[test]
fn a_failing_test_keeps_its_message() {
    let complaint = complaint_of(|| {
        let _errors = LoggedErrors::collect();
        drop(Deferred::<()>::fail(CancelledError));
        panic!("the real reason");
    });
    assert_eq!(complaint, "the real reason");
}

/// Collectors nest, over one another and over other observers; when one goes
/// the one before has its turn again.
#[test]
fn collectors_nest() {
    let outer = LoggedErrors::collect();
    {
        let inner = LoggedErrors::collect();
        drop(Deferred::<()>::fail(fmt::Error));
        {
            let _ignoring = unhandled::observe(|_error| ());
            drop(Deferred::<()>::fail(fmt::Error));
        }
        assert_eq!(inner.flush_all().len(), 1);
    }
    assert!(outer.flush_all().is_empty());
    drop(Deferred::<()>::fail(fmt::Error));
    assert_eq!(outer.flush_all().len(), 1);
}

/// The errors of other threads are theirs.
#[test]
fn collectors_are_of_one_thread() {
    let errors = LoggedErrors::collect();
    let other = std::thread::spawn(|| {
        let errors = LoggedErrors::collect();
        drop(Deferred::<()>::fail(fmt::Error));
        errors.flush_all().len()
    });
    assert_eq!(other.join().unwrap(), 1);
    assert!(errors.flush_all().is_empty());
}
