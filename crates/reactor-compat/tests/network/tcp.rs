//! TCP: ports and connections, over real sockets of this machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::support::reserved::Reserved;
use crate::support::{Event, Log, Recorder, connect, drive, listen, turns, until};
use deferred::testing::success_result_of;
use reactor_compat::{Address, Destination, Factory, Interface, Port, Protocol, Reactor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[test]
fn echo_over_many_connections() {
    drive(|reactor| async move {
        let address = listen(&reactor, |_: Address| Recorder::echo(&Log::default()));
        let clients: Vec<_> = (0..200_u32)
            .map(|n| {
                tokio::task::spawn_local(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    for round in 0..5 {
                        let message = format!("{n} says {round}");
                        stream.write_all(message.as_bytes()).await.unwrap();
                        let mut answer = vec![0; message.len()];
                        stream.read_exact(&mut answer).await.unwrap();
                        assert_eq!(answer, message.as_bytes());
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

#[test]
fn places_are_made_of_what_a_socket_address_is() {
    let v4 = SocketAddr::from(([192, 0, 2, 7], 80));
    let v6 = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], 80));
    let SocketAddr::V6(of_v6) = v6 else { panic!("{v6} is of version 6") };
    let bytes = of_v6.ip().octets();
    let places: [(Destination, SocketAddr); 6] = [
        (([192, 0, 2, 7], 80).into(), v4),
        ((v4.ip(), 80).into(), v4),
        ((bytes, 80).into(), v6),
        ((of_v6.ip().segments(), 80).into(), v6),
        (of_v6.into(), v6),
        (v6.into(), v6),
    ];
    for (place, address) in places {
        assert_eq!(place.literal(), Some(address));
        assert_eq!(Interface::from(place).to_string(), address.to_string());
    }
}

#[test]
fn both_ends_know_their_addresses() {
    drive(|reactor| async move {
        let (stream, transport) = connect(&reactor, Recorder::default).await;
        assert_eq!(transport.get_peer().socket_addr(), Some(stream.local_addr().unwrap()));
        assert_eq!(transport.get_host().socket_addr(), Some(stream.peer_addr().unwrap()));
    });
}

#[test]
fn a_reset_by_the_peer_is_a_loss() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (stream, _) = connect(&reactor, move || Recorder::new(&seen)).await;
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(log.ended().await, Event::Lost);
    });
}

#[test]
fn abort_resets_the_peer() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, transport) = connect(&reactor, move || Recorder::new(&seen)).await;
        transport.write("never mind");
        transport.abort_connection();
        assert_eq!(log.ended().await, Event::Aborted(None));
        let error = stream.read(&mut [0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_close_delivers_all_though_the_peers_data_is_unread() {
    drive(|reactor| async move {
        let log = Log::default();
        let seen = log.clone();
        let (mut stream, transport) =
            connect(&reactor, move || Recorder::new(&seen).made(|me, ()| me.pause_producing()))
                .await;
        stream.write_all(&[1; 100_000]).await.unwrap();
        transport.write([2; 50_000]);
        transport.lose_connection();
        assert_eq!(log.ended().await, Event::Done);
        // A reset would have overtaken the answer.
        stream.write_all(&[1; 100]).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 50_000);
    });
}

#[test]
fn a_peer_that_reads_nothing_does_not_fill_our_memory() {
    drive(|reactor| async move {
        let (stream, transport) = connect(&reactor, || Recorder::echo(&Log::default())).await;
        let mut sent = 0;
        // Until it has been stuck for a while: the kernel's buffers are full.
        let mut stuck = 0;
        while stuck < 1_000 {
            match stream.try_write(&[3; 16 * 1024]) {
                Ok(count) => (sent, stuck) = (sent + count, 0),
                Err(_) => stuck += 1,
            }
            tokio::task::yield_now().await;
            assert!(transport.unsent() <= 2 * 64 * 1024);
        }
        assert!(!transport.reading());
        // Once it reads, all of it comes back.
        let (mut reader, _writer) = stream.into_split();
        reader.read_exact(&mut vec![0; sent]).await.unwrap();
        until(|| transport.reading()).await;
    });
}

#[test]
fn a_big_write_arrives_whole() {
    drive(|reactor| async move {
        let (mut stream, transport) = connect(&reactor, Recorder::default).await;
        let big: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 253) as u8).collect();
        transport.write(&big);
        transport.lose_connection();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert!(all == big);
    });
}

#[test]
fn a_closed_port_refuses_and_its_connections_live_on() {
    drive(|reactor| async move {
        let reserved = Reserved::new();
        let address = reserved.address;
        let port =
            reactor.listen_tcp(address, |_: Address| Recorder::echo(&Log::default())).unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"a").await.unwrap();
        stream.read_u8().await.unwrap();
        let again = port.stop_listening();
        port.stop_listening().await.unwrap();
        success_result_of(again);
        success_result_of(port.stop_listening());
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        stream.write_all(b"b").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'b');
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_at_once() {
    let reactor = Reactor::new();
    let address = listen(&reactor, |_: Address| Recorder::default());
    let error = reactor.listen_tcp(address, |_: Address| Recorder::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()));
}

