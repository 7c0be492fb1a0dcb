//! A SOCKS 4 and 4a server, after Twisted's `test_socks`: its parser by
//! itself, and the rest on real sockets.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::reserved::Reserved;
use deferred::time::{Clock, ReactorTime};
use deferred::{Deferred, Failure};
use proptest::prelude::*;
use protocols::socks::{
    Command, Host, Query, Request, RequestParser, Socks, SocksError, SocksFactory,
};
use protocols::wire::{Echo, Qotd};
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, Connection, ConnectionDone, Factory, Protocol, Reactor};

const REFUSED: [u8; 8] = [0, 91, 0, 0, 0, 0, 0, 0];

/// A request for an address.
fn request(command: u8, to: SocketAddr, user: &str) -> Vec<u8> {
    let IpAddr::V4(ip) = to.ip() else { unreachable!("only IPv4 is asked for") };
    let mut bytes = vec![4, command];
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(ip.octets());
    bytes.extend(user.as_bytes());
    bytes.push(0);
    bytes
}

/// A request for a name.
fn named_request(command: u8, host: &str, port: u16) -> Vec<u8> {
    let nowhere = SocketAddr::from((Ipv4Addr::new(0, 0, 0, 1), port));
    let mut bytes = request(command, nowhere, "ada");
    bytes.extend(host.as_bytes());
    bytes.push(0);
    bytes
}

fn granted(address: SocketAddr) -> Vec<u8> {
    let mut bytes = request(90, address, "");
    bytes[0] = 0;
    bytes.truncate(8);
    bytes
}

// ----- the parser -----

#[test]
fn a_request_is_parsed() {
    let to = "1.2.3.4:34".parse().unwrap();
    let bytes = request(1, to, "fooBAR");
    let (parsed, rest) = RequestParser::default().feed(&bytes).unwrap().unwrap();
    let host = Host::Ip(Ipv4Addr::new(1, 2, 3, 4));
    assert_eq!(
        parsed,
        Request { command: Command::Connect, port: 34, host, user: b"fooBAR".into() }
    );
    assert!(rest.is_empty());
    // 0.0.0.0 is no name.
    let (parsed, _) = RequestParser::default()
        .feed(&request(2, "0.0.0.0:34".parse().unwrap(), ""))
        .unwrap()
        .unwrap();
    assert_eq!((parsed.command, parsed.host), (Command::Bind, Host::Ip(Ipv4Addr::UNSPECIFIED)));
}

#[test]
fn what_makes_no_sense_has_a_name() {
    let fail = |data: &[u8]| RequestParser::default().feed(data).unwrap_err();
    assert_eq!(fail(b"\x05\x01\x00"), SocksError::BadVersion(5));
    assert_eq!(fail(b"GET / HTTP/1.1\r\n"), SocksError::BadVersion(b'G'));
    assert_eq!(fail(b"\x04\x03"), SocksError::BadCommand(3));
    let to = "1.2.3.4:34".parse().unwrap();
    let longest = "x".repeat(RequestParser::MAX_FIELD);
    assert!(RequestParser::default().feed(&request(1, to, &longest)).unwrap().is_some());
    assert_eq!(fail(&request(1, to, &(longest.clone() + "x"))), SocksError::UserTooLong);
    assert!(RequestParser::default().feed(&named_request(1, &longest, 1)).unwrap().is_some());
    assert_eq!(fail(&named_request(1, &(longest + "x"), 1)), SocksError::HostTooLong);
    assert_eq!(fail(b"\x04\x01\0\0\0\0\0\x01\0\xff\xff\0"), SocksError::BadHost);
}

type Parsed = Result<Option<(Request, Vec<u8>)>, SocksError>;

/// What comes of the bytes in pieces of such sizes.
fn parse(data: &[u8], sizes: &[usize]) -> Parsed {
    let mut parser = RequestParser::default();
    let mut rest = data;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        if piece.is_empty() {
            break;
        }
        if let Some((request, behind)) = parser.feed(piece)? {
            return Ok(Some((request, [behind, after].concat())));
        }
        rest = after;
    }
    Ok(None)
}

