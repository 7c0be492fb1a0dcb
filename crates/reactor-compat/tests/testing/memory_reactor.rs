//! A reactor that opens nothing, and moves only when told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Event, Log, Recorder};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use reactor_compat::event::EventPhase;
use reactor_compat::testing::{MemoryReactor, NotWaiting};
use reactor_compat::{
    Address, ConnectError, ConnectOptions, DatagramConnection, DatagramError, DatagramOptions,
    DatagramProtocol, ListenOptions, Reactor, RunError, UnixAddress,
};

/// A factory of recorders with one log.
fn recording(log: &Log) -> impl FnMut(Address) -> Recorder + use<> {
    let log = log.clone();
    move |_| Recorder::new(&log)
}

#[test]
fn a_port_is_recorded_as_it_was_asked_for() {
    let reactor = MemoryReactor::new();
    let options = ListenOptions::new().backlog(7);
    let port =
        reactor.listen_tcp_with(("192.0.2.1", 80), options, recording(&Log::default())).unwrap();
    let [server] = &reactor.tcp_servers()[..] else { panic!("{reactor:?}") };
    assert_eq!(server.get_host().to_string(), "192.0.2.1:80");
    assert_eq!(server.get_host(), port.get_host());
    assert_eq!(server.options(), Some(options));
    assert!(server.listening() && !server.is_secure());
    assert!(reactor.unix_servers().is_empty() && reactor.ssl_servers().is_empty());
}

#[test]
fn ports_get_numbers_and_cannot_be_opened_twice() {
    let reactor = MemoryReactor::new();
    let open = |number: u16| reactor.listen_tcp(("127.0.0.1", number), recording(&Log::default()));
    let (one, other) = (open(0).unwrap(), open(0).unwrap());
    assert_ne!(one.get_host(), other.get_host());
    let number = one.get_host().port().unwrap();
    assert_eq!(open(number).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(one.stop_listening());
    open(number).unwrap();
}

#[test]
fn a_client_talks_to_a_port_when_the_reactor_is_moved() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let seen = log.clone();
    reactor.listen_tcp(80, move |_: Address| Recorder::echo(&seen)).unwrap();
    let peer = reactor.tcp_servers()[0].connect().unwrap();
    assert_eq!(peer.write(b"hello").unwrap(), 5);
    assert_eq!(log.events(), []);
    reactor.flush().unwrap();
    assert_eq!(peer.read(), b"hello");
    drop(peer);
    reactor.flush().unwrap();
    assert_eq!(log.events(), [Event::Made, Event::Data(b"hello".into()), Event::Done]);
}

#[test]
fn a_port_that_is_closed_refuses() {
    let reactor = MemoryReactor::new();
    let port = reactor.listen_tcp(80, recording(&Log::default())).unwrap();
    let server = reactor.tcp_servers().remove(0);
    let waiting = server.connect().unwrap();
    let stopped = port.stop_listening();
    assert_eq!(server.connect().unwrap_err(), ConnectError::ConnectionRefused);
    reactor.flush().unwrap();
    success_result_of(stopped);
    assert!(waiting.ended(), "who was not accepted is closed");
}

#[test]
fn an_attempt_is_recorded_and_waits() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    let options = ConnectOptions::new().timeout(Duration::from_secs(5));
    let connected =
        reactor.connect_tcp_with(("example.org", 80), options, recording(&log)).when_connected();
    assert!(reactor.tcp_clients().is_empty(), "the reactor has not moved yet");
    reactor.settle().unwrap();
    let [client] = &reactor.tcp_clients()[..] else { panic!("{reactor:?}") };
    assert_eq!(client.get_destination().to_string(), "example.org:80");
    assert_eq!(client.options(), options);
    assert!(client.waiting());
    assert_eq!(reactor.inventory().connecting.len(), 1);

    let server = client.accept().unwrap();
    assert_no_result(&connected);
    reactor.flush().unwrap();
    let connection = success_result_of(connected);
    connection.write("hello");
    server.write(b"welcome").unwrap();
    reactor.flush().unwrap();
    assert_eq!(server.read(), b"hello");
    assert_eq!(log.data(), b"welcome");
    assert_eq!(client.refuse(), Err(NotWaiting));
    assert!(!client.waiting());
}

#[test]
fn an_attempt_is_refused_timed_out_or_given_up() {
    let reactor = MemoryReactor::new();
    let connect = || reactor.connect_tcp(("example.org", 80), recording(&Log::default()));
    let connectors = [connect(), connect(), connect()];
    let results = connectors.each_ref().map(|connector| connector.when_connected());
    reactor.settle().unwrap();
    let clients = reactor.tcp_clients();
    clients[0].refuse().unwrap();
    connectors[1].stop_connecting().unwrap();
    reactor.settle().unwrap();
    assert_eq!(clients[1].accept().unwrap_err(), NotWaiting, "it was given up");
    reactor.advance(Duration::from_secs(30)).unwrap();
    assert_eq!(clients[2].refuse(), Err(NotWaiting), "it was timed out");
    let reasons = results.map(failure_result_of);
    let reasons = reasons.each_ref().map(|reason| reason.check::<ConnectError>().unwrap());
    assert_eq!(
        reasons,
        [&ConnectError::ConnectionRefused, &ConnectError::UserAborted, &ConnectError::Timeout]
    );
}

