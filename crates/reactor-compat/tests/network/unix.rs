//! UNIX sockets that stream: ports, connections, files and locks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::RefCell;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Event, Log, Recorder, drive, until};
use deferred::Failure;
use reactor_compat::log::LogCapture;
use reactor_compat::{
    Address, CannotListenError, ConnectError, Connection, Protocol, Reactor, SocketError,
    UnixAddress, UnixConnectOptions, UnixOptions,
};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

struct Silent;
impl Protocol for Silent {}

/// A directory, and a path in it where nothing is.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    (directory, path)
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// The number of a process that has ended.
fn dead_process() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// What a server leaves behind that held its lock and was killed.
fn leave_behind(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    symlink(dead_process().to_string(), lock_of(path)).unwrap();
}

/// A name in Linux's own name space that no other test has.
fn abstract_name(test: &str) -> String {
    format!("\0reactor-compat/{}/{test}", process::id())
}

fn failure_of(failure: &Failure) -> ConnectError {
    failure.check::<ConnectError>().unwrap().clone()
}

/// A word there and back, over an address.
async fn says_and_hears(reactor: &Reactor, address: impl Into<UnixAddress>) {
    let log = Log::default();
    let seen = log.clone();
    let connector = reactor.connect_unix(address, move |_: Address| Recorder::new(&seen));
    let connection = connector.when_connected().await.unwrap();
    connection.write("hello");
    until(|| log.data() == b"hello").await;
    connection.lose_connection();
    assert_eq!(log.ended().await, Event::Done);
}

#[test]
fn what_is_sent_to_a_path_comes_back() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        reactor.listen_unix(&path, |_: Address| Recorder::echo(&Log::default())).unwrap();
        says_and_hears(&reactor, &path).await;
    });
}

#[test]
fn both_ends_know_their_addresses() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let server = Rc::new(RefCell::new(None));
        let seen = server.clone();
        let built_for = Rc::new(RefCell::new(None));
        let peer = built_for.clone();
        let port = reactor
            .listen_unix(&path, move |address: Address| {
                peer.replace(Some(address));
                let seen = seen.clone();
                Recorder::default().made(move |me, ()| {
                    seen.replace(Some(me.transport().clone()));
                })
            })
            .unwrap();
        let client = reactor.connect_unix(&path, |_: Address| Silent).when_connected();
        let client = client.await.unwrap();
        until(|| server.borrow().is_some()).await;
        let server = server.take().unwrap();
        let (named, unnamed) =
            (Address::Unix(UnixAddress::from(&path)), Address::Unix(UnixAddress::Unnamed));
        assert_eq!(port.get_host(), &named);
        assert_eq!((client.get_host(), client.get_peer()), (&unnamed, &named));
        assert_eq!((server.get_host(), server.get_peer()), (&named, &unnamed));
        assert_eq!(built_for.take(), Some(unnamed));
    });
}

#[test]
fn a_client_that_has_a_name_is_known_by_it() {
    let (directory, path) = place();
    drive(|reactor| async move {
        let built_for = Rc::new(RefCell::new(None));
        let peer = built_for.clone();
        reactor
            .listen_unix(&path, move |address: Address| {
                peer.replace(Some(address));
                Silent
            })
            .unwrap();
        let name = directory.path().join("client");
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.bind(&SockAddr::unix(&name).unwrap()).unwrap();
        client.connect(&SockAddr::unix(&path).unwrap()).unwrap();
        until(|| built_for.borrow().is_some()).await;
        assert_eq!(built_for.take(), Some(Address::Unix(UnixAddress::from(name))));
    });
}

#[test]
fn the_file_has_the_mode_that_was_asked_for_whatever_the_umask() {
    let (directory, _) = place();
    let reactor = Reactor::new();
    for mode in [0o666, 0o600, 0o777, 0o000] {
        let path = directory.path().join(mode.to_string());
        let options = UnixOptions::new().mode(mode);
        let port = reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap();
        let file = fs::metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, mode);
        drop(port.stop_listening());
    }
}

#[test]
fn everybody_may_connect_unless_told_otherwise() {
    let (_directory, path) = place();
    let reactor = Reactor::new();
    reactor.listen_unix(&path, |_: Address| Silent).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
}

#[test]
fn the_file_goes_with_the_port() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let port = reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        assert!(path.exists());
        port.stop_listening().await.unwrap();
        assert!(!path.exists());
        // And so the address is free.
        reactor.listen_unix(&path, |_: Address| Silent).unwrap();
    });
}

#[test]
fn the_file_goes_with_a_port_that_never_accepted() {
    let (_directory, path) = place();
    let reactor = Reactor::new();
    let port = reactor.listen_unix(&path, |_: Address| Silent).unwrap();
    drop(port.stop_listening());
    assert!(!path.exists());
}

