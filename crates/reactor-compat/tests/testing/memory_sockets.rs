//! Datagrams of UNIX, and sockets that are adopted, in a reactor that opens
//! nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;

use crate::support::{Event, Log, Recorder};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{
    Address, AdoptError, CannotListenError, ConnectError, DatagramAddress, DatagramConnection,
    DatagramError, DatagramOptions, DatagramProtocol, UnixAddress, UnixConnectOptions, UnixOptions,
};

type Story = Rc<RefCell<Vec<String>>>;

/// Says what happens to it, and echoes what comes.
struct Post(Story);

impl Post {
    fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

impl<A: DatagramAddress> DatagramProtocol<A> for Post {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self, A>) {
        self.say(format!("started on {}", transport.get_host()));
    }

    fn datagram_received(&mut self, transport: &DatagramConnection<Self, A>, data: &[u8], from: A) {
        self.say(format!("{} from {from}", String::from_utf8_lossy(data)));
        let connected = transport.get_peer().is_some();
        transport.write(data, (!connected).then_some(from)).unwrap();
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self, A>) {
        self.say("refused");
    }

    fn stop_protocol(&mut self, _: &DatagramConnection<Self, A>) {
        self.say("stopped");
    }
}

fn path(name: &str) -> UnixAddress {
    UnixAddress::from(format!("/nowhere/at/all/{name}"))
}

#[test]
fn unix_datagram_ports_are_recorded_and_given_datagrams() {
    let reactor = MemoryReactor::new();
    let story = Story::default();
    let options = DatagramOptions::new().max_packet_size(5).mode(0o600);
    let transport = reactor
        .listen_unix_datagram_with(path("server"), options.clone(), Post(story.clone()))
        .unwrap();
    let [port] = &reactor.unix_datagram_ports()[..] else { panic!("{reactor:?}") };
    assert_eq!((port.get_host(), port.get_peer()), (path("server"), None));
    assert_eq!(port.get_host(), transport.get_host());
    assert_eq!(*port.options(), options);
    assert!(reactor.udp_ports().is_empty() && reactor.unix_servers().is_empty());

    port.receive("too long", path("client"));
    reactor.settle().unwrap();
    assert_eq!(port.take_sent(), [(b"too l".to_vec(), Some(path("client")))]);
    drop(transport.stop_listening());
    reactor.settle().unwrap();
    assert!(!port.listening());
    assert_eq!(transport.write("late", path("client")), Err(DatagramError::Closed));
    let host = path("server");
    let heard = [
        format!("started on {host}"),
        format!("too l from {}", path("client")),
        "stopped".to_owned(),
    ];
    assert_eq!(story.take(), heard);
}

#[test]
fn a_name_is_of_one_unix_datagram_port_at_a_time() {
    let reactor = MemoryReactor::new();
    let listen = || reactor.listen_unix_datagram(path("server"), Post(Story::default()));
    let first = listen().unwrap();
    let taken: CannotListenError = listen().unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let options = DatagramOptions::new().bind_address(path("server"));
    let taken = reactor
        .connect_unix_datagram_with(path("other"), options, Post(Story::default()))
        .unwrap_err();
    let ConnectError::Other(taken) = taken else { panic!("{taken:?}") };
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    drop(first.stop_listening());
    reactor.settle().unwrap();
    listen().unwrap();
    // Those without a name are as many as one likes.
    for _ in 0..2 {
        reactor.connect_unix_datagram(path("server"), Post(Story::default())).unwrap();
    }
    assert_eq!(reactor.unix_datagram_ports().len(), 4);
}

