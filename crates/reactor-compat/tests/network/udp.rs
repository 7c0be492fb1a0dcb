//! UDP, as `twisted.internet.test.test_udp`, `twisted.test.test_udp` and
//! `test_udp_internals` ask of Twisted's; on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;

use crate::support::{drive, turns, until};
use deferred::Panic;
use deferred::testing::success_result_of;
use reactor_compat::log::LogCapture;
use reactor_compat::{
    CannotListenError, DatagramConnection, DatagramError, DatagramOptions, DatagramProtocol,
    Reactor,
};

const HERE: (&str, u16) = ("127.0.0.1", 0);

/// What happened to a protocol, for all to see.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<Vec<String>>>);

impl Seen {
    fn push(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    fn has(&self, what: &str) -> bool {
        self.0.borrow().iter().any(|seen| seen == what)
    }

    async fn wait_for(&self, what: &str) {
        until(|| self.has(what)).await;
    }
}

type Action = Box<dyn FnMut(&DatagramConnection<Noter>)>;
type DataAction = Box<dyn FnMut(&DatagramConnection<Noter>, &[u8], SocketAddr)>;

/// A protocol that notes what happens to it, and does what it is told.
#[derive(Default)]
struct Noter {
    seen: Seen,
    on_start: Option<Action>,
    on_data: Option<DataAction>,
    on_refused: Option<Action>,
}

impl Noter {
    fn new(seen: &Seen) -> Self {
        Self { seen: seen.clone(), ..Self::default() }
    }

    fn start(mut self, action: impl FnMut(&DatagramConnection<Self>) + 'static) -> Self {
        self.on_start = Some(Box::new(action));
        self
    }

    fn data(
        mut self,
        action: impl FnMut(&DatagramConnection<Self>, &[u8], SocketAddr) + 'static,
    ) -> Self {
        self.on_data = Some(Box::new(action));
        self
    }

    fn refused(mut self, action: impl FnMut(&DatagramConnection<Self>) + 'static) -> Self {
        self.on_refused = Some(Box::new(action));
        self
    }

    fn echo(seen: &Seen) -> Self {
        Self::new(seen).data(|transport, data, from| transport.write(data, from).unwrap())
    }
}

impl DatagramProtocol for Noter {
    fn start_protocol(&mut self, transport: &DatagramConnection<Self>) {
        self.seen.push("start");
        if let Some(action) = &mut self.on_start {
            action(transport);
        }
    }

    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        self.seen.push(String::from_utf8_lossy(data));
        if let Some(action) = &mut self.on_data {
            action(transport, data, from);
        }
    }

    fn connection_refused(&mut self, transport: &DatagramConnection<Self>) {
        self.seen.push("refused");
        if let Some(action) = &mut self.on_refused {
            action(transport);
        }
    }

    fn stop_protocol(&mut self, transport: &DatagramConnection<Self>) {
        assert_eq!(transport.write("late", None), Err(DatagramError::Closed));
        self.seen.push("stop");
    }
}

/// A port of this machine where nobody listens, and nobody else will: that of
/// a socket that takes datagrams from itself alone.
struct Nobody(UdpSocket);

impl Nobody {
    fn new() -> Self {
        let socket = UdpSocket::bind(HERE).unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

#[test]
fn a_protocol_is_started_once_and_stopped_once() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        assert!(seen.all().is_empty(), "nothing is called inside of listen_udp");
        seen.wait_for("start").await;
        port.stop_listening().await.unwrap();
        assert_eq!(seen.all(), ["start", "stop"]);
        assert!(port.gone());
    });
}

#[test]
fn stop_protocol_is_not_called_inside_of_stop_listening() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        seen.wait_for("start").await;
        let stopped = port.stop_listening();
        let again = port.stop_listening();
        assert_eq!(seen.all(), ["start"]);
        stopped.await.unwrap();
        success_result_of(again);
        success_result_of(port.stop_listening());
        assert_eq!(seen.all(), ["start", "stop"]);
    });
}

#[test]
fn one_that_is_stopped_before_it_started_is_started_and_stopped_all_the_same() {
    let reactor = Reactor::new();
    let seen = Seen::default();
    let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
    let stop = reactor.clone();
    let stopped = port.stop_listening().add_callback(move |()| Ok(stop.stop()?));
    reactor.run().unwrap();
    success_result_of(stopped);
    assert_eq!(seen.all(), ["start", "stop"]);
}

#[test]
fn ports_are_closed_when_the_reactor_stops() {
    let reactor = Reactor::new();
    let seen = Seen::default();
    let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
    let address = port.get_host();
    let [open] = &reactor.inventory().ports[..] else { panic!("{reactor:?}") };
    assert_eq!(open.host, reactor_compat::Address::Udp(address));
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(seen.all(), ["start", "stop"]);
    assert_eq!(port.get_host(), address, "what it was");
    assert!(reactor.inventory().ports.is_empty());
    UdpSocket::bind(address).unwrap();
}

