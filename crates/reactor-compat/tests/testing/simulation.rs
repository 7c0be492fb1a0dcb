//! Nodes and links by a seed: connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Event, Log, Recorder};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use reactor_compat::testing::{Link, Node, PumpError, Simulation};
use reactor_compat::{
    Address, ConnectError, ConnectOptions, Connection, ConnectionLost, ListenOptions, Protocol,
    Reactor, defer_to_thread, reactor,
};

const SECOND: Duration = Duration::from_secs(1);

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A node that echoes at port 7, and what it hears.
fn echo(simulation: &Simulation, name: &str) -> (Node, Log) {
    let log = Log::default();
    let its = log.clone();
    let node = simulation.node(name, move |reactor| {
        let log = its.clone();
        reactor.listen_tcp(7, move |_: Address| Recorder::echo(&log)).unwrap();
    });
    (node, log)
}

/// A node that does nothing by itself.
fn idle(simulation: &Simulation, name: &str) -> Node {
    simulation.node(name, |_| ())
}

/// Connects from a node.
fn connect(node: &Node, to: &str) -> (Deferred<Connection<Recorder>>, Log) {
    let log = Log::default();
    let its = log.clone();
    let connector = node.reactor().connect_tcp((to, 7), move |_: Address| Recorder::new(&its));
    (connector.when_connected(), log)
}

/// Two nodes with a connection, over a link.
struct Pair {
    simulation: Simulation,
    server: Node,
    client: Node,
    heard_by_server: Log,
    heard: Log,
    connection: Connection<Recorder>,
}

fn pair(link: Link) -> Pair {
    let simulation = Simulation::new(1);
    simulation.set_default_link(link);
    let (server, heard_by_server) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let (connected, heard) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    let connection = success_result_of(connected);
    Pair { simulation, server, client, heard_by_server, heard, connection }
}

#[test]
fn a_connection_takes_as_long_as_the_way() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    let (_server, _) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let (connected, heard) = connect(&client, "server");
    simulation.run_for(ms(99)).unwrap();
    assert_no_result(&connected);
    simulation.run_for(ms(1)).unwrap();
    let connection = success_result_of(connected);
    assert_eq!(connection.get_peer(), &Address::Tcp(([10, 0, 0, 1], 7).into()));
    assert_eq!(connection.get_host().ip(), Some(client.address()));
    connection.write("hello");
    simulation.run_for(ms(99)).unwrap();
    assert_eq!(heard.data(), b"");
    simulation.run_for(ms(1)).unwrap();
    assert_eq!(heard.data(), b"hello");
    assert_eq!(simulation.seconds(), ms(200));
    assert_eq!(client.reactor().seconds(), ms(200));
}

#[test]
fn each_node_finds_its_own_reactor() {
    let simulation = Simulation::new(1);
    let before = reactor().seconds();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for (name, wait) in [("one", 1), ("two", 2)] {
        let seen = seen.clone();
        simulation.node(name, move |its| {
            let seen = seen.clone();
            let inner = its.clone();
            reactor().call_later(wait * SECOND, move || {
                assert_eq!(reactor().seconds(), inner.seconds());
                assert_eq!(reactor().inventory().delayed_calls.len(), 0);
                seen.borrow_mut().push((name, inner.seconds()));
            });
            assert_eq!(its.inventory().delayed_calls.len(), 1);
        });
    }
    simulation.run_for(10 * SECOND).unwrap();
    assert_eq!(*seen.borrow(), [("one", SECOND), ("two", 2 * SECOND)]);
    assert!(reactor().seconds() - before < 10 * SECOND, "the thread's own is back");
}