#[test]
fn a_connector_that_tries_again_is_recorded_again() {
    let reactor = MemoryReactor::new();
    let connector = reactor.connect_tcp(("example.org", 80), recording(&Log::default()));
    reactor.settle().unwrap();
    reactor.tcp_clients()[0].refuse().unwrap();
    reactor.settle().unwrap();
    connector.connect().unwrap();
    reactor.settle().unwrap();
    let waiting: Vec<bool> = reactor.tcp_clients().iter().map(|client| client.waiting()).collect();
    assert_eq!(waiting, [false, true]);
}

#[test]
fn a_client_and_a_port_of_one_reactor_are_joined() {
    let reactor = MemoryReactor::new();
    let (served, asked) = (Log::default(), Log::default());
    let seen = served.clone();
    reactor.listen_tcp(80, move |_: Address| Recorder::echo(&seen)).unwrap();
    let seen = asked.clone();
    reactor.connect_tcp(("example.org", 80), move |_: Address| {
        Recorder::new(&seen).made(|me, ()| me.write("hello"))
    });
    reactor.settle().unwrap();
    reactor.tcp_clients()[0].accept_by(&reactor.tcp_servers()[0]).unwrap();
    reactor.flush_bytes(1).unwrap();
    assert_eq!((served.data(), asked.data()), (b"hello".to_vec(), b"hello".to_vec()));
}

#[test]
fn an_attempt_at_a_closed_port_is_refused() {
    let reactor = MemoryReactor::new();
    let port = reactor.listen_tcp(80, recording(&Log::default())).unwrap();
    let connected =
        reactor.connect_tcp(("127.0.0.1", 80), recording(&Log::default())).when_connected();
    drop(port.stop_listening());
    reactor.settle().unwrap();
    reactor.tcp_clients()[0].accept_by(&reactor.tcp_servers()[0]).unwrap();
    reactor.settle().unwrap();
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::ConnectionRefused));
}

#[cfg(unix)]
#[test]
fn unix_sockets_are_recorded_apart_and_no_file_is_made() {
    let reactor = MemoryReactor::new();
    let path = "/nowhere/at/all/echo.sock";
    let log = Log::default();
    reactor.listen_unix(path, recording(&log)).unwrap();
    reactor.connect_unix(path, recording(&Log::default()));
    reactor.settle().unwrap();
    assert!(reactor.tcp_servers().is_empty() && reactor.tcp_clients().is_empty());
    let (server, client) = (&reactor.unix_servers()[0], &reactor.unix_clients()[0]);
    assert_eq!(*server.get_host(), Address::Unix(UnixAddress::from(path)));
    assert_eq!(client.get_destination().to_string(), path);
    client.accept_by(server).unwrap();
    reactor.flush().unwrap();
    assert_eq!(log.events(), [Event::Made]);
}

#[test]
fn it_starts_when_it_is_first_moved_and_stops_as_any_other() {
    let reactor = MemoryReactor::new();
    let story = Rc::new(RefCell::new(Vec::new()));
    let tell = |what| {
        let story = story.clone();
        move || story.borrow_mut().push(what)
    };
    reactor.call_when_running(tell("running"));
    reactor.add_system_event_trigger(EventPhase::Before, "shutdown", tell("shutdown"));
    let log = Log::default();
    reactor.listen_tcp(80, recording(&log)).unwrap();
    let peer = reactor.tcp_servers()[0].connect().unwrap();
    assert!(!reactor.running() && story.borrow().is_empty());
    reactor.flush().unwrap();
    assert!(reactor.running());
    assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning(_))));
    reactor.stop().unwrap();
    reactor.flush().unwrap();
    assert!(!reactor.running());
    assert_eq!(*story.borrow(), ["running", "shutdown"]);
    assert_eq!(log.end(), Some(Event::Lost), "the reactor stopped");
    assert!(peer.ended());
    assert!(!reactor.tcp_servers()[0].listening());
    // Moving it then does nothing.
    assert_eq!(reactor.flush(), Ok(false));
    assert_eq!(reactor.advance(Duration::from_secs(1)), Ok(()));
}

#[test]
fn its_clock_is_its_own() {
    let reactor = MemoryReactor::new();
    let other = MemoryReactor::new();
    reactor.advance(Duration::from_secs(5)).unwrap();
    assert_eq!(reactor.seconds(), Duration::from_secs(5));
    assert_eq!(other.seconds(), Duration::ZERO);
    let called = Rc::new(Cell::new(None));
    let (its, place) = (Reactor::clone(&reactor), called.clone());
    reactor.call_later(Duration::from_secs(1), move || place.set(Some(its.seconds())));
    reactor.advance(Duration::from_secs(10)).unwrap();
    // The clock jumps, and then the calls are made, as in Twisted.
    assert_eq!(called.get(), Some(Duration::from_secs(15)));
}