#[test]
fn one_whose_reactor_never_ran_hears_nothing() {
    let seen = Seen::default();
    let reactor = Reactor::new();
    let address = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap().get_host();
    drop(reactor);
    assert!(seen.all().is_empty());
    UdpSocket::bind(address).unwrap();
}

#[test]
fn a_taken_port_is_said_so() {
    let reactor = Reactor::new();
    let seen = Seen::default();
    let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
    let error: CannotListenError =
        reactor.listen_udp(port.get_host(), Noter::new(&seen)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn an_interface_that_is_not_ours_is_said_so() {
    let error = Reactor::new().listen_udp(("192.0.2.1", 0), Noter::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrNotAvailable);
}

#[test]
fn packets_come_in_order_with_where_they_are_from() {
    drive(|reactor| async move {
        let (server, client) = (Seen::default(), Seen::default());
        let there = reactor.listen_udp(HERE, Noter::echo(&server)).unwrap().get_host();
        let asker = Noter::new(&client)
            .start(move |transport| {
                for data in ["hello", "a", "", "c"] {
                    transport.write(data, there).unwrap();
                }
                transport.write_sequence(["pie", "", "ces"], there).unwrap();
            })
            .data(move |_, _, from| assert_eq!(from, there));
        reactor.listen_udp(HERE, asker).unwrap();
        client.wait_for("pieces").await;
        assert_eq!(server.all(), ["start", "hello", "a", "", "c", "pieces"]);
        assert_eq!(client.all(), server.all());
    });
}

#[test]
fn ipv6_works_alike() {
    drive(|reactor| async move {
        let (server, client) = (Seen::default(), Seen::default());
        let there = reactor.listen_udp(("::1", 0), Noter::echo(&server)).unwrap().get_host();
        assert_eq!(there.ip(), Ipv6Addr::LOCALHOST);
        let connected = Noter::new(&client).start(move |transport| {
            transport.connect(there).unwrap();
            transport.write("spam", None).unwrap();
        });
        reactor.listen_udp(("::1", 0), connected).unwrap();
        client.wait_for("spam").await;
    });
}

#[test]
fn addresses_of_the_other_version_of_ip_are_refused() {
    let reactor = Reactor::new();
    let v4 = reactor.listen_udp(HERE, Noter::default()).unwrap();
    let v6 = reactor.listen_udp(("::1", 0), Noter::default()).unwrap();
    for (port, other) in [(&v4, v6.get_host()), (&v6, v4.get_host())] {
        assert!(matches!(port.write("spam", other), Err(DatagramError::InvalidAddress(_))));
        assert!(matches!(port.connect(other), Err(DatagramError::InvalidAddress(_))));
        assert_eq!(port.get_peer(), None);
    }
}

#[test]
fn a_message_that_is_too_long_is_an_error_and_no_more() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        let here = port.get_host();
        let error = port.write(vec![0; 70_000], here).unwrap_err();
        assert_eq!(error, DatagramError::MessageLength(70_000));
        port.write("short", here).unwrap();
        seen.wait_for("short").await;
    });
}

#[test]
fn what_is_longer_than_a_packet_may_be_is_cut() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let options = DatagramOptions::new().max_packet_size(4);
        let port = reactor.listen_udp_with(HERE, options, Noter::new(&seen)).unwrap();
        port.write("too long", port.get_host()).unwrap();
        port.write("next", port.get_host()).unwrap();
        seen.wait_for("next").await;
        assert_eq!(seen.all(), ["start", "too ", "next"]);
    });
}

#[test]
fn packets_as_large_as_there_are_fit_if_they_may() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let options = DatagramOptions::new().max_packet_size(1_000_000);
        let port = reactor.listen_udp_with(HERE, options, Noter::new(&seen)).unwrap();
        let large = "x".repeat(65_507);
        port.write(&large, port.get_host()).unwrap();
        seen.wait_for(&large).await;
    });
}

#[test]
fn a_connected_one_sends_to_its_peer_alone() {
    let reactor = Reactor::new();
    let port = reactor.listen_udp(HERE, Noter::default()).unwrap();
    let (peer, other) = (UdpSocket::bind(HERE).unwrap(), Nobody::new());
    let address = peer.local_addr().unwrap();
    assert_eq!(port.write("x", None), Err(DatagramError::NotConnected));
    port.connect(address).unwrap();
    assert_eq!(port.get_peer(), Some(address));
    assert_eq!(port.connect(address), Err(DatagramError::AlreadyConnected));
    assert_eq!(port.write("x", other.address()), Err(DatagramError::OtherPeer));
    port.write("one", None).unwrap();
    port.write("two", address).unwrap();
    let mut buffer = [0; 8];
    for expected in [b"one", b"two"] {
        assert_eq!(peer.recv(&mut buffer).unwrap(), 3);
        assert_eq!(&buffer[..3], expected);
    }
}

