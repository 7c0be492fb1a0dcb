//! Adopting sockets that exist.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read, pipe};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::rc::Rc;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, drive, until};
use reactor_compat::{Address, AdoptError, Factory, Protocol, Reactor, UnixAddress};
use rustix::io::{FdFlags, fcntl_setfd};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Silent;
impl Protocol for Silent {}

fn silent(_: Address) -> Silent {
    Silent
}

#[test]
fn a_tcp_listener_is_listened_on() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let address = reserved.address;
        let listener = TcpListener::bind(address).unwrap();
        let port = reactor
            .adopt_stream_port(listener, |_: Address| Recorder::echo(&Log::default()))
            .unwrap();
        assert_eq!(port.get_host(), &Address::Tcp(address));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.read_exact(&mut [0; 5]).await.unwrap();
        port.stop_listening().await.unwrap();
        let error = tokio::net::TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_unix_listener_is_listened_on_and_its_file_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drive(|reactor| async move {
        let listener = UnixListener::bind(&path).unwrap();
        let port = reactor
            .adopt_stream_port(listener, |_: Address| Recorder::echo(&Log::default()))
            .unwrap();
        assert_eq!(port.get_host(), &Address::Unix(UnixAddress::from(&path)));
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.read_exact(&mut [0; 5]).await.unwrap();
        port.stop_listening().await.unwrap();
        assert!(path.exists());
    });
}

#[test]
fn connections_that_wait_to_be_accepted_are_not_lost() {
    drive(|reactor| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let early = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let log = Log::default();
        let seen = log.clone();
        reactor.adopt_stream_port(listener, move |_: Address| Recorder::new(&seen)).unwrap();
        until(|| log.events() == [Event::Made]).await;
        drop(early);
        assert_eq!(log.ended().await, Event::Done);
    });
}

#[test]
fn stopping_closes_only_our_copy() {
    drive(|reactor| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let port = reactor.adopt_stream_port(listener.try_clone().unwrap(), silent).unwrap();
        port.stop_listening().await.unwrap();
        // Somebody still listens: we, with the other copy.
        let client = TcpStream::connect(address).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn a_connection_is_made_known_to_its_protocol() {
    drive(|reactor| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let (here, there) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
        let log = Log::default();
        let seen = log.clone();
        let built_for = Rc::new(RefCell::new(None));
        let peer = built_for.clone();
        let connection = reactor
            .adopt_stream_connection(ours, move |address: Address| {
                peer.replace(Some(address));
                Recorder::echo(&seen)
            })
            .unwrap();
        assert_eq!(built_for.take(), Some(Address::Tcp(there)));
        assert_eq!(connection.get_host(), &Address::Tcp(here));
        assert_eq!(connection.get_peer(), &Address::Tcp(there));
        client.set_nonblocking(true).unwrap();
        let mut client = tokio::net::TcpStream::from_std(client).unwrap();
        client.write_all(b"hello").await.unwrap();
        client.read_exact(&mut [0; 5]).await.unwrap();
        drop(client);
        assert_eq!(log.ended().await, Event::Done);
        assert_eq!(log.data(), b"hello");
    });
}

#[test]
fn a_connection_may_be_adopted_and_used_before_the_reactor_runs() {
    let reactor = Reactor::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut ours, _) = listener.accept().unwrap();
    let stop = reactor.clone();
    let connection = reactor
        .adopt_stream_connection(client, move |_: Address| {
            let stop = stop.clone();
            Recorder::default().lost(move |_, ()| stop.stop().unwrap())
        })
        .unwrap();
    connection.set_tcp_no_delay(true).unwrap();
    assert_eq!(connection.get_tcp_no_delay(), Ok(true));
    connection.write("early");
    connection.lose_connection();
    let _watchdog = crate::support::Watchdog::new();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        text
    });
    reactor.run().unwrap();
    assert_eq!(reading.join().unwrap(), "early");
}