#[test]
fn a_file_that_took_the_place_of_ours_stays() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let port = reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        fs::remove_file(&path).unwrap();
        // So that the new one cannot have the number of the old.
        fs::write(path.with_extension("other"), "").unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        port.stop_listening().await.unwrap();
        assert!(path.exists());
        drop(theirs);
    });
}

#[test]
fn a_file_that_is_gone_before_the_port_does_not_matter() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let port = reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        fs::remove_file(&path).unwrap();
        port.stop_listening().await.unwrap();
    });
}

fn refusal(address: impl Into<UnixAddress>, options: UnixOptions) -> CannotListenError {
    Reactor::new().listen_unix_with(address, options, |_: Address| Silent).unwrap_err()
}

#[test]
fn an_address_that_is_taken_cannot_be_listened_on() {
    let (_directory, path) = place();
    let reactor = Reactor::new();
    reactor.listen_unix(&path, |_: Address| Silent).unwrap();
    let error = refusal(&path, UnixOptions::new());
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(path.to_str().unwrap()));
    // Failing took nothing away.
    assert!(path.exists());
    UnixStream::connect(&path).unwrap();
}

#[test]
fn what_was_left_behind_is_in_the_way_without_a_lock() {
    let (_directory, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(refusal(&path, UnixOptions::new()).kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn addresses_that_cannot_be() {
    let (directory, path) = place();
    let plain = UnixOptions::new();
    assert_eq!(refusal("", plain).kind(), io::ErrorKind::InvalidInput);
    assert_eq!(refusal("a\0b", plain).kind(), io::ErrorKind::InvalidInput);
    assert_eq!(refusal("a".repeat(1000), plain).kind(), io::ErrorKind::InvalidInput);
    assert_eq!(refusal(path.join("below"), plain).kind(), io::ErrorKind::NotFound);
    assert_eq!(refusal("\0name", plain.lock(true)).kind(), io::ErrorKind::InvalidInput);
    // None of it left a file or a lock.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_lock_is_there_as_long_as_the_port() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let options = UnixOptions::new().lock(true);
        let port = reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap();
        let owner = fs::read_link(lock_of(&path)).unwrap();
        assert_eq!(owner.to_str(), Some(process::id().to_string().as_str()));
        port.stop_listening().await.unwrap();
        assert!(fs::symlink_metadata(lock_of(&path)).is_err());
        assert!(!path.exists());
        reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap();
    });
}

#[test]
fn a_lock_that_is_held_keeps_others_away() {
    let (_directory, path) = place();
    let options = UnixOptions::new().lock(true);
    let reactor = Reactor::new();
    let port = reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap();
    let error = refusal(&path, options);
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().ends_with("cannot acquire lock"), "{error}");
    // The first one still has both.
    UnixStream::connect(&path).unwrap();
    assert!(fs::symlink_metadata(lock_of(&path)).is_ok());
    drop(port.stop_listening());
    assert!(reactor.listen_unix_with(&path, options, |_: Address| Silent).is_ok());
}

#[test]
fn the_lock_of_a_server_that_was_killed_is_taken_over_and_its_socket_removed() {
    let (_directory, path) = place();
    leave_behind(&path);
    drive(|reactor| async move {
        let options = UnixOptions::new().lock(true);
        let echo = |_: Address| Recorder::echo(&Log::default());
        reactor.listen_unix_with(&path, options, echo).unwrap();
        says_and_hears(&reactor, &path).await;
    });
}

#[test]
fn what_is_no_socket_is_not_removed_though_a_server_was_killed() {
    let (_directory, path) = place();
    symlink(dead_process().to_string(), lock_of(&path)).unwrap();
    fs::write(&path, "a letter").unwrap();
    let error = refusal(&path, UnixOptions::new().lock(true));
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert_eq!(fs::read(&path).unwrap(), b"a letter");
    // And nobody holds the lock.
    assert!(fs::symlink_metadata(lock_of(&path)).is_err());
}

#[test]
fn a_checked_lock_that_is_held_lets_one_connect() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let options = UnixOptions::new().lock(true);
        reactor.listen_unix_with(&path, options, |_: Address| Silent).unwrap();
        let options = UnixConnectOptions::new().check_lock(true);
        let connector = reactor.connect_unix_with(&path, options, |_: Address| Silent);
        connector.when_connected().await.unwrap();
    });
}

#[test]
fn a_checked_lock_of_a_server_that_was_killed_is_an_error() {
    let (_directory, path) = place();
    leave_behind(&path);
    drive(|reactor| async move {
        let options = UnixConnectOptions::new().check_lock(true);
        let connector = reactor.connect_unix_with(&path, options, |_: Address| Silent);
        let failure = connector.when_connected().await.unwrap_err();
        assert_eq!(failure_of(&failure), ConnectError::BadFile);
    });
}

#[test]
fn a_checked_lock_that_nobody_took_is_an_error_though_somebody_listens() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        let options = UnixConnectOptions::new().check_lock(true);
        let connector = reactor.connect_unix_with(&path, options, |_: Address| Silent);
        let failure = connector.when_connected().await.unwrap_err();
        assert_eq!(failure_of(&failure), ConnectError::BadFile);
    });
}