#[test]
fn connecting_settles_the_host() {
    let reactor = Reactor::new();
    let port = reactor.listen_udp(0, Noter::default()).unwrap();
    assert_eq!(port.get_host().ip(), Ipv4Addr::UNSPECIFIED);
    port.connect(Nobody::new().address()).unwrap();
    assert_eq!(port.get_host().ip(), Ipv4Addr::LOCALHOST);
}

#[test]
fn a_connected_one_hears_of_a_refusal_and_goes_on() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let nobody = Nobody::new();
        let address = nobody.address();
        let protocol = Noter::new(&seen).start(move |transport| {
            transport.connect(address).unwrap();
            transport.write("anybody?", None).unwrap();
        });
        let port = reactor.listen_udp(HERE, protocol).unwrap();
        seen.wait_for("refused").await;
        let Nobody(peer) = nobody;
        peer.connect(port.get_host()).unwrap();
        port.write("now?", None).unwrap();
        peer.send(b"yes").unwrap();
        seen.wait_for("yes").await;
        assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 4);
    });
}

#[test]
fn a_refusal_that_a_write_meets_is_told_after_the_callback() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let inside = Rc::new(Cell::new(false));
        let flag = inside.clone();
        let protocol = Noter::new(&seen).refused(move |_| assert!(!flag.get()));
        let port = reactor.listen_udp(HERE, protocol).unwrap();
        let nobody = Nobody::new();
        port.connect(nobody.address()).unwrap();
        let entered = inside.clone();
        let call = port.call(move |_, transport| {
            entered.set(true);
            // The system refuses the second, because of the first.
            for _ in 0..4 {
                transport.write("anybody?", None).unwrap();
            }
            entered.set(false);
        });
        call.await.unwrap();
        seen.wait_for("refused").await;
        assert!(!inside.get());
    });
}

/// The system tells of an earlier datagram's refusal instead of sending the next
/// one: it is sent all the same, and once.
#[test]
fn a_refusal_of_an_earlier_datagram_costs_no_later_one() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        let Nobody(peer) = Nobody::new();
        let address = peer.local_addr().unwrap();
        port.connect(address).unwrap();
        for round in 0..10_u8 {
            // The peer is connected elsewhere, and so refuses.
            let elsewhere = UdpSocket::bind(HERE).unwrap();
            peer.connect(elsewhere.local_addr().unwrap()).unwrap();
            port.write("refused", None).unwrap();
            peer.connect(port.get_host()).unwrap();
            // In the same turn: nobody has taken the error from the socket yet.
            port.write([round], None).unwrap();
            port.write([round, round], None).unwrap();
            let mut buffer = [0; 8];
            for count in [1, 2] {
                assert_eq!(peer.recv(&mut buffer).unwrap(), count);
                assert_eq!(buffer[..count], [round; 2][..count]);
            }
        }
        // Nothing came twice.
        peer.set_nonblocking(true).unwrap();
        assert_eq!(peer.recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        seen.wait_for("refused").await;
    });
}

#[test]
fn one_that_is_not_connected_hears_of_no_refusal() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        let nobody = Nobody::new();
        for _ in 0..4 {
            port.write("anybody?", nobody.address()).unwrap();
        }
        port.write("done", port.get_host()).unwrap();
        seen.wait_for("done").await;
        assert_eq!(seen.all(), ["start", "done"]);
    });
}

#[test]
fn broadcasting_has_to_be_allowed() {
    let reactor = Reactor::new();
    let port = reactor.listen_udp(0, Noter::default()).unwrap();
    let everybody = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
    assert_eq!(port.get_broadcast_allowed(), Ok(false));
    let denied = port.write("hello", everybody).unwrap_err();
    let DatagramError::Other(denied) = denied else { panic!("{denied:?}") };
    assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied);
    port.set_broadcast_allowed(true).unwrap();
    assert_eq!(port.get_broadcast_allowed(), Ok(true));
}

#[test]
fn a_panic_is_logged_and_the_port_goes_on() {
    drive(|reactor| async move {
        let log = LogCapture::start();
        let seen = Seen::default();
        let protocol = Noter::new(&seen)
            .data(|_, data, _| assert_ne!(data, b"bad", "on purpose"))
            .refused(|_| panic!("on purpose"));
        let port = reactor.listen_udp(HERE, protocol).unwrap();
        port.write("bad", port.get_host()).unwrap();
        port.write("good", port.get_host()).unwrap();
        seen.wait_for("good").await;
        let nobody = Nobody::new();
        port.connect(nobody.address()).unwrap();
        port.write("x", None).unwrap();
        seen.wait_for("refused").await;
        turns(3).await;
        assert!(!port.gone());
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 2);
    });
}

