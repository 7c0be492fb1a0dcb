//! The errors as values: what they say, and what they turn into.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::error::Error;
use std::io;
use std::sync::Arc;

use reactor_compat::blocking::SetupError;
use reactor_compat::resolver::DnsLookupError;
use reactor_compat::{
    Address, AdoptError, ConnectError, ConnectionLost, DatagramError, Protocol, Reactor,
    ReactorAlreadyRunning, ReactorNotRunning, ReactorStopped, ReactorThreadError, RunError,
    SharedIoError, SocketError, WouldDeadlock,
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
    assert_eq!(other, ConnectError::Other(ErrorKind::PermissionDenied.into()));
}

/// What a program asks of the operating system's error: its number.
fn number_of(error: &dyn Error) -> Option<i32> {
    error.source()?.downcast_ref::<io::Error>()?.raw_os_error()
}

#[cfg(unix)]
#[test]
fn the_systems_own_error_is_the_source_of_each_that_it_made() {
    use std::net::Ipv4Addr;

    let denied = || io::Error::from_raw_os_error(13);
    let lost = ConnectionLost::from(denied());
    assert_eq!((number_of(&lost), lost.kind()), (Some(13), Some(io::ErrorKind::PermissionDenied)));
    assert_eq!(number_of(&lost.clone()), Some(13));
    let from = (Ipv4Addr::LOCALHOST, 1).into();
    for error in [
        ConnectError::from(denied()),
        ConnectError::NotOpened(denied().into()),
        ConnectError::Bind(from, denied().into()),
    ] {
        assert_eq!(number_of(&error), Some(13), "{error}");
    }
    assert_eq!(number_of(&AdoptError::from(denied())), Some(13));
    assert_eq!(number_of(&SocketError::from(denied())), Some(13));
    assert_eq!(number_of(&DatagramError::from(denied())), Some(13));
    let open = |_: Address| Silent;
    let taken = Reactor::new().listen_tcp(("192.0.2.1", 0), open).unwrap_err();
    let not_ours = Some(rustix::io::Errno::ADDRNOTAVAIL.raw_os_error());
    assert_eq!(number_of(&taken), not_ours, "{taken}");
    assert_eq!(number_of(&io::Error::from(taken)), not_ours);
}

struct Silent;
impl Protocol for Silent {}

#[cfg(all(unix, feature = "tls"))]
#[test]
fn the_error_of_a_file_is_the_source_of_the_error_of_an_identity() {
    use reactor_compat::tls::{Identity, TrustRoots};

    let missing = Identity::from_pem_files("/no/such", "/no/key").unwrap_err();
    assert_eq!(number_of(&missing), Some(2));
    let nowhere = TrustRoots::from_pem_file("/no/such").unwrap_err();
    assert_eq!(number_of(&nowhere), Some(2));
}

#[test]
fn a_name_that_cannot_be_looked_up_says_which_and_why() {
    let lookup = DnsLookupError::with_source("a.test", io::ErrorKind::TimedOut.into());
    let error = ConnectError::from(lookup.clone());
    assert_eq!(
        error.to_string(),
        "hostname couldn't be looked up: DNS lookup of a.test failed: timed out"
    );
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&lookup));
    assert!(lookup.source().unwrap().is::<io::Error>());
    assert!(DnsLookupError::new("a.test", "no such name").source().is_none());
}

#[test]
fn a_loss_that_the_system_says_nothing_of_has_no_source() {
    assert!(ConnectionLost::default().source().is_none());
    assert!(ConnectionLost::because("the cable was cut").source().is_none());
    assert!(ConnectError::Timeout.source().is_none());
}

#[test]
fn shared_errors_are_equal_by_kind_and_text() {
    let one = SharedIoError::from(io::Error::other("one"));
    assert_eq!(one, one.clone());
    assert_eq!(one, io::Error::other("one").into());
    assert_ne!(one, io::Error::other("two").into());
    assert_ne!(one, io::Error::new(io::ErrorKind::InvalidData, "one").into());
    assert_eq!(format!("{one} {one:?}"), {
        let same = io::Error::other("one");
        format!("{same} {same:?}")
    });
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
