//! A reactor that is gone has closed what it had open, whether or not it ever
//! ran, and has let go of what it was given.
//!
//! All in one test: what is counted is the process's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod support;

use std::fs;
use std::io::{PipeReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use deferred::Failure;
use deferred::testing::{failure_result_of, success_result_of};
use reactor_compat::{
    Address, ClientFactory, ConnectError, DatagramOptions, DatagramProtocol, Factory,
    FileDescriptor, Protocol, Reactor, ReadDescriptor, RunOptions, reactor,
};
use support::Watchdog;

/// Counts how many there are of it: a reactor lets go of what it was given.
#[derive(Clone, Default)]
struct Canary(Rc<()>);

impl Protocol for Canary {}
impl DatagramProtocol for Canary {}
impl DatagramProtocol<reactor_compat::UnixAddress> for Canary {}

impl Factory for Canary {
    type Protocol = Self;

    fn build_protocol(&mut self, _peer: Address) -> Option<Self> {
        Some(self.clone())
    }
}

impl ClientFactory for Canary {
    /// A factory that does not take no for an answer.
    fn client_connection_failed(
        &mut self,
        connector: &reactor_compat::Connector<Self>,
        _reason: Failure,
    ) {
        let _ = connector.connect();
    }
}

struct Reader(PipeReader, #[allow(dead_code, reason = "it is counted")] Canary);

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl FileDescriptor for Reader {
    fn connection_lost(&self, _reason: Failure) {}
}

impl ReadDescriptor for Reader {
    fn do_read(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// What a reactor can have open, and where it was put.
struct Opened {
    directory: tempfile::TempDir,
    stream: SocketAddr,
    peer: UnixStream,
    _writer: std::io::PipeWriter,
}

const HERE: (&str, u16) = ("127.0.0.1", 0);

/// Has the reactor open one of each.
fn open(reactor: &Reactor, canary: &Canary) -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);

    let port = reactor.listen_tcp(HERE, canary.clone()).unwrap();
    reactor.listen_unix(file("stream"), canary.clone()).unwrap();
    let adopted = TcpListener::bind(HERE).unwrap();
    reactor.adopt_stream_port(adopted, canary.clone()).unwrap();
    let (ours, peer) = UnixStream::pair().unwrap();
    drop(reactor.adopt_stream_connection(ours, canary.clone()).unwrap());

    let udp = reactor.listen_udp(HERE, canary.clone()).unwrap();
    udp.write("nobody reads this", udp.get_host()).unwrap();
    reactor.adopt_datagram_port(UdpSocket::bind(HERE).unwrap(), canary.clone()).unwrap();
    reactor.listen_unix_datagram(file("datagram"), canary.clone()).unwrap();
    let options = DatagramOptions::new().bind_address(file("client"));
    reactor.connect_unix_datagram_with(file("datagram"), options, canary.clone()).unwrap();

    let stream = port.get_host().socket_addr().unwrap();
    reactor.connect_tcp(stream, canary.clone());
    reactor.connect_unix(file("stream"), canary.clone());

    let (read, writer) = std::io::pipe().unwrap();
    reactor.add_reader(Rc::new(Reader(read, canary.clone())));
    let kept = canary.clone();
    reactor.call_later(Duration::from_secs(3600), move || drop(kept));
    let kept = canary.clone();
    let found = reactor.resolve_host_name("localhost", 80);
    drop(found.add_both(move |_| -> Result<(), Failure> {
        drop(kept);
        Ok(())
    }));
    Opened { directory, stream, peer, _writer: writer }
}

impl Opened {
    /// That all of it is closed.
    fn check(mut self) {
        TcpStream::connect(self.stream).unwrap_err();
        assert_eq!(self.peer.read(&mut [0]).unwrap(), 0, "the peer hears of it");
        // A socket's file is removed when it is closed.
        assert!(fs::read_dir(self.directory.path()).unwrap().next().is_none());
    }
}

fn never_run(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    let other = reactor.clone();
    drop(reactor);
    assert!(TcpStream::connect(opened.stream).is_ok(), "there is a handle left");
    drop(other);
    opened.check();
}

fn handles_that_outlive_their_reactor(canary: &Canary) {
    let reactor = Reactor::new();
    let port = reactor.listen_tcp(HERE, canary.clone()).unwrap();
    let udp = reactor.listen_udp(HERE, canary.clone()).unwrap();
    let connector = reactor.connect_tcp(HERE, canary.clone());
    let connected = connector.when_connected();
    let stopped = port.stop_listening();
    drop(reactor);
    success_result_of(stopped);
    success_result_of(port.stop_listening());
    success_result_of(udp.stop_listening());
    let stopped = Some(&ConnectError::ReactorStopped);
    assert_eq!(failure_result_of(connected).check(), stopped);
    assert_eq!(connector.connect(), Ok(()));
    assert_eq!(failure_result_of(connector.when_connected()).check(), stopped);
}

fn run(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    stop_soon(&reactor);
    reactor.run().unwrap();
    // What was opened after the run waits for another.
    let late = open(&reactor, canary);
    drop(reactor);
    opened.check();
    late.check();
}

/// Stops it from inside, when what it has open has begun.
fn stop_soon(reactor: &Reactor) {
    let stop = reactor.remote();
    reactor.call_later(Duration::ZERO, move || stop.stop().unwrap());
}

fn crashed(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    let crash = reactor.clone();
    reactor.call_later(Duration::ZERO, move || crash.crash().unwrap());
    reactor.run().unwrap();
    drop(reactor);
    opened.check();
}

fn guest(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    stop_soon(&reactor);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(reactor.run_until_stopped()).unwrap();
    drop(reactor);
    opened.check();
}

fn guest_that_nobody_waits_for(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        reactor.attach().unwrap();
        support::turns(10).await;
    });
    drop(runtime);
    drop(reactor);
    opened.check();
}