#[test]
fn names_are_those_of_the_nodes() {
    let simulation = Simulation::new(1);
    let one = idle(&simulation, "one");
    let two = idle(&simulation, "two");
    simulation.run_for(SECOND).unwrap();
    let found = one.reactor().resolve("two");
    let here = one.reactor().resolve("localhost");
    let unknown = one.reactor().resolve("three");
    simulation.run_for(SECOND).unwrap();
    assert_eq!(success_result_of(found), two.address());
    assert_eq!(success_result_of(here), Ipv4Addr::LOCALHOST);
    let why = failure_result_of(unknown).to_string();
    assert_eq!(why, "DNS lookup of three failed: no node is called so");
    let nobody = one.reactor().connect_tcp(("10.9.9.9", 7), |_: Address| Silent).when_connected();
    let six = one.reactor().connect_tcp(("::1", 7), |_: Address| Silent).when_connected();
    simulation.run_for(SECOND).unwrap();
    assert_eq!(failure_result_of(nobody).check(), Some(&ConnectError::NoRoute));
    assert_eq!(failure_result_of(six).check(), Some(&ConnectError::NoRoute));
}

struct Silent;
impl Protocol for Silent {}

#[test]
fn ports_are_opened_at_addresses_of_the_node() {
    let simulation = Simulation::new(1);
    let one = idle(&simulation, "one");
    let two = idle(&simulation, "two");
    let reactor = one.reactor();
    let any = reactor.listen_tcp(80, |_: Address| Silent).unwrap();
    let taken = reactor.listen_tcp((one.address(), 80), |_: Address| Silent).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    let other = reactor.listen_tcp((two.address(), 81), |_: Address| Silent).unwrap_err();
    assert_eq!(other.kind(), std::io::ErrorKind::AddrNotAvailable);
    let by_name = reactor.listen_tcp(("one", 0), |_: Address| Silent).unwrap();
    assert_eq!(by_name.get_host().ip(), Some(one.address()));
    // The same number, of another node.
    two.reactor().listen_tcp(80, |_: Address| Silent).unwrap();
    drop(any.stop_listening());
    reactor.listen_tcp((one.address(), 80), |_: Address| Silent).unwrap();
}

#[test]
fn a_node_reaches_itself_whatever_becomes_of_its_links() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(SECOND));
    let (server, _) = echo(&simulation, "server");
    simulation.isolate([&server]);
    let (by_name, _) = connect(&server, "server");
    let (local, _) = connect(&server, "127.0.0.1");
    simulation.run_for(ms(1)).unwrap();
    assert_eq!(success_result_of(by_name).get_peer().ip(), Some(server.address()));
    let local = success_result_of(local);
    assert!(local.get_peer().ip().unwrap().is_loopback());
    assert!(local.get_host().ip().unwrap().is_loopback());
}

#[test]
fn nobody_at_a_port_refuses() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    let _server = idle(&simulation, "server");
    let client = idle(&simulation, "client");
    let (connected, _) = connect(&client, "server");
    simulation.run_for(ms(99)).unwrap();
    assert_no_result(&connected);
    simulation.run_for(ms(1)).unwrap();
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::ConnectionRefused));
}

#[test]
fn a_full_backlog_refuses() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    let _server = simulation.node("server", |reactor| {
        let two = ListenOptions::new().backlog(2);
        reactor.listen_tcp_with(7, two, |_: Address| Silent).unwrap();
    });
    let client = idle(&simulation, "client");
    simulation.run_for(SECOND).unwrap();
    // They arrive at one time.
    let (mut attempts, logs): (Vec<_>, Vec<_>) = (0..3).map(|_| connect(&client, "server")).unzip();
    simulation.run_for(SECOND).unwrap();
    let made: Vec<_> = logs.iter().map(|log| log.events() == [Event::Made]).collect();
    let refused = made.iter().position(|made| !made).unwrap();
    assert_eq!(made.iter().filter(|made| **made).count(), 2);
    let why = failure_result_of(attempts.remove(refused));
    assert_eq!(why.check(), Some(&ConnectError::ConnectionRefused));
    // Now there is room.
    let (connected, _) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    success_result_of(connected);
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    let (server, heard) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let options = ConnectOptions::new().timeout(ms(70));
    let connector = client.reactor().connect_tcp_with(("server", 7), options, |_: Address| Silent);
    let connected = connector.when_connected();
    simulation.run_for(SECOND).unwrap();
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::Timeout));
    assert_eq!(heard.events(), []);
    assert!(server.reactor().inventory().connections.is_empty());
}

