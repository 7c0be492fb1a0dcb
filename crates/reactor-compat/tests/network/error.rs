//! The errors as values: what they say, and what they turn into.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::error::Error;
use std::io;
use std::sync::Arc;

use reactor_compat::blocking::SetupError;
use reactor_compat::{
    ConnectError, ReactorAlreadyRunning, ReactorNotRunning, ReactorStopped, ReactorThreadError,
    RunError, WouldDeadlock,
};

#[test]
fn what_they_say_is_lower_case_and_has_no_full_stop() {
    let errors: [&dyn Error; 9] = [
        &ReactorAlreadyRunning,
        &ReactorNotRunning,
        &ReactorStopped,
        &WouldDeadlock,
        &ReactorThreadError::Panicked,
        &RunError::InsideRuntime,
        &RunError::OutsideRuntime,
        &RunError::NoTimer,
        &ConnectError::NoRoute,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.starts_with(char::is_lowercase), "{text}");
        assert!(!text.ends_with('.'), "{text}");
    }
}

#[test]
fn an_error_of_the_system_is_the_source_of_the_error_about_it() {
    let error = RunError::Io(io::Error::other("out of descriptors"));
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("out of descriptors"));
    assert!(RunError::from(ReactorAlreadyRunning).source().is_none());
}

#[test]
fn what_the_system_says_of_connecting_has_twisteds_names() {
    use io::ErrorKind;
    for (kind, error) in [
        (ErrorKind::ConnectionRefused, ConnectError::ConnectionRefused),
        (ErrorKind::NetworkUnreachable, ConnectError::NoRoute),
        (ErrorKind::HostUnreachable, ConnectError::NoRoute),
        (ErrorKind::TimedOut, ConnectError::TcpTimedOut),
    ] {
        assert_eq!(ConnectError::from(io::Error::from(kind)), error);
    }
    let other = ConnectError::from(io::Error::from(ErrorKind::PermissionDenied));
    assert!(matches!(other, ConnectError::Other(ErrorKind::PermissionDenied, _)));
}

#[test]
fn an_error_of_the_reactors_is_the_source_of_the_error_of_its_thread() {
    let inner = Arc::new(RunError::Io(io::Error::other("out of threads")));
    let error = ReactorThreadError::NotRun(inner.clone());
    assert_eq!(error, ReactorThreadError::NotRun(inner));
    assert_ne!(error, ReactorThreadError::NotRun(Arc::new(RunError::NoTimer)));
    let ran = error.source().unwrap();
    assert_eq!(ran.to_string(), RunError::Io(io::Error::other("")).to_string());
    assert_eq!(ran.source().unwrap().to_string(), "out of threads");
    let error = SetupError::from(io::Error::other("out of threads"));
    assert_eq!(error.source().unwrap().to_string(), "out of threads");
}