#[test]
fn connecting_where_nobody_listens() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let nothing = reactor.connect_unix(&path, |_: Address| Silent).when_connected();
        let failure = failure_of(&nothing.await.unwrap_err());
        let ConnectError::Other(error) = failure else { panic!("{failure:?}") };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        let left = reactor.connect_unix(&path, |_: Address| Silent).when_connected();
        assert_eq!(failure_of(&left.await.unwrap_err()), ConnectError::ConnectionRefused);
        let unnamed = reactor.connect_unix("", |_: Address| Silent).when_connected();
        assert!(matches!(failure_of(&unnamed.await.unwrap_err()), ConnectError::Other(..)));
    });
}

/// A listener that has room for very few, and accepts when it is told to.
fn narrow(path: &Path) -> UnixListener {
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    listener.into()
}

#[test]
fn a_server_whose_backlog_is_full_is_waited_for() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let listener = narrow(&path);
        let connecting: Vec<_> = (0..5)
            .map(|_| reactor.connect_unix(&path, |_: Address| Silent).when_connected())
            .collect();
        listener.set_nonblocking(true).unwrap();
        let mut accepted = Vec::new();
        until(|| {
            accepted.extend(listener.accept().ok());
            accepted.len() == 5
        })
        .await;
        for connected in connecting {
            connected.await.unwrap();
        }
    });
}

#[test]
fn a_server_that_never_accepts_is_waited_for_no_longer_than_the_timeout() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let _listener = narrow(&path);
        let options = UnixConnectOptions::new().timeout(Duration::from_millis(30));
        let connect = || reactor.connect_unix_with(&path, options, |_: Address| Silent);
        let mut failures = Vec::new();
        for connected in [connect(), connect(), connect()].map(|c| c.when_connected()) {
            failures.extend(connected.await.err().as_ref().map(failure_of));
        }
        assert_eq!(failures, [ConnectError::Timeout, ConnectError::Timeout]);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_needs_no_file() {
    drive(|reactor| async move {
        let name = abstract_name("echo");
        let port = reactor
            .listen_unix(name.as_str(), |_: Address| Recorder::echo(&Log::default()))
            .unwrap();
        assert_eq!(port.get_host(), &Address::Unix(UnixAddress::from(name.as_str())));
        says_and_hears(&reactor, name.as_str()).await;
        // Nobody else can have it meanwhile, and anybody afterwards.
        let error = refusal(name.as_str(), UnixOptions::new());
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        port.stop_listening().await.unwrap();
        reactor.listen_unix(name.as_str(), |_: Address| Silent).unwrap();
    });
}

#[test]
fn a_port_says_in_the_log_where_it_starts_and_when_it_is_closed() {
    let (_directory, path) = place();
    let capture = LogCapture::start();
    let shown = path.display().to_string();
    drive(move |reactor| async move {
        let port = reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        port.stop_listening().await.unwrap();
    });
    let messages = capture.messages();
    assert!(messages.contains(&format!("Factory starting on '{shown}'")), "{messages:?}");
    assert!(messages.contains(&format!("(UNIX Port {shown} Closed)")), "{messages:?}");
}

#[test]
fn a_half_closed_peer_still_reads() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        struct Answer;
        impl Protocol for Answer {
            fn read_connection_lost(&mut self, transport: &Connection<Self>) {
                transport.write("heard it");
                transport.lose_connection();
            }
        }
        reactor.listen_unix(&path, |_: Address| Answer).unwrap();
        let answer = tokio::task::spawn_blocking(move || {
            let mut peer = UnixStream::connect(&path).unwrap();
            peer.write_all(b"question").unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            peer.read_to_string(&mut answer).unwrap();
            answer
        });
        assert_eq!(answer.await.unwrap(), "heard it");
    });
}

#[test]
fn options_of_tcp_are_refused_by_name() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        reactor.listen_unix(&path, |_: Address| Silent).unwrap();
        let client = reactor.connect_unix(&path, |_: Address| Silent).when_connected();
        let client = client.await.unwrap();
        assert_eq!(client.set_tcp_no_delay(true), Err(SocketError::NotTcp));
    });
}

#[test]
fn an_abort_is_the_end_of_it_for_both() {
    let (_directory, path) = place();
    drive(|reactor| async move {
        let (ours, theirs) = (Log::default(), Log::default());
        let (server, client) = (theirs.clone(), ours.clone());
        reactor.listen_unix(&path, move |_: Address| Recorder::new(&server)).unwrap();
        let connector = reactor.connect_unix(&path, move |_: Address| Recorder::new(&client));
        connector.when_connected().await.unwrap().abort_connection();
        assert_eq!(ours.ended().await, Event::Aborted(None));
        // There is no reset of a UNIX connection in which all was read.
        assert_eq!(theirs.ended().await, Event::Done);
    });
}