#[test]
fn a_connection_cut_before_the_reactor_runs_is_reset() {
    let reactor = Reactor::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut ours, _) = listener.accept().unwrap();
    let stop = reactor.clone();
    let connection = reactor
        .adopt_stream_connection(client, move |_: Address| {
            let stop = stop.clone();
            Recorder::default().lost(move |_, ()| stop.stop().unwrap())
        })
        .unwrap();
    connection.abort_connection();
    let _watchdog = crate::support::Watchdog::new();
    reactor.run().unwrap();
    let error = ours.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_connection_of_a_reactor_that_never_runs_is_closed_with_it() {
    let reactor = Reactor::new();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    drop(reactor.adopt_stream_connection(ours, silent).unwrap());
    drop(reactor);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_socket_that_blocks_is_made_not_to() {
    drive(|reactor| async move {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(false).unwrap();
        let connection = reactor.adopt_stream_connection(ours, silent).unwrap();
        // If it blocked, this would be the end of all turns.
        connection.write(vec![0; 10_000_000]);
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = vec![0; 10_000_000];
            let mut theirs = theirs;
            theirs.read_exact(&mut all).unwrap();
        });
        reading.await.unwrap();
    });
}

#[test]
fn what_is_adopted_is_closed_when_another_program_starts() {
    drive(|reactor| async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let copy = OwnedFd::from(listener);
        fcntl_setfd(&copy, FdFlags::empty()).unwrap();
        // The flag is the descriptor's own: it is looked up by its number.
        let number = std::os::fd::AsRawFd::as_raw_fd(&copy);
        let _port = reactor.adopt_stream_port(copy, silent).unwrap();
        let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
        if cfg!(target_os = "linux") {
            let flags = flags.unwrap();
            let octal = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            assert_ne!(u32::from_str_radix(octal.trim(), 8).unwrap() & 0o2_000_000, 0);
        }
    });
}

#[test]
fn what_is_no_port() {
    let reactor = Reactor::new();
    let refusal = |what: OwnedFd| reactor.adopt_stream_port(what, silent).unwrap_err();
    assert_eq!(refusal(File::open("/dev/null").unwrap().into()), AdoptError::NotASocket);
    assert_eq!(refusal(pipe().unwrap().0.into()), AdoptError::NotASocket);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(refusal(datagrams.into()), AdoptError::NotAStream);
    assert_eq!(refusal(UnixDatagram::unbound().unwrap().into()), AdoptError::NotAStream);
    assert_eq!(refusal(UnixStream::pair().unwrap().0.into()), AdoptError::NotListening);
    let idle = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    assert_eq!(refusal(idle.into()), AdoptError::NotListening);
}

#[test]
fn what_is_no_connection() {
    let reactor = Reactor::new();
    let refusal = |what: OwnedFd| reactor.adopt_stream_connection(what, silent).unwrap_err();
    assert_eq!(refusal(File::open("/dev/null").unwrap().into()), AdoptError::NotASocket);
    let datagrams = UnixDatagram::pair().unwrap().0;
    assert_eq!(refusal(datagrams.into()), AdoptError::NotAStream);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(refusal(listener.into()), AdoptError::NotConnected);
    let idle = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    assert_eq!(refusal(idle.into()), AdoptError::NotConnected);
}

#[test]
fn what_is_refused_is_closed() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let refused = Reactor::new().adopt_stream_port(ours, silent);
    assert_eq!(refused.unwrap_err(), AdoptError::NotListening);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}

/// Builds nothing; the port's methods are none of its business.
struct Nothing(Rc<Cell<usize>>);

impl Factory for Nothing {
    type Protocol = Silent;

    fn build_protocol(&mut self, _: Address) -> Option<Silent> {
        self.0.set(self.0.get() + 1);
        None
    }

    fn start_factory(&mut self) {
        panic!("no port starts");
    }

    fn stop_factory(&mut self) {
        panic!("no port stops");
    }
}

#[test]
fn a_factory_that_builds_nothing_has_the_connection_closed() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let calls = Rc::new(Cell::new(0));
    let refused = Reactor::new().adopt_stream_connection(ours, Nothing(calls.clone()));
    assert_eq!(refused.unwrap_err(), AdoptError::NoProtocol);
    assert_eq!(calls.get(), 1);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_factory_that_panics_has_the_connection_closed() {
    let errors = reactor_compat::log::LogCapture::start();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let refused = Reactor::new()
        .adopt_stream_connection(ours, |_: Address| -> Silent { panic!("while building") });
    assert_eq!(refused.unwrap_err(), AdoptError::NoProtocol);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    assert_eq!(errors.flush_logged_errors::<deferred::Panic>().len(), 1);
}