#[test]
fn a_peer_ends_resets_and_hears_of_it() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    reactor.listen_tcp(80, recording(&log)).unwrap();
    let server = reactor.tcp_servers().remove(0);
    let (ends, resets) = (server.connect().unwrap(), server.connect().unwrap());
    reactor.flush().unwrap();
    ends.end().unwrap();
    assert_eq!(ends.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    reactor.flush().unwrap();
    assert!(ends.ended());
    resets.reset();
    reactor.flush().unwrap();
    assert_eq!(log.events(), [Event::Made, Event::Made, Event::Done, Event::Lost]);
}

#[test]
fn a_peer_can_be_given_a_protocol() {
    let reactor = MemoryReactor::new();
    let log = Log::default();
    reactor.listen_tcp(80, |_: Address| Recorder::echo(&Log::default())).unwrap();
    let peer = reactor.tcp_servers()[0].connect().unwrap();
    let client = reactor.give(peer, Recorder::new(&log));
    client.write("hello");
    reactor.flush().unwrap();
    assert_eq!(log.data(), b"hello");
    assert_eq!(client.get_peer(), reactor.tcp_servers()[0].get_host());
}

#[test]
fn opening_a_port_can_be_made_to_fail() {
    let reactor = MemoryReactor::new();
    reactor.refuse_to_listen(ErrorKind::AddrNotAvailable);
    let error = reactor.listen_tcp(80, recording(&Log::default())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    reactor.refuse_to_listen(None);
    reactor.listen_tcp(80, recording(&Log::default())).unwrap();
    assert_eq!(reactor.tcp_servers().len(), 1);
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_spoken_in_memory_too() {
    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Identity::from_pem(&certificate, &key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    let client = ClientOptions::new("localhost").unwrap().trust_roots(roots);

    let reactor = MemoryReactor::new();
    let log = Log::default();
    let factory = |_: Address| Recorder::echo(&Log::default());
    reactor.listen_ssl(443, factory, server).unwrap();
    let connector = reactor.connect_ssl(("localhost", 443), recording(&log), client).unwrap();
    let connected = connector.when_connected();
    reactor.settle().unwrap();
    assert!(reactor.tcp_servers().is_empty() && reactor.tcp_clients().is_empty());
    reactor.ssl_clients()[0].accept_by(&reactor.ssl_servers()[0]).unwrap();
    reactor.flush().unwrap();
    success_result_of(connected).write("hello");
    reactor.flush_bytes(1).unwrap();
    assert_eq!(log.data(), b"hello");
}

/// Sends back what comes, and notes what it is told.
struct Post(Rc<RefCell<Vec<String>>>);

impl DatagramProtocol for Post {
    fn start_protocol(&mut self, _: &DatagramConnection<Self>) {
        self.0.borrow_mut().push("start".to_owned());
    }

    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        self.0.borrow_mut().push(format!("{} from {from}", data.escape_ascii()));
        transport.write(data, from).unwrap();
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self>) {
        self.0.borrow_mut().push("refused".to_owned());
    }

    fn stop_protocol(&mut self, _: &DatagramConnection<Self>) {
        self.0.borrow_mut().push("stop".to_owned());
    }
}

#[test]
fn udp_ports_are_recorded_and_given_datagrams() {
    let reactor = MemoryReactor::new();
    let story = Rc::new(RefCell::new(Vec::new()));
    let options = DatagramOptions::new().max_packet_size(4);
    let post =
        reactor.listen_udp_with(("127.0.0.1", 53), options.clone(), Post(story.clone())).unwrap();
    let taken = reactor.listen_udp(("127.0.0.1", 53), Post(Rc::default())).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);

    let [port] = &reactor.udp_ports()[..] else { panic!("{reactor:?}") };
    assert_eq!((port.get_host(), port.options()), (post.get_host(), &options));
    let (one, other) = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
    port.receive("one", one);
    port.receive("other", other);
    assert!(story.borrow().is_empty(), "nothing moves of itself");
    reactor.settle().unwrap();
    assert_eq!(
        port.take_sent(),
        [(b"one".to_vec(), Some(one)), (b"othe".to_vec(), Some(other))],
        "what is too long is cut off"
    );

    post.connect(one).unwrap();
    post.write("to whom it is connected", None).unwrap();
    assert_eq!(port.take_sent(), [(b"to whom it is connected".to_vec(), None)]);
    port.refuse();
    let stopped = post.stop_listening();
    reactor.settle().unwrap();
    success_result_of(stopped);
    assert!(!port.listening());
    assert_eq!(*story.borrow(), ["start", "one from 192.0.2.1:1", "othe from 192.0.2.2:2", "stop"]);
    assert_eq!(post.write("too late", one), Err(DatagramError::Closed));
}