proptest! {
    #[test]
    fn cuts_make_no_difference(
        version in prop::sample::select(vec![4_u8, 4, 4, 5]),
        command in 0_u8..4,
        ip in prop::sample::select(vec![[0, 0, 0, 7], [1, 2, 3, 4], [0; 4]]),
        user in prop::collection::vec(1_u8..255, 0..300),
        host in "[a-z.]{0,300}",
        rest: Vec<u8>,
        sizes in prop::collection::vec(1_usize..99, 1..9),
    ) {
        let ends = [0_u8];
        let head = [version, command, 0, 80];
        let pieces: [&[u8]; 7] = [&head, &ip, &user, &ends, host.as_bytes(), &ends, &rest];
        let data = pieces.concat();
        prop_assert_eq!(parse(&data, &sizes), parse(&data, &[usize::MAX]));
    }
}

// ----- a client without a network -----

fn connect(mut factory: SocksFactory) -> StringTransport<Socks> {
    StringTransport::new(factory.build_protocol(Address::Pipe).unwrap())
}

#[test]
fn who_is_not_allowed_is_refused() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = asked.clone();
    let client = connect(SocksFactory::new(&Reactor::new(), move |query: &Query| {
        seen.borrow_mut().push(query.clone());
        Ok(false)
    }));
    client.data_received(&request(1, "1.2.3.4:34".parse().unwrap(), "fooBAR"));
    assert_eq!(client.take_value(), REFUSED);
    assert!(client.disconnecting());
    let server = IpAddr::from([1, 2, 3, 4]);
    let query = Query { command: Command::Connect, port: 34, server, user: b"fooBAR".into() };
    assert_eq!(*asked.borrow(), [query]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let client = connect(SocksFactory::new(&Reactor::new(), |_| Ok(true)));
    client.data_received(b"\x05\x01\x00");
    assert_eq!(client.take_value(), REFUSED);
    assert!(client.disconnecting());
}

#[test]
fn who_says_nothing_is_refused() {
    let clock = Clock::new();
    let factory = SocksFactory::new(&Reactor::new(), |_| Ok(true))
        .clock(&clock)
        .times(Duration::from_secs(5), Duration::from_secs(5));
    let client = connect(factory);
    client.data_received(b"\x04");
    clock.advance(Duration::from_secs(5));
    assert_eq!(client.take_value(), REFUSED);
    assert!(client.disconnecting());
}

#[test]
fn a_client_that_goes_is_not_worked_for() {
    let clock = Clock::new();
    let (answer, trigger) = Deferred::<bool>::new();
    let answer = RefCell::new(Some(answer));
    let factory = SocksFactory::new(&Reactor::new(), move |_| answer.take().unwrap());
    let client = connect(factory.clock(&clock));
    client.data_received(&request(1, "1.2.3.4:34".parse().unwrap(), ""));
    client.connection_lost(ConnectionDone);
    assert!(trigger.called(), "it was cancelled");
    assert!(clock.get_delayed_calls().is_empty());
}

#[test]
fn what_is_sent_ahead_is_bounded() {
    let forever = |_: &Query| Deferred::<bool>::new().0;
    let client = connect(SocksFactory::new(&Reactor::new(), forever));
    client.data_received(&request(1, "1.2.3.4:34".parse().unwrap(), ""));
    client.data_received(&[0; 60_000]);
    assert!(client.reading());
    client.data_received(&[0; 60_000]);
    assert!(!client.reading());
}

// ----- the real thing -----

type Heard = Rc<RefCell<Vec<u8>>>;

/// Says its words one after the other, each when it has heard enough; hangs up
/// then, and stops the reactor when that is done.
struct Client {
    reactor: Reactor,
    heard: Heard,
    script: Vec<(Vec<u8>, usize)>,
}

impl Client {
    fn go_on(&mut self, transport: &Connection<Self>) {
        while let Some((words, enough)) = self.script.first() {
            if self.heard.borrow().len() < *enough {
                return;
            }
            transport.write(words);
            self.script.remove(0);
        }
        transport.lose_connection();
    }
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.go_on(transport);
    }
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.heard.borrow_mut().extend_from_slice(data);
        self.go_on(transport);
    }
    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.reactor.stop().unwrap();
    }
}

fn listen(reactor: &Reactor, factory: impl Factory) -> SocketAddr {
    let port = reactor.listen_tcp(("127.0.0.1", 0), factory).unwrap();
    port.get_host().socket_addr().unwrap()
}