fn hosted(canary: &Canary) {
    let reactor = Reactor::new();
    let opened = open(&reactor, canary);
    let hosted = reactor.hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    drop(hosted);
    drop(reactor);
    opened.check();
}

/// It goes with its thread.
fn a_threads_own(_: &Canary) {
    let opened = thread::spawn(|| open(&reactor(), &Canary::default())).join().unwrap();
    opened.check();
}

/// And so does one whose factory uses what is about to go.
fn a_threads_own_that_is_used_when_it_goes(_: &Canary) {
    struct Obstinate;

    impl Protocol for Obstinate {}

    impl Factory for Obstinate {
        type Protocol = Self;

        fn build_protocol(&mut self, _peer: Address) -> Option<Self> {
            None
        }
    }

    impl Drop for Obstinate {
        fn drop(&mut self) {
            reactor().call_later(Duration::ZERO, || ());
        }
    }

    let thread = thread::spawn(|| {
        let port = reactor().listen_tcp(HERE, Obstinate).unwrap();
        let log = reactor_compat::log::Logging::to(std::io::sink()).start_on_this_thread();
        drop(log);
        port.get_host().socket_addr().unwrap()
    });
    TcpStream::connect(thread.join().unwrap()).unwrap_err();
}

/// Something that opens much, and is to leave nothing.
type Part = fn(&Canary);

/// The descriptors that the process has, and what they are.
fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let mut all: Vec<String> = entries
        .filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string()))
        .filter(|name| !name.starts_with("/proc/"))
        .collect();
    all.sort();
    all
}

/// The same, once there are few enough: the threads of a runtime that is
/// dropped end when they will, and have descriptors until then.
fn descriptors_when(few: impl Fn(&[String]) -> bool) -> Vec<String> {
    loop {
        let now = descriptors();
        if few(&now) {
            return now;
        }
        thread::yield_now();
    }
}

#[test]
fn nothing_is_left_open() {
    let _watchdog = Watchdog::new();
    let parts: [(&str, Part); 9] = [
        ("never run", never_run),
        ("handles that outlive their reactor", handles_that_outlive_their_reactor),
        ("run", run),
        ("crashed", crashed),
        ("guest", guest),
        ("guest that nobody waits for", guest_that_nobody_waits_for),
        ("hosted", hosted),
        ("a thread's own", a_threads_own),
        ("a thread's own that is used when it goes", a_threads_own_that_is_used_when_it_goes),
    ];
    let polls = |now: &[String]| now.iter().filter(|name| name.starts_with("anon_inode")).count();
    let none = polls(&descriptors());
    // What hears signals is the process's, and stays.
    run(&Canary::default());
    let before = descriptors_when(|now| polls(now) == none);
    for (name, part) in parts {
        let canary = Canary::default();
        part(&canary);
        assert_eq!(descriptors_when(|now| now.len() <= before.len()), before, "{name}");
        assert_eq!(Rc::strong_count(&canary.0), 1, "{name}: something is kept");
    }
}