#[test]
fn a_connected_unix_datagram_port_knows_its_peer_and_hears_of_refusals() {
    let reactor = MemoryReactor::new();
    let story = Story::default();
    let options = DatagramOptions::new().bind_address(path("client"));
    let transport =
        reactor.connect_unix_datagram_with(path("server"), options, Post(story.clone())).unwrap();
    let port = reactor.unix_datagram_ports().remove(0);
    assert_eq!((port.get_host(), port.get_peer()), (path("client"), Some(path("server"))));
    assert_eq!(transport.get_peer(), Some(path("server")));
    transport.write("hello", None).unwrap();
    assert_eq!(transport.write("hello", path("other")), Err(DatagramError::OtherPeer));
    port.receive("hi", path("server"));
    port.refuse();
    reactor.settle().unwrap();
    assert_eq!(port.take_sent(), [(b"hello".to_vec(), None), (b"hi".to_vec(), None)]);
    let heard = [
        format!("started on {}", path("client")),
        format!("hi from {}", path("server")),
        "refused".to_owned(),
    ];
    assert_eq!(story.take(), heard);
}

#[test]
fn a_udp_port_that_is_connected_later_says_so() {
    let reactor = MemoryReactor::new();
    let transport = reactor.listen_udp(0, Post(Story::default())).unwrap();
    let port = reactor.udp_ports().remove(0);
    let peer = SocketAddr::from(([192, 0, 2, 1], 53));
    assert_eq!(port.get_peer(), None);
    transport.connect(peer).unwrap();
    assert_eq!(port.get_peer(), Some(peer));
}

