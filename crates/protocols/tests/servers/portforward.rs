//! A forwarded port, after Twisted's `PortforwardingTests`, on real sockets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::reserved::Reserved;
use deferred::{Deferred, Failure};
use protocols::portforward::{Peer, ProxyFactory};
use protocols::wire::{Discard, Echo, Qotd};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, Connection, ConnectionDone, Factory, Port, Protocol, Reactor};

/// Says something, keeps what it hears, closes when that is enough, and stops
/// the reactor when the connection is lost.
struct Client {
    reactor: Reactor,
    says: Vec<u8>,
    enough: usize,
    heard: Rc<RefCell<Vec<u8>>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(&self.says);
    }
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        let mut heard = self.heard.borrow_mut();
        heard.extend_from_slice(data);
        if heard.len() >= self.enough {
            transport.lose_connection();
        }
    }
    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.reactor.stop().unwrap();
    }
}

fn listen(reactor: &Reactor, factory: impl Factory) -> Port {
    reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap()
}

/// What a client hears through the forwarder.
fn converse(reactor: &Reactor, forward: ProxyFactory, says: Vec<u8>, enough: usize) -> Vec<u8> {
    let port = listen(reactor, forward);
    let heard = Rc::default();
    let client = Client { reactor: reactor.clone(), says, enough, heard: Rc::clone(&heard) };
    let mut client = Some(client);
    reactor.connect_tcp(port.get_host().socket_addr().unwrap(), move |_: Address| client.take());
    reactor.run().unwrap();
    heard.take()
}

#[test]
fn what_is_sent_comes_back_through_it() {
    let reactor = Reactor::new();
    let echo = listen(&reactor, |_: Address| Echo);
    let forward = ProxyFactory::tcp(&reactor, echo.get_host().socket_addr().unwrap());
    let says: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let heard = converse(&reactor, forward, says.clone(), says.len());
    assert!(heard == says);
}

/// What the server said before it hung up arrives before the hang-up.
#[test]
fn a_server_that_hangs_up_hangs_up_through_it() {
    let reactor = Reactor::new();
    let qotd = listen(&reactor, |_: Address| Qotd { quote: "x".repeat(1_000_000) });
    let forward = ProxyFactory::tcp(&reactor, qotd.get_host().socket_addr().unwrap());
    assert_eq!(converse(&reactor, forward, Vec::new(), usize::MAX).len(), 1_000_000);
}

#[test]
fn a_client_that_hangs_up_hangs_up_through_it() {
    struct Server(Reactor, Rc<RefCell<Vec<u8>>>);
    impl Protocol for Server {
        fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
            self.1.borrow_mut().extend_from_slice(data);
        }
        fn connection_lost(&mut self, _: &Connection<Self>, reason: Failure) {
            assert!(reason.is::<ConnectionDone>());
            self.0.stop().unwrap();
        }
    }
    let (reactor, heard) = (Reactor::new(), Rc::default());
    let (stop, hears) = (reactor.clone(), Rc::clone(&heard));
    let server = listen(&reactor, move |_: Address| Server(stop.clone(), Rc::clone(&hears)));
    let forward = ProxyFactory::tcp(&reactor, server.get_host().socket_addr().unwrap());
    let port = listen(&reactor, forward);
    let goodbye = |_: Address| Qotd { quote: "x".repeat(1_000_000) };
    reactor.connect_tcp(port.get_host().socket_addr().unwrap(), goodbye);
    reactor.run().unwrap();
    assert_eq!(heard.borrow().len(), 1_000_000);
}

#[test]
fn without_a_server_the_client_is_hung_up_on() {
    let reactor = Reactor::new();
    let nobody = Reserved::new();
    let closed = nobody.address;
    let forward = ProxyFactory::tcp(&reactor, closed);
    assert!(converse(&reactor, forward, b"hello".to_vec(), usize::MAX).is_empty());
}

#[test]
fn nothing_is_read_before_there_is_somewhere_to_send_it() {
    let given_up = Rc::new(Cell::new(false));
    let notes = given_up.clone();
    let mut factory = ProxyFactory::new(move |_factory| {
        let notes = notes.clone();
        Deferred::with_canceller(move |_| notes.set(true)).0
    });
    let transport = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    assert!(!transport.reading());
    transport.connection_lost(ConnectionDone);
    assert!(given_up.get(), "nobody needs that connection any more");
}

/// A connection that is made for somebody who has gone meanwhile is closed.
#[test]
fn a_connection_that_comes_too_late_is_closed() {
    let late = Rc::new(RefCell::new(None));
    let keeps = late.clone();
    let mut factory = ProxyFactory::new(move |factory| {
        keeps.replace(Some(factory));
        Deferred::new().0
    });
    let front = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    front.lose_connection();
    let mut clients = late.take().unwrap();
    let back = StringTransport::new(clients.build_protocol(Address::Pipe).unwrap());
    assert!(back.disconnecting());
}

#[test]
fn a_slow_reader_holds_up_the_other_side() {
    let late = Rc::new(RefCell::new(None));
    let keeps = late.clone();
    let mut factory = ProxyFactory::new(move |factory| {
        keeps.replace(Some(factory));
        Deferred::new().0
    });
    let front = StringTransport::new(factory.build_protocol(Address::Pipe).unwrap());
    let mut clients = late.take().unwrap();
    let back = StringTransport::new(clients.build_protocol(Address::Pipe).unwrap());
    assert!(front.reading());
    back.data_received(&[0; 100_000]);
    assert!(!back.reading(), "100000 bytes wait at the front");
    assert!(front.reading());
    assert_eq!(front.take_value().len(), 100_000);
    assert!(back.reading());
    front.data_received(b"answer");
    assert_eq!(back.take_value(), b"answer");
    front.read_connection_lost();
    assert!(front.disconnecting() && back.disconnecting());
}

#[test]
fn who_has_a_producer_already_cannot_be_joined() {
    let new = || StringTransport::new(Discard);
    let (one, other, third) = (new(), new(), new());
    let (ones, others) = (Peer::default(), Peer::default());
    assert!(Peer::join((one.transport(), &ones), (other.transport(), &others)));
    let thirds = Peer::default();
    let join = || Peer::join((third.transport(), &thirds), (other.transport(), &others));
    assert!(!join());
    assert!(!thirds.joined());
    ones.end(one.transport());
    assert!(!join(), "it is closing");
}