#[test]
fn a_factory_may_refuse_and_may_panic() {
    drive(|reactor| async move {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let address = listen(&reactor, move |_: Address| {
            counted.set(counted.get() + 1);
            assert_ne!(counted.get(), 2, "part of the test");
            (counted.get() == 3).then(|| Recorder::echo(&Log::default()))
        });
        for _ in 0..2 {
            let mut refused = TcpStream::connect(address).await.unwrap();
            assert!(matches!(refused.read(&mut [0; 1]).await, Ok(0)));
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"c").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'c');
    });
}

#[test]
fn a_factory_is_started_and_stopped_once() {
    struct Told(Rc<RefCell<Vec<&'static str>>>);
    struct Silent;
    impl Protocol for Silent {}
    impl Factory for Told {
        type Protocol = Silent;
        fn build_protocol(&mut self, _: Address) -> Option<Silent> {
            Some(Silent)
        }
        fn start_factory(&mut self) {
            self.0.borrow_mut().push("start");
        }
        fn stop_factory(&mut self) {
            self.0.borrow_mut().push("stop");
        }
    }

    let told = Rc::new(RefCell::new(Vec::new()));
    let (first, second) = (Told(told.clone()), Told(told.clone()));
    let seen = told.clone();
    drive(move |reactor| async move {
        let port = reactor.listen_tcp(("127.0.0.1", 0), first).unwrap();
        until(|| !seen.borrow().is_empty()).await;
        port.stop_listening().await.unwrap();
        assert_eq!(*seen.borrow(), ["start", "stop"]);
        listen(&reactor, second);
        until(|| seen.borrow().len() == 3).await;
    });
    assert_eq!(*told.borrow(), ["start", "stop", "start", "stop"], "the reactor's end stops it");
}

/// A factory that looks, when it is stopped, whether its port is closed.
#[derive(Clone, Default)]
struct Last {
    port: Rc<Cell<Option<SocketAddr>>>,
    closed: Rc<Cell<Option<bool>>>,
}

impl Last {
    /// Opens a port for it.
    fn listen(&self, reactor: &Reactor) -> Port {
        let port = reactor.listen_tcp(("127.0.0.1", 0), self.clone()).unwrap();
        self.port.set(port.get_host().socket_addr());
        port
    }
}

impl Factory for Last {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        None
    }

    fn stop_factory(&mut self) {
        let connected = std::net::TcpStream::connect(self.port.get().unwrap());
        self.closed.set(Some(connected.is_err()));
    }
}

#[test]
fn a_port_is_closed_before_its_factory_is_stopped_and_who_waits_is_told_after() {
    drive(|reactor| async move {
        let last = Last::default();
        let port = last.listen(&reactor);
        turns(10).await;
        let told = port.stop_listening().add_callback(move |()| Ok(last.closed.get()));
        assert_eq!(told.await.unwrap(), Some(true));
    });
}

#[test]
fn a_port_whose_reactor_crashes_is_closed_before_its_factory_is_stopped() {
    let last = Last::default();
    let reactor = Reactor::new();
    let port = last.listen(&reactor);
    let crash = reactor.clone();
    reactor.call_when_running(move || {
        tokio::task::spawn_local(async move {
            turns(10).await;
            crash.crash().unwrap();
        });
    });
    reactor.run().unwrap();
    assert_eq!(last.closed.get(), Some(true));
    success_result_of(port.stop_listening());
}

#[test]
fn a_port_opened_before_the_reactor_runs_accepts_when_it_does() {
    let reactor = Reactor::new();
    let address = listen(&reactor, |_: Address| Recorder::echo(&Log::default()));
    // The kernel takes the connection, and the data, already.
    let mut early = std::net::TcpStream::connect(address).unwrap();
    io::Write::write_all(&mut early, b"early").unwrap();
    let client = std::thread::spawn(move || {
        let mut answer = [0; 5];
        io::Read::read_exact(&mut early, &mut answer).unwrap();
        assert_eq!(&answer, b"early");
        drop(early);
        // The last of all: it stops the reactor.
        let mut last = std::net::TcpStream::connect(address).unwrap();
        io::Write::write_all(&mut last, b"stop").unwrap();
        last
    });
    let stopping = listen_for_stop(&reactor);
    let forward = std::thread::spawn(move || {
        let _last = client.join().unwrap();
        std::net::TcpStream::connect(stopping).unwrap()
    });
    reactor.run().unwrap();
    forward.join().unwrap();
}

/// A port that stops the reactor as soon as somebody connects.
fn listen_for_stop(reactor: &Reactor) -> SocketAddr {
    let stop = reactor.clone();
    listen(reactor, move |_: Address| {
        stop.stop().unwrap();
        None::<Recorder>
    })
}

#[test]
fn the_reactors_end_closes_everything() {
    let log = Log::default();
    let seen = log.clone();
    let stream = drive(move |reactor| async move {
        let (stream, _) = connect(&reactor, move || Recorder::new(&seen)).await;
        stream.into_std().unwrap()
    });
    assert_eq!(log.events(), [Event::Made, Event::Lost]);
    let address = stream.peer_addr().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}