#[test]
fn ports_that_listen_for_several_share_an_address() {
    let reactor = MemoryReactor::new();
    let listen = |several: bool| {
        let options = DatagramOptions::new().listen_multiple(several);
        reactor.listen_multicast_with(8005, options, Post(Story::default()))
    };
    listen(true).unwrap();
    listen(true).unwrap();
    assert_eq!(listen(false).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(reactor.udp_ports().len(), 2);
}

#[test]
fn adopted_ports_are_recorded_apart_and_the_test_says_who_connects() {
    let reactor = MemoryReactor::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (number, address) = (listener.as_raw_fd(), listener.local_addr().unwrap());
    let log = Log::default();
    let seen = log.clone();
    let port =
        reactor.adopt_stream_port(listener, move |_: Address| Recorder::echo(&seen)).unwrap();
    assert_eq!(port.get_host(), &Address::Tcp(address));
    assert!(reactor.tcp_servers().is_empty());
    let [adopted] = &reactor.adopted_ports()[..] else { panic!("{reactor:?}") };
    assert_eq!(adopted.descriptor().unwrap().as_raw_fd(), number);
    assert_eq!(adopted.get_host(), port.get_host());

    // Who really connects is nothing to it.
    let stranger = TcpStream::connect(address).unwrap();
    let peer = adopted.connect().unwrap();
    peer.write("hello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(peer.read(), b"hello");
    assert_eq!(log.events(), [Event::Made, Event::Data(b"hello".to_vec())]);
    drop(stranger);

    drop(port.stop_listening());
    reactor.settle().unwrap();
    assert!(!adopted.listening());
    assert_eq!(adopted.connect().unwrap_err(), ConnectError::ConnectionRefused);
}

#[test]
fn adopted_unix_ports_are_known_by_their_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let reactor = MemoryReactor::new();
    let listener = UnixListener::bind(&path).unwrap();
    reactor.adopt_stream_port(listener, |_: Address| Recorder::default()).unwrap();
    assert_eq!(reactor.adopted_ports()[0].get_host().path(), Some(&*path));
    assert!(reactor.unix_servers().is_empty());
}

#[test]
fn an_adopted_connection_talks_to_the_test() {
    let reactor = MemoryReactor::new();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let number = ours.as_raw_fd();
    let log = Log::default();
    let seen = log.clone();
    let connection =
        reactor.adopt_stream_connection(ours, move |_: Address| Recorder::echo(&seen)).unwrap();
    assert_eq!(connection.get_peer(), &Address::Unix(UnixAddress::Unnamed));
    let adopted = reactor.adopted_connections().remove(0);
    assert_eq!(adopted.descriptor().as_raw_fd(), number);
    reactor.settle().unwrap();
    assert_eq!(log.events(), [Event::Made], "nobody has hung up");

    let peer = adopted.take_peer().unwrap();
    assert!(adopted.take_peer().is_none());
    peer.write("hello").unwrap();
    reactor.flush().unwrap();
    assert_eq!(peer.read(), b"hello");
    drop(peer);
    reactor.flush().unwrap();
    assert_eq!(log.end(), Some(Event::Done));

    // The real one was not touched, and goes with the record.
    theirs.set_nonblocking(true).unwrap();
    assert_eq!(theirs.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop((adopted, connection, reactor));
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}

#[test]
fn adopted_datagram_ports_are_recorded_apart() {
    let reactor = MemoryReactor::new();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (number, address) = (socket.as_raw_fd(), socket.local_addr().unwrap());
    let peer = SocketAddr::from(([127, 0, 0, 1], 53));
    socket.connect(peer).unwrap();
    let options = DatagramOptions::new().max_packet_size(3);
    let story = Story::default();
    let transport =
        reactor.adopt_datagram_port_with(socket, options.clone(), Post(story.clone())).unwrap();
    transport.write("hello", None).unwrap();
    assert!(reactor.udp_ports().is_empty());
    let [adopted] = &reactor.adopted_datagram_ports()[..] else { panic!("{reactor:?}") };
    assert_eq!(adopted.descriptor().unwrap().as_raw_fd(), number);
    assert_eq!((adopted.get_host(), adopted.get_peer()), (address, Some(peer)));
    assert_eq!(adopted.take_sent(), [(b"hello".to_vec(), None)]);
    assert_eq!(*adopted.options(), options);
    adopted.receive("too long", peer);
    reactor.settle().unwrap();
    assert_eq!(story.take(), [format!("started on {address}"), format!("too from {peer}")]);
}

#[test]
fn what_cannot_be_adopted_cannot_be_adopted_here() {
    let reactor = MemoryReactor::new();
    let recorder = |_: Address| Recorder::default();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let error = reactor.adopt_stream_port(ours.try_clone().unwrap(), recorder).unwrap_err();
    assert_eq!(error, AdoptError::NotListening);
    let refused = reactor.adopt_stream_connection(ours, |_: Address| None::<Recorder>);
    assert_eq!(refused.unwrap_err(), AdoptError::NoProtocol);
    assert!(reactor.adopted_ports().is_empty() && reactor.adopted_connections().is_empty());
}

#[test]
fn opening_and_adopting_can_be_made_to_fail() {
    let reactor = MemoryReactor::new();
    reactor.refuse_to_listen(ErrorKind::PermissionDenied);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = reactor.adopt_stream_port(listener, |_: Address| Recorder::default()).unwrap_err();
    assert_eq!(error, AdoptError::System(ErrorKind::PermissionDenied.into()));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = reactor.adopt_datagram_port(socket, Post(Story::default())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let error = reactor.listen_unix_datagram(path("a"), Post(Story::default())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let error = reactor.connect_unix_datagram(path("a"), Post(Story::default())).unwrap_err();
    assert_eq!(error, ConnectError::Other(ErrorKind::PermissionDenied.into()));
    reactor.refuse_to_listen(None);
    reactor.connect_unix_datagram(path("a"), Post(Story::default())).unwrap();
}

#[test]
fn how_unix_sockets_were_asked_for_is_recorded() {
    let reactor = MemoryReactor::new();
    let options = UnixOptions::new().mode(0o600).lock(true).backlog(3);
    reactor.listen_unix_with(path("server"), options, |_: Address| Recorder::default()).unwrap();
    let [server] = &reactor.unix_servers()[..] else { panic!("{reactor:?}") };
    assert_eq!((server.unix_options(), server.options()), (Some(options), None));
    assert!(server.descriptor().is_none());
    for check in [true, false] {
        let options = UnixConnectOptions::new().check_lock(check);
        reactor.connect_unix_with(path("server"), options, |_: Address| Recorder::default());
    }
    reactor.settle().unwrap();
    let checked: Vec<bool> = reactor.unix_clients().iter().map(|c| c.checks_lock()).collect();
    assert_eq!(checked, [true, false]);
}
