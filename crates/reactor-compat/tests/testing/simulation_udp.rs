//! Nodes and links by a seed: datagrams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::testing::{Link, Node, Simulation};
use reactor_compat::{DatagramConnection, DatagramError, DatagramProtocol};

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

type Heard = Rc<RefCell<Vec<(String, SocketAddr)>>>;

/// Keeps what comes, and answers it if it is told to.
struct Hear {
    heard: Heard,
    answers: bool,
}

impl DatagramProtocol for Hear {
    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        self.heard.borrow_mut().push((String::from_utf8_lossy(data).into_owned(), from));
        if self.answers {
            transport.write("answer", from).unwrap();
        }
    }

    fn connection_refused(&mut self, _: &DatagramConnection<Self>) {
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        self.heard.borrow_mut().push(("refused".to_owned(), nobody));
    }
}

/// Two nodes, the first of which hears at port 53.
struct Pair {
    simulation: Simulation,
    server: Node,
    at_server: Heard,
    client: Node,
    at_client: Heard,
    port: DatagramConnection<Hear>,
}

impl Pair {
    fn over(link: Link, seed: u64) -> Self {
        let simulation = Simulation::new(seed);
        simulation.set_default_link(link);
        let server = simulation.node("server", |_| ());
        let client = simulation.node("client", |_| ());
        let (at_server, at_client) = (Heard::default(), Heard::default());
        let hear = Hear { heard: at_server.clone(), answers: true };
        server.reactor().listen_udp(53, hear).unwrap();
        let hear = Hear { heard: at_client.clone(), answers: false };
        let port = client.reactor().listen_udp(4_000, hear).unwrap();
        simulation.run_for(ms(1)).unwrap();
        Self { simulation, server, at_server, client, at_client, port }
    }

    fn send(&self, text: impl AsRef<[u8]>) {
        self.port.write(text, SocketAddr::new(self.server.address(), 53)).unwrap();
    }

    fn texts(&self) -> Vec<String> {
        self.at_server.borrow().iter().map(|(text, _)| text.clone()).collect()
    }
}

#[test]
fn a_datagram_comes_after_the_way_and_is_answered() {
    let pair = Pair::over(Link::new().latency(ms(50)), 1);
    pair.send("hello");
    pair.simulation.run_for(ms(49)).unwrap();
    assert!(pair.texts().is_empty());
    pair.simulation.run_for(ms(51)).unwrap();
    let from = SocketAddr::new(pair.client.address(), 4_000);
    assert_eq!(*pair.at_server.borrow(), [("hello".to_owned(), from)]);
    let from = SocketAddr::new(pair.server.address(), 53);
    assert_eq!(*pair.at_client.borrow(), [("answer".to_owned(), from)]);
}

#[test]
fn some_are_lost_some_come_twice_and_some_overtake_others() {
    let link = Link::new().latency(ms(5)).jitter(ms(50)).loss(0.2).duplicates(0.2);
    let pair = Pair::over(link, 5);
    for number in 0..1_000 {
        pair.send(number.to_string());
        pair.simulation.run_for(ms(1)).unwrap();
    }
    pair.simulation.run_for(ms(100)).unwrap();
    let numbers: Vec<u32> = pair.texts().iter().map(|text| text.parse().unwrap()).collect();
    let mut different = numbers.clone();
    different.sort_unstable();
    different.dedup();
    assert!((700..900).contains(&different.len()), "{} of 1,000", different.len());
    assert!((100..250).contains(&(numbers.len() - different.len())), "{} twice", numbers.len());
    assert!(!numbers.is_sorted());
}

#[test]
fn nothing_passes_a_cut_and_nobody_hears_of_it() {
    let pair = Pair::over(Link::new(), 1);
    pair.simulation.cut(&pair.server, &pair.client);
    pair.send("lost");
    pair.simulation.run_for(ms(10)).unwrap();
    pair.simulation.heal();
    pair.send("found");
    pair.simulation.run_for(ms(10)).unwrap();
    assert_eq!(pair.texts(), ["found"]);
}

#[test]
fn a_connected_port_hears_of_a_refusal() {
    let pair = Pair::over(Link::new().latency(ms(5)), 1);
    let nobody = SocketAddr::new(pair.server.address(), 54);
    pair.port.write("hello?", nobody).unwrap();
    pair.simulation.run_for(ms(20)).unwrap();
    assert!(pair.at_client.borrow().is_empty(), "it is not connected");
    pair.port.connect(nobody).unwrap();
    pair.port.write("hello?", None).unwrap();
    pair.simulation.run_for(ms(20)).unwrap();
    assert_eq!(pair.at_client.borrow()[0].0, "refused");
}

#[test]
fn a_connected_port_hears_nobody_else() {
    let pair = Pair::over(Link::new(), 1);
    pair.port.connect(SocketAddr::new(pair.server.address(), 53)).unwrap();
    let other = pair.simulation.node("other", |_| ());
    let heard = Hear { heard: Heard::default(), answers: false };
    let port = other.reactor().listen_udp(53, heard).unwrap();
    port.write("hey", SocketAddr::new(pair.client.address(), 4_000)).unwrap();
    pair.port.write("hello", None).unwrap();
    pair.simulation.run_for(ms(10)).unwrap();
    let texts: Vec<_> = pair.at_client.borrow().iter().map(|(text, _)| text.clone()).collect();
    assert_eq!(texts, ["answer"]);
}

#[test]
fn what_cannot_be_sent_is_said() {
    let pair = Pair::over(Link::new(), 1);
    let server = SocketAddr::new(pair.server.address(), 53);
    let long = vec![0; 70_000];
    assert_eq!(pair.port.write(&long, server), Err(DatagramError::MessageLength(70_000)));
    let nowhere = SocketAddr::from(([192, 0, 2, 1], 53));
    assert!(matches!(pair.port.write("x", nowhere), Err(DatagramError::Other(..))));
    assert!(pair.port.set_broadcast_allowed(true).is_err(), "there is no socket");
}

#[test]
fn a_mailbox_is_bounded() {
    let pair = Pair::over(Link::new().latency(ms(5)), 1);
    // All at one time, before the server has a turn.
    (0..2_000).for_each(|_| pair.send("x"));
    pair.simulation.run_for(ms(20)).unwrap();
    assert!(pair.texts().len() <= 2_000);
    (0..10).for_each(|_| pair.send(vec![b'x'; 60_000]));
    pair.simulation.run_for(ms(20)).unwrap();
    assert!(!pair.texts().is_empty());
}

#[test]
fn ports_end_with_their_node() {
    let pair = Pair::over(Link::new().latency(ms(5)), 1);
    pair.port.connect(SocketAddr::new(pair.server.address(), 53)).unwrap();
    pair.server.crash();
    pair.port.write("one", None).unwrap();
    pair.simulation.run_for(ms(100)).unwrap();
    assert!(pair.at_client.borrow().is_empty(), "a machine that is off refuses nothing");
    pair.server.start();
    pair.port.write("two", None).unwrap();
    pair.simulation.run_for(ms(100)).unwrap();
    assert_eq!(pair.at_client.borrow()[0].0, "refused", "it is on, and nobody listens");
}