#[test]
fn where_nothing_passes_an_attempt_waits_and_is_made_later() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    let (server, _) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    simulation.cut(&server, &client);
    let (connected, _) = connect(&client, "server");
    simulation.run_for(ms(2_900)).unwrap();
    assert_no_result(&connected);
    simulation.mend(&server, &client);
    // What is sent at 0, 1, 3, 7 seconds: the third one arrives.
    simulation.run_for(ms(200)).unwrap();
    success_result_of(connected);
}

#[test]
fn it_gives_up_as_systems_do() {
    let simulation = Simulation::new(1);
    let (server, _) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    server.crash();
    let patient = ConnectOptions::new().timeout(1_000 * SECOND);
    let connector = client.reactor().connect_tcp_with(("server", 7), patient, |_: Address| Silent);
    let connected = connector.when_connected();
    simulation.run_for(126 * SECOND).unwrap();
    assert_no_result(&connected);
    simulation.run_for(2 * SECOND).unwrap();
    assert_eq!(failure_result_of(connected).check(), Some(&ConnectError::TcpTimedOut));
}

#[test]
fn bandwidth_is_what_passes() {
    let link = Link::new().bandwidth(1_000_000).window(1 << 20).queue(1 << 20);
    let Pair { simulation, connection, heard_by_server, .. } = pair(link);
    connection.write(vec![7; 500_000]);
    simulation.run_for(ms(500)).unwrap();
    let arrived = heard_by_server.data().len();
    assert!((450_000..500_000).contains(&arrived), "{arrived} bytes of 500,000 in half a second");
    simulation.run_for(ms(50)).unwrap();
    assert_eq!(heard_by_server.data().len(), 500_000);
}

#[test]
fn a_receiver_that_does_not_read_stops_its_sender() {
    let link = Link::new().latency(ms(10)).window(10_000);
    let Pair { simulation, server, connection, heard_by_server, .. } = pair(link);
    let paused = Rc::new(RefCell::new(None));
    let place = paused.clone();
    let log = Log::default();
    let its = log.clone();
    server
        .reactor()
        .listen_tcp(8, move |_: Address| {
            let place = place.clone();
            Recorder::new(&its).made(move |transport, ()| {
                transport.pause_producing();
                place.replace(Some(transport.transport().clone()));
            })
        })
        .unwrap();
    let sender = Log::default();
    let its = sender.clone();
    let connected = connection_to(&simulation, move || Recorder::new(&its));
    connected.write(vec![7; 100_000]);
    simulation.run_for(SECOND).unwrap();
    assert_eq!(log.data().len(), 0);
    assert_eq!(connected.unsent(), 90_000, "10,000 bytes are received and not read");
    paused.borrow().as_ref().unwrap().resume_producing();
    simulation.run_for(10 * SECOND).unwrap();
    assert_eq!(log.data().len(), 100_000);
    assert_eq!(connected.unsent(), 0);
    let _ = (heard_by_server, connection);
}

/// A connection of a new node to port 8 of the server.
fn connection_to(
    simulation: &Simulation,
    protocol: impl Fn() -> Recorder + 'static,
) -> Connection<Recorder> {
    let node = idle(simulation, "sender");
    let connector = node.reactor().connect_tcp(("server", 8), move |_: Address| protocol());
    let connected = connector.when_connected();
    simulation.run_for(SECOND).unwrap();
    success_result_of(connected)
}

#[test]
fn a_window_and_a_way_make_a_speed() {
    // 10,000 bytes each 100 ms, there and back.
    let link = Link::new().latency(ms(50)).window(10_000);
    let Pair { simulation, connection, heard_by_server, .. } = pair(link);
    connection.write(vec![7; 100_000]);
    simulation.run_for(ms(500)).unwrap();
    let arrived = heard_by_server.data().len();
    assert!((40_000..=60_000).contains(&arrived), "{arrived} bytes in half a second");
}

