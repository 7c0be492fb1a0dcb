//! What is told to a protocol within another, or to a handler within a
//! protocol: all that a protocol is told.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::testing::success_result_of;
use protocols::basic::{
    Int8Strings, LineConnection, LineReceiver, Lines, StringConnection, StringReceiver,
};
use protocols::policies::{LimitConnectionsByPeer, LimitTotalConnectionsFactory, ProtocolWrapper};
use protocols::stateful::{State, Stateful, StatefulProtocol};
use protocols::wire::Discard;
use reactor_compat::testing::StringTransport;
use reactor_compat::{Address, Connection, Factory, Protocol};

/// What was told, and to whom.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<&'static str>>>);

impl Told {
    fn note(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }
}

impl Protocol for Told {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn file_descriptor_received(&mut self, _: &Connection<Self>, _: OwnedFd) {
        self.note("descriptor");
    }
    fn handshake_completed(&mut self, _: &Connection<Self>) {
        self.note("handshake");
    }
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        self.note("read");
    }
    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.note("write");
    }
}

impl LineReceiver for Told {
    fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    fn handshake_completed(&mut self, _: &LineConnection<Self>) {
        self.note("handshake");
    }
    fn read_connection_lost(&mut self, _: &LineConnection<Self>) {
        self.note("read");
    }
    fn write_connection_lost(&mut self, _: &LineConnection<Self>) {
        self.note("write");
    }
}

impl StringReceiver for Told {
    fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    fn handshake_completed(&mut self, _: &StringConnection<Self>) {
        self.note("handshake");
    }
    fn read_connection_lost(&mut self, _: &StringConnection<Self>) {
        self.note("read");
    }
    fn write_connection_lost(&mut self, _: &StringConnection<Self>) {
        self.note("write");
    }
}

impl StatefulProtocol for Told {
    fn initial_state(&mut self) -> State<Self> {
        State::new(1, |_, _, _| None)
    }
    fn handshake_completed(&mut self, _: &Connection<Self>) {
        self.note("handshake");
    }
    fn read_connection_lost(&mut self, _: &Connection<Self>) {
        self.note("read");
    }
    fn write_connection_lost(&mut self, _: &Connection<Self>) {
        self.note("write");
    }
}

/// Tells `protocol` what a transport would.
fn tell<P: Protocol>(protocol: P) {
    let transport = StringTransport::new(protocol);
    let told = transport.connection().call(|protocol, transport| {
        protocol.handshake_completed(transport);
        if protocol.receives_descriptors() {
            let (reader, _writer) = std::io::pipe().unwrap();
            protocol.file_descriptor_received(transport, reader.into());
        }
        protocol.write_connection_lost(transport);
        protocol.read_connection_lost(transport);
    });
    success_result_of(told);
}

/// What `Told` hears within what `make` makes of it.
fn heard<P: Protocol>(make: impl FnOnce(Told) -> P) -> Vec<&'static str> {
    let told = Told::default();
    tell(make(told.clone()));
    told.0.take()
}

/// All of `what`, without the handshake where there is no TLS.
fn all(what: &[&'static str]) -> Vec<&'static str> {
    let known = |it: &&str| cfg!(feature = "tls") || *it != "handshake";
    what.iter().copied().filter(known).collect()
}

#[test]
fn a_protocol_within_another_is_told_all() {
    let expected = all(&["handshake", "descriptor", "write", "read"]);
    assert_eq!(heard(|told| ProtocolWrapper::new(Discard, told)), expected);
    let by_peer = |told: Told| {
        let mut factory = LimitConnectionsByPeer::new(move |_: Address| told.clone(), 1);
        factory.build_protocol(Address::Pipe).unwrap()
    };
    assert_eq!(heard(by_peer), expected);
    for limit in [1, 0] {
        let in_total = |told: Told| {
            let overflow = told.clone();
            let mut factory =
                LimitTotalConnectionsFactory::new(move |_: Address| told.clone(), limit)
                    .overflow(move |_: Address| overflow.clone());
            factory.build_protocol(Address::Pipe).unwrap()
        };
        assert_eq!(heard(in_total), expected);
    }
}

/// Who looks on hears of it as well, but for what only one can have.
#[test]
fn a_watcher_is_told_what_two_can_hear() {
    let watcher = |told| ProtocolWrapper::new(told, Told::default());
    assert_eq!(heard(watcher), all(&["handshake", "write"]));
}

#[test]
fn a_handler_is_told_all() {
    let expected = all(&["handshake", "write", "read"]);
    assert_eq!(heard(Lines::new), expected);
    assert_eq!(heard(Int8Strings::new), expected);
    assert_eq!(heard(Stateful::new), expected);
}

/// A socket that nobody wants descriptors of is not asked for them.
#[test]
fn who_wants_no_descriptors_gets_none() {
    fn wants<P: Protocol>(protocol: &P) -> bool {
        protocol.receives_descriptors()
    }
    assert!(wants(&ProtocolWrapper::new(Discard, Told::default())));
    assert!(!wants(&ProtocolWrapper::new(Told::default(), Discard)));
    let mut factory = LimitTotalConnectionsFactory::new(|_: Address| Discard, 1);
    assert!(!wants(&factory.build_protocol(Address::Pipe).unwrap()));
}