/// What a client hears from a SOCKS server if it says this, each when it has
/// heard so much.
fn converse(reactor: &Reactor, socks: SocksFactory, script: Vec<(Vec<u8>, usize)>) -> Vec<u8> {
    let server = listen(reactor, socks);
    let heard = Heard::default();
    let client = Client { reactor: reactor.clone(), heard: heard.clone(), script };
    let mut client = Some(client);
    reactor.connect_tcp(server, move |_: Address| client.take());
    reactor.run().unwrap();
    heard.take()
}

const NEVER: (Vec<u8>, usize) = (Vec::new(), usize::MAX);

#[test]
fn it_connects_and_passes_on() {
    let reactor = Reactor::new();
    let echo = listen(&reactor, |_: Address| Echo);
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    let socks = SocksFactory::new(&reactor, |_| Ok(true)).log(move |exchange| {
        assert_eq!(exchange.server.socket_addr(), Some(echo));
        seen.borrow_mut().extend_from_slice(exchange.data);
    });
    let script = vec![(request(1, echo, "ada"), 0), (b"hello".to_vec(), 8), (Vec::new(), 8 + 5)];
    let heard = converse(&reactor, socks, script);
    assert_eq!(heard, [granted(echo), b"hello".to_vec()].concat());
    assert_eq!(*log.borrow(), b"hellohello", "there and back");
}

#[test]
fn it_looks_names_up_and_keeps_what_is_sent_ahead() {
    let reactor = Reactor::new();
    let echo = listen(&reactor, |_: Address| Echo);
    let socks = SocksFactory::new(&reactor, |query: &Query| Ok(query.server.is_loopback()));
    let mut words = named_request(1, "localhost", echo.port());
    words.extend(b"hello");
    let heard = converse(&reactor, socks, vec![(words, 0), (Vec::new(), 8 + 5)]);
    assert_eq!(heard, [granted(echo), b"hello".to_vec()].concat());
}

#[test]
fn who_hangs_up_is_heard_of_on_the_other_side() {
    let reactor = Reactor::new();
    let qotd = listen(&reactor, |_: Address| Qotd { quote: "x".repeat(500_000) });
    let socks = SocksFactory::new(&reactor, |_| Ok(true));
    let heard = converse(&reactor, socks, vec![(request(1, qotd, ""), 0), NEVER]);
    assert_eq!(heard.len(), 8 + 500_000);
}

#[test]
fn where_nobody_listens_it_refuses() {
    let reactor = Reactor::new();
    let nobody = Reserved::new();
    let closed = nobody.address;
    let socks = SocksFactory::new(&reactor, |_| Ok(true));
    let heard = converse(&reactor, socks, vec![(request(1, closed, ""), 0), NEVER]);
    assert_eq!(heard, REFUSED);
}

/// A client that binds, has somebody connect to the port it is told, and hears
/// what that has to say.
struct Binder {
    reactor: Reactor,
    expects: SocketAddr,
    heard: Heard,
    called: bool,
}

impl Protocol for Binder {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        transport.write(request(2, self.expects, ""));
    }
    fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
        self.heard.borrow_mut().extend_from_slice(data);
        if let ([0, 90, p, q, ..], false) = (&self.heard.borrow()[..], self.called) {
            self.called = true;
            let port = u16::from_be_bytes([*p, *q]);
            let friend = |_: Address| Qotd { quote: "hello".to_owned() };
            self.reactor.connect_tcp(("127.0.0.1", port), friend);
        }
    }
    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.reactor.stop().unwrap();
    }
}

fn bind(expects: SocketAddr) -> Vec<u8> {
    let reactor = Reactor::new();
    let server = listen(&reactor, SocksFactory::new(&reactor, |_| Ok(true)));
    let heard = Heard::default();
    let binder = Binder { reactor: reactor.clone(), expects, heard: heard.clone(), called: false };
    let mut binder = Some(binder);
    reactor.connect_tcp(server, move |_: Address| binder.take());
    reactor.run().unwrap();
    heard.take()
}

#[test]
fn it_is_connected_to_on_behalf_of_its_client() {
    let heard = bind("127.0.0.1:1234".parse().unwrap());
    assert_eq!(heard[..2], [0, 90]);
    assert_eq!(heard[8..16], [0, 90, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&heard[16..], b"hello");
}

#[test]
fn who_was_not_expected_is_refused() {
    let heard = bind("192.0.2.7:1234".parse().unwrap());
    assert_eq!(heard[..2], [0, 90]);
    assert_eq!(heard[8..], REFUSED);
}