#[test]
fn what_is_lost_comes_late_and_in_order() {
    let text: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let link = Link::new().latency(ms(5)).jitter(ms(5)).loss(0.05);
    let simulation = Simulation::new(3);
    simulation.set_default_link(link);
    let (_server, log) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let (connected, heard) = connect(&client, "server");
    simulation.run_for(20 * SECOND).unwrap();
    let connection = success_result_of(connected);
    let begun = simulation.seconds();
    connection.write(&text);
    let all = simulation.run_until(600 * SECOND, || heard.data().len() == text.len()).unwrap();
    assert!(all, "{} bytes of 200,000", heard.data().len());
    assert_eq!(heard.data(), text);
    assert_eq!(log.data(), text);
    assert!(simulation.seconds() - begun > ms(300), "much was lost");
}

#[test]
fn half_of_a_connection_may_end_first() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(ms(50)));
    /// Answers when all has come.
    struct Sum(usize);
    impl Protocol for Sum {
        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            self.0 += data.len();
        }
        fn read_connection_lost(&mut self, transport: &Connection<Self>) {
            transport.write(self.0.to_string());
            transport.lose_connection();
        }
    }
    simulation.node("server", |reactor| {
        reactor.listen_tcp(7, |_: Address| Sum(0)).unwrap();
    });
    let client = idle(&simulation, "client");
    let (connected, heard) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    let connection = success_result_of(connected);
    connection.write("abc");
    connection.lose_write_connection();
    simulation.run_for(SECOND).unwrap();
    assert_eq!(heard.data(), b"3");
    assert_eq!(heard.end(), Some(Event::Done));
}

#[test]
fn an_abort_is_heard_after_the_way() {
    let Pair { simulation, connection, heard_by_server, .. } = pair(Link::new().latency(ms(50)));
    connection.abort_connection();
    simulation.run_for(ms(49)).unwrap();
    assert_eq!(heard_by_server.end(), None);
    simulation.run_for(ms(2)).unwrap();
    assert_eq!(heard_by_server.end(), Some(Event::Lost));
}

#[test]
fn a_cut_is_not_heard_of_and_ends_when_the_sender_has_waited_long_enough() {
    let Pair { simulation, server, client, connection, heard, heard_by_server } =
        pair(Link::new().latency(ms(50)));
    simulation.cut(&server, &client);
    connection.write("hello?");
    simulation.run_for(900 * SECOND).unwrap();
    assert_eq!(heard.end(), None);
    simulation.run_for(200 * SECOND).unwrap();
    assert_eq!(heard.end(), Some(Event::Lost), "it timed out");
    simulation.mend(&server, &client);
    simulation.run_for(SECOND).unwrap();
    assert_eq!(heard_by_server.end(), None, "it has nothing to say, and does not know");
    assert_eq!(server.reactor().inventory().connections.len(), 1);
}

#[test]
fn what_was_sent_into_a_cut_arrives_when_it_is_mended() {
    let Pair { simulation, server, client, connection, heard, .. } =
        pair(Link::new().latency(ms(50)));
    simulation.cut(&server, &client);
    connection.write("hello?");
    simulation.run_for(600 * SECOND).unwrap();
    simulation.mend(&server, &client);
    simulation.run_for(121 * SECOND).unwrap();
    assert_eq!(heard.data(), b"hello?");
}

#[test]
fn what_is_under_way_when_the_cable_is_pulled_is_sent_again() {
    let Pair { simulation, server, client, connection, heard, .. } =
        pair(Link::new().latency(ms(50)));
    connection.write("hello");
    simulation.run_for(ms(10)).unwrap();
    simulation.cut(&server, &client);
    simulation.run_for(ms(50)).unwrap();
    simulation.mend(&server, &client);
    simulation.run_for(SECOND).unwrap();
    assert_eq!(heard.data(), b"hello");
}

#[test]
fn a_reset_is_heard_by_both() {
    let Pair { simulation, server, client, heard, heard_by_server, .. } =
        pair(Link::new().latency(ms(50)));
    simulation.reset(&client, &server);
    simulation.run_for(Duration::ZERO).unwrap();
    assert_eq!(heard.end(), Some(Event::Lost));
    assert_eq!(heard_by_server.end(), Some(Event::Lost));
}