#[test]
fn a_panic_at_the_start_closes_the_port() {
    drive(|reactor| async move {
        let log = LogCapture::start();
        let seen = Seen::default();
        let protocol = Noter::new(&seen).start(|_| panic!("on purpose"));
        let port = reactor.listen_udp(HERE, protocol).unwrap();
        seen.wait_for("stop").await;
        assert_eq!(port.write("x", Nobody::new().address()), Err(DatagramError::Closed));
        assert_eq!(port.set_broadcast_allowed(true), Err(DatagramError::Closed));
        assert_eq!(log.flush_logged_errors::<Panic>().len(), 1);
    });
}

#[test]
fn nothing_is_received_once_it_was_told_to_stop() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let protocol = Noter::new(&seen).data(|transport, _, from| {
            drop(transport.stop_listening());
            transport.write("bye", from).unwrap();
        });
        let port = reactor.listen_udp(HERE, protocol).unwrap();
        let peer = UdpSocket::bind(HERE).unwrap();
        for data in ["one", "two", "three"] {
            peer.send_to(data.as_bytes(), port.get_host()).unwrap();
        }
        seen.wait_for("stop").await;
        assert_eq!(seen.all(), ["start", "one", "stop"]);
        let mut buffer = [0; 8];
        let count = peer.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"bye");
    });
}

#[test]
fn others_have_their_turn_while_a_flood_comes() {
    drive(|reactor| async move {
        let seen = Seen::default();
        // It sends itself a datagram for each that it gets, for ever.
        let flood = Noter::new(&seen).data(|transport, data, from| {
            transport.write(data, from).unwrap();
        });
        let port = reactor.listen_udp(HERE, flood).unwrap();
        port.write("round", port.get_host()).unwrap();
        let other = Seen::default();
        let echo = reactor.listen_udp(HERE, Noter::echo(&other)).unwrap();
        seen.wait_for("round").await;
        for turn in 0..10 {
            let data = format!("turn {turn}");
            let peer = UdpSocket::bind(HERE).unwrap();
            peer.send_to(data.as_bytes(), echo.get_host()).unwrap();
            other.wait_for(&data).await;
        }
    });
}

#[test]
fn a_call_reaches_the_protocol() {
    drive(|reactor| async move {
        let seen = Seen::default();
        let port = reactor.listen_udp(HERE, Noter::new(&seen)).unwrap();
        let note = port.wrap(|this, _, what: &str| this.seen.push(what));
        drop(reactor.defer_to_thread(|| Ok("from afar")).add_callback(note));
        seen.wait_for("from afar").await;
        let answer = port.call(|this, _| Ok(this.seen.all().len()));
        assert_eq!(success_result_of(answer), 2);
    });
}

#[test]
fn a_socket_that_exists_is_adopted_with_its_peer() {
    drive(|reactor| async move {
        let (socket, peer) = (UdpSocket::bind(HERE).unwrap(), UdpSocket::bind(HERE).unwrap());
        socket.connect(peer.local_addr().unwrap()).unwrap();
        let here = socket.local_addr().unwrap();
        let seen = Seen::default();
        let port = reactor.adopt_datagram_port(socket, Noter::echo(&seen)).unwrap();
        assert_eq!(port.get_peer(), peer.local_addr().ok());
        peer.send_to(b"hello", here).unwrap();
        seen.wait_for("hello").await;
        assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 5);
    });
}

#[test]
fn its_debug_output_has_the_port_number() {
    let reactor = Reactor::new();
    let port = reactor.listen_udp(HERE, Noter::default()).unwrap();
    let number = port.get_host().port().to_string();
    assert!(format!("{port:?}").contains(&number));
}

#[test]
fn the_log_says_when_it_starts_and_is_closed_and_who_speaks() {
    let log = LogCapture::start();
    let (reactor, seen) = (Reactor::new(), Seen::default());
    let protocol = Noter::new(&seen).start(|_| tracing::info!("inside"));
    let number = reactor.listen_udp(HERE, protocol).unwrap().get_host().port();
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop().unwrap());
    reactor.run().unwrap();
    let said = log.take();
    let systems = |what: &str| {
        let said = said.iter().find(|event| event.message() == what);
        said.unwrap_or_else(|| panic!("{what}: {said:?}")).system().to_owned()
    };
    assert_eq!(systems(&format!("Noter starting on {number}")), "-");
    assert_eq!(systems("inside"), "Noter (UDP)");
    assert_eq!(systems(&format!("(UDP Port {number} Closed)")), "Noter (UDP)");
}
