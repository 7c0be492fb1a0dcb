//! One large write to a peer that answers with as much does not stand still, over
//! whatever medium; nor does a ring of forwarders.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{Event, drive, listen, reason, until};
use deferred::Failure;
use reactor_compat::{
    Address, Connection, Layer, LayerIo, ProducerKind, Protocol, Reactor, Transport,
};

const MEGABYTE: usize = 1_000_000;

/// The bytes of a place on: no two pieces of them are alike.
fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8).collect()
}

/// What one end has seen.
#[derive(Clone, Default)]
struct Seen {
    received: Rc<Cell<usize>>,
    end: Rc<RefCell<Option<Event>>>,
}

impl Seen {
    fn receive(&self, data: &[u8]) {
        let before = self.received.get();
        assert!(data == pattern(before, data.len()), "what came is not what was sent");
        self.received.set(before + data.len());
    }

    /// It got so much, and ended well.
    fn is_well(&self, size: usize) {
        assert_eq!((self.received.get(), self.end.take()), (size, Some(Event::Done)));
    }

    async fn ended(&self) {
        until(|| self.end.borrow().is_some()).await;
    }
}

/// Writes all at once, and closes when all of it has come back.
struct Sender {
    size: usize,
    seen: Seen,
    begin: fn(&Transport),
}

impl Protocol for Sender {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        (self.begin)(transport);
        transport.write(pattern(0, self.size));
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.seen.receive(data);
        if self.seen.received.get() == self.size {
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Connection<Self>, why: Failure) {
        self.seen.end.replace(Some(reason(&why)));
    }
}

struct Echo {
    seen: Seen,
    begin: fn(&Transport),
}

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        (self.begin)(transport);
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.seen.receive(data);
        transport.write(data);
    }

    fn connection_lost(&mut self, _: &Connection<Self>, why: Failure) {
        self.seen.end.replace(Some(reason(&why)));
    }
}

/// A sender of so much and an echo, which do something first; and what they see.
fn ends(size: usize, begin: fn(&Transport)) -> (Sender, Echo, [Seen; 2]) {
    let seen = [Seen::default(), Seen::default()];
    let sender = Sender { size, seen: seen[0].clone(), begin };
    (sender, Echo { seen: seen[1].clone(), begin }, seen)
}

/// A factory of one protocol.
fn once<P: Protocol>(protocol: P) -> impl FnMut(Address) -> Option<P> + 'static {
    let mut protocol = Some(protocol);
    move |_| protocol.take()
}

async fn both_end_well(seen: [Seen; 2], size: usize) {
    for one in seen {
        one.ended().await;
        one.is_well(size);
    }
}

fn over_tcp(size: usize, begin: fn(&Transport)) {
    drive(move |reactor| async move {
        let (sender, echo, seen) = ends(size, begin);
        let address = listen(&reactor, once(echo));
        reactor.connect_tcp(address, once(sender));
        both_end_well(seen, size).await;
    });
}

#[test]
fn five_megabytes_over_tcp() {
    over_tcp(5 * MEGABYTE, |_| ());
}

#[test]
fn twenty_megabytes_over_tcp() {
    over_tcp(20 * MEGABYTE, |_| ());
}

/// Inverts each byte, both ways.
struct Invert;

impl Layer for Invert {
    fn receive(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.deliver(&data.iter().map(|byte| !byte).collect::<Vec<_>>());
    }

    fn send(&mut self, io: &mut LayerIo<'_>, data: &[u8]) {
        io.write(&data.iter().map(|byte| !byte).collect::<Vec<_>>());
    }
}

#[test]
fn five_megabytes_through_a_layer() {
    over_tcp(5 * MEGABYTE, |transport| transport.push_layer(Invert).unwrap());
}

#[cfg(unix)]
#[test]
fn six_hundred_kilobytes_over_unix() {
    drive(|reactor| async move {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (sender, echo, seen) = ends(600_000, |_| ());
        reactor.listen_unix(&path, once(echo)).unwrap();
        reactor.connect_unix(&path, once(sender));
        both_end_well(seen, 600_000).await;
    });
}