#[test]
fn the_peer_of_a_machine_that_crashed_hears_of_it_when_it_is_back() {
    let Pair { simulation, server, connection, heard, heard_by_server, .. } =
        pair(Link::new().latency(ms(50)));
    server.crash();
    assert!(!server.is_up());
    // What its own protocols did is nobody's business.
    assert_eq!(heard_by_server.end(), Some(Event::Lost));
    connection.write("hello?");
    simulation.run_for(10 * SECOND).unwrap();
    assert_eq!(heard.end(), None);
    server.start();
    simulation.run_for(120 * SECOND).unwrap();
    assert_eq!(heard.end(), Some(Event::Lost), "the machine knows nothing of it");
}

#[test]
fn nothing_that_a_crashing_node_does_is_heard() {
    struct Farewell;
    impl Protocol for Farewell {
        fn connection_lost(&mut self, transport: &Connection<Self>, reason: Failure) {
            assert!(reason.is::<ConnectionLost>());
            transport.write("farewell");
            reactor().call_later(SECOND, || unreachable!("there is no such second"));
            reactor().connect_tcp(("client", 7), |_: Address| Silent);
        }
    }
    let simulation = Simulation::new(1);
    let server = simulation.node("server", |reactor| {
        reactor.listen_tcp(7, |_: Address| Farewell).unwrap();
    });
    let (client, at_client) = echo(&simulation, "client");
    let (connected, heard) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    success_result_of(connected);
    server.crash();
    simulation.run_for(60 * SECOND).unwrap();
    assert_eq!(heard.events(), [Event::Made]);
    assert_eq!(at_client.events(), []);
}

#[test]
fn a_process_that_is_killed_has_its_connections_closed() {
    let Pair { simulation, server, client, heard, .. } = pair(Link::new().latency(ms(50)));
    server.kill();
    simulation.run_for(ms(60)).unwrap();
    assert_eq!(heard.end(), Some(Event::Done));
    let (refused, _) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    assert_eq!(failure_result_of(refused).check(), Some(&ConnectError::ConnectionRefused));
    server.start();
    let (connected, _) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    success_result_of(connected);
}

#[test]
fn a_node_may_end_itself_and_start_again() {
    let simulation = Simulation::new(1);
    let place = Rc::new(RefCell::new(None::<Node>));
    let (its, starts) = (place.clone(), Rc::new(Cell::new(0)));
    let count = starts.clone();
    let node = simulation.node("phoenix", move |reactor| {
        count.set(count.get() + 1);
        let its = its.clone();
        reactor.call_later(SECOND, move || {
            let node = its.borrow().clone().unwrap();
            node.crash();
            node.start();
        });
    });
    place.replace(Some(node.clone()));
    simulation.run_for(ms(3_500)).unwrap();
    assert_eq!(starts.get(), 4);
    node.kill();
    node.kill();
    simulation.run_for(10 * SECOND).unwrap();
    assert_eq!(starts.get(), 4);
}

#[test]
fn a_reactor_that_stops_ends_its_node_in_order() {
    let Pair { simulation, server, heard, .. } = pair(Link::new().latency(ms(50)));
    server.reactor().stop().unwrap();
    simulation.run_for(SECOND).unwrap();
    assert!(!server.is_up());
    assert_eq!(heard.end(), Some(Event::Done));
}

#[test]
fn threads_are_refused() {
    let simulation = Simulation::new(1);
    let seen = Rc::new(RefCell::new(None));
    let place = seen.clone();
    simulation.node("one", move |_| {
        let place = place.clone();
        let number = defer_to_thread(|| Ok(1));
        drop(number.add_both(move |result| {
            place.replace(Some(result.unwrap_err().to_string()));
            Ok(())
        }));
    });
    simulation.run_for(SECOND).unwrap();
    let why = seen.take().unwrap();
    assert!(why.contains("stopped"), "{why}");
}

#[cfg(unix)]
#[test]
fn unix_sockets_are_refused_by_name() {
    let simulation = Simulation::new(1);
    let node = idle(&simulation, "one");
    simulation.run_for(SECOND).unwrap();
    let error = node.reactor().listen_unix("/run/a.sock", |_: Address| Silent).unwrap_err();
    assert!(error.to_string().contains("the simulated network has no UNIX sockets"));
    let connected = node.reactor().connect_unix("/run/a.sock", |_: Address| Silent);
    let connected = connected.when_connected();
    simulation.run_for(SECOND).unwrap();
    assert!(failure_result_of(connected).to_string().contains("no UNIX sockets"));
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_refused_by_name() {
    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

    let made = rcgen::generate_simple_self_signed(["server".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let simulation = Simulation::new(1);
    let node = idle(&simulation, "server");
    simulation.run_for(SECOND).unwrap();
    let options = ServerOptions::new(Identity::from_pem(&certificate, &key).unwrap()).unwrap();
    let error = node.reactor().listen_ssl(443, |_: Address| Silent, options).unwrap_err();
    assert!(error.to_string().contains("the simulated network has no TLS"), "{error}");
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    let options = ClientOptions::new("server").unwrap().trust_roots(roots);
    let connector = node.reactor().connect_ssl(("server", 443), |_: Address| Silent, options);
    let connected = connector.unwrap().when_connected();
    simulation.run_for(SECOND).unwrap();
    assert!(failure_result_of(connected).to_string().contains("no TLS"));
}

#[test]
fn it_cannot_be_driven_from_inside_itself() {
    let simulation = Rc::new(Simulation::new(1));
    let (inner, seen) = (simulation.clone(), Rc::new(Cell::new(None)));
    let place = seen.clone();
    let node = idle(&simulation, "one");
    node.reactor().call_later(SECOND, move || place.set(Some(inner.run_for(SECOND))));
    simulation.run_for(2 * SECOND).unwrap();
    assert_eq!(seen.get(), Some(Err(PumpError::Reentrant)));
    // The closure held the simulation; it has run.
    assert_eq!(Rc::strong_count(&simulation), 1);
}

#[test]
fn what_never_rests_is_said() {
    fn again(reactor: &Reactor) {
        let inner = reactor.clone();
        reactor.call_later(Duration::ZERO, move || again(&inner));
    }
    let simulation = Simulation::new(1);
    simulation.node("one", again);
    assert!(matches!(simulation.run_for(SECOND), Err(PumpError::Restless { .. })));
}

#[test]
fn tasks_of_tokios_run_and_wait_by_its_clock() {
    let simulation = Simulation::new(1);
    let done = Rc::new(Cell::new(None));
    let place = done.clone();
    simulation.node("one", move |its| {
        let (place, its) = (place.clone(), its.clone());
        tokio::task::spawn_local(async move {
            tokio::time::sleep(ms(1_500)).await;
            place.set(Some(its.seconds()));
        });
    });
    simulation.run_for(2 * SECOND).unwrap();
    assert_eq!(done.get(), Some(ms(1_500)));
}

#[test]
fn a_node_connects_from_where_it_is_told_to() {
    let simulation = Simulation::new(1);
    let (_server, _) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let from = SocketAddr::new(client.address(), 4_000);
    let options = ConnectOptions::new().bind_address(from);
    let connector = client.reactor().connect_tcp_with(("server", 7), options, |_: Address| Silent);
    let connected = connector.when_connected();
    let wrong = ConnectOptions::new().bind_address(([192, 0, 2, 1], 0));
    let connector = client.reactor().connect_tcp_with(("server", 7), wrong, |_: Address| Silent);
    let refused = connector.when_connected();
    simulation.run_for(SECOND).unwrap();
    assert_eq!(success_result_of(connected).get_host().socket_addr(), Some(from));
    assert!(matches!(failure_result_of(refused).check(), Some(ConnectError::Bind(..))));
}

#[test]
fn times_that_are_too_long_are_long() {
    let simulation = Simulation::new(1);
    simulation.set_default_link(Link::new().latency(Duration::MAX).jitter(Duration::MAX));
    let (_server, _) = echo(&simulation, "server");
    let client = idle(&simulation, "client");
    let (connected, _) = connect(&client, "server");
    simulation.run_for(SECOND).unwrap();
    assert_no_result(&connected);
    simulation.run_for(Duration::MAX).unwrap();
    failure_result_of(connected);
    assert!(simulation.seconds() > 30 * 365 * 24 * 3600 * SECOND);
}