#[cfg(feature = "tls")]
#[test]
fn five_megabytes_over_tls() {
    use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerOptions::new(Identity::from_pem(&certificate, key).unwrap()).unwrap();
    let roots = TrustRoots::from_pem(&certificate).unwrap();
    let client = ClientOptions::new("localhost").unwrap().trust_roots(roots);
    drive(move |reactor| async move {
        let (sender, echo, seen) = ends(5 * MEGABYTE, |_| ());
        let port = reactor.listen_ssl(("127.0.0.1", 0), once(echo), server).unwrap();
        let address = port.get_host().socket_addr().unwrap();
        reactor.connect_ssl(address, once(sender), client).unwrap();
        both_end_well(seen, 5 * MEGABYTE).await;
    });
}

#[cfg(feature = "testing")]
#[test]
fn five_megabytes_in_memory() {
    use reactor_compat::testing::connect;
    use std::time::Duration;

    let (sender, echo, seen) = ends(5 * MEGABYTE, |_| ());
    let pair = connect(echo, sender);
    // Two that hold each other up read on after a while, which passes only here.
    for _ in 0..60 {
        pair.flush().unwrap();
        if seen.iter().all(|one| one.end.borrow().is_some()) {
            break;
        }
        pair.advance(Duration::from_secs(1)).unwrap();
    }
    for one in seen {
        one.is_well(5 * MEGABYTE);
    }
}

// ----- a ring of forwarders -----

/// A node of the ring: forwards what comes to the next, but for its own bytes, which
/// have then been all the way round.
#[derive(Clone)]
struct Node {
    number: u8,
    input: Rc<RefCell<Option<Transport>>>,
    output: Rc<RefCell<Option<Transport>>>,
    returned: Rc<Cell<usize>>,
}

impl Node {
    fn new(number: u8) -> Self {
        Self { number, input: Rc::default(), output: Rc::default(), returned: Rc::default() }
    }

    /// Connects it to the next one, which listens there.
    async fn connect(&self, reactor: &Reactor, next: std::net::SocketAddr) {
        struct Output;
        impl Protocol for Output {}
        let connector = reactor.connect_tcp(next, |_: Address| Output);
        let connection = connector.when_connected().await.unwrap();
        self.output.replace(Some(connection.transport().clone()));
    }

    /// Has the input wait for the output.
    fn join(&self) {
        let (input, output) = (self.input.borrow(), self.output.borrow());
        let input = input.as_ref().unwrap().clone();
        output.as_ref().unwrap().register_producer(input, ProducerKind::Push).unwrap();
    }

    fn write(&self, data: &[u8]) {
        if let Some(output) = &*self.output.borrow() {
            output.write(data);
        }
    }
}

impl Protocol for Node {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.input.replace(Some(transport.transport().clone()));
    }

    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        let others: Vec<u8> = data.iter().copied().filter(|byte| *byte != self.number).collect();
        self.returned.set(self.returned.get() + data.len() - others.len());
        self.write(&others);
    }
}

#[test]
fn a_ring_of_three_forwarders_in_which_all_write_at_once() {
    drive(|reactor| async move {
        let nodes = [0, 1, 2].map(Node::new);
        let addresses = nodes.each_ref().map(|node| listen(&reactor, once(node.clone())));
        for (place, node) in nodes.iter().enumerate() {
            node.connect(&reactor, addresses[(place + 1) % 3]).await;
        }
        until(|| nodes.iter().all(|node| node.input.borrow().is_some())).await;
        nodes.iter().for_each(Node::join);
        for node in &nodes {
            node.write(&vec![node.number; 5 * MEGABYTE]);
        }
        until(|| nodes.iter().all(|node| node.returned.get() == 5 * MEGABYTE)).await;
    });
}
